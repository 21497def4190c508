//! Puts the house together and takes it apart.

mod keeping;
mod opening;
mod works;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::api::server::{self, Tls, TlsError};
use crate::clock::Clock;
use crate::config::Settings;
use crate::delivery::guard::Guard;
use crate::delivery::sender::Sender;
use crate::store::StoreError;
use crate::store::db::Db;
use crate::store::known_tokens::KnownTokens;
use crate::store::lock::Lock;
use crate::store::room::Room;
use crate::store::vault::Vault;
use opening::{check_open, listen, lock_soon, real_path};
use works::{Works, take_up};

pub(crate) use opening::lock;

/// How long requests and attempts in flight may take to end after a stop.
const GRACE: Duration = Duration::from_secs(6);

/// How long giving back what did not end may take after that, and how long
/// closing the database: together less than the ten seconds that a stop may take.
const RELEASE: Duration = Duration::from_millis(1500);

/// Why a service did not start: what is wrong and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {1} ({2}): choose another with --{0}")]
    Listen(&'static str, SocketAddr, std::io::Error),
    /// The database's folder or lock cannot be made.
    #[error("cannot use {0} ({1}): check that this user may write there, or choose another file with --database")]
    Folder(String, std::io::Error),
    /// Another server has the database.
    #[error("another nyala serves {0} already: stop that one, or choose another file with --database")]
    Locked(String),
    /// Anybody could come in from elsewhere.
    #[error(
        "{0} can be reached from other machines, and no token was ever made for {1}: make one with `nyala token create \
         NAME --scope admin --database {1}`, or listen on 127.0.0.1"
    )]
    Open(SocketAddr, String),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A whole Nyala, running.
pub struct Service {
    address: SocketAddr,
    grpc_address: Option<SocketAddr>,
    tls: Option<Arc<Tls>>,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    grpc: Option<JoinHandle<()>>,
    dispatcher: JoinHandle<()>,
    gatekeeper: JoinHandle<()>,
    replayer: JoinHandle<()>,
    runner: JoinHandle<()>,
    outgoing: JoinHandle<()>,
    sweeper: JoinHandle<()>,
    tokens: JoinHandle<()>,
    db: Db,
    clock: Arc<dyn Clock>,
    /// Held for as long as the service has the database; the kernel lets go of
    /// it whichever way the process ends.
    lock: Lock,
}

impl Service {
    /// Opens the database, takes back what a former process held, and begins to
    /// listen and to deliver.
    ///
    /// # Errors
    /// Says what is in the way and what to do.
    pub async fn start(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let tls = settings.tls.clone().map(|files| Tls::load(files, clock.now())).transpose()?.map(Arc::new);
        let (listener, address) = listen("listen", settings.listen)?;
        let grpc = settings.grpc_listen.map(|at| listen("grpc-listen", at)).transpose()?;
        let grpc_address = grpc.as_ref().map(|(_, address)| *address);
        let database = real_path(&settings.database)?;
        let lock = lock_soon(&database).await?;
        let room = Arc::new(Room::new(settings.policy.workers_per_hook));
        let rules = settings.policy.breaker_rules();
        let vault = settings.key.clone().map_or_else(|| Vault::beside(&database), Vault::given);
        let (db, handover) = Db::open_with_limit(&database, settings.database_limit, room, rules, vault.into())?;
        let guard = Guard::new(settings.reach(), settings.name_servers.clone(), settings.policy.timeout);
        let sender = Arc::new(Sender::new(&guard, settings.policy.timeout, settings.policy.workers));
        take_up(&db, clock.now()).await?;
        let tokens = Arc::new(KnownTokens::of(db.clone()).await?);
        check_open([Some(address), grpc_address], settings, &tokens)?;
        let stop = watch::Sender::new(false);
        let works = Works::new(db.clone(), clock.clone(), tokens.clone());
        let (app, limits) = (works.app(settings, sender.clone(), stop.subscribe()), settings.limits.clone());
        let grpc = grpc.map(|(listener, _)| {
            let (app, tls, limits, stop) = (app.clone(), tls.clone(), limits.clone(), stop.subscribe());
            tokio::spawn(async move { server::serve_grpc(listener, app, tls, &limits, stop).await })
        });
        Ok(Self {
            address,
            grpc_address,
            grpc,
            server: tokio::spawn(server::serve(listener, app, tls.clone(), limits, stop.subscribe())),
            tls,
            dispatcher: tokio::spawn(works.dispatcher(handover, sender.clone(), settings).run(stop.subscribe())),
            gatekeeper: tokio::spawn(works.gatekeeper().run(stop.subscribe())),
            replayer: tokio::spawn(works.replayer().run(stop.subscribe())),
            runner: tokio::spawn(works.runner(settings).run(stop.subscribe())),
            outgoing: tokio::spawn(works.outgoing(sender, settings).run(stop.subscribe())),
            sweeper: tokio::spawn(works.sweeper(settings).run(stop.subscribe())),
            tokens: tokio::spawn(tokens.watch(clock.clone(), stop.subscribe())),
            stop,
            db,
            clock,
            lock,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens for gRPC, if it does.
    #[must_use]
    pub fn grpc_address(&self) -> Option<SocketAddr> {
        self.grpc_address
    }

    /// Its URL, by its address.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(self.address)
    }

    /// That of gRPC, if it is served.
    #[must_use]
    pub fn grpc_url(&self) -> Option<String> {
        self.grpc_address.map(|address| self.url_at(address))
    }

    fn url_at(&self, address: SocketAddr) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{address}")
    }

    /// Reads the certificate again; connections that are there keep what they have.
    pub fn reload(&self) {
        let Some(tls) = &self.tls else {
            tracing::info!("there is no certificate to read again: SIGHUP changes nothing");
            return;
        };
        tls.reload(self.clock.now());
    }

    /// Stops accepting, lets what is in flight end for a while, gives back the
    /// rest and closes the database; within ten seconds.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let deadline = Instant::now() + GRACE;
        let upkeep = [
            ("gatekeeper", self.gatekeeper),
            ("replayer", self.replayer),
            ("runner", self.runner),
            ("outgoing", self.outgoing),
            ("sweeper", self.sweeper),
            ("tokens", self.tokens),
        ];
        let tasks = [("server", self.server), ("dispatcher", self.dispatcher)].into_iter().chain(upkeep);
        let tasks = self.grpc.map(|grpc| ("grpc", grpc)).into_iter().chain(tasks);
        for (name, mut task) in tasks {
            if tokio::time::timeout_at(deadline, &mut task).await.is_err() {
                tracing::warn!(task = name, "did not end in time; what it was doing is given back");
                task.abort();
            }
        }
        let now = self.clock.now();
        let given_back = tokio::time::timeout(RELEASE, self.db.write(move |store| store.take_back(now, true))).await;
        if !matches!(given_back, Ok(Ok(_))) {
            tracing::warn!("what was leased could not be given back; the next start takes it back");
        }
        let db = self.db;
        let closing = tokio::task::spawn_blocking(move || db.close());
        if !matches!(tokio::time::timeout(RELEASE, closing).await, Ok(Ok(()))) {
            tracing::error!("the database was not closed in order; the next start repairs it");
        }
        drop(self.lock);
    }
}
