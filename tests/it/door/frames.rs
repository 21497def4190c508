//! HTTP/2 frame by frame: for clients that no library would be.

use tokio::io::AsyncReadExt;

use crate::house::within;

/// What a client begins with, before its SETTINGS.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The kinds of frames that are looked for.
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;

/// A frame of HTTP/2.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short one").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// SETTINGS: not a byte of an answer is wanted, until more is asked for.
pub fn no_window() -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])
}

/// `WINDOW_UPDATE`: so many bytes more.
pub fn want(stream: u32, bytes: u32) -> Vec<u8> {
    frame(8, 0, stream, &bytes.to_be_bytes())
}

/// HEADERS: a GET of this path, and no more.
pub fn get(stream: u32, path: &str) -> Vec<u8> {
    let length = u8::try_from(path.len()).expect("a short one");
    let head = [b"\x82\x87\x04", &[length][..], path.as_bytes(), b"\x01\x09localhost"].concat();
    frame(HEADERS, 5, stream, &head)
}

/// HEADERS of a publish whose body follows.
pub fn publish(stream: u32) -> Vec<u8> {
    frame(HEADERS, 4, stream, b"\x83\x87\x04\x14/api/hooks/publish/E\x01\x09localhost")
}

/// DATA, the last of a body or not.
pub fn data(stream: u32, bytes: &[u8], last: bool) -> Vec<u8> {
    frame(DATA, last.into(), stream, bytes)
}

/// The kind and the stream of the next frame, and what it holds.
pub async fn whole_frame(stream: &mut (impl AsyncReadExt + Unpin)) -> (u8, u32, Vec<u8>) {
    let mut head = [0; 9];
    within("a frame", stream.read_exact(&mut head)).await.expect("a frame");
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; length.try_into().expect("a short one")];
    within("its payload", stream.read_exact(&mut payload)).await.expect("its payload");
    (head[3], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload)
}

/// The next frame of this kind, on this stream: what it holds.
pub async fn next_of(kind: u8, on: u32, stream: &mut (impl AsyncReadExt + Unpin)) -> Vec<u8> {
    loop {
        match whole_frame(stream).await {
            (its_kind, its_stream, payload) if (its_kind, its_stream) == (kind, on) => return payload,
            (7, _, payload) => panic!("told to go: {payload:?}"),
            _ => {}
        }
    }
}
