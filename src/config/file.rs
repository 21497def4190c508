//! The optional file with settings.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use toml::{Table, Value};

use super::ConfigError;

/// A settings file that is TOML; its keys are the names of flags, with `-` or `_`.
pub(super) struct File {
    path: PathBuf,
    table: Table,
}

impl File {
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        let fail = |why: &dyn Display| ConfigError(format!("cannot use {} as settings: {why}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|e| fail(&e))?;
        let table: Table = text.parse().map_err(|e| fail(&e))?;
        let mut settings = Table::new();
        for (key, value) in table {
            let key = key.replace('_', "-");
            if settings.insert(key.clone(), value).is_some() {
                return Err(fail(&format!("{key} stands there twice, once with _ and once with -")));
            }
        }
        Ok(Self { path: path.to_owned(), table: settings })
    }

    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    pub(super) fn get<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.table.get(name) else {
            return Ok(None);
        };
        let fail = |why: &dyn Display| ConfigError(format!("{name} in {} cannot be used: {why}", self.name()));
        let text = text(value).ok_or_else(|| fail(&"give a text, a number, true or false, or a list of texts"))?;
        text.parse().map(Some).map_err(|e| fail(&e))
    }

    /// Refuses keys that nobody reads: they are mistakes.
    pub(super) fn only_known(&self, known: &[&str]) -> Result<(), ConfigError> {
        let Some(key) = self.table.keys().find(|key| !known.contains(&key.as_str())) else {
            return Ok(());
        };
        let near = known.iter().max_by(|a, b| likeness(a, key).total_cmp(&likeness(b, key)));
        let hint = match near {
            Some(near) if likeness(near, key) > 0.8 => format!("did you mean {near}?"),
            _ => format!("there are {}", known.join(", ")),
        };
        Err(ConfigError(format!("{} has a setting `{key}` that is not known: {hint}", self.name())))
    }
}

fn likeness(a: &str, b: &str) -> f64 {
    strsim::jaro_winkler(a, b)
}

/// The value as it would be typed.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(truth) => Some(truth.to_string()),
        Value::Array(values) => {
            let texts: Option<Vec<_>> = values.iter().map(text).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    }
}
