//! The async way to what has grown old.

use std::time::{Duration, Instant};

use super::Db;
use crate::domain::id::Seq;
use crate::domain::time::Timestamp;
use crate::store::{Result, StoreError, Writes};

/// What a step did, and for how long it had the writer.
#[derive(Debug, Clone, Copy)]
pub struct Step<T> {
    /// What it did.
    pub done: T,
    /// Without the commit, which it shares with all that waited.
    pub took: Duration,
}

impl Db {
    /// As [`Db::write`], and measures for how long it has the writer.
    ///
    /// # Errors
    /// What `act` answers, or trouble of the database: nothing was kept.
    pub async fn step<T: Send + 'static>(
        &self,
        mut act: impl FnMut(&mut dyn Writes) -> Result<T> + Send + 'static,
    ) -> Result<Step<T>> {
        self.write(move |store| {
            let since = Instant::now();
            let done = act(store)?;
            Ok(Step { done, took: since.elapsed() })
        })
        .await
    }

    /// Gives deliveries up that are owed too long; answers how many.
    ///
    /// # Errors
    /// Trouble of the database: none was given up.
    pub async fn give_up(&self, now: Timestamp, deliveries: Vec<Seq>) -> Result<Step<usize>> {
        let waits = self.waits.clone();
        let act = move |store: &mut dyn Writes| {
            let since = Instant::now();
            let given_up = store.give_up(now, &deliveries)?;
            Ok((given_up, since.elapsed()))
        };
        let (given_up, took) = self
            .write_and_tell(act, move |(given_up, _)| {
                given_up.untried.iter().for_each(|&(event, delivery)| waits.ended(event, delivery));
            })
            .await?;
        Ok(Step { done: given_up.count, took })
    }

    /// Brings the log into the file beside the writer's work, so that the file
    /// becomes as short as the database has.
    ///
    /// # Errors
    /// Trouble of the database.
    pub async fn checkpoint(&self) -> Result<()> {
        let readers = self.readers.clone();
        let done = tokio::task::spawn_blocking(move || readers.checkpoint()).await;
        done.unwrap_or_else(|e| Err(StoreError::Failed(format!("a checkpoint died: {e}"))))
    }
}
