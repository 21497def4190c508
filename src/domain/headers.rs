//! Headers as they are kept on record.

use std::fmt;

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

/// Headers in the order in which they were sent, a line `name: value` each: one
/// text, because every attempt makes and keeps two of these.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct HeaderLines(String);

impl HeaderLines {
    /// Takes a text that [`HeaderLines::as_str`] gave before, from the store.
    #[must_use]
    pub fn trusted(lines: String) -> Self {
        Self(lines)
    }

    /// Adds a header. HTTP allows no line breaks in either part.
    pub fn push(&mut self, name: &str, value: &str) {
        for part in [name, ": ", value, "\n"] {
            self.0.push_str(part);
        }
    }

    /// The lines; empty if there are none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.lines().filter_map(|line| line.split_once(": "))
    }
}

impl fmt::Debug for HeaderLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// A list of pairs, because a name may come twice.
impl Serialize for HeaderLines {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for pair in self.iter() {
            list.serialize_element(&pair)?;
        }
        list.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_they_were_written() {
        let mut headers = HeaderLines::default();
        headers.push("a", "x: y");
        headers.push("a", "");
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("a", "x: y"), ("a", "")]);
        assert_eq!(serde_json::to_string(&headers).unwrap(), r#"[["a","x: y"],["a",""]]"#);
    }
}
