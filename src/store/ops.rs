//! What is done inside transactions, and what follows when they have committed.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::db::{Db, Handed, Kept, NotKept, Publish};
use super::room::Room;
use super::writer::Op;
use super::{CarriedOut, Carry, Claimed, FannedOut, Published, Publishing, Result, StoreError, Writes};
use crate::domain::id::Seq;
use crate::domain::time::Timestamp;

pub(super) struct PublishOp {
    pub(super) publish: Publish,
    pub(super) db: Db,
    pub(super) kept: Option<Publishing>,
    pub(super) reply: oneshot::Sender<Result<std::result::Result<Kept, NotKept>>>,
}

impl Op for PublishOp {
    fn run(&mut self, store: &mut dyn Writes) -> Result<()> {
        let Publish { now, lease_until, owner, event, .. } = &self.publish;
        self.kept = Some(store.publish(*now, *lease_until, *owner, event, &self.db.room)?);
        Ok(())
    }

    fn undo(&mut self) {
        if let Some(Publishing::Kept(published)) = self.kept.take() {
            self.db.room.give_back_all(&published.leased);
        }
    }

    fn done(self: Box<Self>, result: Result<()>) {
        let answer = match (result, self.kept) {
            (Err(e), _) => Err(e),
            (Ok(()), Some(Publishing::Kept(published))) => Ok(Ok(hand_over(&self.db, &self.publish, published))),
            (Ok(()), Some(Publishing::NoSuchHook)) => Ok(Err(NotKept::NoSuchHook)),
            (Ok(()), _) => Ok(Err(NotKept::KeyReused)),
        };
        // Whoever asked may have gone; the event is kept all the same.
        let _ = self.reply.send(answer);
    }

    fn bytes(&self) -> usize {
        self.publish.event.payload.len()
    }

    fn is_publish(&self) -> bool {
        true
    }
}

/// Who waits is noted first: an attempt may end as soon as it is handed over.
/// All this happens on the writer's thread, because whoever published may have
/// gone: nothing that must follow a commit may depend on them.
fn hand_over(db: &Db, publish: &Publish, mut published: Published) -> Kept {
    let last = Seq(published.seq.0 + i64::from(published.deliveries));
    let first_attempts = publish.wait.then(|| db.waits.begin(published.seq, last, published.untried));
    hand_out_of(db, &mut published, publish.now, publish.lease_until);
    Kept { published, first_attempts }
}

/// Tells of the deliveries that a publish made itself, as [`hand_out`].
fn hand_out_of(db: &Db, published: &mut Published, now: Timestamp, lease_until: Timestamp) {
    let leased = std::mem::take(&mut published.leased);
    let made = FannedOut { leased, overflow: published.overflow, more: published.more, untried: vec![] };
    hand_out(db, made, now, lease_until);
}

/// Tells of deliveries that were made, and sees to it that the others follow.
fn hand_out(db: &Db, made: FannedOut, now: Timestamp, lease_until: Timestamp) {
    made.untried.iter().for_each(|&(event, delivery)| db.waits.ended(event, delivery));
    if made.overflow || !made.leased.is_empty() {
        // Nobody takes them while the service stops: the next start will.
        let _ = db.handover.send(Handed { leased: made.leased, overflow: made.overflow });
    }
    if made.more {
        db.fan_out(now, lease_until);
    }
}

/// An execution that ends.
pub(super) struct CarryOp {
    pub(super) now: Timestamp,
    pub(super) lease_until: Timestamp,
    pub(super) db: Db,
    pub(super) carry: Carry,
    pub(super) bytes: usize,
    pub(super) done: Option<CarriedOut>,
    pub(super) reply: oneshot::Sender<Result<CarriedOut>>,
}

impl Op for CarryOp {
    fn run(&mut self, store: &mut dyn Writes) -> Result<()> {
        self.done = Some(store.carry_out(self.now, self.lease_until, &self.carry, &self.db.room)?);
        Ok(())
    }

