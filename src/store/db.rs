//! The async way to the store.

mod gates;
mod retention;
mod triggers;

use std::path::Path;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::domain::breaker::BreakerRules;
use crate::domain::event::NewEvent;
use crate::domain::hook::Owner;
use crate::domain::time::Timestamp;

use super::gate_waits::GateWaits;
use super::ops::{Act, ClaimOp, FanOutOp, PublishOp};
use super::room::Room;
use super::sqlite::{self, Readers};
use super::targets::Targets;
use super::vault::Vault;
use super::waits::Waits;
use super::writer::{Queue, Writer};
use super::{Cancelled, Claimed, Leased, Published, Reads, Record, Recorded, Result, StoreError, Writes};

pub use retention::Step;
pub use triggers::Called;

/// What a publish leaves to this node.
#[derive(Debug)]
pub struct Handed {
    /// Deliveries that were leased to it as they were published.
    pub leased: Vec<Leased>,
    /// Whether others wait in the store, due now.
    pub overflow: bool,
}

/// Publishes that have committed, in their order.
pub type Handover = mpsc::UnboundedReceiver<Handed>;

/// A handle to the store; cheap to clone.
#[derive(Clone)]
pub struct Db {
    pub(super) queue: Arc<Queue>,
    writer: Arc<Writer>,
    readers: Readers,
    /// Who waits for a reader waits here, and holds no thread meanwhile: there are
    /// not so many of those.
    reading: Arc<Semaphore>,
    /// For what takes no time: nothing that does is read here.
    lookout: Readers,
    looking: Arc<Semaphore>,
    pub(super) waits: Arc<Waits>,
    gate_waits: Arc<GateWaits>,
    targets: Arc<Targets>,
    vault: Arc<Vault>,
    pub(super) room: Arc<Room>,
    pub(super) handover: mpsc::UnboundedSender<Handed>,
}

/// A publish, and when its leases run out.
#[derive(Debug, Clone)]
pub struct Publish {
    /// The time of the publish.
    pub now: Timestamp,
    /// Until when what is handed over is leased.
    pub lease_until: Timestamp,
    /// Who publishes.
    pub owner: Owner,
    /// What is published.
    pub event: NewEvent,
    /// Whether somebody waits for the first attempts.
    pub wait: bool,
}

/// A publish that is on disk.
pub struct Kept {
    /// What came of it; `leased` was handed over.
    pub published: Published,
    /// Resolves, to whatever, when every first attempt has ended and is on
    /// record; `None` if nobody asked.
    pub first_attempts: Option<oneshot::Receiver<()>>,
}

impl Db {
    /// Opens (or makes) the database at `path` for a server. What this node may
    /// attempt at once comes through the second value, bounded by the room.
    ///
    /// # Errors
    /// Says what is wrong with the file and what to do.
    pub fn open(path: &Path, room: Arc<Room>, rules: BreakerRules, vault: Arc<Vault>) -> Result<(Self, Handover)> {
        Self::open_with_limit(path, None, room, rules, vault)
    }

    /// The same, for a database that may not become larger than so many bytes.
    ///
    /// # Errors
    /// As [`Db::open`].
    pub fn open_with_limit(
        path: &Path,
        limit: Option<u64>,
        room: Arc<Room>,
        rules: BreakerRules,
        vault: Arc<Vault>,
    ) -> Result<(Self, Handover)> {
        let targets = Arc::<Targets>::default();
        let mut session = sqlite::open(path, targets.clone(), rules, vault.clone())?;
        limit.map_or(Ok(()), |limit| session.limit_to(limit))?;
        let (readers, lookout) = (Readers::open(path)?, Readers::open_few(path)?);
        let reading = Arc::new(Semaphore::new(sqlite::LISTS as usize));
        let looking = Arc::new(Semaphore::new(sqlite::LOOKS as usize));
        let queue = Arc::<Queue>::default();
        let writer = Arc::new(Writer::start(Box::new(session), queue.clone())?);
        let (handover, handed) = mpsc::unbounded_channel();
        let (waits, gate_waits) = Default::default();
        let db = Self {
            queue,
            writer,
            readers,
            reading,
            lookout,
            looking,
            waits,
            gate_waits,
            targets,
            vault,
            room,
            handover,
        };
        Ok((db, handed))
    }

