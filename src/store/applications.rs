//! Which applications there are.

use super::Result;
use super::page::{Page, Paged};
use crate::domain::access::Bounds;
use crate::domain::application::{Application, KnownApplication};
use crate::domain::time::Timestamp;

/// Applications, by writing.
pub trait Applications {
    /// Makes an application known; false if it was.
    ///
    /// # Errors
    /// Trouble of the database.
    fn add_application(&mut self, now: Timestamp, name: &Application) -> Result<bool>;

    /// Whether there is one of this name.
    ///
    /// # Errors
    /// Trouble of the database.
    fn has_application(&mut self, name: &str) -> Result<bool>;
}

/// Applications, by reading.
pub trait ApplicationArchive {
    /// Those within somebody's reach, the first one first.
    ///
    /// # Errors
    /// Trouble of the database.
    fn applications(&self, page: Page, within: &Bounds) -> Result<Paged<KnownApplication>>;

    /// Whether there is one of this name.
    ///
    /// # Errors
    /// Trouble of the database.
    fn knows_application(&self, name: &str) -> Result<bool>;
}
