//! `nyala verify`: is a request that somebody saved signed by whom it should be, and if not, why?

pub mod keys;
mod saved;

use self::keys::{Checker, Keys};
use self::saved::{Header, Saved};
use super::exit::Failure;
use super::output::{self, aligned, counted, visible};
use super::when::When;
use crate::clock::{Clock, SystemClock};
use crate::domain::time::Timestamp;
use crate::domain::verify::{Mismatch, Verified};

/// Check the signature of a request that was saved
///
/// FILE holds the request as it came: request line, headers, an empty line and the body, to the
/// byte; or one line of `nyala listen --json`; or, with --header, the body alone. The exit code is
/// 0 where the signature is right and 1 where it is not.
#[derive(clap::Args, Debug)]
pub struct Verify {
    /// The request, or - for stdin
    #[arg(value_name = "FILE", default_value = "-")]
    file: String,
    /// A header of the request, such as 'webhook-id: evt_…' (repeatable); then FILE holds the body
    /// alone
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = saved::header)]
    headers: Vec<Header>,
    #[command(flatten)]
    keys: Keys,
    /// When the request came: a time, or how long ago, such as 2h [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<When>,
}

impl Verify {
    /// Says whether the signature is right, and what it vouches for.
    ///
    /// # Errors
    /// Exit code 1 where it is not right, 2 where there is nothing to check or to check with.
    pub fn run(self) -> Result<(), Failure> {
        let checker = self.keys.checker()?.ok_or_else(|| {
            Failure::usage("there is no key to check with")
                .advise("Set NYALA_SECRET to the hook's secret (whsec_…), or give --secret, or --public-key (whpk_…).")
        })?;
        let saved = saved::read(&self.file, self.headers)?;
        let now = self.at.map_or_else(|| SystemClock::default().now(), When::time);
        match checker.check(&saved.headers, &saved.body, now) {
            Ok(verified) => output::print(&report(&verified, &saved)),
            Err(mismatch) => Err(refusal(&mismatch, &checker, &saved, now)),
        }
    }
}

fn report(verified: &Verified<'_>, saved: &Saved) -> String {
    let mut lines = vec![];
    if let Some((id, at)) = verified.signed {
        lines.push(("webhook-id", visible(&String::from_utf8_lossy(id)).into_owned()));
        lines.push(("webhook-timestamp", at.rfc3339()));
    }
    lines.push(("scheme", verified.scheme.to_string()));
    let beyond = match saved.beyond {
        0 => String::new(),
        beyond => format!(" (and {beyond} beyond content-length)"),
    };
    lines.push(("body", format!("{}{beyond}", counted(saved.body.len(), "byte", "bytes"))));
    let scope = if verified.signed.is_some() { "" } else { "; it covers the body alone, neither an id nor a time" };
    format!("{}\nthe signature is right{scope}", aligned(lines))
}

fn refusal(mismatch: &Mismatch, checker: &Checker, saved: &Saved, now: Timestamp) -> Failure {
    let failure = Failure::failed(format!("the signature is not right: {mismatch}"));
    match mismatch {
        Mismatch::TooOld { .. } | Mismatch::Ahead { .. } => {
            failure.advise("Give --at with the time at which the request came, or a longer --tolerance.")
        }
        Mismatch::Wrong(_) if saved.lossy => {
            failure.advise("The body had bytes in it that are no text, and whoever saved it replaced them.")
        }
        Mismatch::Wrong(_) => match line_break(checker, saved, now) {
            Some(advice) => failure.advise(advice),
            None => failure,
        },
        _ => failure,
    }
}

/// The commonest way to change a body without meaning to is the line break at its end.
fn line_break(checker: &Checker, saved: &Saved, now: Timestamp) -> Option<&'static str> {
    let fits = |body: &[u8]| !matches!(checker.check(&saved.headers, body, now), Err(Mismatch::Wrong(_)));
    let bare = saved.body.strip_suffix(b"\n").map(|body| body.strip_suffix(b"\r").unwrap_or(body));
    match bare {
        Some(bare) if fits(bare) => Some("It would fit without the line break at the end of the body."),
        None if fits(&[&saved.body, b"\n".as_slice()].concat()) => {
            Some("It would fit with a line break at the end of the body.")
        }
        _ => None,
    }
}
