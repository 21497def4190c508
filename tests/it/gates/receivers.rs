//! Receivers that do what no receiver should: whoever asks is answered in time, and each
//! is asked once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::{ask, decision, hook, on_deploy, text, that_hangs, that_says};
use crate::delivery::raw::{Raw, read_request};
use crate::house::House;
use crate::receiver::self_signed;

/// How long hooks that never answer are waited for here.
const BRIEFLY: &str = "pre-deploy?timeout=300ms";

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{";

async fn say(stream: &mut TcpStream, said: &[u8]) -> bool {
    // Whoever gave up does not hear it.
    stream.write_all(said).await.is_ok()
}

/// Counts the connections, reads a request on each, says this and then nothing more.
async fn that_says_and(said: &'static [u8], closes: bool) -> (Raw, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let raw = Raw::new(move |mut stream| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move {
            read_request(&mut stream).await;
            say(&mut stream, said).await;
            if !closes {
                std::future::pending::<()>().await;
            }
        }
    });
    (raw.await, count)
}

/// Says a little of its answer every few milliseconds, for ever.
async fn that_drips(begin: &'static [u8]) -> Raw {
    Raw::new(move |mut stream| async move {
        read_request(&mut stream).await;
        let mut heard = say(&mut stream, begin).await;
        while heard {
            tokio::time::sleep(Duration::from_millis(20)).await;
            heard = say(&mut stream, b" ").await;
        }
    })
    .await
}

/// What one hook at this URL comes to, which must be silence, and its reason.
async fn silence(url: &str) -> String {
    let house = House::new().await;
    let id = on_deploy(&house, url).await;
    let gate = ask(&house, BRIEFLY).await;
    let decision = decision(&gate, id);
    assert_eq!((&gate["state"], &decision["state"]), (&json!("refused"), &json!("silent")), "{gate}");
    let reason = text(&decision["reason"]).to_owned();
    house.close().await;
    reason
}

