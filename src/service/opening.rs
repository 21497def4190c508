//! What a service takes before it starts: its addresses, and its database.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::Instant;

use super::StartError;
use crate::api::server;
use crate::config::Settings;
use crate::store::known_tokens::KnownTokens;
use crate::store::lock::{self, Lock};

/// How long to wait for the lock before another server is taken to have it, and how
/// long between two tries.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
const LOCK_AGAIN: Duration = Duration::from_millis(50);

/// Listens there; answers at which port, which the setting may leave open.
pub(super) fn listen(flag: &'static str, at: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let fail = |e| StartError::Listen(flag, at, e);
    let listener = server::listen(at).map_err(fail)?;
    let address = listener.local_addr().map_err(fail)?;
    Ok((listener, address))
}

/// Refuses to let anybody in from elsewhere, and warns where tokens could be overheard.
pub(super) fn check_open(
    addresses: [Option<SocketAddr>; 2],
    settings: &Settings,
    tokens: &KnownTokens,
) -> Result<(), StartError> {
    let Some(reachable) = addresses.into_iter().flatten().find(|address| !address.ip().is_loopback()) else {
        return Ok(());
    };
    if tokens.are_none() {
        return Err(StartError::Open(reachable, settings.database.display().to_string()));
    }
    if settings.tls.is_none() {
        tracing::warn!(
            "tokens come here without TLS, and whoever is on the way may read them: give --tls-cert and --tls-key, \
             or let a proxy that speaks TLS stand before"
        );
    }
    Ok(())
}

/// Makes the database's folder; answers where the file really is, so that two
/// names for it are one lock.
pub(super) fn real_path(database: &Path) -> Result<PathBuf, StartError> {
    let fail = |e| StartError::Folder(database.display().to_string(), e);
    if let Some(folder) = database.parent() {
        std::fs::create_dir_all(folder).map_err(fail)?;
    }
    File::options().create(true).append(true).open(database).map_err(fail)?;
    database.canonicalize().map_err(fail)
}

/// Takes the lock beside the database; waits for who has it only for a moment, such
/// as a command that makes a token.
pub(super) async fn lock_soon(database: &Path) -> Result<Lock, StartError> {
    let until = Instant::now() + LOCK_PATIENCE;
    loop {
        match lock(database) {
            Err(StartError::Locked(_)) if Instant::now() < until => tokio::time::sleep(LOCK_AGAIN).await,
            taken => return taken,
        }
    }
}

/// Takes the lock beside the database.
pub(crate) fn lock(database: &Path) -> Result<Lock, StartError> {
    let path = lock::path_of(database).display().to_string();
    let taken = lock::take(database).map_err(|e| StartError::Folder(path, e))?;
    taken.ok_or_else(|| StartError::Locked(database.display().to_string()))
}
