//! A receiver on the bare socket, for what no HTTP library would do.

use std::future::Future;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Does as it is told with each connection; goes away when it is dropped.
pub struct Raw {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Raw {
    /// Lets `behave` have each connection.
    pub async fn new<B, F>(behave: B) -> Self
    where
        B: Fn(TcpStream) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                connections.spawn(behave(stream));
            }
        });
        Self { address, _tasks: tasks }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// Reads a whole request; answers its head, in lower case.
pub async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = vec![];
    loop {
        let (head, rest) = split(&bytes);
        if let Some(rest) = rest
            && rest >= content_length(&head)
        {
            return head;
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return head;
        }
    }
}

/// The head in lower case, and how much has come after it if it is whole.
fn split(bytes: &[u8]) -> (String, Option<usize>) {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
    let head = &bytes[..end.unwrap_or(bytes.len())];
    (String::from_utf8_lossy(head).to_lowercase(), end.map(|end| bytes.len() - end))
}

fn content_length(head: &str) -> usize {
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    length.map_or(0, |length| length.trim().parse().expect("a length"))
}
