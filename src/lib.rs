//! Nyala tells the outside world about deployments.
//!
//! Pipelines **publish** events; Nyala **keeps** each one on disk before it says
//! yes, and **delivers** it to every hook that asked for it until it arrives.
//!
//! | word | meaning |
//! |---|---|
//! | hook | a subscription: call this URL when that happens |
//! | filter | which events a hook wants: event types × applications |
//! | event | something that happened: type, applications, payload kept to the byte |
//! | delivery | one event owed to one hook |
//! | attempt | one HTTP request made for a delivery |
//! | outcome | what came of an attempt: answered, failed (why), refused by us (why) |
//! | lease | a node's right to attempt a delivery, until it runs out |
//! | gate | hooks asked, before something happens, whether it may: one asking, `gate_` + ULID |
//! | decision | what one hook came to at a gate |
//! | dialect | the shapes of one foreign API over the same engine |
//!
//! The house has floors; a file uses its own and those below:
//!
//! ```text
//!  roof   main · cli · config · service        settings; puts the house together and takes it apart
//!    3    api                                  ways in: parse, call one thing, render
//!    2    publish (inward) · delivery (outward)   the works
//!    1    store · clock · telemetry            what is remembered, what time it is, what is told
//!    0    domain                               what things are, and what follows from what
//! ```

pub mod api;
pub mod cli;
pub mod clock;
pub mod config;
pub mod delivery;
pub mod domain;
pub mod publish;
pub mod service;
pub mod store;
pub mod telemetry;