#[tokio::test]
async fn a_receiver_that_hangs_is_silent_after_the_timeout() {
    let receiver = that_hangs().await;

    assert!(silence(&receiver.url("/")).await.starts_with("no complete answer within 2"));

    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn who_has_next_to_no_time_to_answer_is_not_taken_to_have_said_yes() {
    let (house, receiver) = (House::new().await, that_hangs().await);
    on_deploy(&house, &receiver.url("/")).await;
    for timeout in ["1us", "1ms", "2ms", "20ms"] {
        let gate = ask(&house, &format!("pre-deploy?timeout={timeout}")).await;
        assert_eq!((&gate["approved"], &gate["decisions"][0]["state"]), (&json!(false), &json!("silent")), "{timeout}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_receiver_that_does_not_even_read_is_silent_after_the_timeout() {
    let raw = Raw::new(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    });
    assert!(silence(&raw.await.url("/")).await.starts_with("no complete answer within 2"));
}

#[tokio::test]
async fn a_receiver_that_drips_is_silent_after_the_timeout() {
    for begin in [&b"HTTP/1.1 200 OK\r\nx-drip:"[..], HEAD] {
        let raw = that_drips(begin).await;
        assert!(silence(&raw.url("/")).await.starts_with("no complete answer within 2"));
    }
}

#[tokio::test]
async fn a_receiver_that_closes_is_silent_and_not_asked_again() {
    for (said, reason) in [(&b""[..], "no answer: "), (b"HTTP/1.1 200 O", "no answer: "), (HEAD, "the answer (200)")] {
        let (raw, connections) = that_says_and(said, true).await;
        let told = silence(&raw.url("/")).await;
        assert!(told.starts_with(reason), "{told}");
        assert_eq!(connections.load(Ordering::SeqCst), 1, "it may have understood the question");
    }
}

#[tokio::test]
async fn a_receiver_that_speaks_no_http_is_silent() {
    let (raw, _) = that_says_and(b"SSH-2.0-OpenSSH_9.6\r\n", false).await;
    assert!(silence(&raw.url("/")).await.starts_with("no answer: "));
}

#[tokio::test]
async fn a_question_that_came_over_a_kept_connection_and_was_not_answered_is_not_asked_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let raw = Raw::new(move |mut stream| {
        let counted = counted.clone();
        async move {
            read_request(&mut stream).await;
            counted.fetch_add(1, Ordering::SeqCst);
            say(&mut stream, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
            read_request(&mut stream).await;
            counted.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    let house = House::new().await;
    on_deploy(&house, &raw.url("/")).await;

    let (first, second) = (ask(&house, "pre-deploy").await, ask(&house, "pre-deploy").await);

    assert_eq!((&first["state"], &second["state"]), (&json!("approved"), &json!("refused")));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    house.close().await;
}

#[tokio::test]
async fn a_connection_that_cannot_be_made_is_tried_once_more() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    // Closed before TLS has begun, so nothing was asked.
    let raw = Raw::new(move |stream| {
        counted.fetch_add(1, Ordering::SeqCst);
        drop(stream);
        std::future::ready(())
    })
    .await;

    let reason = silence(&raw.url("/").replace("http:", "https:")).await;

    assert!(reason.starts_with("cannot connect: "), "{reason}");
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_hook_that_can_be_connected_to_the_second_time_is_asked() {
    let (connections, tls) = (Arc::new(AtomicUsize::new(0)), TlsAcceptor::from(Arc::new(self_signed())));
    let raw = Raw::new(move |stream| {
        let (number, tls) = (connections.fetch_add(1, Ordering::SeqCst), tls.clone());
        async move {
            if number == 0 {
                return;
            }
            let mut stream = tls.accept(stream).await.expect("TLS");
            read_request(&mut stream).await;
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.expect("an answer");
            stream.shutdown().await.expect("an end");
        }
    })
    .await;
    let house = House::new().await;
    let url = raw.url("/").replace("http:", "https:");
    hook(&house, &json!({"url": url, "event": "pre-deploy", "insecure_ssl": true})).await;

    assert_eq!(ask(&house, "pre-deploy").await["state"], "approved");

    house.close().await;
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_silent_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    drop(listener);

    let reason = silence(&url).await;

    assert!(reason.starts_with("cannot connect: ") && reason.contains("refused"), "{reason}");
}

#[tokio::test]
async fn whatever_others_do_who_answers_is_heard_and_all_are_asked_at_once() {
    let house = House::new().await;
    let (yes, no, html) =
        (that_says(200, r#"{"work_id":"w"}"#).await, that_says(200, "<html>").await, that_hangs().await);
    let (closing, _) = that_says_and(b"", true).await;
    let (drips, huge) = (that_drips(HEAD).await, that_drips(b"HTTP/1.1 200 OK\r\nx:").await);
    let away = that_says(302, "").await;
    let mut made = vec![];
    for url in [no.url("/"), html.url("/"), closing.url("/"), drips.url("/"), huge.url("/"), away.url("/")] {
        made.push(on_deploy(&house, &url).await);
    }
    let heard = on_deploy(&house, &yes.url("/")).await;

    let gate = ask(&house, "pre-deploy?timeout=2s").await;

    assert_eq!((&gate["state"], &gate["work_id"]), (&json!("refused"), &json!("w")));
    assert_eq!(decision(&gate, heard)["state"], "approved");
    for id in made {
        assert_eq!(decision(&gate, id)["state"], "silent", "{gate}");
    }
    assert!(!gate["closed_at"].is_null());
    house.close().await;
}

#[tokio::test]
async fn two_hundred_asks_at_once_are_all_answered_however_receivers_are() {
    let house = House::new().await;
    let (hangs, drips, (closes, _)) = (that_hangs().await, that_drips(HEAD).await, that_says_and(b"", true).await);
    for url in [hangs.url("/"), drips.url("/"), closes.url("/")] {
        on_deploy(&house, &url).await;
    }
    let yes = that_says(200, "").await;
    hook(&house, &json!({"url": yes.url("/"), "event": "pre-good"})).await;

    let bad = join_all((0..200).map(|_| ask(&house, "pre-deploy?timeout=2s")));
    let good = join_all((0..20).map(|_| ask(&house, "pre-good?timeout=20s")));
    let (bad, good) = futures_util::join!(bad, good);

    for gate in &bad {
        assert_eq!(gate["state"], "refused", "{gate}");
        let silent = |decision: &serde_json::Value| decision["state"] == "silent";
        assert!(gate["decisions"].as_array().is_some_and(|all| all.len() == 3 && all.iter().all(silent)), "{gate}");
    }
    assert!(good.iter().all(|gate| gate["state"] == "approved"), "{good:?}");
    assert_eq!((yes.received().len(), hangs.received().len() <= 200), (20, true));
    house.close().await;
}
