//! Publishers that wait until every first attempt has ended and is on record.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::domain::id::Seq;

/// Who waits for which event.
#[derive(Debug, Default)]
pub(super) struct Waits(Mutex<HashMap<Seq, Vec<Wait>>>);

#[derive(Debug)]
struct Wait {
    left: u32,
    over: oneshot::Sender<()>,
}

impl Waits {
    /// Waits for `left` first attempts of an event; over at once if there are none.
    pub(super) fn begin(&self, event: Seq, left: u32) -> oneshot::Receiver<()> {
        let (over, waiting) = oneshot::channel();
        if left > 0 {
            let mut waits = self.lock();
            // Who gave up waiting is forgotten when somebody else begins.
            waits.retain(|_, waits| waits.iter().any(|wait| !wait.over.is_closed()));
            waits.entry(event).or_default().push(Wait { left, over });
        }
        waiting
    }

    /// One first attempt of the event has ended and is on record.
    pub(super) fn ended(&self, event: Seq) {
        let mut all = self.lock();
        let Some(waits) = all.get_mut(&event) else {
            return;
        };
        for wait in waits.iter_mut() {
            wait.left = wait.left.saturating_sub(1);
        }
        // Dropping the sender is the signal.
        waits.retain(|wait| wait.left > 0);
        if waits.is_empty() {
            all.remove(&event);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Seq, Vec<Wait>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
