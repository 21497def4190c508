//! The publisher: does the jobs that the bench sends it, one after the other, with reqwest.

use std::future::Future;
use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use reqwest::Client;
use reqwest::header::CONTENT_TYPE;

use crate::load;
use crate::payload;
use crate::wire::{Job, Tally, say};

/// Between two looks at a server that is not ready yet.
const READY_PAUSE: Duration = Duration::from_millis(20);

/// Does jobs until the bench closes stdin, and then stops at once, even in the middle of one.
///
/// # Errors
///
/// If the runtime cannot start, or the bench is no longer there to hear the answer.
pub fn run() -> crate::Result<()> {
    // Fails only if there is one already, which would do as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    for job in jobs() {
        let answer = runtime.block_on(perform(job)).map_err(|failure| failure.to_string());
        say(&answer)?;
    }
    Ok(())
}

/// Reads jobs on a thread of its own, so that the end of stdin is seen while a job is being done.
fn jobs() -> mpsc::Receiver<Job> {
    let (sender, jobs) = mpsc::channel();
    thread::spawn(move || {
        for line in io::stdin().lines() {
            let job = line.ok().and_then(|line| serde_json::from_str(&line).ok());
            if job.is_none_or(|job| sender.send(job).is_err()) {
                break;
            }
        }
        std::process::exit(0);
    });
    jobs
}

async fn perform(job: Job) -> crate::Result<Tally> {
    match job {
        Job::Load { url, connections, until, limit_ms } => {
            within(limit_ms, load::closed(&url, connections, until)).await
        }
        Job::Paced { url, per_second, count, limit_ms } => within(limit_ms, load::paced(&url, per_second, count)).await,
        Job::Subscribe { server, targets, limit_ms } => within(limit_ms, subscribe(&server, &targets)).await,
        Job::Ready { server, limit_ms } => within(limit_ms, ready(&server)).await,
    }
}

async fn within(limit_ms: u64, job: impl Future<Output = crate::Result<Tally>>) -> crate::Result<Tally> {
    tokio::time::timeout(Duration::from_millis(limit_ms), job)
        .await
        .map_err(|_| format!("the publisher was not done within {limit_ms} ms"))?
}

/// A client that keeps its connections and minds no proxy from the environment.
pub fn client() -> reqwest::Result<Client> {
    Client::builder().no_proxy().build()
}

async fn subscribe(server: &str, targets: &[String]) -> crate::Result<Tally> {
    let client = client()?;
    for target in targets {
        let hook = serde_json::json!({ "url": target, "event": payload::EVENT_TYPE });
        let request = client.post(format!("{server}/api/hooks")).header(CONTENT_TYPE, "application/json");
        let response = request.body(hook.to_string()).send().await?;
        let status = response.status().as_u16();
        if status != 201 {
            return Err(format!("a subscription was answered {status}: {}", response.text().await?).into());
        }
    }
    Ok(Tally::default())
}

async fn ready(server: &str) -> crate::Result<Tally> {
    let client = client()?;
    while !client.get(format!("{server}/readyz")).send().await?.status().is_success() {
        tokio::time::sleep(READY_PAUSE).await;
    }
    Ok(Tally::default())
}
