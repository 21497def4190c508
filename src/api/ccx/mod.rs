//! The CCX hook service's API, over gRPC and as JSON over HTTP.

pub mod messages;
pub mod proto;
