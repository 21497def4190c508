//! Headers as they are kept on record, and those that a hook's owner adds.

use std::fmt;

use http::{HeaderName, HeaderValue};
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use super::Invalid;

/// Stands for a secret wherever one is kept on record or shown.
pub const MASKED: &str = "***";

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

/// The most headers that a hook may have of its own.
const MAX_HEADERS: usize = 20;
/// The longest name of one, in bytes.
const MAX_NAME: usize = 128;
/// The longest value of one, in bytes.
const MAX_VALUE: usize = 4 << 10;
/// The most that all names and values may come to, in bytes.
const MAX_TOTAL: usize = 8 << 10;

/// What HTTP allows around a value, and takes away. Not a line break.
const BLANKS: [char; 2] = [' ', '\t'];

/// Those that HTTP itself needs, and those that say what we send and who we are.
const FORBIDDEN: [&str; 14] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-hub-signature-256",
];

/// Families of names that are ours, or a proxy's.
const FORBIDDEN_PREFIXES: [&str; 3] = ["nyala-", "proxy-", "webhook-"];

/// Headers that a hook's owner wants its requests to carry. Their values are
/// secret: receivers want API keys.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct CustomHeaders(Vec<(HeaderName, HeaderValue)>);

impl CustomHeaders {
    /// Takes what [`CustomHeaders::pairs`] gave before, from the store.
    #[must_use]
    pub fn trusted(pairs: &[(String, String)]) -> Self {
        let header = |(name, value): &(String, String)| Some((name.parse().ok()?, secret(value)?));
        Self(pairs.iter().filter_map(header).collect())
    }

    /// Names, in lower case, and values.
    #[must_use]
    pub fn pairs(&self) -> Vec<(String, String)> {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        self.0.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
    }

    /// The names alone, in lower case.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Names and values, as HTTP has them.
    pub fn iter(&self) -> impl Iterator<Item = &(HeaderName, HeaderValue)> {
        self.0.iter()
    }
}

impl fmt::Debug for CustomHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.names().map(|name| (name, MASKED))).finish()
    }
}

/// Headers that somebody wants a hook to have, as they came.
#[derive(Clone, Default)]
pub struct GivenHeaders(Vec<(String, String)>);

impl GivenHeaders {
    /// Takes names and values from outside.
    #[must_use]
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// Whether a value that the hook has is to stay.
    #[must_use]
    pub fn keep_any(&self) -> bool {
        self.0.iter().any(|(_, value)| value.trim() == MASKED)
    }

    /// These headers instead of those that the hook has: where `***` is given, which
    /// is what is shown, the value stays.
    ///
    /// # Errors
    /// Names `headers`, and the one that cannot be taken; never a value.
    pub fn instead_of(&self, former: &CustomHeaders) -> Result<CustomHeaders, Invalid> {
        let mut headers = vec![];
        for (number, (name, value)) in (1..).zip(&self.0) {
            let name = header_name(number, name)?;
            if headers.iter().any(|(other, _)| *other == name) {
                return Err(invalid(format!("holds {name} twice: give it once")));
            }
            let kept = || former.0.iter().find(|(other, _)| *other == name).map(|(_, value)| value.clone());
            let value = if value.trim() == MASKED { kept() } else { Some(header_value(&name, value)?) };
            let nothing =
                || invalid(format!("has no value of {name} that could be kept: give one instead of {MASKED}"));
            headers.push((name.clone(), value.ok_or_else(nothing)?));
        }
        let total: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if headers.len() > MAX_HEADERS || total > MAX_TOTAL {
            return Err(invalid(format!("may hold {MAX_HEADERS} headers and {MAX_TOTAL} bytes: send fewer")));
        }
        Ok(CustomHeaders(headers))
    }
}

impl fmt::Debug for GivenHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GivenHeaders(***)")
    }
}

/// Whether Nyala or HTTP itself sets this header, so that nobody else may.
#[must_use]
pub fn is_ours(name: &HeaderName) -> bool {
    let of_family = FORBIDDEN_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix));
    of_family || FORBIDDEN.contains(&name.as_str())
}

fn invalid(message: impl Into<String>) -> Invalid {
    Invalid::new("headers", message)
}

/// What is no name is not repeated: it may be a value that stands in the wrong place.
fn header_name(number: usize, text: &str) -> Result<HeaderName, Invalid> {
    let name = text.trim_matches(BLANKS).parse::<HeaderName>().ok().filter(|name| name.as_str().len() <= MAX_NAME);
    let wrong = || {
        invalid(format!(
            "holds no name of a header at place {number}: give letters, digits and hyphens, at most {MAX_NAME} of \
             them, such as x-api-key"
        ))
    };
    let name = name.ok_or_else(wrong)?;
    if is_ours(&name) {
        return Err(invalid(format!("cannot hold {name}, which Nyala or HTTP itself sets: leave it out")));
    }
    Ok(name)
}

