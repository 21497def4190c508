//! The async way to gates.

use tokio::sync::oneshot;

use super::Db;
use crate::domain::access::Bounds;
use crate::domain::audit::AuditEntry;
use crate::domain::gate::{Answered, Gate, GateState, NewGate};
use crate::domain::id::{GateId, Seq};
use crate::domain::time::Timestamp;
use crate::domain::token::TokenHash;
use crate::store::ops::Act;
use crate::store::{Asked, Decided, Reply, Result, StoreError, Verdict, Writes};

/// Gates that are closed in one transaction.
const STEP: usize = 64;

impl Db {
    /// Keeps a gate; when this returns it is on disk. What `tell` does follows that in any
    /// case, on the writer's thread: hooks may be asked, whoever waits.
    ///
    /// # Errors
    /// Trouble of the database: nothing was kept, and nothing told.
    pub async fn ask(&self, now: Timestamp, new: NewGate, tell: impl FnOnce(&Asked) + Send + 'static) -> Result<Asked> {
        let (reply, answer) = oneshot::channel();
        let bytes = new.payload.len();
        let run = move |store: &mut dyn Writes| store.ask(now, &new);
        // It needs room as a publish does.
        self.queue.publish(Box::new(Act { run, tell, adds: Some(bytes), value: None, reply }));
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Keeps what a hook that was asked came back with.
    ///
    /// # Errors
    /// Trouble of the database: nothing was kept.
    pub async fn replied(&self, now: Timestamp, reply: Reply) -> Result<()> {
        self.close_gate(move |store| store.replied(now, &reply)).await.map(|_| ())
    }

    /// Decides for the hook that was given this token.
    ///
    /// # Errors
    /// Trouble of the database: nothing was decided.
    pub async fn decide(&self, now: Timestamp, gate: GateId, token: TokenHash, answered: Answered) -> Result<Decided> {
        self.decide_gate(move |store| store.decide(now, gate, token, &answered)).await
    }

    /// A person decides for all hooks that have not; `entry` goes on record with it.
    ///
    /// # Errors
    /// Trouble of the database: nothing was decided.
    pub async fn settle(
        &self,
        now: Timestamp,
        gate: GateId,
        within: Bounds,
        verdict: Verdict,
        entry: AuditEntry,
    ) -> Result<Decided> {
        let act = move |store: &mut dyn Writes| {
            let decided = store.settle(now, gate, &within, &verdict)?;
            if let Decided::Done { now: stands, .. } = &decided {
                let otherwise =
                    (!verdict.fits(*stands)).then(|| format!("the gate is {} all the same", stands.as_str()));
                let detail: Vec<_> = entry.detail.clone().into_iter().chain(otherwise).collect();
                let detail = Some(detail.join("; ")).filter(|detail| !detail.is_empty());
                store.note(&AuditEntry { detail, ..entry.clone() })?;
            }
            Ok(decided)
        };
        self.decide_gate(act).await
    }

    /// Closes all gates whose time is up.
    ///
    /// # Errors
    /// Trouble of the database: some may have been closed.
    pub async fn expire_gates(&self, now: Timestamp) -> Result<()> {
        while self.expire_some_gates(now).await? == STEP {}
        Ok(())
    }

    /// Closes this gate as it stands, if it is open; answers it.
    ///
    /// # Errors
    /// Trouble of the database: it may still be open.
    pub async fn expire_gate(&self, now: Timestamp, gate: Seq) -> Result<Option<Gate>> {
        self.close_gate(move |store| store.expire_now(now, gate)).await
    }

    /// Tells who waits for the gate that `act` closed what it came to.
    async fn close_gate(
        &self,
        act: impl FnMut(&mut dyn Writes) -> Result<Option<Gate>> + Send + 'static,
    ) -> Result<Option<Gate>> {
        let waits = self.gate_waits.clone();
        let tell = move |closed: &Option<Gate>| closed.iter().for_each(|gate| waits.closed(gate.seq, Some(gate)));
        self.write_and_tell(act, tell).await
    }

    /// Tells who waits for the gate that `act` decided, if that closed it.
    async fn decide_gate(
        &self,
        act: impl FnMut(&mut dyn Writes) -> Result<Decided> + Send + 'static,
    ) -> Result<Decided> {
        let waits = self.gate_waits.clone();
        let tell = move |decided: &Decided| closed_by(decided).iter().for_each(|&gate| waits.closed(gate, None));
        self.write_and_tell(act, tell).await
    }

    async fn expire_some_gates(&self, now: Timestamp) -> Result<usize> {
        let waits = self.gate_waits.clone();
        let tell = move |gates: &Vec<Seq>| gates.iter().for_each(|&gate| waits.closed(gate, None));
        let expired = self.write_and_tell(move |store| store.expire(now, STEP), tell).await?;
        Ok(expired.len())
    }

    /// Resolves when this gate closes, to what it came to or to an error if that has to be
    /// looked up: begin before looking at how it stands.
    #[must_use]
    pub fn gate_closes(&self, gate: Seq) -> oneshot::Receiver<Box<Gate>> {
        self.gate_waits.begin(gate)
    }
}

/// The gate that this closed.
fn closed_by(decided: &Decided) -> Option<Seq> {
    match decided {
        Decided::Done { gate, now, .. } if *now != GateState::Open => Some(*gate),
        _ => None,
    }
}
