//! `nyala serve`

use std::io;
use std::sync::Arc;

use clap::ArgMatches;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::Failure;
use super::output;
use super::stop::Stop;
use crate::api::server::GRPC_CONNECTIONS;
use crate::clock::SystemClock;
use crate::config::{Flags, Settings};
use crate::service::Service;
use crate::telemetry;

/// Serves until SIGTERM or SIGINT, then stops in order; a second signal ends it at once.
///
/// # Errors
/// A setting cannot be used, or the service cannot start.
pub(super) async fn run(flags: Flags, matches: &ArgMatches) -> Result<(), Failure> {
    let (settings, _) = flags.resolve(matches).map_err(|e| Failure::usage(e.to_string()))?;
    serve(settings, async |_| Ok(())).await
}

/// Serves by these settings, and does something first, before it is said that it serves.
///
/// # Errors
/// The service cannot start, or what is done first fails.
pub(super) async fn serve(
    mut settings: Settings,
    first: impl AsyncFnOnce(&Service) -> Result<(), Failure>,
) -> Result<(), Failure> {
    telemetry::start(settings.log_format, &settings.log_level);
    super::private_files();
    prepare_process();
    leave_descriptors(&mut settings);
    let no_signals = |e| Failure::failed(format!("cannot wait for signals: {e}"));
    let (mut stop, mut reload) = (Stop::new().map_err(no_signals)?, Reload::new().map_err(no_signals)?);
    let started = Service::start(&settings, Arc::new(SystemClock::default())).await;
    let service = started.map_err(|e| Failure::failed(e.to_string()))?;
    if let Err(failure) = first(&service).await {
        service.stop().await;
        return Err(failure);
    }
    // Whoever started us may not read what we say.
    let _ = output::emit(&format!("listening on {}", service.url()));
    if let Some(url) = service.grpc_url() {
        let _ = output::emit(&format!("listening for gRPC on {url}"));
    }
    tracing::info!(address = %service.address(), database = %settings.database.display(), "serving");
    loop {
        tokio::select! {
            () = stop.asked() => break,
            () = reload.asked() => service.reload(),
        }
    }
    tracing::info!("stopping");
    tokio::select! {
        () = service.stop() => tracing::info!("stopped"),
        () = stop.asked() => tracing::warn!("stopped at once: the next start takes up what was in flight"),
    }
    Ok(())
}

/// Catches SIGHUP, also where there is no certificate to read again: whoever sends it
/// means no end, least of all one in the middle of things.
struct Reload(Signal);

impl Reload {
    fn new() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Ends when somebody asks; may be waited for again.
    async fn asked(&mut self) {
        self.0.recv().await;
    }
}

/// Descriptors that are neither a client's connection nor an attempt's: the database
/// and its readers, logs, names being looked up, clients that are turned away.
const OTHER_DESCRIPTORS: usize = 128;

/// So many connections there may be at least, whatever that leaves.
const LEAST_CONNECTIONS: usize = 64;

/// Clients may take no descriptors that attempts need; where that would leave them too few, half of all.
fn leave_descriptors(settings: &mut Settings) {
    let Some(limit) = getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok()) else {
        return;
    };
    let grpc = if settings.grpc_listen.is_some() { GRPC_CONNECTIONS } else { 0 };
    let left = limit.saturating_sub(settings.policy.workers + OTHER_DESCRIPTORS + grpc);
    let left = left.max(limit / 2).max(LEAST_CONNECTIONS);
    if left < settings.limits.max_connections {
        settings.limits.max_connections = left;
        tracing::info!(
            left,
            limit,
            "there will be fewer connections than --max-connections: raise the limit of open files"
        );
    }
}

/// Every connection is a descriptor: as many as this user may have.
fn prepare_process() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, "the limit of open files stays as it was");
    }
}
