//! A receiver that holds requests until it is opened, and counts what is in flight.

use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};

use super::raw::{Raw, read_request};
use crate::house::within;

/// What has come to a gate.
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    /// Requests that were not answered yet.
    pub in_flight: usize,
    /// The most that were in flight at once.
    pub most: usize,
    /// Requests that have come.
    pub came: usize,
    /// Requests that were answered.
    pub answered: usize,
}

/// A receiver that is shut to begin with.
pub struct Gate {
    raw: Raw,
    permits: Arc<Semaphore>,
    traffic: watch::Receiver<Traffic>,
}

impl Gate {
    /// Answers 200 once it is open.
    pub async fn new() -> Self {
        Self::that_answers(200).await
    }

    /// Answers with this status once it is open.
    pub async fn that_answers(code: u16) -> Self {
        let permits = Arc::new(Semaphore::new(0));
        let (tell, traffic) = watch::channel(Traffic::default());
        let (doors, tell) = (permits.clone(), Arc::new(tell));
        let raw = Raw::new(move |stream| pass(stream, code, doors.clone(), tell.clone())).await;
        Self { raw, permits, traffic }
    }

    pub fn url(&self, path: &str) -> String {
        self.raw.url(path)
    }

    /// Answers so many requests, those that wait first.
    pub fn let_through(&self, requests: usize) {
        self.permits.add_permits(requests);
    }

    /// Answers everything from now on.
    pub fn open(&self) {
        self.let_through(1_000_000);
    }

    pub fn traffic(&self) -> Traffic {
        self.traffic.borrow().clone()
    }

    /// Waits until so many requests have come.
    pub async fn came(&self, count: usize) {
        let mut traffic = self.traffic.clone();
        let came = traffic.wait_for(|traffic| traffic.came >= count);
        within(&format!("{count} requests at the gate"), came).await.expect("a gate");
    }

    /// Waits until so many requests were answered.
    pub async fn answered(&self, count: usize) {
        let mut traffic = self.traffic.clone();
        let answered = traffic.wait_for(|traffic| traffic.answered >= count);
        within(&format!("{count} answers of the gate"), answered).await.expect("a gate");
    }
}

async fn pass(mut stream: TcpStream, code: u16, permits: Arc<Semaphore>, tell: Arc<watch::Sender<Traffic>>) {
    read_request(&mut stream).await;
    tell.send_modify(|traffic| {
        traffic.came += 1;
        traffic.in_flight += 1;
        traffic.most = traffic.most.max(traffic.in_flight);
    });
    permits.acquire().await.expect("a permit").forget();
    // Counted before it is said: the next request may come as soon as it is.
    tell.send_modify(|traffic| {
        traffic.in_flight -= 1;
        traffic.answered += 1;
    });
    let answer = format!("HTTP/1.1 {code} Gate\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    // A client that has given up is its own business.
    let _ = stream.write_all(answer.as_bytes()).await;
}
