//! The whole service, tested from outside: one binary, so that it links once.

mod access;
mod attacks;
mod bad_input;
mod binary;
mod cli;
mod config;
mod crash;
mod db;
mod delivery;
mod door;
mod faults;
mod floors;
mod guard;
mod health;
mod hook_tls;
mod house;
mod kudu;
mod logs;
mod properties;
mod receiver;
mod recorded;
mod secrets;
mod signatures;
mod stop;
mod store;
mod v1;
