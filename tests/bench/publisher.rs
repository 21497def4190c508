//! The publisher: does the jobs that the bench sends it, one after the other, with reqwest.

use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use reqwest::Client;

use crate::wire::{Job, Tally, Word, say};
use crate::{admin, asks, load, process};

/// A job, and the milliseconds that it may take.
type Limited = (Job, u64);

/// Does jobs until the bench closes stdin, and then stops at once, even in the middle of one.
///
/// # Errors
///
/// If the runtime cannot start, or the bench is no longer there to hear the answer.
pub fn run() -> crate::Result<()> {
    process::raise_file_limit()?;
    // Fails only if there is one already, which would do as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let enough = Arc::new(AtomicBool::new(false));
    for (job, limit_ms) in jobs(Arc::clone(&enough)) {
        let answer = runtime.block_on(within(limit_ms, perform(job, &enough))).map_err(|failure| failure.to_string());
        // Whether or not it was a watch that came to its end: the next one begins afresh.
        enough.store(false, Ordering::SeqCst);
        say(&answer)?;
    }
    Ok(())
}

/// Reads words on a thread of its own, so that an `Enough` and the end of stdin are seen while a job is being done.
fn jobs(enough: Arc<AtomicBool>) -> mpsc::Receiver<Limited> {
    let (sender, jobs) = mpsc::channel();
    thread::spawn(move || {
        for line in io::stdin().lines() {
            let word = line.ok().and_then(|line| serde_json::from_str(&line).ok());
            let heard = match word {
                Some(Word::Do { job, limit_ms }) => sender.send((job, limit_ms)).is_ok(),
                Some(Word::Enough) => {
                    enough.store(true, Ordering::SeqCst);
                    true
                }
                None => false,
            };
            if !heard {
                break;
            }
        }
        std::process::exit(0);
    });
    jobs
}

async fn perform(job: Job, enough: &AtomicBool) -> crate::Result<Tally> {
    match job {
        Job::Load { url, connections, until } => load::closed(&url, connections, until).await,
        Job::Paced { urls, per_second, count } => load::paced(&urls, per_second, count).await,
        Job::Watch { url } => load::watch(&url, enough).await,
        Job::Asks { url, per_second, count } => asks::paced(&url, per_second, count).await,
        Job::Subscribe { server, hooks } => admin::subscribe(&server, hooks).await,
        Job::Triggers { server, triggers } => admin::add_triggers(&server, triggers).await,
        Job::Repoint { server, hooks } => admin::repoint(&server, hooks).await,
        Job::Ready { server } => admin::ready(&server).await,
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
