//! SIGHUP: the certificate is read again, and nobody notices who is there already.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};

use rustix::process::{Pid, Signal, kill_process};
use rustls::pki_types::CertificateDer;
use rustls::version::TLS13;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{Authority, shown, tcp};
use crate::binary::nyala;
use crate::house::{LIMIT, within};

/// A server over TLS whose logs are read as they come.
struct Server {
    child: Child,
    logs: Receiver<String>,
    url: String,
    folder: TempDir,
    authority: Authority,
}

impl Server {
    fn start() -> Self {
        Self::with(&["--tls-cert", "nyala.pem", "--tls-key", "nyala.key"])
    }

    fn with(args: &[&str]) -> Self {
        let (authority, folder) = (Authority::new(), TempDir::new().expect("a folder"));
        authority.issue(folder.path());
        let mut command = nyala(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--database", "n.db"]);
        command.args(["--log-format", "human"]).args(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary");
        let mut first = String::new();
        BufReader::new(child.stdout.take().expect("stdout")).read_line(&mut first).expect("a line");
        let url = first.trim().strip_prefix("listening on ").expect("a URL").to_owned();
        let (tell, logs) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().expect("stderr"));
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self { child, logs, url, folder, authority }
    }

    /// Sends SIGHUP and waits for what the server says of it.
    fn hang_up(&self, words: &str) -> String {
        kill_process(Pid::from_child(&self.child), Signal::HUP).expect("a signal");
        loop {
            let line = self.logs.recv_timeout(LIMIT).unwrap_or_else(|error| panic!("{error}: {words}"));
            if line.contains(words) {
                return line;
            }
        }
    }

    async fn certificate(&self) -> CertificateDer<'static> {
        shown(&self.authority.handshake(&self.url, &[&TLS13], &["http/1.1"]).await)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks on a connection that stays.
async fn is_served(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("sent");
    let mut answer = vec![];
    while !answer.ends_with(b"{\"status\":\"ok\"}") {
        let read = within("an answer", stream.read_buf(&mut answer)).await.expect("an answer");
        assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn after_sighup_new_handshakes_get_the_new_certificate_and_old_connections_go_on() {
    let server = Server::start();
    let mut old = server.authority.handshake(&server.url, &[&TLS13], &["http/1.1"]).await;

    server.authority.issue(server.folder.path());
    server.hang_up("the certificate was read again");

    assert_ne!(server.certificate().await, shown(&old));
    is_served(&mut old).await;
}

#[tokio::test]
async fn without_a_certificate_sighup_changes_nothing() {
    let server = Server::with(&[]);
    let mut old = tcp(&server.url).await;
    is_served(&mut old).await;

    for _ in 0..2 {
        let said = server.hang_up("SIGHUP changes nothing");
        assert!(said.contains("INFO"), "{said}");
    }

    is_served(&mut old).await;
    is_served(&mut tcp(&server.url).await).await;
}

#[tokio::test]
async fn files_that_cannot_be_used_leave_the_old_certificate_in_place_and_the_reason_in_the_log() {
    let server = Server::start();
    let before = server.certificate().await;

    std::fs::write(server.folder.path().join("nyala.key"), "").expect("written");
    let said = server.hang_up("stays as it was");

    assert!(said.contains("ERROR") && said.contains("nyala.key") && said.contains("private key"), "{said}");
    assert_eq!(server.certificate().await, before);
}
