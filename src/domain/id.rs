//! The names by which things are asked for.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use ulid::Ulid;

/// A hook's number: counts from 1 and is never given out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct HookId(pub i64);

/// The store's own order of events and deliveries: one counter for both, so
/// that the first deliveries of event `n` are exactly `n + 1 ..= n + fan-out`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub i64);

/// Names an event to the world: `evt_` and a ULID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventId(pub Ulid);

/// Names a gate to the world: `gate_` and a ULID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GateId(pub Ulid);

/// Names a delivery to the world: `dlv_` and its number in the store's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeliveryId(pub Seq);

/// Names an execution to the world: `exe_` and its number in the store's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExecutionId(pub Seq);

/// A trigger's number: counts from 1 and is never given out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TriggerId(pub i64);

/// A replay's number: counts from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ReplayId(pub i64);

/// A token's number: counts from 1 and is never given out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct TokenId(pub i64);

/// The proof that a delivery is ours to attempt: given by the store, never twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease(pub i64);

/// A text that is not an id of the kind that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not {0}")]
pub struct NotAnId(&'static str);

const HOOK: NotAnId = NotAnId("the number of a hook");
const EVENT: NotAnId = NotAnId("the id of an event (evt_…)");
const GATE: NotAnId = NotAnId("the id of a gate (gate_…)");
const DELIVERY: NotAnId = NotAnId("the id of a delivery (dlv_…)");
const EXECUTION: NotAnId = NotAnId("the id of an execution (exe_…)");

impl fmt::Display for HookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for HookId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        number(text).map(Self).ok_or(HOOK)
    }
}

impl fmt::Display for ReplayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ReplayId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        number(text).map(Self).ok_or(HOOK)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = [0; ulid::ULID_LEN];
        write!(f, "evt_{}", self.0.array_to_str(&mut buffer))
    }
}

impl FromStr for EventId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let ulid = text.strip_prefix("evt_").ok_or(EVENT)?;
        Ulid::from_string(ulid).map(Self).map_err(|_| EVENT)
    }
}

impl fmt::Display for GateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = [0; ulid::ULID_LEN];
        write!(f, "gate_{}", self.0.array_to_str(&mut buffer))
    }
}

impl FromStr for GateId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let ulid = text.strip_prefix("gate_").ok_or(GATE)?;
        Ulid::from_string(ulid).map(Self).map_err(|_| GATE)
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dlv_{}", self.0.0)
    }
}

impl FromStr for DeliveryId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let digits = text.strip_prefix("dlv_").ok_or(DELIVERY)?;
        number(digits).map(|n| Self(Seq(n))).ok_or(DELIVERY)
    }
}

impl fmt::Display for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exe_{}", self.0.0)
    }
}

impl FromStr for ExecutionId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let digits = text.strip_prefix("exe_").ok_or(EXECUTION)?;
        number(digits).map(|n| Self(Seq(n))).ok_or(EXECUTION)
    }
}

impl Serialize for ExecutionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for GateId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for DeliveryId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A positive decimal number, in the one spelling that it has.
fn number(text: &str) -> Option<i64> {
    text.parse().ok().filter(|n: &i64| *n > 0 && n.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_was_written() {
        let event = EventId(Ulid::from_parts(1_700_000_000_000, 42));
        assert_eq!(event.to_string().parse(), Ok(event));
        let gate = GateId(Ulid::from_parts(1_700_000_000_000, 42));
        assert_eq!(gate.to_string().parse(), Ok(gate));
        let delivery = DeliveryId(Seq(17));
        assert_eq!(delivery.to_string(), "dlv_17");
        assert_eq!("dlv_17".parse(), Ok(delivery));
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for text in ["", "0", "-1", "+1", "01", "1 ", "9223372036854775808", "http://a"] {
            assert_eq!(text.parse::<HookId>(), Err(HOOK), "{text}");
        }
        assert_eq!("17".parse::<DeliveryId>(), Err(DELIVERY));
        assert_eq!("evt_".parse::<EventId>(), Err(EVENT));
        assert_eq!(EventId(Ulid::nil()).to_string().parse::<GateId>(), Err(GATE));
    }
}
