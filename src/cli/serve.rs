//! `nyala serve`

use std::sync::Arc;

use clap::ArgMatches;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::exit::Failure;
use super::output;
use super::stop::Stop;
use crate::clock::SystemClock;
use crate::config::Flags;
use crate::service::Service;
use crate::telemetry;

/// Serves until SIGTERM or SIGINT, then stops in order; a second signal ends it at once.
///
/// # Errors
/// A setting cannot be used, or the service cannot start.
pub(super) async fn run(flags: Flags, matches: &ArgMatches) -> Result<(), Failure> {
    let (settings, _) = flags.resolve(matches).map_err(|e| Failure::usage(e.to_string()))?;
    telemetry::start(settings.log_format, &settings.log_level);
    super::private_files();
    prepare_process();
    let mut stop = Stop::new().map_err(|e| Failure::failed(format!("cannot wait for signals: {e}")))?;
    let started = Service::start(&settings, Arc::new(SystemClock::default())).await;
    let service = started.map_err(|e| Failure::failed(e.to_string()))?;
    // Whoever started us may not read what we say.
    let _ = output::emit(&format!("listening on http://{}", service.address()));
    tracing::info!(address = %service.address(), database = %settings.database.display(), "serving");
    stop.asked().await;
    tracing::info!("stopping");
    tokio::select! {
        () = service.stop() => tracing::info!("stopped"),
        () = stop.asked() => tracing::warn!("stopped at once: the next start takes up what was in flight"),
    }
    Ok(())
}

/// Every connection is a descriptor: as many as this user may have.
fn prepare_process() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, "the limit of open files stays as it was");
    }
}
