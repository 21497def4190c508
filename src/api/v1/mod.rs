//! Nyala's own API: a file a noun.

pub(super) mod applications;
pub(super) mod audit;
pub(super) mod deliveries;
pub(super) mod event_types;
pub(super) mod events;
pub(super) mod executions;
pub(super) mod gates;
pub(super) mod hooks;
pub(super) mod maintenance;
pub(super) mod replays;
pub(super) mod secrets;
pub(super) mod triggers;
