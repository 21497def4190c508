//! Payloads: where `--data` takes one from, that it is JSON before anything is sent, and how one that
//! came back is shown.

use std::io::Read;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::client::answer::Answer;
use super::exit::Failure;
use super::output::visible_but;

/// The payload's bytes, known to be JSON.
///
/// # Errors
/// Exit code 2 when it cannot be read, or is none.
pub fn read(data: &str) -> Result<Bytes, Failure> {
    let (name, bytes) = match data {
        "-" | "@-" => ("stdin", drain("stdin", std::io::stdin().lock())?),
        _ => match data.strip_prefix('@') {
            Some(path) => {
                let file = std::fs::File::open(path)
                    .map_err(|error| Failure::usage(format!("--data: cannot open {path}: {error}")))?;
                (path, drain(path, file)?)
            }
            None => ("the payload", data.as_bytes().to_vec()),
        },
    };
    check(name, &bytes)?;
    Ok(bytes.into())
}

fn drain(name: &str, mut source: impl Read) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = source.read_to_end(&mut bytes);
    read.map_err(|error| Failure::usage(format!("--data: cannot read {name}: {error}")))?;
    Ok(bytes)
}

fn check(name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let Err(error) = serde_json::from_slice::<&RawValue>(bytes) else {
        return Ok(());
    };
    let failure = Failure::usage(format!("--data: {name} is not JSON: {error}"));
    Err(if bytes.trim_ascii().is_empty() {
        failure.advise("Leave --data away for an event without a payload.")
    } else if bytes.starts_with(b"\xef\xbb\xbf") {
        failure.advise("It starts with a byte order mark: save it as UTF-8 without one.")
    } else if name == "the payload" {
        failure.advise("Quote it for the shell, or give @FILE, or - for stdin.")
    } else {
        failure
    })
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
        let told = |data| read(data).unwrap_err().to_string();

        assert!(told("{\n\"a\":}").contains("line 2 column 5"), "{}", told("{\n\"a\":}"));
        assert!(told("").contains("Leave --data away"));
        assert!(told("\u{feff}{}").contains("byte order mark"));
        assert!(told("@/no/such/file").contains("cannot open /no/such/file"));
    }

    #[test]
    fn a_payload_keeps_every_byte() {
        let sent = " {\"b\" : 1.0,\t\"a\":1e400, \"a\":2}\n";

        assert_eq!(read(sent).unwrap(), sent.as_bytes());
    }
}
