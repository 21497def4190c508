//! Values of settings, each shown as it could be typed.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use bytesize::ByteSize;

/// A path that can be shown.
pub(super) struct Path(pub(super) PathBuf);

impl FromStr for Path {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.into()))
    }
}

impl Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.display().fmt(f)
    }
}

/// Where to listen, or nowhere: a variable that is set to nothing means what an unset one does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place(pub(super) Option<SocketAddr>);

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" => Ok(Self(None)),
            address => match address.parse() {
                Ok(address) => Ok(Self(Some(address))),
                Err(_) => Err("give an address and a port such as 127.0.0.1:19785".to_owned()),
            },
        }
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |address| address.fmt(f))
    }
}

/// Where others reach something, or nowhere that is known: a variable that is set to nothing
/// means what an unset one does.
#[derive(Debug, Clone)]
pub(super) struct Url(pub(super) Option<String>);

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim().trim_end_matches('/');
        if text.is_empty() {
            return Ok(Self(None));
        }
        let wrong = || "give a URL such as https://nyala.example, with a path if a proxy wants one".to_owned();
        let url = url::Url::parse(text).map_err(|_| wrong())?;
        let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        let usable = matches!(url.scheme(), "http" | "https") && url.has_host() && plain && url.password().is_none();
        if usable { Ok(Self(Some(text.to_owned()))) } else { Err(wrong()) }
    }
}

impl Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or_default())
    }
}

/// A number of bytes that is shown to the byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size(pub(super) ByteSize);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

impl Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.0.as_u64();
        match bytes {
            _ if bytes.is_multiple_of(1 << 20) => write!(f, "{} MiB", bytes >> 20),
            _ if bytes.is_multiple_of(1 << 10) => write!(f, "{} KiB", bytes >> 10),
            _ => write!(f, "{bytes} B"),
        }
    }
}

/// Values with commas between them.
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T: FromStr> FromStr for List<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        let parts = text.split(',').filter(|part| !part.trim().is_empty());
        parts.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl<T: Display> Display for List<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let values: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&values.join(","))
    }
}

/// A number of bytes, or as many as there are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit(pub(super) Option<Size>);

impl Limit {
    pub(super) fn bytes(self) -> Option<u64> {
        self.0.map(|size| size.0.as_u64())
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "unlimited" => Ok(Self(None)),
            size => match size.parse() {
                Ok(size) => Ok(Self(Some(size))),
                Err(_) => Err("give a size such as 10GiB, or `unlimited`".to_owned()),
            },
        }
    }
}

impl Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(size) => size.fmt(f),
            None => f.write_str("unlimited"),
        }
    }
}

/// Where name servers listen unless somebody says otherwise.
const DNS_PORT: u16 = 53;

/// A name server's address.
#[derive(Debug, Clone, Copy)]
pub(super) struct NameServer(pub(super) SocketAddr);

impl FromStr for NameServer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let bare = text.parse::<IpAddr>().map(|address| SocketAddr::new(address, DNS_PORT));
        let address = bare.or_else(|_| text.parse()).ok().filter(|address| address.port() != 0);
        address.map(Self).ok_or_else(|| "give an address such as 192.0.2.53 or [2001:db8::53]:5353".to_owned())
    }
}

impl Display for NameServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
