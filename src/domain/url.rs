//! Where a hook points.

use std::fmt;

use bytes::Bytes;
use percent_encoding::percent_decode_str;

use super::Invalid;

/// Whom a URL calls: an address, or a name in ASCII and lower case.
pub type Host = url::Host<String>;

/// The longest URL that is taken, in bytes.
const MAX_URL_BYTES: usize = 4096;

/// An absolute http or https URL as its owner wrote it, trimmed and without
/// user info.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookUrl {
    text: String,
    wire: Bytes,
}

/// What the user info of a URL becomes: the `Authorization: Basic` of every
/// attempt. Kept apart from the URL and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Percent-decoded.
    pub username: String,
    /// Percent-decoded; empty if the URL had none.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(***)")
    }
}

impl HookUrl {
    /// Reads a URL from outside, and the credentials that stood in it.
    ///
    /// # Errors
    /// Names the field `url` where it is no absolute http(s) URL, has white
    /// space or a backslash in it, names no host or a port beyond 65535.
    pub fn parse(text: &str) -> Result<(Self, Option<Credentials>), Invalid> {
        let text = text.trim();
        check_spelling(text)?;
        let url = url::Url::parse(text).map_err(|e| invalid(&format!("{e}")))?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(invalid("it names no host"));
        }
        let (bare, user_info) = split_user_info(text);
        Ok((Self::trusted(bare), user_info.map(credentials)))
    }

    /// Takes a text that [`HookUrl::parse`] accepted before, from the store.
    #[must_use]
    pub fn trusted(text: String) -> Self {
        let wire = url::Url::parse(&text).map_or_else(|_| text.clone(), String::from);
        Self { text, wire: wire.into() }
    }

    /// The URL without user info.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URL as HTTP writes it: host names in ASCII, all else escaped. Made
    /// once, because every attempt needs it.
    #[must_use]
    pub fn wire(&self) -> &Bytes {
        &self.wire
    }

    /// The URL without what follows the host, which may be a secret (as in chat
    /// services, whoever has the path may post).
    #[must_use]
    pub fn shortened(&self) -> String {
        let start = self.text.find("://").map_or(0, |at| at + 3);
        match self.text[start..].find(['/', '?', '#']) {
            Some(end) if end + start + 1 < self.text.len() => format!("{}/…", &self.text[..start + end]),
            _ => self.text.clone(),
        }
    }

    /// Whom it calls, whichever way the address in it is spelled.
    #[must_use]
    pub fn host(&self) -> Option<Host> {
        url::Url::parse(&self.text).ok()?.host().map(|host| host.to_owned())
    }

    /// Whether it is called over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.wire.starts_with(b"https:")
    }

    /// It up to its last segment: what an integrator's addresses have in common that has one
    /// for each event.
    #[must_use]
    pub fn base(&self) -> &str {
        let path = self.text.split(['?', '#']).next().unwrap_or_default();
        let host = path.find("://").map_or(0, |at| at + 3);
        path[host..].rfind('/').map_or(path, |slash| &path[..=host + slash])
    }

    /// Whether both lead to the same scheme, host and port.
    #[must_use]
    pub fn has_origin_of(&self, other: &Self) -> bool {
        let origin = |url: &Self| url::Url::parse(&url.text).ok().map(|url| url.origin());
        origin(self) == origin(other)
    }

    /// Equal for URLs that are the same but for case.
    #[must_use]
    pub fn key(&self) -> String {
        self.text.to_lowercase()
    }
}

fn invalid(why: &str) -> Invalid {
    let remedy = "give an absolute http or https URL such as https://example.com/hook";
    Invalid::new("url", format!("is not a URL that can be called ({why}): {remedy}"))
}

/// The `url` crate repairs much (missing slashes, blanks, backslashes); what is
/// stored verbatim must not need repair.
fn check_spelling(text: &str) -> Result<(), Invalid> {
    if text.is_empty() {
        return Err(invalid("it is empty"));
    }
    if text.len() > MAX_URL_BYTES {
        return Err(invalid(&format!("it is longer than {MAX_URL_BYTES} bytes")));
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(invalid("it is not absolute"));
    };
    if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
        return Err(invalid("only http and https are delivered to"));
    }
    if rest.starts_with(['/', '?', '#']) {
        return Err(invalid("it names no host"));
    }
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || c == '\\';
    if text.contains(forbidden) {
        return Err(invalid("it contains white space, a control character or a backslash"));
    }
    Ok(())
}

/// Splits `http://user:word@host/x` into `http://host/x` and `user:word`.
fn split_user_info(text: &str) -> (String, Option<&str>) {
    let Some(start) = text.find("://").map(|at| at + 3) else {
        return (text.to_owned(), None);
    };
    let (scheme, rest) = text.split_at(start);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((user_info, host)) => (format!("{scheme}{host}{path}"), Some(user_info)),
        None => (text.to_owned(), None),
    }
}

fn credentials(user_info: &str) -> Credentials {
    let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    let (username, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    Credentials { username: decode(username), password: decode(password) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_kept_as_it_was_written() {
        for text in ["HTTP://A", "http://localhost", "http://[::1]:80/", "http://a/?q=1#f", "https://bücher.example/ä"]
        {
            let (url, credentials) = HookUrl::parse(&format!("  {text} ")).unwrap();
            assert_eq!(url.as_str(), text);
            assert_eq!(credentials, None);
        }
    }

    #[test]
    fn user_info_is_taken_out_and_decoded() {
        let (url, credentials) = HookUrl::parse("http://us%40er:p:w@host:1/a@b?c@d").unwrap();
        assert_eq!(url.as_str(), "http://host:1/a@b?c@d");
        let credentials = credentials.unwrap();
        assert_eq!((credentials.username.as_str(), credentials.password.as_str()), ("us@er", "p:w"));
        assert_eq!(format!("{credentials:?}"), "Credentials(***)");
    }

    #[test]
    fn a_shortened_url_shows_the_host_and_no_more() {
        let table = [
            ("https://hooks.example/services/T0/B0/secret", "https://hooks.example/…"),
            ("https://a:1?key=x", "https://a:1/…"),
            ("http://a/", "http://a/"),
            ("http://a", "http://a"),
        ];
        for (text, shortened) in table {
            assert_eq!(HookUrl::trusted(text.into()).shortened(), shortened);
        }
    }

    #[test]
    fn what_cannot_be_called_is_refused() {
        let long = format!("http://a/{}", "x".repeat(5000));
        let refused = [
            "",
            "  ",
            "/x",
            "a/b",
            "http://",
            "http:///x",
            "http:a",
            r"htsp://\invalidurl",
            "ftp://x",
            "mailto:a@b",
            "http://a b",
            "http://a/b c",
            "http://a:99999/",
            r"c:\x",
            "http://a\u{0}b",
            "http://a\\b",
            "http://@/",
            &long,
        ];
        for text in refused {
            assert!(HookUrl::parse(text).is_err(), "{text}");
        }
    }
}
