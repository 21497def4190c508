//! The whole service in process: on a port of its own, with a database of its
//! own, and a clock that the test moves.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nyala::api::server::Limits;
use nyala::clock::{Clock, ManualClock};
use nyala::config::Settings;
use nyala::delivery::Policy;
use nyala::domain::breaker::BreakerRules;
use nyala::domain::network::Network;
use nyala::domain::retention::Retention;
use nyala::domain::time::Timestamp;
use nyala::service::Service;
use nyala::store::vault::{Key, Vault};
use nyala::telemetry::{LogFormat, LogLevel};
use reqwest::{Method, Response};
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

/// How long anything that is waited for may take before the test fails.
pub const LIMIT: Duration = Duration::from_secs(20);

/// When every test begins.
pub const START: i64 = 1_700_000_000_000;

/// A running service. End each test with [`House::close`].
pub struct House {
    service: Option<Service>,
    folder: TempDir,
    settings: Settings,
    pub clock: ManualClock,
    pub client: reqwest::Client,
}

impl House {
    /// A house with the usual settings, but for short schedules and timeouts.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// A house with other settings.
    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = TempDir::new().expect("a folder for the database");
        let mut settings = settings(&folder.path().join("nyala.db"));
        change(&mut settings);
        let clock = ManualClock::at(Timestamp::from_millis(START));
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let service = Some(start(&settings, &clock).await);
        Self { service, folder, settings, clock, client }
    }

    /// Stops the service as SIGTERM does.
    pub async fn stop(&mut self) {
        let service = self.service.take().expect("a running service");
        within("the service stops", service.stop()).await;
    }

    /// Changes the settings for the next start.
    pub fn change(&mut self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings);
    }

    /// Starts the service again on the same database.
    pub async fn start_again(&mut self) {
        self.service = Some(start(&self.settings, &self.clock).await);
    }

    /// Stops the service and checks what must be true of any database that no
    /// service has open. A test that does not get here has failed already.
    pub async fn close(mut self) {
        if self.service.is_some() {
            self.stop().await;
        }
        check_database(&self.database(), self.clock.now());
    }

    /// Starts the service again with a clock that was set back.
    pub async fn start_again_earlier(&mut self, by: Duration) {
        self.clock = ManualClock::at(self.clock.now().minus(by));
        self.start_again().await;
    }

    /// Another key for the next start, as `NYALA_KEY` would hold it.
    pub fn set_key(&mut self, key: &str) {
        self.settings.key = Some(Key::parse(key).expect("a key"));
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("nyala.db")
    }

    /// An absolute URL on this service.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.service.as_ref().expect("a running service").url())
    }

    /// What this service goes by.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where this service speaks gRPC.
    pub fn grpc_url(&self) -> String {
        self.service.as_ref().and_then(Service::grpc_url).expect("a service that speaks gRPC")
    }

    /// A request with a JSON body, sent to the byte.
    pub async fn send(&self, method: Method, path: &str, body: &str) -> Response {
        let request = self.client.request(method, self.url(path));
        let request = request.header("content-type", "application/json").body(body.to_owned());
        within("an answer", request.send()).await.expect("an answer")
    }

    pub async fn get(&self, path: &str) -> Response {
        within("an answer", self.client.get(self.url(path)).send()).await.expect("an answer")
    }

    /// A GET that is answered with 200 and JSON.
    pub async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), 200, "GET {path}");
        response.json().await.expect("JSON")
    }

    /// Subscribes a URL to an event through Kudu's API; answers the hook as it will be
    /// shown from then on: its secret is shown but once.
    pub async fn subscribe(&self, url: &str, event: &str) -> Value {
        let body = serde_json::json!({"url": url, "event": event}).to_string();
        let response = self.send(Method::POST, "/api/hooks", &body).await;
        assert_eq!(response.status(), 201);
        without_secret(response.json().await.expect("a hook"))
    }

    /// Publishes through Kudu's API; answers what it was told.
    pub async fn publish(&self, event: &str, payload: &str) -> Value {
        let response = self.send(Method::POST, &format!("/api/hooks/publish/{event}"), payload).await;
        assert_eq!(response.status(), 200);
        response.json().await.expect("an answer")
    }

    /// Publishes and waits until every first attempt is on record.
    pub async fn publish_and_wait(&self, event: &str, payload: &str) -> Value {
        let request = self.client.post(self.url(&format!("/api/hooks/publish/{event}")));
        let request = request.header("content-type", "application/json").header("prefer", "wait=60");
        let response = within("first attempts", request.body(payload.to_owned()).send()).await.expect("an answer");
        assert_eq!(response.status(), 200);
        response.json().await.expect("an answer")
    }

    /// Asks until `path` answers with JSON that `fits`; answers it.
    pub async fn until(&self, path: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let asking = async {
            loop {
                let value = self.json(path).await;
                if fits(&value) {
                    return value;
                }
                tokio::task::yield_now().await;
            }
        };
        let Ok(value) = tokio::time::timeout(LIMIT, asking).await else {
            panic!("GET {path} never answered what was waited for: {}", self.json(path).await)
        };
        value
    }
}

