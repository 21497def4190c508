//! Settings of the door: TLS, and how much clients may take.

use std::net::SocketAddr;
use std::path::PathBuf;

use bytesize::ByteSize;
use clap::Args;

use super::values::{Path, Place, Size};
use super::{ConfigError, Layers, bytes, refuse};
use crate::api::server::{Limits, TlsFiles};

/// The largest head that may be allowed: every connection may hold one.
const MAX_MAX_HEADER: ByteSize = ByteSize::mib(1);

/// The least that any browser needs, and what the HTTP library asks for.
const LEAST_MAX_HEADER: ByteSize = ByteSize::kib(8);

/// Flags of the door.
#[derive(Debug, Clone, Args)]
pub(super) struct Door {
    /// Also serve gRPC, at an address of its own; port 0 picks a free one [default: none, gRPC is off]
    #[arg(long, env = "NYALA_GRPC_LISTEN", value_name = "ADDRESS")]
    grpc_listen: Option<Place>,
    /// Serve HTTPS: a PEM file with the certificate, then those that vouch for it; read again on SIGHUP
    #[arg(long, env = "NYALA_TLS_CERT", value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, a PEM file; read again on SIGHUP
    #[arg(long, env = "NYALA_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Connections of clients, in all; fewer where the limit of open files leaves fewer [default: 8192]
    #[arg(long, env = "NYALA_MAX_CONNECTIONS", value_name = "NUMBER")]
    max_connections: Option<usize>,
    /// Connections from one address (IPv6: from one /64); behind a proxy all come from its address [default: 1024]
    #[arg(long, env = "NYALA_MAX_CONNECTIONS_PER_ADDRESS", value_name = "NUMBER")]
    max_connections_per_address: Option<usize>,
    /// The largest that the URL and headers of a request may be, together [default: 32 KiB]
    #[arg(long, env = "NYALA_MAX_HEADER", value_name = "SIZE")]
    max_header: Option<Size>,
}

/// What they come to.
pub(super) struct Doors {
    pub(super) grpc: Option<SocketAddr>,
    pub(super) tls: Option<TlsFiles>,
    pub(super) limits: Limits,
}

impl Layers<'_> {
    pub(super) fn door(&mut self, door: Door) -> Result<Doors, ConfigError> {
        let grpc = self.pick("grpc-listen", door.grpc_listen, Place(None))?.0;
        let none = || Path(PathBuf::new());
        let certificate = self.pick("tls-cert", door.tls_cert.map(Path), none())?.0;
        let key = self.pick("tls-key", door.tls_key.map(Path), none())?.0;
        let usual = Limits::default();
        let per_address = usual.max_connections_per_address;
        let limits = Limits {
            max_connections: self.pick("max-connections", door.max_connections, usual.max_connections)?,
            max_connections_per_address: self.pick(
                "max-connections-per-address",
                door.max_connections_per_address,
                per_address,
            )?,
            max_header: bytes(self.pick("max-header", door.max_header, Size(ByteSize::b(usual.max_header as u64)))?.0),
            ..usual
        };
        check(&limits)?;
        Ok(Doors { grpc, tls: tls(certificate, key)?, limits })
    }
}

/// Both files or neither; a variable that is set to nothing means what an unset one does.
fn tls(certificate: PathBuf, key: PathBuf) -> Result<Option<TlsFiles>, ConfigError> {
    match (certificate.as_os_str().is_empty(), key.as_os_str().is_empty()) {
        (true, true) => Ok(None),
        (false, false) => Ok(Some(TlsFiles { certificate, key })),
        (false, true) => Err(ConfigError("tls-cert needs tls-key: give the certificate's private key too".to_owned())),
        (true, false) => Err(ConfigError("tls-key needs tls-cert: give the key's certificate too".to_owned())),
    }
}

fn check(limits: &Limits) -> Result<(), ConfigError> {
    refuse(&[
        (limits.max_connections == 0, "max-connections must be at least 1"),
        (limits.max_connections_per_address == 0, "max-connections-per-address must be at least 1"),
        (
            limits.max_header < bytes(LEAST_MAX_HEADER) || limits.max_header > bytes(MAX_MAX_HEADER),
            "max-header must be at least 8 KiB and at most 1 MiB",
        ),
    ])
}
