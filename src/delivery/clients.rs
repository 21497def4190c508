//! HTTP clients: one for each way to speak TLS, made once.

use std::hash::Hash;
use std::time::Duration;

use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::connector::{Connector, Connectors};
use super::guard::Guard;
use super::payload::Payload;
use super::tls::Tls;
use crate::domain::certificate::TlsIdentity;
use crate::domain::id::HookId;

/// At most so much of an answer's headers is read, and of its body; the connection is
/// closed on more.
pub(super) const READ_BYTES: usize = 64 << 10;

/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(30);

/// So many clients for hooks with certificates are kept; then the one that was used
/// least recently goes, and its connections when they are done.
const CLIENTS: u64 = 1000;

/// How long such a client is kept that nobody uses: a private key that was replaced
/// leaves memory, too.
const CLIENT_IDLE: Duration = Duration::from_mins(10);

pub(super) type HttpClient = Client<Connector, Full<Payload>>;

/// The clients. No two have a connection or a TLS session in common, because whom
/// one trusts another may not, and what one shows is another's.
pub(super) struct Clients {
    checking: HttpClient,
    accepting_any: HttpClient,
    /// By the digest of their certificates, and whether they accept any server's.
    own: Cache<([u8; 32], bool), HttpClient>,
    /// Those that ask, by hook: what is left on a connection by one receiver, or by a
    /// delivery, must not be another's answer.
    asking: Cache<(HookId, Option<[u8; 32]>, bool), HttpClient>,
    /// Makes a connection for each request.
    calling: HttpClient,
    connectors: Connectors,
    tls: Tls,
    workers: usize,
}

impl Clients {
    /// Clients that connect where the guard lets them. Many hooks may share a host, so
    /// each keeps as many idle connections to one as there are workers: closing and
    /// opening them costs more than the requests.
    pub(super) fn new(guard: &Guard, timeout: Duration, workers: usize) -> Self {
        let (tls, connectors) = (Tls::new(), Connectors::new(guard, timeout));
        Self {
            checking: client(connectors.with(tls.usual(false)), workers),
            accepting_any: client(connectors.with(tls.usual(true)), workers),
            own: cache(),
            asking: cache(),
            calling: client(connectors.with(tls.usual(false)), 0),
            connectors,
            tls,
            workers,
        }
    }

    /// The client of all hooks that have no certificates of their own.
    pub(super) fn usual(&self, insecure_ssl: bool) -> &HttpClient {
        if insecure_ssl { &self.accepting_any } else { &self.checking }
    }

    /// The client that asks this hook.
    pub(super) fn asking(&self, hook: HookId, identity: Option<&TlsIdentity>, insecure_ssl: bool) -> HttpClient {
        let make = || {
            let tls = identity.map_or_else(|| self.tls.usual(insecure_ssl), |own| self.tls.of(own, insecure_ssl));
            client(self.connectors.with(tls), self.workers)
        };
        self.asking.get_with((hook, identity.map(TlsIdentity::digest), insecure_ssl), make)
    }

    /// The client of all calls of triggers.
    pub(super) fn calling(&self) -> &HttpClient {
        &self.calling
    }

    /// The client of all hooks that have these certificates.
    pub(super) fn of(&self, identity: &TlsIdentity, insecure_ssl: bool) -> HttpClient {
        let make = || client(self.connectors.with(self.tls.of(identity, insecure_ssl)), self.workers);
        self.own.get_with((identity.digest(), insecure_ssl), make)
    }
}

fn cache<K: Hash + Eq + Send + Sync + 'static>() -> Cache<K, HttpClient> {
    let cache = Cache::builder().max_capacity(CLIENTS).time_to_idle(CLIENT_IDLE);
    cache.eviction_policy(EvictionPolicy::lru()).build()
}

fn client(connector: Connector, workers: usize) -> HttpClient {
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(workers)
        .http1_max_buf_size(READ_BYTES)
        .build(connector)
}
