//! From a name to addresses.
//!
//! Not by getaddrinfo, which takes a thread a question: hundreds of names that
//! nobody answers for would keep all who need threads waiting, readers of the store
//! among them.

mod name_servers;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use hickory_resolver::Hosts;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::system_conf::parse_resolv_conf;

use self::name_servers::NameServers;
use crate::domain::reach::{LOCALHOST, is_localhost};

/// The longest that a look-up may take. Half an attempt if that is less: it must be
/// known whether name servers or the receiver kept silent.
const LIMIT: Duration = Duration::from_secs(4);

/// The longest that an answer is believed, whatever it says itself.
const KEPT: Duration = Duration::from_mins(1);

/// The longest that a name is believed not to exist.
const KEPT_ABSENT: Duration = Duration::from_secs(5);

/// Look-ups in flight over one TCP connection to a name server.
const MAX_IN_FLIGHT: usize = 1024;

/// Where a system says whom to ask, and what it knows itself.
struct Files {
    resolv_conf: PathBuf,
    hosts: PathBuf,
}

/// Why a name led nowhere.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unresolved {
    /// The receiver's trouble.
    #[error("{0} does not exist, or has no address")]
    Absent(String),
    /// The receiver's trouble, too: name servers answer, for other names.
    #[error("{0} cannot be looked up: its name servers do not answer ({1})")]
    Unanswered(String, String),
    /// Ours, as far as anybody can tell.
    #[error("no name server answers for {0}: {1}")]
    Silent(String, String),
}

/// Looks names up: in the hosts file, then at name servers. Notices when the
/// system's files change, as they do when a laptop moves to another network.
pub(super) struct Resolver {
    files: Files,
    servers: Vec<SocketAddr>,
    limit: Duration,
    system: Mutex<(Stamps, Arc<System>)>,
}

impl Resolver {
    /// Asks these servers, or those of the system if there are none, for attempts
    /// that take at most `timeout`.
    pub(super) fn new(servers: Vec<SocketAddr>, timeout: Duration) -> Self {
        let files = Files { resolv_conf: "/etc/resolv.conf".into(), hosts: "/etc/hosts".into() };
        Self::reading(files, servers, timeout)
    }

    fn reading(files: Files, servers: Vec<SocketAddr>, timeout: Duration) -> Self {
        let limit = LIMIT.min(timeout / 2);
        let system = Mutex::new((files.stamps(), Arc::new(System::read(&files, &servers, limit))));
        Self { files, servers, limit, system }
    }

    /// All addresses of a name, those of IPv6 first: who connects tries both families.
    pub(super) async fn look_up(&self, host: &str) -> Result<Vec<IpAddr>, Unresolved> {
        if is_localhost(host) {
            return Ok(LOCALHOST.to_vec());
        }
        let absent = || Unresolved::Absent(host.to_owned());
        let name = Name::from_ascii(host).map_err(|_| absent())?;
        let system = self.system();
        if let Some(found) = system.in_hosts(&name) {
            return Ok(found);
        }
        let why = match tokio::time::timeout(self.limit, system.ask(&name)).await {
            Ok(Ok(found)) if found.is_empty() => return Err(absent()),
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(why)) => why,
            Err(_) => format!("nothing within {}", humantime::format_duration(self.limit)),
        };
        Err(match &system.dns {
            Ok(servers) if servers.answer().await => Unresolved::Unanswered(host.to_owned(), why),
            _ => Unresolved::Silent(host.to_owned(), why),
        })
    }

    /// What the system's files say now. Two looks at the file system, where a
    /// connection is made anyway.
    fn system(&self) -> Arc<System> {
        let mut known = self.system.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.files.stamps();
        if known.0 != now {
            *known = (now, Arc::new(System::read(&self.files, &self.servers, self.limit)));
        }
        known.1.clone()
    }
}

/// Which edition of the files was read.
type Stamps = [Option<(SystemTime, u64)>; 2];

impl Files {
    fn stamps(&self) -> Stamps {
        [&self.resolv_conf, &self.hosts].map(|path| {
            let file = path.metadata().ok()?;
            Some((file.modified().ok()?, file.len()))
        })
    }

    /// The name servers to ask, and how.
    fn configuration(&self, servers: &[SocketAddr]) -> Result<(ResolverConfig, ResolverOpts), String> {
        if servers.is_empty() {
            let path = self.resolv_conf.display();
            let text = std::fs::read(&self.resolv_conf).map_err(|error| format!("{path} cannot be read ({error})"))?;
            return parse_resolv_conf(text).map_err(|error| format!("{path} cannot be gone by ({error})"));
        }
        let servers = servers.iter().map(|server| {
            let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
            for connection in &mut connections {
                connection.port = server.port();
            }
            NameServerConfig::new(server.ip(), true, connections)
        });
        Ok((ResolverConfig::from_name_servers(servers.collect()), ResolverOpts::default()))
    }
}

/// What the system's files say of names.
struct System {
    hosts: Hosts,
    search: Vec<Name>,
    /// A name with so many dots is asked for as it stands first.
    dots: usize,
    dns: Result<NameServers, String>,
}