    fn undo(&mut self) {
        if let Some(CarriedOut::Done(published)) = self.done.take() {
            for published in &published {
                self.db.room.give_back_all(&published.leased);
            }
        }
    }

    fn done(self: Box<Self>, result: Result<()>) {
        let Self { now, lease_until, db, mut done, reply, .. } = *self;
        if let (Ok(()), Some(CarriedOut::Done(all))) = (&result, &mut done) {
            for published in all {
                hand_out_of(&db, published, now, lease_until);
            }
        }
        // Nobody waits while the service stops.
        let _ = reply.send(result.and_then(|()| done.ok_or(StoreError::Closed)));
    }

    fn bytes(&self) -> usize {
        self.bytes
    }

    fn is_publish(&self) -> bool {
        true
    }
}

/// A step of making deliveries; the next one follows it to the end of the queue.
pub(super) struct FanOutOp {
    pub(super) db: Db,
    pub(super) now: Timestamp,
    pub(super) lease_until: Timestamp,
    pub(super) made: Option<FannedOut>,
}

impl Op for FanOutOp {
    /// It needs room as a publish does.
    fn is_publish(&self) -> bool {
        true
    }

    fn run(&mut self, store: &mut dyn Writes) -> Result<()> {
        self.made = Some(store.fan_out(self.now, self.lease_until, &self.db.room)?);
        Ok(())
    }

    fn undo(&mut self) {
        if let Some(made) = self.made.take() {
            self.db.room.give_back_all(&made.leased);
        }
    }

    fn done(self: Box<Self>, result: Result<()>) {
        match (result, self.made) {
            (Ok(()), made) => hand_out(&self.db, made.unwrap_or_default(), self.now, self.lease_until),
            (Err(StoreError::Closed), _) => {}
            (Err(error), _) => tracing::error!(%error, "an event has not reached all its hooks; the sweeper goes on"),
        }
    }
}

pub(super) struct ClaimOp {
    pub(super) now: Timestamp,
    pub(super) lease_until: Timestamp,
    pub(super) room: Arc<Room>,
    pub(super) claimed: Option<Claimed>,
    pub(super) reply: oneshot::Sender<Result<Claimed>>,
}

impl Op for ClaimOp {
    fn run(&mut self, store: &mut dyn Writes) -> Result<()> {
        self.claimed = Some(store.claim(self.now, self.lease_until, &self.room)?);
        Ok(())
    }

    fn undo(&mut self) {
        if let Some(claimed) = self.claimed.take() {
            self.room.give_back_all(&claimed.leased);
        }
    }

    fn done(self: Box<Self>, result: Result<()>) {
        let Self { claimed, reply, .. } = *self;
        // Nobody takes it while the service stops: the next start will.
        let _ = reply.send(result.and_then(|()| claimed.ok_or(StoreError::Closed)));
    }
}

pub(super) struct Act<F, G, T> {
    pub(super) run: F,
    pub(super) tell: G,
    /// How many bytes it adds, if it makes no room.
    pub(super) adds: Option<usize>,
    pub(super) value: Option<T>,
    pub(super) reply: oneshot::Sender<Result<T>>,
}

impl<F, G, T> Op for Act<F, G, T>
where
    F: FnMut(&mut dyn Writes) -> Result<T> + Send,
    G: FnOnce(&T) + Send,
    T: Send,
{
    fn run(&mut self, store: &mut dyn Writes) -> Result<()> {
        self.value = Some((self.run)(store)?);
        Ok(())
    }

    fn done(self: Box<Self>, result: Result<()>) {
        let Self { tell, value, reply, .. } = *self;
        let answer = result.and_then(|()| value.ok_or(StoreError::Closed));
        if let Ok(value) = &answer {
            tell(value);
        }
        // Whoever asked may have gone; what was done stays done.
        let _ = reply.send(answer);
    }

    fn bytes(&self) -> usize {
        self.adds.unwrap_or_default()
    }

    fn is_publish(&self) -> bool {
        self.adds.is_some()
    }
}
