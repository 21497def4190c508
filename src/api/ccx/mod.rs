//! The CCX hook service's API, over gRPC and as JSON over HTTP.
//!
//! ```text
//! facade            POST /ccx/hooks/{hook}, proto-JSON
//! grpc              calls over gRPC: who may, how large, how long
//!     └─ hooks          ccx.hook.v1.HookService
//!     └─ health         grpc.health.v1.Health
//!     └─ deadline       grpc-timeout
//!     └─ status         errors in gRPC's words
//! calls             what all of them do: ask, or tell
//! messages · proto  what is said
//! ```

mod calls;
mod deadline;
mod facade;
mod grpc;
mod health;
mod hooks;
pub mod messages;
pub mod proto;
mod status;

pub(super) use facade::call;
pub(super) use grpc::Grpc;
