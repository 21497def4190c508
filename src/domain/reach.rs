//! Where hooks may point, and why not elsewhere.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::Invalid;
use super::address::{Class, embedded};
use super::network::Network;
use super::url::{HookUrl, Host};

/// The rules: the public internet, and what else an operator opened.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// What is open besides the public internet.
    pub networks: Vec<Network>,
    /// Nothing goes out over plain http.
    pub https_only: bool,
}

/// An address that hooks may not reach. It says which setting would open it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Forbidden {
    /// Where the connection would have gone.
    pub address: IpAddr,
    /// The name that led there; `None` where the URL names the address itself.
    pub name: Option<String>,
    /// What the address is.
    pub class: Class,
}

/// What is said of http where only https is called.
pub const HTTPS_ONLY: &str = "is http, and only https is called here (--https-only): give an https URL";

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, name, class } = self;
        write!(f, "{address}")?;
        if let Some(name) = name {
            write!(f, " (of {name})")?;
        }
        let inside = embedded(*address);
        match inside {
            Some(inside) => write!(f, " stands for {inside}, {class}")?,
            None => write!(f, " is {class}")?,
        }
        let opening = IpNet::from(inside.map_or(*address, IpAddr::from));
        f.write_str(": allow it with --allow-network ")?;
        match class {
            Class::Loopback => f.write_str("loopback"),
            Class::Private => write!(f, "private or {opening}"),
            Class::Metadata | Class::Special(_) => write!(f, "{opening}"),
        }
    }
}

impl Reach {
    /// Whether a connection may go to an address; `name` is what led there, if it
    /// was a name.
    ///
    /// # Errors
    /// Says what the address is and which setting would open it.
    pub fn judge(&self, address: IpAddr, name: Option<&str>) -> Result<(), Forbidden> {
        match Class::of(address) {
            Some(class) if !self.networks.iter().any(|network| network.opens(address, class, name)) => {
                Err(Forbidden { address, name: name.map(str::to_owned), class })
            }
            _ => Ok(()),
        }
    }

    /// Whether a URL may be kept, as far as it can be told without a look-up: a name
    /// is judged at every attempt, by what it leads to then.
    ///
    /// # Errors
    /// Names the field `url` and the setting that would allow it.
    pub fn admit(&self, url: &HookUrl) -> Result<(), Invalid> {
        if self.https_only && !url.is_https() {
            return Err(Invalid::new("url", HTTPS_ONLY));
        }
        let judged = match url.host() {
            Some(Host::Ipv4(address)) => self.judge(address.into(), None),
            Some(Host::Ipv6(address)) => self.judge(address.into(), None),
            Some(Host::Domain(name)) if is_localhost(&name) => {
                let [one, other] = LOCALHOST.map(|address| self.judge(address, Some(&name)));
                one.or(other)
            }
            Some(Host::Domain(_)) | None => Ok(()),
        };
        judged.map_err(|forbidden| Invalid::new("url", format!("points where hooks may not: {forbidden}")))
    }
}

/// What `localhost` and all names below it mean, whatever a name server says (RFC 6761).
pub const LOCALHOST: [IpAddr; 2] = [IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST)];

/// Whether a name is `localhost` or one below it, in whatever case.
#[must_use]
pub fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let label = name.rsplit('.').next().unwrap_or_default();
    label.eq_ignore_ascii_case("localhost")
}

