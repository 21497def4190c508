//! What commands print: lines, tables and hints, safe for a terminal whatever the server or a
//! sender put into them.
//!
//! Nothing here panics when the reader has gone (`| head`); that is why no command uses `println!`.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::{Display, Write as _};
use std::io::{self, IsTerminal, Write};

use comfy_table::{Attribute, Cell, ContentArrangement, Table, presets};
use serde_json::Value;

use super::exit::Failure;

/// The narrowest terminal, in columns, that tables are fitted into. Below it, and in those that
/// claim to have no columns at all, whole lines are easier to read than columns of a few letters.
const NARROWEST: u16 = 100;

/// Writes `text` and a newline to stdout and flushes it.
///
/// # Errors
/// Whatever stdout answers, a broken pipe too; for commands that must stop when their reader has
/// gone.
pub fn emit(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Prints `text` as the result of a command. A reader who has gone wants no more, and that is fine.
///
/// # Errors
/// When stdout cannot be written for another reason, such as a full disk.
pub fn print(text: &str) -> Result<(), Failure> {
    judge(emit(text))
}

/// What the end of writing to stdout means for a command: a reader who has gone is no failure.
///
/// # Errors
/// When stdout cannot be written for another reason.
pub fn judge(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Tells the person something beside the result, on stderr, where it disturbs no program that reads
/// stdout.
pub fn note(text: &str) {
    // Nothing can be said about a stderr that is closed.
    let _ = writeln!(io::stderr(), "nyala: {text}");
}

/// Whether stdout takes colours: a terminal that can, and nobody set `NO_COLOR`.
#[must_use]
pub fn colours() -> bool {
    wants_colours(
        io::stdout().is_terminal(),
        std::env::var_os("NO_COLOR").as_deref(),
        std::env::var_os("TERM").as_deref(),
    )
}

fn wants_colours(terminal: bool, no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    // no-color.org: any value but the empty one.
    let forbidden = no_color.is_some_and(|value| !value.is_empty());
    terminal && !forbidden && term.is_none_or(|name| name != "dumb")
}

/// `text` with every character that could drive a terminal made visible (`\n`, `\u001b`); tabs
/// stay.
///
/// The escapes are JSON's, so that a JSON text remains valid where they stand inside its strings.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    visible_but(text, &['\t'])
}

/// As [`visible`], but leaving the characters in `kept` as they are.
#[must_use]
pub fn visible_but<'a>(text: &'a str, kept: &[char]) -> Cow<'a, str> {
    let hidden = |c: char| drives_terminals(c) && !kept.contains(&c);
    if !text.contains(hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            _ if !hidden(c) => shown.push(c),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            _ => {
                let _ = write!(shown, "\\u{:04x}", u32::from(c));
            }
        }
    }
    Cow::Owned(shown)
}

/// Control characters, and those that reorder or break the text around them (Unicode's
/// bidirectional controls and line separators).
fn drives_terminals(c: char) -> bool {
    let reorders = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2066}'..='\u{2069}');
    c.is_control() || reorders || matches!(c, '\u{2028}'..='\u{202e}')
}

/// A JSON value as a person wants to read it: strings bare, lists with commas, nothing as `-`.
#[must_use]
pub fn plain(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => visible(text).into_owned(),
        Some(Value::Array(items)) if items.is_empty() => "-".to_owned(),
        Some(Value::Array(items)) => {
            let items: Vec<_> = items.iter().map(|item| plain(Some(item))).collect();
            items.join(", ")
        }
        Some(other) => visible(&other.to_string()).into_owned(),
    }
}

/// A number with the form of its noun: `1 hook`, `0 hooks`.
#[must_use]
pub fn counted(count: impl Copy + Display + From<u8> + PartialEq, one: &str, many: &str) -> String {
    let noun = if count == 1.into() { one } else { many };
    format!("{count} {noun}")
}

