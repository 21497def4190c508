//! Makes code of `hook.proto`, with a compiler in Rust: whoever builds needs no `protoc`.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use prost::Message;

/// Where names of files in the descriptor begin.
const ROOT: &str = "src/api";

/// The file, from there.
const PROTO: &str = "ccx/hook.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={ROOT}/{PROTO}");
    println!("cargo::rerun-if-changed={ROOT}/ccx/build.rs");
    let descriptors = protox::compile([PROTO], [ROOT])?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: let cargo run this")?);
    fs::write(out.join("ccx.hook.v1.bin"), descriptors.encode_to_vec())?;
    // Connections are ours, on both sides: only what a message and a call are is taken from there.
    tonic_prost_build::configure().build_transport(false).compile_fds(descriptors)?;
    Ok(())
}
