//! What the machine may do to a server: a disk that is full, a database that
//! another process holds, a clock that somebody sets, a file that is damaged. How it
//! is killed stands in `crash.rs`.

mod clock;
mod damaged;
mod descriptors;
mod full;
mod hanging;
mod held;
mod small_disk;
