//! Over what a request came.

use std::net::IpAddr;

/// What a server knows of whoever is at the other end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Connection {
    /// Their address; an IPv4 one as such, however the socket spells it.
    pub(super) peer: IpAddr,
    /// Whether nobody in between can read along.
    pub(super) tls: bool,
    /// Whether it is over HTTP/2, where a client may send while it is answered.
    pub(super) http2: bool,
}
