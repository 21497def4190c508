//! Payloads and messages: where they are taken from, that they are JSON before anything is sent, and how
//! a payload that came back is shown.

use std::io::Read;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::client::answer::Answer;
use super::exit::Failure;
use super::output::visible_but;

/// Where on the command line JSON is given, for what is said about it.
#[derive(Debug)]
pub struct Given {
    /// Which option it belongs to, with a colon; nothing where it stands for itself.
    option: &'static str,
    /// What it is.
    what: &'static str,
    /// What to do where it is empty.
    absent: &'static str,
}

/// An event's payload.
pub const DATA: Given =
    Given { option: "--data: ", what: "the payload", absent: "Leave --data away for an event without a payload." };

/// What each event of a schedule tells.
pub const PAYLOAD: Given =
    Given { option: "--payload: ", what: "the payload", absent: "Leave --payload away for events without one." };

/// A message.
pub const MESSAGE: Given = Given { option: "", what: "the message", absent: "Give {} for one without fields." };

impl Given {
    /// The bytes that are given as they are, in a file or on stdin; they are known to be JSON.
    ///
    /// # Errors
    /// Exit code 2 when it cannot be read, or is none.
    pub fn read(&self, text: &str) -> Result<Bytes, Failure> {
        let (name, bytes) = match text {
            "-" | "@-" => ("stdin", self.drain("stdin", std::io::stdin().lock())?),
            _ => match text.strip_prefix('@') {
                Some(path) => {
                    let opened = std::fs::File::open(path);
                    let file = opened.map_err(|error| self.wrong(&format!("cannot open {path}: {error}")))?;
                    (path, self.drain(path, file)?)
                }
                None => (self.what, text.as_bytes().to_vec()),
            },
        };
        self.check(name, &bytes)?;
        Ok(bytes.into())
    }

    fn drain(&self, name: &str, mut source: impl Read) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let read = source.read_to_end(&mut bytes);
        read.map_err(|error| self.wrong(&format!("cannot read {name}: {error}")))?;
        Ok(bytes)
    }

    fn check(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let Err(error) = serde_json::from_slice::<&RawValue>(bytes) else {
            return Ok(());
        };
        let failure = self.wrong(&format!("{name} is not JSON: {error}"));
        Err(if bytes.trim_ascii().is_empty() {
            failure.advise(self.absent)
        } else if bytes.starts_with(b"\xef\xbb\xbf") {
            failure.advise("It starts with a byte order mark: save it as UTF-8 without one.")
        } else if name == self.what {
            failure.advise("Quote it for the shell, or give @FILE, or - for stdin.")
        } else {
            failure
        })
    }

    fn wrong(&self, why: &str) -> Failure {
        Failure::usage(format!("{}{why}", self.option))
    }
}

#[derive(Deserialize)]
struct Payload {
    payload: Option<Box<RawValue>>,
}

/// The payload of what the server shows: it keeps its bytes, but for those that could drive a terminal.
///
/// # Errors
/// Exit code 1 when the answer is not what Nyala says there.
pub fn shown_payload(answer: &Answer) -> Result<String, Failure> {
    let payload = answer.json::<Payload>()?.payload;
    let payload = payload.as_ref().map_or("null", |payload| payload.get());
    Ok(visible_but(payload, &['\n', '\t']).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_payload_is_refused_with_its_line_and_column() {
        let told = |data| DATA.read(data).unwrap_err().to_string();

        assert!(told("{\n\"a\":}").contains("line 2 column 5"), "{}", told("{\n\"a\":}"));
        assert!(told("").contains("Leave --data away"));
        assert!(told("\u{feff}{}").contains("byte order mark"));
        assert!(told("@/no/such/file").starts_with("--data: cannot open /no/such/file"));
        let message = |text| MESSAGE.read(text).unwrap_err().to_string();
        assert!(message("{").starts_with("the message is not JSON: "), "{}", message("{"));
        assert!(message("@/no/such/file").starts_with("cannot open /no/such/file"));
    }

    #[test]
    fn a_payload_keeps_every_byte() {
        let sent = " {\"b\" : 1.0,\t\"a\":1e400, \"a\":2}\n";

        assert_eq!(DATA.read(sent).unwrap(), sent.as_bytes());
    }
}
