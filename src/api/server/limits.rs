//! How many, how much, how long.

use std::time::Duration;

/// What a server gives its clients: how many, how much, how long.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections, in all.
    pub max_connections: usize,
    /// Connections from one address (IPv6: from one /64).
    pub max_connections_per_address: usize,
    /// Connections over HTTP/2, a quarter of them from one address; all others are offered HTTP/1.1
    /// alone. Each may keep some 5 MiB here: its heads in flight, and whole frames for as long as
    /// an entry of its compression table came in them.
    pub max_http2: usize,
    /// Requests at once on one connection over HTTP/2: each may keep a head and an answer here.
    pub max_streams: u32,
    /// The head of a request, in bytes.
    pub max_header: usize,
    /// Bodies that are being read or worked on, all together, in bytes.
    pub max_bodies: usize,
    /// Large answers that their clients have not taken, all together, in bytes.
    pub max_answers: usize,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long the head of a request may take.
    pub head_timeout: Duration,
    /// How long its body may take.
    pub body_timeout: Duration,
    /// How long a body waits for room among the others.
    pub room_timeout: Duration,
    /// How long a client may read nothing of what is written to it.
    pub stall_timeout: Duration,
    /// How long a connection is kept on which nothing is asked.
    pub idle_timeout: Duration,
    /// How long one request over HTTP/2 may take, to the end of its answer.
    pub stream_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 8192,
            max_connections_per_address: 1024,
            max_http2: 64,
            max_streams: 32,
            max_header: 32 << 10,
            max_bodies: 256 << 20,
            max_answers: 256 << 20,
            handshake_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            room_timeout: Duration::from_secs(5),
            stall_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            stream_timeout: Duration::from_mins(5),
        }
    }
}

impl Limits {
    /// Those for who comes over gRPC: few connections, on each of which much is asked at once.
    /// They may all be from one address: who asks is one control plane, or a proxy before it.
    #[must_use]
    pub fn for_grpc(&self) -> Self {
        Self {
            max_connections: GRPC_CONNECTIONS,
            max_connections_per_address: GRPC_CONNECTIONS,
            max_http2: GRPC_CONNECTIONS,
            max_streams: 256,
            max_header: 8 << 10,
            ..self.clone()
        }
    }
}

/// Connections over gRPC, beside the others.
pub const GRPC_CONNECTIONS: usize = 64;
