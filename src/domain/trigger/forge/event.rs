//! A forge's event before it is taken apart.

use serde_json::Value;

use super::{Forge, Read};
use crate::domain::trigger::mapping::Values;

/// The most branches and tags that are told of one push.
const MAX_CHANGES: usize = 5_000;

/// The most bytes that the events of one push may repeat: each has the rest of the body.
const MAX_REPEATED_BYTES: usize = 32 * 1024 * 1024;

/// How much is shown of a name that comes from outside.
const MAX_NAME_CHARS: usize = 64;

/// What a forge sent.
#[derive(Debug)]
pub(super) struct Event<'a> {
    pub forge: Forge,
    /// As the forge calls it.
    pub name: &'a str,
    pub body: &'a Value,
}

impl Event<'_> {
    /// The name, for a sentence.
    pub(super) fn told_name(&self) -> String {
        self.name.chars().take(MAX_NAME_CHARS).collect()
    }

    /// An event that the filter names, but nobody can read.
    pub(super) fn unknown(&self) -> Read {
        let name = self.told_name();
        Read::Nothing(format!("`{name}` is neither a push nor a pull request: nothing else is read"))
    }

    /// A branch or tag that is gone has no commit to tell of.
    pub(super) fn deleted(&self) -> Read {
        Read::Nothing(format!("`{}` leaves no branch or tag: there is no commit to tell of", self.told_name()))
    }

    /// A delivery that only tries the connection.
    pub(super) fn ping(&self) -> Read {
        Read::Nothing(format!("a ping of the forge: this `{}` changes nothing", self.told_name()))
    }

    /// One event for each element of the list there that is not gone. The payload of
    /// each has all of the body, but of the list only its own element: a thousand tags
    /// would otherwise be told a thousand times.
    ///
    /// # Errors
    /// If there is no list, it is too long, or one of its elements cannot be told.
    pub(super) fn each(
        &self,
        list: &str,
        is_gone: impl Fn(&Value) -> bool,
        tell: impl Fn(&Self, &Value, String) -> Result<Values, String>,
    ) -> Result<Read, String> {
        let mut rest = self.body.clone();
        let found = rest.pointer_mut(&format!("/{list}"));
        let Some(Value::Array(changes)) = found.map(Value::take) else {
            return Err(format!("the event has no list `{}`: it is not of this forge", list.replace('/', ".")));
        };
        let left: Vec<_> = changes.into_iter().filter(|change| !is_gone(change)).collect();
        if left.is_empty() {
            return Ok(self.deleted());
        }
        bounded(left.len(), &rest)?;
        let told = left.into_iter().map(|change| {
            let payload = alone(&mut rest, list, &change);
            tell(self, &change, payload)
        });
        Ok(Read::Changes(told.collect::<Result<_, _>>()?))
    }
}

/// The event as if this had been its only change.
fn alone(rest: &mut Value, list: &str, change: &Value) -> String {
    if let Some(place) = rest.pointer_mut(&format!("/{list}")) {
        *place = Value::Array(vec![change.clone()]);
    }
    rest.to_string()
}

fn bounded(changes: usize, rest: &Value) -> Result<(), String> {
    let bytes = rest.to_string().len().saturating_mul(changes);
    if changes > MAX_CHANGES || bytes > MAX_REPEATED_BYTES {
        let most = format!("at most {MAX_CHANGES} and {MAX_REPEATED_BYTES} bytes are told of one");
        return Err(format!("the push has {changes} changes that repeat {bytes} bytes: {most}; push fewer at a time"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_push_whose_events_would_fill_the_memory_is_refused() {
        let long = json!({"pad": "x".repeat(1_000_000)});
        assert!(bounded(33, &long).is_ok());
        assert!(bounded(34, &long).is_err());
        assert!(bounded(5_001, &json!({})).is_err());
    }
}
