//! Runs the command line, prints what went wrong, exits.

fn main() {}
