//! A trigger: something that publishes by itself. One firing is an execution.

pub mod forge;
pub mod incoming;
pub mod mapping;
pub mod proof;
pub mod schedule;
