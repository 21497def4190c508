//! Where hooks may point besides the public internet.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use super::address::{Class, embedded};

/// One value of `--allow-network`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Network {
    /// `127.0.0.0/8` and `::1`.
    Loopback,
    /// Private addresses: RFC 1918 and unique local IPv6.
    Private,
    /// A block of addresses.
    Block(IpNet),
    /// `*.example.com`: all names below a domain.
    Below(String),
}

impl Network {
    /// Whether hooks may reach an address because of this. `name` led there; a
    /// metadata service is open only to a block that contains it, because opening a
    /// network for hooks must not give away the credentials of the machines in it.
    #[must_use]
    pub fn opens(&self, address: IpAddr, class: Class, name: Option<&str>) -> bool {
        match self {
            Self::Loopback => class == Class::Loopback,
            Self::Private => class == Class::Private,
            Self::Block(block) => {
                block.contains(&address)
                    || embedded(address).is_some_and(|inside| block.contains(&IpAddr::from(inside)))
            }
            Self::Below(domain) => class != Class::Metadata && name.is_some_and(|name| is_below(name, domain)),
        }
    }
}

/// Whether a name, in lower case, lies below a domain.
fn is_below(name: &str, domain: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.strip_suffix(domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

/// A text that names no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no network: give loopback, private, a block such as 10.0.0.0/8, or *.example.com")]
pub struct NotANetwork(String);

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let wrong = || NotANetwork(text.to_owned());
        match text.trim() {
            "loopback" => Ok(Self::Loopback),
            "private" => Ok(Self::Private),
            other => match other.strip_prefix("*.") {
                Some(domain) => domain_name(domain).map(Self::Below).ok_or_else(wrong),
                None => other.parse().map(Self::Block).map_err(|_| wrong()),
            },
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loopback => f.write_str("loopback"),
            Self::Private => f.write_str("private"),
            Self::Block(block) => block.fmt(f),
            Self::Below(domain) => write!(f, "*.{domain}"),
        }
    }
}

/// The name in lower case, if it has at least two labels that a host name may have.
fn domain_name(text: &str) -> Option<String> {
    let label = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let fits = text.contains('.') && text.split('.').all(label);
    fits.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_reads_as_it_was_written() {
        for text in ["loopback", "private", "10.0.0.0/8", "fd00::/8", "*.example.com"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_names_no_network_is_refused() {
        for text in ["", "all", "*", "*.", "*.com", "*.a b.c", "10.0.0.0/33", "example.com"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
