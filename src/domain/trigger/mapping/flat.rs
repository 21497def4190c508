//! One level of texts out of nested JSON.

use serde_json::Value;

use super::{FLATTENED, Values};

/// The most keys that JSON or a form is taken apart into.
pub const MAX_FLAT_KEYS: usize = 5_000;

/// The most bytes of keys and texts that come of it: a long key over many others is
/// repeated in every one of theirs.
pub const MAX_FLAT_BYTES: usize = 2 * 1024 * 1024;

/// The most bytes of keys that are written while it is taken apart, whatever comes of them.
const MAX_WALKED: usize = 4 * MAX_FLAT_BYTES;

/// How deep it may nest. The parser has such a limit, but begins anew inside some texts.
const MAX_DEPTH: usize = 128;

/// Nested JSON as texts under dotted keys: `{"a":[1,{"B c":2}]}` becomes `a.a0`=`1` and
/// `a.a1.b_c`=`2`. Numbers stay as they are written (but for an exponent, always `e+7` or `e-7`),
/// null is empty, what is empty has no key, and of two equal keys the last wins. A single value has no key, so nothing
/// comes of it. What exceeds [`MAX_FLAT_KEYS`] or [`MAX_FLAT_BYTES`] is not taken apart:
/// then `payload.flattened`=`false` stands alone.
#[must_use]
pub fn flatten(value: &Value) -> Values {
    let mut flat = Flat::default();
    if flat.children("", value).is_none() {
        return refused();
    }
    flat.values
}

/// Says that there was too much to take apart.
pub(super) fn refused() -> Values {
    Values::from_iter([(FLATTENED.to_owned(), "false".into())])
}

/// A value that has no parts, as a text; JSON if it has.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What has been taken apart so far, and where it stands.
#[derive(Default)]
struct Flat {
    values: Values,
    path: String,
    depth: usize,
    bytes: usize,
    walked: usize,
}

impl Flat {
    /// Takes apart what lies under the key that the path ends in. None if it is too much.
    fn children(&mut self, key: &str, value: &Value) -> Option<()> {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields.iter().filter(|(name, _)| !name.is_empty()) {
                    self.child(&spelt(name), field)?;
                }
            }
            Value::Array(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    self.child(&format!("{key}{index}"), element)?;
                }
            }
            _ if self.path.is_empty() => {}
            single => self.put(text(single))?,
        }
        Some(())
    }

    /// Goes one step down and comes back.
    fn child(&mut self, key: &str, value: &Value) -> Option<()> {
        let before = self.path.len();
        // What comes to nothing, such as empty lists under a long key, has to be walked through, too.
        self.walked = self.walked.saturating_add(key.len() + 1);
        if self.depth == MAX_DEPTH || before + key.len() > MAX_FLAT_BYTES || self.walked > MAX_WALKED {
            return None;
        }
        if before > 0 {
            self.path.push('.');
        }
        self.path.push_str(key);
        self.depth += 1;
        self.children(key, value)?;
        self.depth -= 1;
        self.path.truncate(before);
        Some(())
    }

    fn put(&mut self, text: String) -> Option<()> {
        self.bytes = self.bytes.saturating_add(self.path.len() + text.len());
        self.values.insert(self.path.clone(), text.into());
        (self.values.len() <= MAX_FLAT_KEYS && self.bytes <= MAX_FLAT_BYTES).then_some(())
    }
}

/// In small letters, with nothing in it that a key cannot have.
fn spelt(name: &str) -> String {
    name.to_lowercase().replace([' ', '/', ':'], "_")
}
