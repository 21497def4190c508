//! The whole service, tested from outside: one binary, so that it links once.

mod cli;
mod house;
mod kudu;
mod receiver;
mod recorded;
