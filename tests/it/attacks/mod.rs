//! What somebody would try who means harm.

mod bodies;
mod injection;
mod paths;