fn header_value(name: &HeaderName, text: &str) -> Result<HeaderValue, Invalid> {
    let text = text.trim_matches(BLANKS);
    if text.len() > MAX_VALUE {
        return Err(invalid(format!(
            "holds a value of {name} that is too long: at most {MAX_VALUE} bytes are allowed"
        )));
    }
    let value = secret(text).filter(|_| !text.chars().any(char::is_control));
    value.ok_or_else(|| invalid(format!("holds a value of {name} with a line break or control character: remove it")))
}

/// A value that is masked wherever it is kept on record.
fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_bytes(text.as_bytes()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> GivenHeaders {
        GivenHeaders::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn taken(pairs: &[(&str, &str)]) -> Result<CustomHeaders, Invalid> {
        given(pairs).instead_of(&CustomHeaders::default())
    }

    #[test]
    fn names_and_values_are_taken_without_blanks_around_them() {
        let headers =
            taken(&[(" X-Api-Key ", " k3y: 1 "), ("authorization", "Bearer ümlaut"), ("x-empty", "")]).unwrap();

        let pairs = headers.pairs();
        let expected = [("x-api-key", "k3y: 1"), ("authorization", "Bearer ümlaut"), ("x-empty", "")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(CustomHeaders::trusted(&pairs), headers);
        assert!(headers.iter().all(|(_, value)| value.is_sensitive()));
    }

    #[test]
    fn what_cannot_be_sent_is_refused_and_no_value_is_repeated() {
        let long = "SECRET".repeat(1000);
        let half = "SECRET".repeat(500);
        let table: &[(&[(&str, &str)], &str)] = &[
            (&[("Host", "SECRET")], "cannot hold host"),
            (&[("CONTENT-LENGTH", "SECRET")], "cannot hold content-length"),
            (&[("Transfer-Encoding", "SECRET")], "cannot hold transfer-encoding"),
            (&[("Proxy-Authorization", "SECRET")], "cannot hold proxy-authorization"),
            (&[("Webhook-Signature", "SECRET")], "cannot hold webhook-signature"),
            (&[("nyala-event", "SECRET")], "cannot hold nyala-event"),
            (&[("x-hub-signature-256", "SECRET")], "cannot hold x-hub-signature-256"),
            (&[("a", "1"), ("SECRET VALUE", "x")], "no name of a header at place 2"),
            (&[("", "SECRET")], "no name of a header at place 1"),
            (&[(":path", "SECRET")], "no name of a header at place 1"),
            (&[("a\r\nb", "SECRET")], "no name of a header at place 1"),
            (&[(&"a".repeat(129), "SECRET")], "no name of a header at place 1"),
            (&[("a", "SECRET\r\nb: c")], "a value of a with a line break"),
            (&[("a", "SECRET\r\n")], "a value of a with a line break"),
            (&[("a", "SEC\nRET")], "a value of a with a line break"),
            (&[("a", "SEC\0RET")], "a value of a with a line break"),
            (&[("a", "SEC\u{85}RET")], "a value of a with a line break"),
            (&[("a", &long)], "a value of a that is too long"),
            (&[("a", &half), ("b", &half), ("c", &half)], "may hold 20 headers and 8192 bytes"),
            (&[("X-Key", "SECRET"), ("x-key", "SECRET")], "holds x-key twice"),
            (&[("x-key", "***")], "no value of x-key that could be kept"),
        ];
        for (pairs, message) in table {
            let error = taken(pairs).unwrap_err().to_string();
            assert!(error.starts_with("headers: ") && error.contains(message), "{message}: {error}");
            assert!(!error.contains("SEC"), "{error}");
        }
        let many: Vec<_> = (0..21).map(|n| (format!("x-{n}"), String::new())).collect();
        assert!(GivenHeaders::new(many).instead_of(&CustomHeaders::default()).is_err());
    }

    #[test]
    fn a_value_that_is_sent_back_as_it_is_shown_is_kept() {
        let former = taken(&[("x-api-key", "k3y"), ("x-old", "1")]).unwrap();

        let new = given(&[("X-Api-Key", "***"), ("x-new", "2")]).instead_of(&former).unwrap();

        assert_eq!(new, taken(&[("x-api-key", "k3y"), ("x-new", "2")]).unwrap());
    }

    #[test]
    fn no_value_is_ever_told() {
        let headers = taken(&[("x-api-key", "k3y")]).unwrap();

        assert_eq!(format!("{headers:?}"), r#"{"x-api-key": "***"}"#);
        assert_eq!(format!("{:?}", given(&[("x-api-key", "k3y")])), "GivenHeaders(***)");
    }

    #[test]
    fn headers_are_read_as_they_were_written() {
        let mut headers = HeaderLines::default();
        headers.push("a", "x: y");
        headers.push("a", "");
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("a", "x: y"), ("a", "")]);
        assert_eq!(serde_json::to_string(&headers).unwrap(), r#"[["a","x: y"],["a",""]]"#);
    }
}