impl Drop for House {
    fn drop(&mut self) {
        assert!(self.service.is_none() || std::thread::panicking(), "a test must close its house");
    }
}

/// An answer as it is given when it is asked for again.
pub fn without_secret(mut answer: Value) -> Value {
    answer.as_object_mut().map(|fields| fields.remove("secret"));
    answer
}

/// Waits for something that must happen soon.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

fn settings(database: &Path) -> Settings {
    Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        grpc_listen: None,
        tls: None,
        limits: Limits::default(),
        database: database.to_owned(),
        database_limit: None,
        allow_network: vec![Network::Loopback],
        https_only: false,
        name_servers: vec![],
        policy: Policy {
            retry_schedule: "10s,60s".parse().expect("a schedule"),
            timeout: Duration::from_secs(5),
            workers: 64,
            workers_per_hook: 4,
            breaker_failures: 5,
            breaker_pause_after: Duration::from_hours(5 * 24),
        },
        publish_wait: Duration::ZERO,
        max_body: 1 << 20,
        retention: Retention {
            finished: "30d".parse().expect("an age"),
            owed: "30d".parse().expect("an age"),
            audit: "365d".parse().expect("an age"),
            bytes: None,
        },
        triggers: nyala::domain::trigger::Policy::default(),
        public_url: None,
        secret_overlap: Duration::from_hours(24),
        key: None,
        log_format: LogFormat::Auto,
        log_level: LogLevel::default(),
    }
}

/// How breakers work where no service says otherwise.
pub fn rules() -> BreakerRules {
    settings(Path::new("nowhere")).policy.breaker_rules()
}

/// A vault for databases that no service opens.
pub fn vault() -> Arc<Vault> {
    let key = Key::parse(&"5a".repeat(32)).expect("a key");
    Arc::new(Vault::given(key))
}

async fn start(settings: &Settings, clock: &ManualClock) -> Service {
    let starting = Service::start(settings, Arc::new(clock.clone()));
    within("the service starts", starting).await.expect("a service")
}

/// A delivery that nobody will ever look at again is lost: after a stop none is
/// leased, and each pending one stands in a queue that is looked at in time.
pub fn check_database(path: &Path, now: Timestamp) {
    let conn = Connection::open(path).expect("the database");
    let count = |sql: &str| conn.query_row(sql, [now.millis()], |row| row.get::<_, i64>(0)).expect("a count");
    assert_eq!(count("SELECT count(*) FROM deliveries WHERE state = 1 AND ?1 > 0"), 0, "deliveries left leased");
    let lost = "SELECT count(*) FROM deliveries AS d
                WHERE state = 0 AND due_at IS NOT NULL
                  AND NOT EXISTS (SELECT 1 FROM hook_queues AS q WHERE q.hook_id = d.hook_id AND q.due_at <= max(d.due_at, ?1, q.not_before))
                  AND NOT EXISTS (SELECT 1 FROM removals AS r WHERE r.hook_id = d.hook_id)";
    assert_eq!(count(lost), 0, "deliveries that no claim would find");
    let stuck = "SELECT count(*) FROM deliveries AS d
                 WHERE state = 0 AND due_at IS NULL AND ?1 > 0
                   AND NOT EXISTS (SELECT 1 FROM turns AS own JOIN turns AS first USING (hook_id, line)
                                   WHERE own.delivery = d.seq AND first.delivery < d.seq)
                   AND NOT EXISTS (SELECT 1 FROM removals AS r WHERE r.hook_id = d.hook_id)";
    assert_eq!(count(stuck), 0, "deliveries whose turn would never come");
    let check: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
    assert_eq!(check, "ok");
}
