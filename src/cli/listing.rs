//! Lists with the newest first: the options that they have in common, and how they are printed.

use std::num::NonZeroUsize;

use super::client::Client;
use super::client::pages::gather;
use super::exit::Failure;
use super::output;
use super::shown::{Column, Shown, table};
use super::when::When;

/// How much of a list to show.
#[derive(clap::Args, Debug)]
pub struct Span {
    /// Only what is from then or later: a time, or how long ago, such as 2h
    #[arg(long, value_name = "TIME")]
    since: Option<When>,
    /// Only what is from before then
    #[arg(long, value_name = "TIME")]
    until: Option<When>,
    /// Show no more than this many
    #[arg(long, value_name = "N", default_value = "50")]
    limit: NonZeroUsize,
}

/// The one of these that a filter names; else says which there are.
pub(super) fn one_of<T: Copy, const N: usize>(
    text: &str,
    all: [T; N],
    name: fn(T) -> &'static str,
) -> Result<T, String> {
    let found = all.into_iter().find(|one| name(*one) == text);
    found.ok_or_else(|| format!("want one of {}", all.map(name).join(", ")))
}

/// What is listed.
pub struct Listing {
    /// Its name in the API, and to people: `events`.
    pub noun: &'static str,
    /// The columns of the table.
    pub columns: &'static [Column],
}

impl Listing {
    /// Prints what fits the filters that were named.
    ///
    /// # Errors
    /// Exit code 1 when the server says no, 4 when it cannot be reached.
    pub async fn print(
        &self,
        client: &Client,
        filters: impl IntoIterator<Item = (&'static str, Option<String>)>,
        span: Span,
        json: bool,
    ) -> Result<(), Failure> {
        let noun = self.noun;
        let times = [("since", span.since.map(When::rfc3339)), ("until", span.until.map(When::rfc3339))];
        let filters = filters.into_iter().chain(times).filter_map(|(name, value)| Some((name, value?)));
        let filters: Vec<_> = filters.collect();
        let listed = gather(client, &["api", "v1", noun], &filters, span.limit.get()).await?;
        listed.print(json, &format!("there are no such {noun}"), |items: &[Shown]| table(self.columns, items))?;
        if listed.more {
            output::note(&format!("there are more {noun}: raise --limit to see them"));
        }
        Ok(())
    }
}
