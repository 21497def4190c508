//! Name servers: what they say of a name, and whether they say anything at all.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::{Either, ready, select};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RecordType};
use tokio::sync::Mutex;

/// Once a name has addresses of one family, those of the other are waited for so long.
const OTHER_FAMILY: Duration = Duration::from_millis(200);

/// So long it is believed that the servers answer, or do not. Short: when they fall
/// silent, what fails until then is held against receivers.
const BELIEVED: Duration = Duration::from_secs(10);

/// The servers to ask.
pub(super) struct NameServers {
    dns: TokioResolver,
    /// Asks the same ones, and remembers nothing.
    forgetful: TokioResolver,
    /// How long it may take to find out whether they answer.
    limit: Duration,
    since: Instant,
    /// When they last answered, in milliseconds after `since`; 0 if never.
    answered: AtomicU64,
    /// When they were last asked whether they do.
    asked: Mutex<Option<Instant>>,
}

impl NameServers {
    /// Gives them so long to show that they answer.
    pub(super) fn new(config: &ResolverConfig, options: ResolverOpts, limit: Duration) -> Result<Self, String> {
        let build = |options| {
            let builder = TokioResolver::builder_with_config(config.clone(), TokioRuntimeProvider::default());
            builder.with_options(options).build().map_err(|error| error.to_string())
        };
        let mut forgetful = options.clone();
        forgetful.cache_size = 0;
        let (dns, forgetful) = (build(options)?, build(forgetful)?);
        let (since, answered, asked) = (Instant::now(), AtomicU64::new(0), Mutex::new(None));
        Ok(Self { dns, forgetful, limit, since, answered, asked })
    }

    /// Addresses of both families; none if all name servers agree that there are none.
    pub(super) async fn addresses(&self, name: &Name) -> Result<Vec<IpAddr>, String> {
        let v6 = pin!(self.addresses_of(name, RecordType::AAAA));
        let v4 = pin!(self.addresses_of(name, RecordType::A));
        let (one, other) = match select(v6, v4).await {
            Either::Left((one, other)) => (one, Either::Left(other)),
            Either::Right((one, other)) => (one, Either::Right(other)),
        };
        let other = match &one {
            Ok(found) if !found.is_empty() => tokio::time::timeout(OTHER_FAMILY, other).await.unwrap_or(Ok(vec![])),
            _ => other.await,
        };
        match (one, other) {
            (Ok(mut found), Ok(more)) => {
                found.extend(more);
                found.sort_by_key(IpAddr::is_ipv4);
                Ok(found)
            }
            (Ok(found), Err(_)) | (Err(_), Ok(found)) if !found.is_empty() => Ok(found),
            (Err(why), _) | (_, Err(why)) => Err(why),
        }
    }

    /// Addresses of one family; why not, if no name server can tell.
    async fn addresses_of(&self, name: &Name, family: RecordType) -> Result<Vec<IpAddr>, String> {
        let asking = pin!(self.dns.lookup(name.clone(), family));
        // What is known at once was remembered: it does not show that anybody answers.
        let (answer, fresh) = match select(asking, ready(())).await {
            Either::Left((known, _)) => (known, false),
            Either::Right(((), asking)) => (asking.await, true),
        };
        let found = match answer {
            Ok(lookup) => lookup.answers().iter().filter_map(|record| record.data.ip_addr()).collect(),
            Err(error) if error.is_no_records_found() => vec![],
            Err(error) => return Err(error.to_string()),
        };
        if fresh {
            self.have_answered();
        }
        Ok(found)
    }

    /// Whether they answer anybody: for some name they did lately, or they tell now who
    /// serves the root, which all who can be asked for any name can tell.
    pub(super) async fn answer(&self) -> bool {
        if self.answered_lately() {
            return true;
        }
        let mut asked = self.asked.lock().await;
        // Whoever waited here finds what the one before found.
        if self.answered_lately() || asked.is_some_and(|at| at.elapsed() < BELIEVED) {
            return self.answered_lately();
        }
        *asked = Some(Instant::now());
        let asking = self.forgetful.lookup(Name::root(), RecordType::NS);
        let answers = match tokio::time::timeout(self.limit, asking).await {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => error.is_no_records_found(),
            Err(_) => false,
        };
        if answers {
            self.have_answered();
        }
        answers
    }

    fn have_answered(&self) {
        self.answered.store(self.now(), Ordering::Relaxed);
    }

    fn answered_lately(&self) -> bool {
        let answered = self.answered.load(Ordering::Relaxed);
        answered != 0 && Duration::from_millis(self.now().saturating_sub(answered)) < BELIEVED
    }

    /// Milliseconds, from 1 on.
    fn now(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }
}
