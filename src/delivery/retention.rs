//! What has grown old goes, in small steps, and its room is given back to the disk.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::domain::id::Seq;
use crate::domain::retention::Retention;
use crate::domain::stride::Stride;
use crate::domain::time::Timestamp;
use crate::store::db::{Db, Step};
use crate::store::{Finished, Result, Size};

/// How often it looks whether something has grown old.
const EVERY: Duration = Duration::from_secs(15);

/// How often it looks again at events that it passed over because they were owed,
/// and at what is owed too long: a million of them must not be looked at each time.
const ANEW: Duration = Duration::from_mins(5);

/// Deliveries that are looked for at a time, to be given up.
const OWED: usize = 10_000;

/// After so many steps the log is brought into the file beside the writer's work:
/// otherwise the writer would do that within one of the steps, for a tenth of a second.
const CHECKPOINT: usize = 16;

/// A step is followed by a rest of so many times its own length, for publishes;
/// and of so much at most.
const RESTS: u32 = 3;
const LONGEST_REST: Duration = Duration::from_millis(50);

/// So many bytes may stand empty, or a tenth of the database if that is more: what
/// comes next needs room again.
const SLACK: u64 = 8 << 20;

/// Puts away what has grown old.
pub(super) struct Rotation {
    db: Db,
    clock: Arc<dyn Clock>,
    retention: Retention,
    /// The last event that was looked at; those before it are gone, or owed.
    cursor: Seq,
    /// When the walk last began anew.
    began: Option<Timestamp>,
    stride: Stride,
    steps: usize,
    stop: watch::Receiver<bool>,
}

impl Rotation {
    pub(super) fn new(db: Db, clock: Arc<dyn Clock>, retention: Retention, stop: watch::Receiver<bool>) -> Self {
        Self { db, clock, retention, cursor: Seq(0), began: None, stride: Stride::default(), steps: 0, stop }
    }

    /// Runs until it is told to stop.
    pub(super) async fn run(mut self) {
        while !self.stopped() {
            if let Err(error) = self.rotate().await {
                tracing::error!(%error, "what has grown old cannot be put away; trying again");
            }
            let next = self.clock.now().plus(EVERY);
            tokio::select! {
                // An error means that whoever could stop us is gone.
                stopped = self.stop.wait_for(|stop| *stop) => if stopped.is_err() { break },
                () = self.clock.sleep_until(next) => {}
            }
        }
    }

    async fn rotate(&mut self) -> Result<()> {
        let now = self.clock.now();
        let anew = self.is_time_to_begin_anew(now);
        if anew {
            self.cursor = Seq(0);
            self.give_up(now).await?;
            self.began = Some(now);
        }
        if let Some(before) = self.retention.finished.before(now) {
            let end = self.db.read(move |store| store.end_of(before)).await?;
            self.remove_until(end, before, None).await?;
            self.forget_gates(before, None).await?;
        }
        if let Some(limit) = self.retention.bytes {
            self.remove_until(Seq(i64::MAX), Timestamp::MAX, Some(limit)).await?;
            self.forget_gates(Timestamp::MAX, Some(limit)).await?;
            if anew && self.excess(Some(limit)).await? > 0 {
                tracing::warn!("the database is larger than retention-bytes, but all that it holds is owed");
            }
        }
        self.give_back().await
    }

    /// A clock that was set back must not put it off.
    fn is_time_to_begin_anew(&self, now: Timestamp) -> bool {
        self.began.is_none_or(|began| now < began || now.since(began) >= ANEW)
    }

    /// Makes dead what is owed too long.
    async fn give_up(&mut self, now: Timestamp) -> Result<()> {
        let Some(before) = self.retention.owed.before(now) else {
            return Ok(());
        };
        let end = self.db.read(move |store| store.end_of(before)).await?;
        let mut count = 0;
        while !self.stopped() {
            let owed = self.db.read(move |store| store.owed(end, before, OWED)).await?;
            count += self.give_up_all(now, &owed).await?;
            if owed.len() < OWED {
                break;
            }
        }
        if count > 0 {
            tracing::warn!(deliveries = count, "given up: they were owed longer than owed-retention allows");
        }
        Ok(())
    }