impl System {
    fn read(files: &Files, servers: &[SocketAddr], limit: Duration) -> Self {
        let mut hosts = Hosts::default();
        // A machine without the file knows no names by itself, which is no trouble.
        if let Ok(text) = std::fs::read(&files.hosts) {
            let _ = hosts.read_hosts_conf(&*text);
        }
        let (config, options) = match files.configuration(servers) {
            Ok(read) => read,
            Err(why) => {
                tracing::warn!("{why}: hooks that name their host wait; mend it, or name a --name-server");
                return Self { hosts, search: vec![], dots: 1, dns: Err(why) };
            }
        };
        let (search, dots) = (config.search().to_vec(), options.ndots);
        let dns = NameServers::new(&config, tuned(options, limit), limit / 2);
        Self { hosts, search, dots, dns }
    }

    /// Its addresses in the hosts file, which goes before name servers.
    fn in_hosts(&self, name: &Name) -> Option<Vec<IpAddr>> {
        let found = [RecordType::AAAA, RecordType::A].into_iter().filter_map(|family| {
            let lookup = self.hosts.lookup_static_host(&Query::query(name.clone(), family))?;
            Some(lookup.answers().iter().filter_map(|record| record.data.ip_addr()).collect::<Vec<_>>())
        });
        Some(found.flatten().collect::<Vec<_>>()).filter(|all| !all.is_empty())
    }

    /// Asks for a name under each domain that is searched. A name that one server
    /// could not tell about is not said to be absent because another did not exist.
    async fn ask(&self, name: &Name) -> Result<Vec<IpAddr>, String> {
        let servers = self.dns.as_ref().map_err(String::clone)?;
        let mut silence = None;
        for candidate in self.candidates(name) {
            match servers.addresses(&candidate).await {
                Ok(found) if found.is_empty() => {}
                Ok(found) => return Ok(found),
                Err(why) => silence = Some(why),
            }
        }
        silence.map_or(Ok(vec![]), Err)
    }

    /// The full names that a name may mean, in the order of resolv.conf(5).
    fn candidates(&self, name: &Name) -> Vec<Name> {
        let full = |mut name: Name| {
            name.set_fqdn(true);
            name
        };
        let as_it_stands = full(name.clone());
        if name.is_fqdn() {
            return vec![as_it_stands];
        }
        let searched = self.search.iter().filter_map(|domain| name.clone().append_domain(domain).ok()).map(full);
        let mut all: Vec<_> = searched.collect();
        let first = usize::from(name.num_labels()) > self.dots;
        all.insert(if first { 0 } else { all.len() }, as_it_stands);
        all
    }
}

fn tuned(options: ResolverOpts, limit: Duration) -> ResolverOpts {
    let mut tuned = options;
    // So that a lost packet leaves time for another.
    tuned.timeout = tuned.timeout.min(limit / 2);
    tuned.positive_max_ttl = Some(KEPT);
    tuned.negative_max_ttl = Some(KEPT_ABSENT);
    tuned.max_active_requests = MAX_IN_FLIGHT;
    tuned
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn resolver(folder: &TempDir) -> Resolver {
        let files = Files { resolv_conf: folder.path().join("resolv.conf"), hosts: folder.path().join("hosts") };
        Resolver::reading(files, vec![], Duration::from_secs(10))
    }

    #[test]
    fn a_name_is_searched_for_as_resolv_conf_has_it() {
        let folder = TempDir::new().unwrap();
        let text = "search one.test two.test\nnameserver 192.0.2.1\noptions ndots:2\n";
        std::fs::write(folder.path().join("resolv.conf"), text).unwrap();
        let system = resolver(&folder).system();

        let candidates = |name: &str| {
            let all = system.candidates(&Name::from_ascii(name).unwrap());
            all.iter().map(ToString::to_string).collect::<Vec<_>>()
        };

        assert_eq!(candidates("db"), ["db.one.test.", "db.two.test.", "db."]);
        assert_eq!(candidates("a.db"), ["a.db.one.test.", "a.db.two.test.", "a.db."]);
        assert_eq!(candidates("a.b.db"), ["a.b.db.", "a.b.db.one.test.", "a.b.db.two.test."]);
        assert_eq!(candidates("db."), ["db."]);
    }

    #[tokio::test]
    async fn the_hosts_file_is_enough_and_is_read_again_when_it_changes() {
        let folder = TempDir::new().unwrap();
        let resolver = resolver(&folder);
        let silent = resolver.look_up("shop.test").await;

        std::fs::write(folder.path().join("hosts"), "192.0.2.7 Shop.Test\n2001:db8::7 shop.test # both\n").unwrap();
        let known = resolver.look_up("shop.test").await.unwrap();

        assert!(matches!(silent, Err(Unresolved::Silent(_, why)) if why.contains("resolv.conf cannot be read")));
        assert_eq!(known, ["2001:db8::7".parse::<IpAddr>().unwrap(), "192.0.2.7".parse().unwrap()]);
    }
}
