//! Settings: defaults, then the file, then the environment, then flags; checked
//! once, their relations too.

mod database;
mod door;
mod file;
mod key;
mod policy;
mod retention;
mod triggers;
mod values;

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
use humantime::Duration as Span;

use crate::api::server::{Limits, TlsFiles};
use crate::delivery::Policy;
use crate::domain::network::Network;
use crate::domain::reach::Reach;
use crate::domain::retention::Retention;
use crate::store::vault::Key;
use crate::telemetry::{LogFormat, LogLevel};
use values::{Limit, List, NameServer, Size};

pub use database::Database;
pub use key::key;

/// The longest that a publish may wait, and the most that a person would.
const MAX_PUBLISH_WAIT: Duration = Duration::from_mins(1);

/// The largest body that may be allowed: what is queued for the writer holds it whole.
const MAX_MAX_BODY: ByteSize = ByteSize::mib(32);

/// Receivers have a day to take a new secret up.
const SECRET_OVERLAP: Duration = Duration::from_hours(24);

/// A former secret may not sign longer than this: then there is no point in a new one.
const MAX_SECRET_OVERLAP: Duration = Duration::from_hours(30 * 24);

/// The flags of `serve` and `config`, as they were typed or stood in the environment.
#[derive(Debug, Clone, Args)]
pub struct Flags {
    /// A TOML file with settings, under the names of the flags
    #[arg(long, env = "NYALA_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen; port 0 picks a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "NYALA_LISTEN", value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    #[command(flatten)]
    door: door::Door,
    /// The database file; its folder is made [default: data/nyala.db]
    #[arg(long, env = "NYALA_DATABASE", value_name = "FILE")]
    database: Option<PathBuf>,
    /// The largest that the database file may become: beyond it publishes are refused, so that they cannot fill the disk; its log takes up to 64 MiB more [default: unlimited]
    #[arg(long, env = "NYALA_DATABASE_LIMIT", value_name = "SIZE")]
    database_limit: Option<Limit>,
    /// Where hooks may point besides the public internet: loopback, private, a block such as 10.0.0.0/8, or *.example.com; repeatable
    #[arg(long, env = "NYALA_ALLOW_NETWORK", value_name = "NETWORK", value_delimiter = ',')]
    allow_network: Vec<Network>,
    /// Call hooks over https alone: an http URL is refused
    #[arg(long, env = "NYALA_HTTPS_ONLY", value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    https_only: Option<bool>,
    /// Whom to ask for the addresses of hooks, in place of the system's name servers and search domains; repeatable [default: the system's]
    #[arg(long, env = "NYALA_NAME_SERVER", value_name = "ADDRESS[:PORT]", value_delimiter = ',')]
    name_server: Vec<NameServer>,
    #[command(flatten)]
    policy: policy::Flags,
    /// How long a publish waits for first attempts unless it says otherwise [default: 0s]
    #[arg(long, env = "NYALA_PUBLISH_WAIT", value_name = "TIME")]
    publish_wait: Option<Span>,
    /// The largest body that is taken [default: 1 MiB]
    #[arg(long, env = "NYALA_MAX_BODY", value_name = "SIZE")]
    max_body: Option<Size>,
    #[command(flatten)]
    retention: retention::Flags,
    #[command(flatten)]
    triggers: triggers::Flags,
    /// How long a hook's former secret signs beside the one that took its place [default: 24h]
    #[arg(long, env = "NYALA_SECRET_OVERLAP", value_name = "TIME")]
    secret_overlap: Option<Span>,
    /// How logs look: human, json, or auto (human on a terminal) [default: auto]
    #[arg(long, env = "NYALA_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// What is logged: error, warn, info, debug, trace, or a filter such as `info,nyala::store=debug` [default: info]
    #[arg(long, env = "NYALA_LOG_LEVEL", value_name = "LEVEL")]
    log_level: Option<LogLevel>,
}

/// What `serve` goes by.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where to listen for gRPC, if it is served.
    pub grpc_listen: Option<SocketAddr>,
    /// The certificate, where clients come in over TLS.
    pub tls: Option<TlsFiles>,
    /// What clients are given: how many, how much, how long.
    pub limits: Limits,
    /// The database file.
    pub database: PathBuf,
    /// The largest that the database may become, in bytes.
    pub database_limit: Option<u64>,
    /// Where hooks may point besides the public internet.
    pub allow_network: Vec<Network>,
    /// Hooks are called over https alone.
    pub https_only: bool,
    /// Whom to ask for the addresses of hooks; the system's name servers if empty.
    pub name_servers: Vec<SocketAddr>,
    /// How delivery behaves.
    pub policy: Policy,
    /// How long a publish waits for first attempts unless it says otherwise.
    pub publish_wait: Duration,
    /// The largest body that is taken, in bytes.
    pub max_body: usize,
    /// How long things are kept, and how much of them.
    pub retention: Retention,
    /// How triggers are carried out.
    pub triggers: crate::domain::trigger::Policy,
    /// The URL by which others reach this server, if it is known.
    pub public_url: Option<String>,
    /// How long a former secret signs beside the one in its place.
    pub secret_overlap: Duration,
    /// What secrets are sealed with, where it is not in the file beside the database.
    pub key: Option<Key>,
    /// How logs look.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_level: LogLevel,
}