    /// Keeps an event; when this returns it is on disk and what fits is handed over.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when too many wait, or trouble of the database:
    /// nothing was kept.
    pub async fn publish(&self, publish: Publish) -> Result<std::result::Result<Kept, NotKept>> {
        let (reply, answer) = oneshot::channel();
        self.queue.publish(Box::new(PublishOp { publish, db: self.clone(), kept: None, reply }));
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Leases what is due, as far as there is room.
    ///
    /// # Errors
    /// Trouble of the database: nothing was leased.
    pub async fn claim(&self, now: Timestamp, lease_until: Timestamp) -> Result<Claimed> {
        let (reply, answer) = oneshot::channel();
        let room = self.room.clone();
        self.queue.urgent(Box::new(ClaimOp { now, lease_until, room, claimed: None, reply }));
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Goes on making the deliveries of events that many hooks want, if any are
    /// half done, in steps between which others are served.
    pub fn fan_out(&self, now: Timestamp, lease_until: Timestamp) {
        self.queue.urgent(Box::new(FanOutOp { db: self.clone(), now, lease_until, made: None }));
    }

    /// Records an attempt.
    ///
    /// # Errors
    /// Trouble of the database: nothing was recorded.
    pub async fn record(&self, now: Timestamp, record: Arc<Record>) -> Result<Recorded> {
        let (event, delivery, waits) = (record.event, record.seq, self.waits.clone());
        let first = record.attempt.number == 1;
        let tell = move |recorded: &Recorded| {
            if first && *recorded != Recorded::NotOurs {
                waits.ended(event, delivery);
            }
        };
        self.write_and_tell(move |store| store.record(now, &record), tell).await
    }

    /// Cancels a step of what removed hooks owe; answers whether there may be more.
    ///
    /// # Errors
    /// Trouble of the database.
    pub async fn cancel_owed(&self, now: Timestamp, limit: usize) -> Result<bool> {
        let waits = self.waits.clone();
        let tell = move |cancelled: &Cancelled| {
            cancelled.untried.iter().for_each(|&(event, delivery)| waits.ended(event, delivery));
        };
        let cancelled = self.write_and_tell(move |store| store.cancel_owed(now, limit), tell).await?;
        Ok(cancelled.more)
    }

    /// Does something in the next transaction; when this returns it is on disk.
    /// `act` may be called again if that transaction fails.
    ///
    /// # Errors
    /// What `act` answers, or trouble of the database: nothing was kept.
    pub async fn write<T: Send + 'static>(
        &self,
        act: impl FnMut(&mut dyn Writes) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.write_and_tell(act, |_| {}).await
    }

    /// The same, and tells of it in the order in which the store did things: who
    /// begins to wait after that does not wait for this.
    async fn write_and_tell<T: Send + 'static>(
        &self,
        act: impl FnMut(&mut dyn Writes) -> Result<T> + Send + 'static,
        tell: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.queue.urgent(Box::new(Act { run: act, tell, adds: None, value: None, reply }));
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Reads, off the async threads.
    ///
    /// # Errors
    /// What `look` answers, or trouble of the database.
    pub async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&dyn Reads) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let busy = |_| StoreError::Failed("too many lists are being read: ask again in a moment".into());
        let turn = tokio::time::timeout(sqlite::PATIENCE, self.reading.clone().acquire_owned()).await.map_err(busy)?;
        let readers = self.readers.clone();
        // The turn ends with the reading, also where nobody waits for it any more.
        blocking(move || {
            let _turn = turn;
            look(&readers.get()?)
        })
        .await
    }

    /// Reads what takes no time, whatever [`Db::read`] is busy with.
    ///
    /// # Errors
    /// As [`Db::read`].
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&dyn Reads) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let turn = self.looking.clone().acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let lookout = self.lookout.clone();
        blocking(move || {
            let _turn = turn;
            look(&lookout.get()?)
        })
        .await
    }

    /// Where hooks' requests go.
    #[must_use]
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// How much may be in memory.
    #[must_use]
    pub fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// Does what waits and closes the database. Blocks until it is closed.
    pub fn close(&self) {
        self.writer.close();
    }
}

/// Does something off the async threads.
async fn blocking<T: Send + 'static>(act: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(act).await;
    done.unwrap_or_else(|e| Err(StoreError::Failed(format!("a reader died: {e}"))))
}

/// Why a publish was not kept, though all is well with the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotKept {
    /// The idempotency key stands for another body.
    KeyReused,
    /// It was for one hook alone, and that is not there.
    NoSuchHook,
}
