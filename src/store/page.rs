//! Lists in pages: where one ends, the next begins, whatever arrived meanwhile.

use std::fmt;
use std::str::FromStr;

use crate::domain::Invalid;

/// The most items that a page may have.
pub const MAX_LIMIT: usize = 1000;

/// The items that a page has where nobody says.
pub const DEFAULT_LIMIT: usize = 50;

/// Where a page ended: a place in the order of its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(pub i64);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{:x}", self.0)
    }
}

impl FromStr for Cursor {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let wrong = || Invalid::new("cursor", "is not one that this list gave out: leave it out to begin anew");
        let digits = text.strip_prefix('c').ok_or_else(wrong)?;
        let place = i64::from_str_radix(digits, 16).map_err(|_| wrong())?;
        Ok(Self(place))
    }
}

/// Which page is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Where the page before ended; `None` for the first.
    pub after: Option<Cursor>,
    /// At most so many items.
    pub limit: usize,
}

impl Default for Page {
    fn default() -> Self {
        Self { after: None, limit: DEFAULT_LIMIT }
    }
}

impl Page {
    /// How many rows to read: one more than are shown tells whether there is a next page.
    pub(super) fn rows(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX - 1) + 1
    }
}

/// A page and where the next one begins.
#[derive(Debug, Clone)]
pub struct Paged<T> {
    /// The items.
    pub items: Vec<T>,
    /// `None` on the last page. Any other may hold fewer items than were asked for, or
    /// none: what a page looks through is limited, too.
    pub next: Option<Cursor>,
}

impl<T> Paged<T> {
    /// The page of a list in which there is nothing.
    pub(super) fn empty() -> Self {
        Self { items: vec![], next: None }
    }

    /// Makes a page of the rows that [`Page::rows`] asked for.
    pub(super) fn cut(mut items: Vec<T>, limit: usize, place: impl Fn(&T) -> i64) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| Cursor(place(last)));
        Self { items, next }
    }
}
