//! Who waits for a gate to close.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::domain::gate::Gate;
use crate::domain::id::Seq;

/// Fewer gates than this are not worth a look for those of which nobody waits any more.
const FEW: usize = 64;

/// Who waits for which gate.
#[derive(Default)]
pub(super) struct GateWaits(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    by_gate: HashMap<Seq, Vec<oneshot::Sender<Box<Gate>>>>,
    /// At how many to look for those who gave up.
    look_at: usize,
}

impl GateWaits {
    /// Resolves when the gate closes: to what it came to, or to nothing if that has to be
    /// looked up.
    pub(super) fn begin(&self, gate: Seq) -> oneshot::Receiver<Box<Gate>> {
        let (tell, closes) = oneshot::channel();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.forget_the_gone();
        let waits = waiting.by_gate.entry(gate).or_default();
        if waits.len() == waits.capacity() {
            // Before there is room for more: many may look at one, again and again.
            waits.retain(|wait| !wait.is_closed());
        }
        waits.push(tell);
        closes
    }

    /// It has closed, and came to this if that is known here.
    pub(super) fn closed(&self, seq: Seq, gate: Option<&Gate>) {
        let waits = self.0.lock().unwrap_or_else(PoisonError::into_inner).by_gate.remove(&seq);
        for wait in waits.unwrap_or_default() {
            // Dropping it without a word is a signal, too; who has gone needs none.
            let _ = gate.map(|gate| wait.send(Box::new(gate.clone())));
        }
    }
}

impl Waiting {
    /// Forgets who gave up, whenever twice as many wait as after the last look.
    fn forget_the_gone(&mut self) {
        if self.by_gate.len() >= self.look_at.max(FEW) {
            self.by_gate.retain(|_, waits| waits.iter().any(|wait| !wait.is_closed()));
            self.look_at = 2 * self.by_gate.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_gave_up_leaves_nothing_behind_though_others_still_wait() {
        let waits = GateWaits::default();
        let mut waiting = waits.begin(Seq(1));

        for _ in 0..1000 {
            drop(waits.begin(Seq(1)));
        }

        assert!(waits.0.lock().unwrap().by_gate[&Seq(1)].len() <= FEW);
        assert_eq!(waiting.try_recv().err(), Some(oneshot::error::TryRecvError::Empty));
        waits.closed(Seq(1), None);
        assert_eq!(waiting.try_recv().err(), Some(oneshot::error::TryRecvError::Closed));
    }
}
