//! Requests to the byte, over a connection of their own.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::house::{House, within};

/// An answer as it stood on the wire.
#[derive(Debug)]
pub struct RawAnswer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// A connection to the house.
pub async fn connect(house: &House) -> TcpStream {
    let url = house.url("");
    let address = url.strip_prefix("http://").expect("an address");
    within("a connection", TcpStream::connect(address)).await.expect("a connection")
}

/// Sends bytes and reads until the service closes; the request must ask for that.
pub async fn exchange(house: &House, request: &[u8]) -> RawAnswer {
    let mut stream = connect(house).await;
    stream.write_all(request).await.expect("sent");
    let mut answer = vec![];
    within("an answer", stream.read_to_end(&mut answer)).await.expect("an answer");
    parse(&answer)
}

/// Sends bytes and says that no more will come; answers whatever comes back,
/// which may be nothing.
pub async fn shout(house: &House, garbage: &[u8]) -> Vec<u8> {
    let mut stream = connect(house).await;
    // The service may close as soon as it sees that this is no HTTP.
    let _ = stream.write_all(garbage).await;
    let _ = stream.shutdown().await;
    let mut answer = vec![];
    let _ = within("the end", stream.read_to_end(&mut answer)).await;
    answer
}

/// A request without a body that asks to be the last one.
pub fn request(method: &str, target: &str) -> Vec<u8> {
    format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").into_bytes()
}

/// A POST of JSON in chunks, without a Content-Length.
pub fn chunked(target: &str, chunks: &[&[u8]]) -> Vec<u8> {
    let head = format!("POST {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend(b"content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n");
    for chunk in chunks {
        bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
        bytes.extend(*chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

fn parse(answer: &[u8]) -> RawAnswer {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no status: {head:?}"));
    RawAnswer { status, head: head.to_lowercase(), body: body.to_owned() }
}
