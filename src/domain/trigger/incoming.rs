//! A request that somebody else makes to fire a trigger, as it is kept.

use bytes::Bytes;

use crate::domain::headers::HeaderLines;

/// What came in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Incoming {
    /// Such as `POST`.
    pub method: String,
    /// As it stood behind the `?`; empty if there was none.
    pub query: String,
    /// In the order in which they came, secrets masked.
    pub headers: HeaderLines,
    /// To the byte.
    pub body: Bytes,
}

impl Incoming {
    /// The first header of this name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}
