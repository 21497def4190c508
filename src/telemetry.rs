//! Logs: to stderr, for people on a terminal and as JSON lines otherwise.

use std::fmt;

use std::io::{self, IsTerminal, Write};
use std::str::FromStr;

use tracing_subscriber::EnvFilter;

/// How logs look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people on a terminal, JSON lines otherwise.
    Auto,
    /// For people.
    Human,
    /// JSON lines.
    Json,
}

/// A text that is no log format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("give auto, human or json")]
pub struct NotAFormat;

impl FromStr for LogFormat {
    type Err = NotAFormat;

    fn from_str(text: &str) -> Result<Self, NotAFormat> {
        match text {
            "auto" => Ok(Self::Auto),
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            _ => Err(NotAFormat),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Human => "human",
            Self::Json => "json",
        })
    }
}

/// What is logged: a level, or a filter with levels by module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLevel(String);

impl Default for LogLevel {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl FromStr for LogLevel {
    type Err = tracing_subscriber::filter::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        EnvFilter::builder().parse(text)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Starts logging, for the whole process.
pub fn start(format: LogFormat, level: &LogLevel) {
    let human = match format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let colours = human && io::stderr().is_terminal();
    let logs = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(&level.0))
        .with_writer(move || OneLine { to: io::stderr(), colours });
    // Fails only where somebody logs already, and then that will do.
    let _ = if human {
        logs.with_ansi(colours).try_init()
    } else {
        logs.json().flatten_event(true).with_current_span(false).try_init()
    };
}

/// Writes each entry as one line, whatever is told in it: what stands in a request
/// must neither look like another entry nor drive a terminal.
struct OneLine<W> {
    to: W,
    /// Whether the subscriber colours; then somebody who tells can do so, too, but no more.
    colours: bool,
}

impl<W: Write> Write for OneLine<W> {
    /// The subscriber writes an entry whole, with the line's end.
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(entry);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let hostile = |(at, c): (usize, char)| {
            c.is_control() && c != '\t' && !(self.colours && c == '\u{1b}' && is_colour(&line[at + 1..]))
        };
        if !line.char_indices().any(hostile) {
            return self.to.write_all(entry).map(|()| entry.len());
        }
        // As JSON has it, so that a line of JSON stays one.
        let escape = |c| format!("\\u{:04x}", u32::from(c));
        let shown = |(at, c)| if hostile((at, c)) { escape(c) } else { String::from(c) };
        let escaped: String = line.char_indices().map(shown).collect();
        self.to.write_all(format!("{escaped}\n").as_bytes()).map(|()| entry.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Whether the rest of an escape sequence does nothing but colour.
fn is_colour(rest: &str) -> bool {
    let parameters =
        rest.strip_prefix('[').map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';'));
    parameters.is_some_and(|end| end.starts_with('m'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_line_whatever_is_told_in_it() {
        let table = [
            ("plain\n", "plain\n"),
            ("a\nb\r\u{9b}2J\n", "a\\u000ab\\u000d\\u009b2J\n"),
            ("\u{1b}[1;31mred\u{1b}[0m\tä\n", "\u{1b}[1;31mred\u{1b}[0m\tä\n"),
            ("\u{1b}[2J\u{1b}]0;x\u{7}\n", "\\u001b[2J\\u001b]0;x\\u0007\n"),
        ];
        for (entry, line) in table {
            let mut written = vec![];
            OneLine { to: &mut written, colours: true }.write_all(entry.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(written).unwrap(), line);
        }
    }
}
