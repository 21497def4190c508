//! What `hook.proto` says, as code.

#![allow(missing_docs, clippy::pedantic, reason = "made from hook.proto at every build")]

tonic::include_proto!("ccx.hook.v1");

/// The same as a `FileDescriptorSet`, for who looks things up by name.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/ccx.hook.v1.bin"));
