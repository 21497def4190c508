//! Requests that somebody saved, in the shapes in which people save them.

use std::fs::File;
use std::io::{self, Read};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};
use httparse::{EMPTY_HEADER, Status};
use serde::Deserialize;
use serde_json::Map;

use crate::cli::exit::Failure;
use crate::cli::output::{counted, visible};

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// More headers than this has no request that a server would take.
const MAX_HEADERS: usize = 128;
/// What `nyala listen` says before the first request: on stdout, and with `--json` on stderr, which
/// may have gone into the same file.
const GREETINGS: [&[u8]; 2] = [b"listening on ", b"nyala: listening on "];

/// A header of the command line.
pub(super) type Header = (HeaderName, HeaderValue);

/// A request, as far as signatures are concerned.
#[derive(Debug, Default)]
pub(super) struct Saved {
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// How many bytes came after what content-length calls the body.
    pub(super) beyond: usize,
    /// Whether the body may have lost bytes that were no text.
    pub(super) lossy: bool,
}

/// Reads a header as curl takes it: `name: value`.
pub(super) fn header(text: &str) -> Result<Header, String> {
    let (name, value) = text.split_once(':').ok_or("want a name, a colon and a value")?;
    pair(name.trim().as_bytes(), value.trim().as_bytes())
}

fn pair(name: &[u8], value: &[u8]) -> Result<Header, String> {
    let name = HeaderName::from_bytes(name).map_err(|_| "has a header whose name no header can have")?;
    let value = HeaderValue::from_bytes(value).map_err(|_| format!("has a control character in its header {name}"))?;
    Ok((name, value))
}

/// Reads a file, or stdin where it is `-`: the body alone where headers are given, else a whole
/// request.
pub(super) fn read(file: &str, headers: Vec<Header>) -> Result<Saved, Failure> {
    let name = if file == "-" { "stdin" } else { file };
    let wrong = |why: String| Failure::usage(format!("{} {why}", visible(name)));
    let bytes = drain(file).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(wrong(format!("is too large: at most {} MiB are read", MAX_BYTES >> 20)));
    }
    let saved = if headers.is_empty() { whole(&bytes) } else { with_headers(headers, bytes) };
    saved.map_err(wrong)
}

fn drain(file: &str) -> io::Result<Vec<u8>> {
    let source: Box<dyn Read> = if file == "-" { Box::new(io::stdin().lock()) } else { Box::new(File::open(file)?) };
    let mut bytes = vec![];
    source.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn with_headers(headers: impl IntoIterator<Item = Header>, body: Vec<u8>) -> Result<Saved, String> {
    let mut saved = Saved { body, ..Saved::default() };
    for (name, value) in headers {
        saved.headers.try_append(name, value).map_err(|_| "has too many headers")?;
    }
    Ok(saved)
}

fn whole(bytes: &[u8]) -> Result<Saved, String> {
    let text = bytes.trim_ascii_start();
    if text.is_empty() {
        return Err(format!("is empty: {SHAPES}"));
    }
    let listened = GREETINGS.iter().any(|greeting| text.starts_with(greeting));
    if text.starts_with(b"{") || listened { line(text) } else { raw(bytes) }
}

/// What of `nyala listen --json` says what was received.
#[derive(Deserialize)]
struct Line {
    headers: Map<String, serde_json::Value>,
    body: String,
    body_base64: Option<String>,
}

fn line(text: &[u8]) -> Result<Saved, String> {
    let mut lines = text.split(|&byte| byte == b'\n').filter(|line| line.starts_with(b"{"));
    let first = lines.next().ok_or("has no line of `nyala listen --json` in it")?;
    if lines.next().is_some() {
        return Err("has several requests in it: give one line of it".to_owned());
    }
    let line: Line =
        serde_json::from_slice(first).map_err(|error| format!("is no line of `nyala listen --json`: {error}"))?;
    let (body, lossy) = match line.body_base64 {
        Some(encoded) => (BASE64_STANDARD.decode(encoded).map_err(|_| "has a body_base64 that is none")?, false),
        None => (line.body.as_bytes().to_vec(), line.body.contains(char::REPLACEMENT_CHARACTER)),
    };
    let headers: Result<Vec<_>, _> = line
        .headers
        .iter()
        .map(|(name, value)| pair(name.as_bytes(), value.as_str().unwrap_or_default().as_bytes()))
        .collect();
    Ok(Saved { lossy, ..with_headers(headers?, body)? })
}

fn raw(bytes: &[u8]) -> Result<Saved, String> {
    let mut places = [EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut places);
    let body = match request.parse(bytes) {
        Ok(Status::Complete(end)) => &bytes[end..],
        Ok(Status::Partial) => return Err("has no empty line after its headers".to_owned()),
        Err(error) => return Err(format!("is no HTTP request ({error}): {SHAPES}")),
    };
    let headers: Result<Vec<_>, _> =
        request.headers.iter().map(|header| pair(header.name.as_bytes(), header.value)).collect();
    framed(with_headers(headers?, body.to_vec())?)
}

/// What can be read.
const SHAPES: &str = "want a request line, headers, an empty line and the body, or a line of `nyala listen --json`, \
                      or the body alone, with each header in a --header";

/// Takes for the body what content-length says, as a receiver does: editors like to add a line
/// break to a file.
fn framed(mut saved: Saved) -> Result<Saved, String> {
    if saved.headers.contains_key(TRANSFER_ENCODING) {
        return Err("is chunked: save the body alone, and give each header in a --header".to_owned());
    }
    let Some(length) = saved.headers.get(CONTENT_LENGTH) else { return Ok(saved) };
    let length = length.to_str().ok().and_then(|text| text.parse::<usize>().ok());
    let length = length.ok_or("has a content-length that is no number")?;
    let is = saved.body.len();
    saved.beyond = is.checked_sub(length).ok_or_else(|| {
        format!("ends too early: content-length says {} of body, not {is}", counted(length, "byte", "bytes"))
    })?;
    saved.body.truncate(length);
    Ok(saved)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Pieces of requests, and what tears them apart.
    fn pieces() -> impl Strategy<Value = Vec<u8>> {
        let texts = prop_oneof![
            "(POST|GET) /[a-z]{0,3} HTTP/1.1(\r\n|\n)",
            "[a-z-]{0,8}:[ -~]{0,8}\r\n",
            "(content-length|transfer-encoding): ?[0-9a-z-]{0,24}\r\n",
            r#"\{"headers":\{("[a-z:]{0,4}":("[ -~&&[^"\\]]{0,4}"|[0-9]))?\},"body":("x"|1)(,"body_base64":"[A-Z=]{0,8}")?\}"#,
            "\r?\n",
            "(nyala: )?listening on ",
        ];
        prop_oneof![4 => texts.prop_map(String::into_bytes), 1 => proptest::collection::vec(any::<u8>(), 0..8)]
    }

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic_or_a_body_that_was_not_there(pieces in proptest::collection::vec(pieces(), 0..8)) {
            let bytes = pieces.concat();

            if let Ok(saved) = whole(&bytes) {
                prop_assert!(saved.body.len() + saved.beyond <= bytes.len());
            }
        }
    }

    #[test]
    fn a_request_is_taken_apart() {
        let saved = whole(b"POST / HTTP/1.1\r\nA: b\r\na:  c \r\nContent-Length: 2\r\n\r\n\xff\n\n").unwrap();

        let values: Vec<_> = saved.headers.get_all("a").iter().collect();
        assert_eq!(values, ["b", "c"]);
        assert_eq!((saved.body.as_slice(), saved.beyond), (&b"\xff\n"[..], 1));
    }
}
