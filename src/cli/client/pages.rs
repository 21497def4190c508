//! Lists that come in pages.

use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::Client;
use crate::cli::exit::Failure;
use crate::cli::output;

/// How many items one page asks for.
const PAGE: usize = 100;

/// One page of a list. An item stays the text that it came as, for `--json`.
#[derive(Deserialize)]
struct Page {
    items: Vec<Box<RawValue>>,
    next: Option<String>,
}

/// What a list holds, up to a limit.
#[derive(Debug)]
pub struct Listed {
    items: Vec<Box<RawValue>>,
    /// Whether there are more.
    pub more: bool,
}

/// Up to `limit` items of the list at this path, page by page.
///
/// # Errors
/// Exit code 1 when the server says no, 4 when it cannot be reached.
pub async fn gather(
    client: &Client,
    path: &[&str],
    filters: &[(&str, String)],
    limit: usize,
) -> Result<Listed, Failure> {
    let mut items: Vec<Box<RawValue>> = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let size = (limit - items.len()).clamp(1, PAGE).to_string();
        let mut query: Vec<_> = filters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        query.push(("limit", &size));
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page: Page = client.ask(client.request(Method::GET, path, &query)).await?.json()?;
        items.extend(page.items);
        let more = page.next.is_some() || items.len() > limit;
        items.truncate(limit);
        // A cursor that leads back to itself would never end.
        if !more || items.len() == limit || page.next == cursor {
            return Ok(Listed { items, more });
        }
        cursor = page.next;
    }
}

impl Listed {
    /// What the list holds.
    ///
    /// # Errors
    /// Exit code 1 when it is something else.
    pub fn items<T: DeserializeOwned>(&self) -> Result<Vec<T>, Failure> {
        let items: Result<Vec<T>, _> = self.items.iter().map(|item| serde_json::from_str(item.get())).collect();
        items.map_err(|_| Failure::failed("the server's list holds something that does not belong there"))
    }

    /// Prints the list: all of it as JSON, or what `table` makes of it, or why it
    /// is `empty`.
    ///
    /// # Errors
    /// Exit code 1 when it holds something else, or cannot be printed.
    pub fn print<T: DeserializeOwned>(
        &self,
        json: bool,
        empty: &str,
        table: impl Fn(&[T]) -> String,
    ) -> Result<(), Failure> {
        if json {
            let items: Vec<_> = self.items.iter().map(|item| item.get()).collect();
            output::print(&format!("[{}]", items.join(",\n")))
        } else if self.items.is_empty() {
            output::note(empty);
            Ok(())
        } else {
            output::print(&table(&self.items()?))
        }
    }
}
