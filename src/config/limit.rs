//! A size, or none.

use std::fmt::{self, Display};
use std::str::FromStr;

use super::Size;

/// A number of bytes that something may become, unless it may become any.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit(Option<Size>);

impl Limit {
    pub(super) const NONE: Self = Self(None);

    pub(super) fn bytes(self) -> Option<u64> {
        self.0.map(|size| size.0.as_u64())
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::NONE),
            size => size
                .parse()
                .map(|size| Self(Some(size)))
                .map_err(|e| format!("{e}: give a size such as 10GiB, or none")),
        }
    }
}

impl Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(size) => size.fmt(f),
            None => f.write_str("none"),
        }
    }
}
