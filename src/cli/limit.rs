//! Limits on the command line.

use std::str::FromStr;

/// A number, or what the server allows.
#[derive(Debug, Clone, Copy)]
pub struct Limit(pub Option<u32>);

impl FromStr for Limit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "default" => Ok(Self(None)),
            number => number.parse().map(|number| Self(Some(number))).map_err(|_| "give a whole number, or `default`"),
        }
    }
}
