//! Takes a hook's secrets out of what its receiver says: some repeat what they were sent.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use memchr::memmem::Finder;

use super::headers::MASKED;
use super::secrets::HookSecrets;
use super::signature::SECRET_PREFIX;

/// Shorter values of headers stand in many a text by chance.
const MIN_VALUE: usize = 8;
/// Passwords are nobody's words: they are looked for from this length on.
const MIN_PASSWORD: usize = 4;

/// What of one hook must not come back.
#[derive(Default)]
pub struct Mask {
    /// Masked wherever they stand.
    anywhere: Vec<Finder<'static>>,
    /// Masked only where a header's value is nothing else.
    whole: Vec<String>,
    longest: usize,
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mask(***)")
    }
}

impl Mask {
    /// Masks these secrets, as they are sent and as JSON spells them.
    #[must_use]
    pub fn of(secrets: &HookSecrets) -> Self {
        let (mut texts, mut whole) = (vec![], vec![]);
        let mut add = |text: &str, least: usize| match text.len() {
            0 => {}
            length if length < least => whole.push(text.to_owned()),
            _ => texts.extend(spellings(text)),
        };
        for (_, value) in secrets.headers.pairs() {
            add(&value, MIN_VALUE);
            // `Bearer TOKEN`: some repeat the token alone.
            if let Some((_, token)) = value.split_once(' ') {
                add(token.trim(), MIN_VALUE);
            }
        }
        if let Some(credentials) = &secrets.credentials {
            let (name, password) = (&credentials.username, &credentials.password);
            add(&BASE64_STANDARD.encode(format!("{name}:{password}")), MIN_PASSWORD);
            // Whoever gives no password gives a token for the name.
            add(if password.is_empty() { name } else { password }, MIN_PASSWORD);
        }
        for key in &secrets.keys {
            let text = key.key.secret.text();
            add(text.trim_start_matches(SECRET_PREFIX).trim_end_matches('='), MIN_VALUE);
        }
        let longest = texts.iter().map(String::len).max().unwrap_or(0);
        let anywhere = texts.iter().map(|text| Finder::new(text.as_bytes()).into_owned()).collect();
        Self { anywhere, whole, longest }
    }

    /// How many bytes beyond a cut must be known for what the cut would halve to be found.
    #[must_use]
    pub fn reach(&self) -> usize {
        self.longest
    }

    /// A text without the secrets that begin in its first `length` bytes, and without
    /// what follows those bytes.
    #[must_use]
    pub fn cut<'a>(&self, text: &'a [u8], length: usize) -> Cow<'a, [u8]> {
        let length = length.min(text.len());
        let found = self.found(text, length);
        if found.is_empty() {
            return Cow::Borrowed(&text[..length]);
        }
        let (mut masked, mut end) = (Vec::with_capacity(length), 0);
        for secret in found {
            // Those that overlap are one.
            if secret.start >= end {
                masked.extend_from_slice(&text[end..secret.start]);
                masked.extend_from_slice(MASKED.as_bytes());
            }
            end = end.max(secret.end);
        }
        masked.extend_from_slice(text.get(end..length).unwrap_or_default());
        Cow::Owned(masked)
    }

    /// The value of a header without secrets.
    #[must_use]
    pub fn value<'a>(&self, value: &'a [u8]) -> Cow<'a, [u8]> {
        if self.whole.iter().any(|secret| secret.as_bytes() == value) {
            return Cow::Borrowed(MASKED.as_bytes());
        }
        self.cut(value, value.len())
    }

    /// Where secrets stand that begin before `length`, in order.
    fn found(&self, text: &[u8], length: usize) -> Vec<Range<usize>> {
        let mut found = vec![];
        for secret in &self.anywhere {
            let all = secret.find_iter(text).take_while(|start| *start < length);
            found.extend(all.map(|start| start..start + secret.needle().len()));
        }
        found.sort_by_key(|secret| secret.start);
        found
    }
}

/// A text as it is, and as writers of JSON write it: some escape slashes.
fn spellings(text: &str) -> Vec<String> {
    let quoted = serde_json::Value::from(text).to_string();
    let json = quoted.trim_start_matches('"').strip_suffix('"').unwrap_or(&quoted).to_owned();
    let mut all = vec![text.to_owned(), json.replace('/', "\\/"), json];
    all.sort();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::headers::{CustomHeaders, GivenHeaders};
    use crate::domain::secrets::HookKey;
    use crate::domain::signature::{Secret, SigningKey};
    use crate::domain::url::Credentials;

    const KEY: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

    fn mask(headers: &[(&str, &str)], password: &str) -> Mask {
        let pairs = headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let headers = GivenHeaders::new(pairs).instead_of(&CustomHeaders::default()).unwrap();
        let credentials = Some(Credentials { username: "user".into(), password: password.into() });
        let key = SigningKey { secret: Secret::parse(KEY).unwrap(), seed: [7; 32] };
        let keys = vec![HookKey { key, until: None }];
        Mask::of(&HookSecrets { credentials, headers, keys, client_certificate: None })
    }

    fn masked(mask: &Mask, text: &str) -> String {
        String::from_utf8(mask.cut(text.as_bytes(), text.len()).into_owned()).unwrap()
    }

    #[test]
    fn secrets_are_masked_wherever_they_stand_and_however_json_spells_them() {
        let mask = mask(&[("x-a", "Bearer abc/def\"ghi"), ("x-b", "12345678")], "pass");
        let table = [
            ("nothing of the kind", "nothing of the kind"),
            ("got 12345678, 12345678", "got ***, ***"),
            (r#"{"t":"abc\/def\"ghi"}"#, r#"{"t":"***"}"#),
            (r#"Bearer abc/def"ghi!"#, "***!"),
            (r#"abc/def"ghi"#, "***"),
            ("user:pass is dXNlcjpwYXNz", "user:*** is ***"),
            (KEY, "whsec_***="),
        ];
        for (text, expected) in table {
            assert_eq!(masked(&mask, text), expected);
        }
        assert_eq!(format!("{mask:?}"), "Mask(***)");
    }

    #[test]
    fn short_values_are_masked_only_where_they_are_all() {
        let mask = mask(&[("x-a", "on")], "");

        assert_eq!(&*mask.value(b"on"), b"***");
        assert_eq!(&*mask.value(b"once"), b"once");
        assert_eq!(masked(&mask, "on and on"), "on and on");
    }

    #[test]
    fn a_cut_leaves_no_half_of_a_secret() {
        let mask = mask(&[("x-a", "12345678")], "");
        let text = b"ab12345678cd";

        for (length, expected) in [(1, "a"), (2, "ab"), (3, "ab***"), (9, "ab***"), (10, "ab***"), (11, "ab***c")] {
            assert_eq!(&*mask.cut(text, length), expected.as_bytes(), "{length}");
        }
        assert!(mask.reach() >= 8);
    }
}