    async fn give_up_all(&mut self, now: Timestamp, mut owed: &[Seq]) -> Result<usize> {
        let mut count = 0;
        while !owed.is_empty() && !self.stopped() {
            let (these, others) = owed.split_at(owed.len().min(self.stride.rows()));
            let step = self.db.give_up(now, these.to_vec()).await?;
            count += step.done;
            owed = others;
            self.rest(&step).await?;
        }
        Ok(count)
    }

    /// Goes on with the walk to `end` and removes what is finished; if there is a
    /// limit, only until the database is no larger.
    async fn remove_until(&mut self, end: Seq, before: Timestamp, limit: Option<u64>) -> Result<()> {
        let mut count = 0;
        while !self.stopped() && self.excess(limit).await? > 0 {
            let after = self.cursor;
            let stretch = self.db.read(move |store| store.finished(after, end, before)).await?;
            let Some(last) = stretch.last else { break };
            count += self.remove(&stretch.finished, limit).await?;
            if !self.stopped() && self.excess(limit).await? > 0 {
                self.cursor = last;
            }
        }
        if count > 0 {
            tracing::info!(events = count, "removed: they were finished and older than retention allows");
        }
        Ok(())
    }

    /// Forgets gates that were closed before then; if there is a limit, only until the
    /// database is no larger.
    async fn forget_gates(&mut self, before: Timestamp, limit: Option<u64>) -> Result<()> {
        let mut count = 0;
        while !self.stopped() && self.excess(limit).await? > 0 {
            let rows = self.stride.rows();
            let old = self.db.read(move |store| store.old_gates(before, rows)).await?;
            if old.is_empty() {
                break;
            }
            let step = self.db.step(move |store| store.remove_gates(&old, rows)).await?;
            count += step.done;
            self.rest(&step).await?;
            if step.done == 0 {
                break;
            }
        }
        if count > 0 {
            tracing::info!(gates = count, "removed: they were closed and older than retention allows");
        }
        Ok(())
    }

    /// By how much the database is too large. Without a limit, the age alone decides.
    async fn excess(&self, limit: Option<u64>) -> Result<u64> {
        match limit {
            None => Ok(u64::MAX),
            Some(limit) => Ok(self.size().await?.used.saturating_sub(limit)),
        }
    }

    async fn remove(&mut self, mut events: &[Finished], limit: Option<u64>) -> Result<usize> {
        let mut count = 0;
        while let Some(first) = events.first()
            && !self.stopped()
        {
            let excess = self.excess(limit).await?;
            if excess == 0 {
                break;
            }
            let rows = self.stride.rows_for(excess);
            // None of the others will be done with in this step.
            let these = events[..events.len().min(rows)].to_vec();
            let step = self.db.step(move |store| store.remove_events(&these, rows)).await?;
            self.cursor = if step.done == 0 { Seq(first.seq.0 - 1) } else { events[step.done - 1].seq };
            count += step.done;
            events = &events[step.done..];
            self.rest(&step).await?;
        }
        Ok(count)
    }

    /// Gives empty pages back to the disk where there are many.
    async fn give_back(&mut self) -> Result<()> {
        let before = self.size().await?;
        let slack = SLACK.max((before.used + before.free) / 10);
        let mut size = before;
        // Once it has begun it goes on for a while, so that it need not begin again soon.
        while before.free > slack && size.free > slack / 2 && !self.stopped() {
            let pages = self.stride.rows();
            let step = self.db.step(move |store| store.give_back(pages)).await?;
            self.rest(&step).await?;
            size = self.size().await?;
        }
        if size.file > size.used + size.free {
            self.db.checkpoint().await?;
            let after = self.size().await?.file;
            tracing::debug!(before = size.file, after, "gave room back to the disk");
        }
        Ok(())
    }

    async fn size(&self) -> Result<Size> {
        self.db.read(|store| store.size()).await
    }

    async fn rest<T>(&mut self, step: &Step<T>) -> Result<()> {
        self.stride.learn(step.took);
        self.steps += 1;
        if self.steps.is_multiple_of(CHECKPOINT) {
            self.db.checkpoint().await?;
        }
        let rest = (step.took * RESTS).min(LONGEST_REST);
        tokio::select! {
            _ = self.stop.wait_for(|stop| *stop) => {}
            () = tokio::time::sleep(rest) => {}
        }
        Ok(())
    }

    fn stopped(&self) -> bool {
        *self.stop.borrow()
    }
}