/// Whether a host means this machine, by its name or its address.
#[must_use]
pub fn is_loopback<S: AsRef<str>>(host: &url::Host<S>) -> bool {
    match host {
        url::Host::Domain(name) => is_localhost(name.as_ref()),
        url::Host::Ipv4(address) => address.is_loopback(),
        url::Host::Ipv6(address) => IpAddr::from(*address).to_canonical().is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(networks: &[&str]) -> Reach {
        Reach { networks: networks.iter().map(|text| text.parse().unwrap()).collect(), https_only: false }
    }

    fn judged(networks: &[&str], address: &str, name: Option<&str>) -> bool {
        reach(networks).judge(address.parse().unwrap(), name).is_ok()
    }

    #[test]
    fn each_network_opens_what_it_names_and_no_more() {
        let table = [
            ("127.0.0.1", "loopback", ["private", "10.0.0.0/8", "126.0.0.0/8"]),
            ("::1", "loopback", ["private", "127.0.0.0/8", "::/128"]),
            ("::ffff:127.0.0.1", "loopback", ["private", "::1/128", "10.0.0.0/8"]),
            ("::ffff:127.0.0.1", "127.0.0.0/8", ["private", "::1/128", "10.0.0.0/8"]),
            ("::ffff:127.0.0.1", "::ffff:0:0/96", ["private", "::1/128", "10.0.0.0/8"]),
            ("10.0.0.5", "private", ["loopback", "10.0.0.4/32", "192.168.0.0/16"]),
            ("10.0.0.5", "10.0.0.5/32", ["loopback", "10.0.0.4/32", "fc00::/7"]),
            ("64:ff9b::a00:5", "10.0.0.0/8", ["loopback", "10.0.0.4/32", "2000::/3"]),
            ("fd12::1", "private", ["loopback", "10.0.0.0/8", "fd13::/16"]),
            ("169.254.1.1", "169.254.0.0/16", ["loopback", "private", "169.254.2.0/24"]),
            ("100.64.0.1", "100.64.0.0/10", ["loopback", "private", "*.example.com"]),
            ("169.254.169.254", "169.254.169.254/32", ["loopback", "private", "*.example.com"]),
            ("fd00:ec2::254", "fd00::/8", ["loopback", "private", "*.example.com"]),
            ("fd00::5efe:10.0.0.5", "fd00::/8", ["loopback", "10.0.0.0/8", "*.example.com"]),
        ];
        for (address, opens, others) in table {
            assert!(!judged(&[], address, None), "{address}");
            assert!(judged(&[others[0], opens], address, None), "{opens} opens {address}");
            assert!(!judged(&others, address, None), "{others:?} leave {address} shut");
        }
    }

    #[test]
    fn a_domain_opens_what_names_below_it_lead_to_but_no_metadata() {
        for name in ["db.example.com", "a.b.example.com", "db.example.com."] {
            for address in ["10.0.0.5", "127.0.0.1", "169.254.1.1", "fe80::1"] {
                assert!(judged(&["*.example.com"], address, Some(name)), "{name} {address}");
            }
            for address in ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "168.63.129.16"] {
                assert!(!judged(&["*.example.com"], address, Some(name)), "{name} {address}");
            }
        }
        for name in ["example.com", ".example.com", "badexample.com", "example.com.evil.test", "db.example.org"] {
            assert!(!judged(&["*.example.com"], "10.0.0.5", Some(name)), "{name}");
        }
    }

    #[test]
    fn a_refusal_names_the_address_what_it_is_and_the_setting() {
        let table = [
            ("127.0.0.1", None, "127.0.0.1 is a loopback address: allow it with --allow-network loopback"),
            (
                "10.0.0.5",
                Some("db.internal"),
                "10.0.0.5 (of db.internal) is a private address: allow it with --allow-network private or 10.0.0.5/32",
            ),
            (
                "64:ff9b::a9fe:a9fe",
                None,
                "64:ff9b::a9fe:a9fe stands for 169.254.169.254, an address of cloud metadata: allow it with \
                 --allow-network 169.254.169.254/32",
            ),
            ("ff02::1", None, "ff02::1 is a multicast address: allow it with --allow-network ff02::1/128"),
        ];
        for (address, name, message) in table {
            let forbidden = reach(&[]).judge(address.parse().unwrap(), name).unwrap_err();
            assert_eq!(forbidden.to_string(), message);
        }
    }

    #[test]
    fn what_a_refusal_advises_opens() {
        for address in ["10.0.0.5", "fd00::1", "::ffff:169.254.169.254", "2002:a00:5::1", "100.64.0.1", "ff02::1", "::"]
        {
            let forbidden = reach(&[]).judge(address.parse().unwrap(), None).unwrap_err().to_string();
            for advised in forbidden.split_once("--allow-network ").unwrap().1.split(" or ") {
                assert!(judged(&[advised], address, None), "{advised} opens {address}");
            }
        }
    }

    #[test]
    fn only_https_is_admitted_where_an_operator_says_so() {
        let reach = Reach { https_only: true, ..Reach::default() };
        let admit = |text| reach.admit(&HookUrl::parse(text).unwrap().0).map_err(|invalid| invalid.message);
        assert_eq!(admit("HTTPS://example.com/"), Ok(()));
        assert_eq!(admit("http://example.com/"), Err(HTTPS_ONLY.to_owned()));
    }
}