/// A setting as `nyala config` shows it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Shown {
    /// The flag's name without dashes in front.
    pub name: &'static str,
    /// Its value, as it could be typed.
    pub value: String,
    /// `default`, the file's name, `environment` or `flag`.
    pub origin: String,
}

/// A setting that cannot be used: which, where it came from, and the remedy.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl Flags {
    /// Puts all layers together. `matches` tell flags from the environment.
    ///
    /// # Errors
    /// Names the setting, where it came from and what would be right.
    pub fn resolve(self, matches: &ArgMatches) -> Result<(Settings, Vec<Shown>), ConfigError> {
        let file = self.config.as_deref().map(file::File::read).transpose()?;
        let mut layers = Layers { matches, file, shown: vec![] };
        let name_servers: List<NameServer> = layers.pick("name-server", list(self.name_server), List(vec![]))?;
        let listen = layers.pick("listen", self.listen, ([127, 0, 0, 1], 8080).into())?;
        let doors = layers.door(self.door)?;
        let triggers = layers.triggers(self.triggers)?;
        let settings = Settings {
            listen,
            grpc_listen: doors.grpc,
            tls: doors.tls,
            limits: doors.limits,
            database: layers.database(self.database)?,
            database_limit: layers.pick("database-limit", self.database_limit, Limit(None))?.bytes(),
            allow_network: layers.pick("allow-network", list(self.allow_network), List(vec![]))?.0,
            https_only: layers.pick("https-only", self.https_only, false)?,
            name_servers: name_servers.0.into_iter().map(|server| server.0).collect(),
            policy: layers.policy(self.policy)?,
            publish_wait: *layers.pick("publish-wait", self.publish_wait, Duration::ZERO.into())?,
            max_body: bytes(layers.pick("max-body", self.max_body, Size(ByteSize::mib(1)))?.0),
            retention: layers.retention(self.retention)?,
            triggers: triggers.policy,
            public_url: triggers.public_url,
            secret_overlap: *layers.pick("secret-overlap", self.secret_overlap, SECRET_OVERLAP.into())?,
            key: key()?,
            log_format: layers.pick("log-format", self.log_format, LogFormat::Auto)?,
            log_level: layers.pick("log-level", self.log_level, LogLevel::default())?,
        };
        if let Some(file) = &layers.file {
            file.only_known(&layers.shown.iter().map(|shown| shown.name).collect::<Vec<_>>())?;
        }
        check(&settings)?;
        Ok((settings, layers.shown))
    }
}

impl Settings {
    /// Where hooks may point.
    #[must_use]
    pub fn reach(&self) -> Reach {
        Reach { networks: self.allow_network.clone(), https_only: self.https_only }
    }
}

/// What was typed, if anything was.
fn list<T>(typed: Vec<T>) -> Option<List<T>> {
    Some(List(typed)).filter(|list| !list.0.is_empty())
}

struct Layers<'a> {
    matches: &'a ArgMatches,
    file: Option<file::File>,
    shown: Vec<Shown>,
}

impl Layers<'_> {
    /// The setting from the uppermost layer that has it.
    fn pick<T>(&mut self, name: &'static str, typed: Option<T>, default: T) -> Result<T, ConfigError>
    where
        T: FromStr<Err: Display> + Display,
    {
        let (value, origin) = match (typed, &self.file) {
            (Some(value), _) => (value, self.typed_where(name)),
            (None, Some(file)) => match file.get(name)? {
                Some(value) => (value, file.name()),
                None => (default, "default".to_owned()),
            },
            (None, None) => (default, "default".to_owned()),
        };
        self.shown.push(Shown { name, value: value.to_string(), origin });
        Ok(value)
    }

    fn typed_where(&self, name: &str) -> String {
        let id = name.replace('-', "_");
        match self.matches.value_source(&id) {
            Some(ValueSource::EnvVariable) => format!("environment (NYALA_{})", id.to_uppercase()),
            _ => "flag".to_owned(),
        }
    }
}

/// What each setting for itself cannot tell.
fn check(settings: &Settings) -> Result<(), ConfigError> {
    let wrong = [
        (settings.publish_wait > MAX_PUBLISH_WAIT, "publish-wait can be at most 60s"),
        (
            settings.secret_overlap > MAX_SECRET_OVERLAP,
            "secret-overlap can be at most 30d: a secret that leaked must end",
        ),
        (
            settings.max_body == 0 || settings.max_body > bytes(MAX_MAX_BODY),
            "max-body must be at least 1 byte and at most 32 MiB",
        ),
        (
            settings.database_limit.is_some_and(|limit| limit < least_limit(settings.max_body)),
            "database-limit must be at least 1 MiB and at least four times max-body: raise it, or lower --max-body",
        ),
    ];
    refuse(&wrong)
}

/// The first of these that is wrong.
fn refuse(wrong: &[(bool, &str)]) -> Result<(), ConfigError> {
    match wrong.iter().find(|(wrong, _)| *wrong) {
        Some((_, message)) => Err(ConfigError((*message).to_owned())),
        None => Ok(()),
    }
}

/// What an empty database takes, and room for the largest body.
fn least_limit(max_body: usize) -> u64 {
    ByteSize::mib(1).as_u64().max(4 * max_body as u64)
}

fn bytes(size: ByteSize) -> usize {
    usize::try_from(size.as_u64()).unwrap_or(usize::MAX)
}
