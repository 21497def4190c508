//! How fast events come in and go out, measured on this machine: `cargo bench --bench delivery`.
//!
//! The release binary, a receiver and two publishers each run in a process of their own, on the loopback only. A machine
//! swings a good deal from minute to minute, so every figure is held against another that was measured right before it,
//! most rates against R, a bare reqwest loop to the same receiver: only the ratios of such pairs can be compared between
//! two runs. What they are to stands beside them. One table goes to stdout (or, with `--json`, one object), what happens
//! meanwhile to stderr. The exit code is 0 only if everything was measured.
//!
//! `cargo bench --bench delivery -- --help` lists the knobs and the scenarios.

#![allow(clippy::disallowed_methods, reason = "a benchmark is about real time, nobody can hand it in")]

mod admin;
mod answers;
mod args;
mod asks;
mod crew;
mod disk;
mod load;
mod payload;
mod process;
mod publisher;
mod receiver;
mod row;
mod scenarios;
mod seen;
mod server;
mod spread;
mod stage;
mod table;
mod wire;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Plan, Role};

/// What may go wrong while measuring, already in words for the person who looks on.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
/// A figure, or why there is none.
pub type Result<T> = std::result::Result<T, Failure>;

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.role {
        Some(Role::Receiver) => receiver::run(),
        Some(Role::Publisher) => publisher::run(),
        None if cfg!(debug_assertions) => {
            eprintln!("bench: skipped, a debug build measures nothing: use `cargo bench --bench delivery`");
            Ok(())
        }
        None => bench(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Measures everything that the arguments ask for, and prints it; what was measured before something went wrong is
/// printed too.
fn bench(args: &Args) -> Result<()> {
    process::heed_signals()?;
    let (rows, done) = scenarios::everything(&Plan::of(args))?;
    if args.json {
        println!("{}", table::json(&rows));
    } else {
        println!("{}", table::plain(&rows));
    }
    done
}