/// A table without lines, made for reading and for `grep`: as wide as its content, or as the
/// terminal.
#[must_use]
pub fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<Cell>>) -> String {
    let title = |name: &&str| Cell::new(name).add_attribute(Attribute::Bold);
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header.iter().map(title))
        .add_rows(rows);
    if !colours() {
        table.force_no_tty();
    }
    if table.width().is_some_and(|width| width < NARROWEST) {
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// Lines of a name and a value, the values standing below each other.
#[must_use]
pub fn aligned<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let pairs: Vec<_> = pairs.into_iter().map(|(name, value)| (visible(name), value)).collect();
    let width = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines: Vec<_> = pairs.iter().map(|(name, value)| format!("{name:width$}  {value}")).collect();
    lines.join("\n")
}

/// Headers, each on a line of its own.
#[must_use]
pub fn header_lines(headers: &[(String, String)]) -> String {
    let line = |(name, value): &(String, String)| visible(&format!("{name}: {value}")).into_owned();
    headers.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Indented lines below a word; nothing where there are none.
pub fn block(text: &mut String, word: &str, lines: &str) {
    if lines.trim().is_empty() {
        return;
    }
    let _ = write!(text, "\n  {word}");
    for line in lines.lines() {
        let _ = write!(text, "\n    {line}");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_could_drive_a_terminal_is_made_visible() {
        let hostile = "a\u{1b}[2J\u{7}\u{9b}\u{202e}b\r\n";

        assert_eq!(visible(hostile), r"a\u001b[2J\u0007\u009b\u202eb\r\n");
    }

    #[test]
    fn harmless_text_stays_as_it_is() {
        let harmless = "tab\there, ünïcode 雪 and \\backslash";

        assert!(matches!(visible(harmless), Cow::Borrowed(text) if text == harmless));
    }

    #[test]
    fn json_with_a_hidden_character_means_the_same_when_it_is_made_visible() {
        let sent = "{\"a\":\"x\u{9b}y\"}";

        let shown: Value = serde_json::from_str(&visible(sent)).unwrap();

        assert_eq!(shown, serde_json::from_str::<Value>(sent).unwrap());
    }

    #[test]
    fn values_are_shown_as_people_write_them() {
        let cases = [
            (json!(null), "-"),
            (json!([]), "-"),
            (json!("https://example.com"), "https://example.com"),
            (json!(["a", "b"]), "a, b"),
            (json!(7), "7"),
            (json!(false), "false"),
            (json!("\u{1b}c"), r"\u001bc"),
        ];

        for (value, shown) in cases {
            assert_eq!(plain(Some(&value)), shown);
        }
        assert_eq!(plain(None), "-");
    }

    #[test]
    fn colours_need_a_terminal_that_can_and_nobody_who_minds() {
        let set = |text: &'static str| Some(OsStr::new(text));

        assert!(wants_colours(true, None, set("xterm")));
        assert!(wants_colours(true, set(""), None));
        assert!(!wants_colours(true, set("1"), set("xterm")));
        assert!(!wants_colours(true, None, set("dumb")));
        assert!(!wants_colours(false, None, set("xterm")));
    }

    #[test]
    fn values_stand_below_each_other() {
        let text = aligned([("id", "1".to_owned()), ("event", "Deployed".to_owned())]);

        assert_eq!(text, "id     1\nevent  Deployed");
    }

    #[test]
    fn one_of_a_thing_is_told_in_the_singular() {
        let told = [0, 1, 2, 11].map(|count| counted(count, "delivery", "deliveries"));

        assert_eq!(told, ["0 deliveries", "1 delivery", "2 deliveries", "11 deliveries"]);
    }

    #[test]
    fn a_table_has_no_space_at_either_edge() {
        let text = table(&["ID", "URL"], [vec![Cell::new("1"), Cell::new("http://a")]]);

        assert_eq!(text, "ID  URL\n1   http://a");
    }
}
