//! How many connections there may be: in all, and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::api::error::ApiError;
use crate::domain::address::client_of;

/// The connections there are.
pub(super) struct Slots {
    max: usize,
    max_per_address: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_block: HashMap<IpAddr, usize>,
}

impl Slots {
    pub(super) fn new(max: usize, max_per_address: usize) -> Arc<Self> {
        Arc::new(Self { max, max_per_address, taken: Mutex::default() })
    }

    /// A slot for a connection from this address, given back when it is dropped.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr) -> Result<Slot, Full> {
        let block = client_of(peer);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= self.max {
            return Err(Full::InAll);
        }
        let from_there = taken.by_block.entry(block).or_default();
        if *from_there >= self.max_per_address {
            return Err(Full::FromThere);
        }
        *from_there += 1;
        taken.all += 1;
        Ok(Slot { slots: self.clone(), block })
    }
}

/// Why there is no slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    #[error("there are too many connections")]
    InAll,
    #[error("there are too many connections from this address")]
    FromThere,
}

impl From<Full> for ApiError {
    /// As it is told over HTTP.
    fn from(full: Full) -> Self {
        Self::Crowded(match full {
            Full::InAll => "there are too many connections: try again later, or raise --max-connections",
            Full::FromThere => {
                "there are too many connections from your address: close some, or raise --max-connections-per-address"
            }
        })
    }
}

/// A connection's place.
pub(super) struct Slot {
    slots: Arc<Slots>,
    block: IpAddr,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(from_there) = taken.by_block.get_mut(&self.block) {
            *from_there -= 1;
            if *from_there == 0 {
                taken.by_block.remove(&self.block);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(slots: &Arc<Slots>, peer: &str) -> Option<Slot> {
        slots.take(peer.parse().expect("an address")).ok()
    }

    #[test]
    fn one_address_may_not_take_all_slots() {
        let slots = Slots::new(4, 2);

        let held = [take(&slots, "192.0.2.1"), take(&slots, "192.0.2.1"), take(&slots, "192.0.2.2")];
        let third = take(&slots, "192.0.2.1");

        assert!(held.iter().all(Option::is_some) && third.is_none());
        assert!(take(&slots, "192.0.2.3").is_some());
    }

    #[test]
    fn neighbours_in_a_64_count_as_one_and_others_do_not() {
        let slots = Slots::new(9, 1);

        let held = take(&slots, "2001:db8:0:1::1");

        assert!(held.is_some() && take(&slots, "2001:db8:0:1:ffff::9").is_none());
        assert!(take(&slots, "2001:db8:0:2::1").is_some());
    }

    #[test]
    fn a_slot_comes_back_and_leaves_nothing_behind() {
        let slots = Slots::new(1, 1);

        for _ in 0..3 {
            let held = take(&slots, "192.0.2.1");
            assert!(held.is_some() && take(&slots, "192.0.2.2").is_none());
        }

        assert!(slots.taken.lock().expect("the slots").by_block.is_empty());
    }
}
