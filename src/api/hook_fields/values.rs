//! Single values of a hook's fields.

use serde_json::Value;

use super::{DESCRIPTION, Field, GATE, ON_SILENCE, ORDER};
use crate::domain::Invalid;
use crate::domain::gate::OnSilence;
use crate::domain::hook::Order;

/// The longest description, in bytes.
const MAX_DESCRIPTION: usize = 1024;

/// A text; numbers and booleans count as their spelling, as Kudu has it.
pub(super) fn text(field: &Field, value: &Value) -> Result<String, Invalid> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        Value::Null => Err(Invalid::new(field.name, "is null: give a text")),
        Value::Array(_) | Value::Object(_) => Err(Invalid::new(field.name, "is not a text: give a text")),
    }
}

/// True and false, also as a text or a number, as Kudu has it.
pub(super) fn boolean(field: &Field, value: &Value) -> Result<bool, Invalid> {
    match value {
        Value::Bool(truth) => Ok(*truth),
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Ok(true),
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Ok(false),
        Value::Number(number) if number.is_i64() || number.is_u64() => Ok(number.as_i64() != Some(0)),
        _ => Err(Invalid::new(field.name, "is neither true nor false: give one of them")),
    }
}

/// True and false, or null for what the names of its events say.
pub(super) fn gate(value: &Value) -> Result<Option<bool>, Invalid> {
    if value.is_null() { Ok(None) } else { boolean(&GATE, value).map(Some) }
}

/// Null is what counts where nobody says.
pub(super) fn on_silence(value: &Value) -> Result<OnSilence, Invalid> {
    if value.is_null() {
        return Ok(OnSilence::default());
    }
    let wrong = || Invalid::new(ON_SILENCE.name, "is neither deny nor allow: give one of them");
    value.as_str().and_then(OnSilence::named).ok_or_else(wrong)
}

pub(super) fn order(value: &Value) -> Result<Order, Invalid> {
    if value.is_null() {
        return Ok(Order::None);
    }
    let wrong = || Invalid::new(ORDER.name, "is none of these: none, hook, application");
    value.as_str().and_then(Order::named).ok_or_else(wrong)
}

/// A note, or null for none.
pub(super) fn description(value: &Value) -> Result<Option<String>, Invalid> {
    if value.is_null() {
        return Ok(None);
    }
    let text = text(&DESCRIPTION, value)?;
    if text.len() > MAX_DESCRIPTION {
        let message = format!("is {} bytes long: at most {MAX_DESCRIPTION} are allowed", text.len());
        return Err(Invalid::new(DESCRIPTION.name, message));
    }
    Ok(Some(text))
}
