//! Publishers that wait until every first attempt has ended and is on record.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::domain::id::Seq;

/// Who waits for which event.
#[derive(Debug, Default)]
pub(super) struct Waits(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    by_event: HashMap<Seq, Vec<Wait>>,
    /// At how many to look for those who gave up.
    look_at: usize,
}

/// Fewer than this are not worth a look.
const FEW: usize = 64;

#[derive(Debug)]
struct Wait {
    left: u32,
    /// The last of the deliveries that followed from the event: attempts of
    /// redeliveries, which come later, are not waited for.
    last: Seq,
    over: oneshot::Sender<()>,
}

impl Waits {
    /// Waits for `left` first attempts of an event whose last delivery is `last`;
    /// over at once if there are none.
    pub(super) fn begin(&self, event: Seq, last: Seq, left: u32) -> oneshot::Receiver<()> {
        let (over, waiting) = oneshot::channel();
        if left > 0 {
            let mut waiting = self.lock();
            waiting.forget_the_gone();
            waiting.by_event.entry(event).or_default().push(Wait { left, last, over });
        }
        waiting
    }

    /// The first attempt of a delivery of the event has ended and is on record.
    pub(super) fn ended(&self, event: Seq, delivery: Seq) {
        let mut waiting = self.lock();
        let Some(waits) = waiting.by_event.get_mut(&event) else {
            return;
        };
        for wait in waits.iter_mut().filter(|wait| delivery <= wait.last) {
            wait.left = wait.left.saturating_sub(1);
        }
        // Dropping the sender is the signal.
        waits.retain(|wait| wait.left > 0);
        if waits.is_empty() {
            waiting.by_event.remove(&event);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Forgets who gave up, whenever twice as many wait as after the last look.
    fn forget_the_gone(&mut self) {
        if self.by_event.len() >= self.look_at.max(FEW) {
            self.by_event.retain(|_, waits| waits.iter().any(|wait| !wait.over.is_closed()));
            self.look_at = 2 * self.by_event.len();
        }
    }
}
