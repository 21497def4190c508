//! Stub.
use super::incoming::Incoming;
use super::settings::Values;
/// x
pub enum Read {
    /// x
    Changes(Vec<Values>),
    /// x
    Nothing(String),
}
/// x
pub fn read(_: &Incoming, _: &[String]) -> Result<Read, String> {
    Ok(Read::Nothing(String::new()))
}
/// x
pub fn delivery_id(_: &Incoming) -> Option<&str> {
    None
}
