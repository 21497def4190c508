//! Lets connections out only to where hooks may point.
//!
//! Every address is judged at the moment of connecting, and the connection goes to
//! the very address that was judged: no second look-up lies between, so a name
//! server cannot say one thing to the judge and another to the connector. Deliveries
//! over a pooled connection need no judging: it ends where it ended when it was made.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec;

use futures_util::future::BoxFuture;
use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioIo;
use rustix::io::Errno;
use tower_service::Service;

use super::metered::Metered;
use super::resolver::{Resolver, Unresolved};
use crate::domain::reach::{Forbidden, HTTPS_ONLY, Reach};

/// So many addresses of each family are tried for one connection.
const MOST_TRIED: usize = 8;

/// Why there is no connection, where nobody was asked for one.
#[derive(Debug, thiserror::Error)]
pub(super) enum Barred {
    /// Hooks may not reach the address.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Hooks may not be called over http.
    #[error("the URL {HTTPS_ONLY}")]
    PlainHttp,
    /// There is a way to no address of those that the host has.
    #[error("this machine has no way to IPv6 addresses, and the receiver has no others")]
    NoIpv6,
    /// The name led nowhere.
    #[error(transparent)]
    Unresolved(#[from] Unresolved),
}

type BoxError = Box<dyn Error + Send + Sync>;

/// Makes connections, for http and below TLS. Clones share name servers and what
/// these have answered; each client with a TLS configuration of its own has one.
#[derive(Clone)]
pub struct Guard {
    reach: Arc<Reach>,
    resolver: Arc<Resolver>,
    timeout: Duration,
}

impl Guard {
    /// Goes by these rules; asks these name servers, or the system's if there are
    /// none, for attempts that take at most `timeout`.
    #[must_use]
    pub fn new(reach: Reach, name_servers: Vec<SocketAddr>, timeout: Duration) -> Self {
        let reach = Arc::new(reach);
        let resolver = Arc::new(Resolver::new(name_servers, timeout));
        Self { reach, resolver, timeout }
    }

    /// Makes one connection. Each has a connector of its own, so that it is known what
    /// its name led to.
    fn connect(&self, uri: Uri) -> BoxFuture<'static, Result<TokioIo<Metered>, BoxError>> {
        let v4 = Arc::new(AtomicBool::new(literal(&uri).is_some_and(|address| address.is_ipv4())));
        let names = Judged { reach: self.reach.clone(), resolver: self.resolver.clone(), v4: v4.clone() };
        let mut tcp = HttpConnector::new_with_resolver(names);
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let timeout = self.timeout;
        Box::pin(async move {
            let connected = tcp.call(uri).await;
            let tcp = connected.map_err(|error| explained(error.into(), v4.load(Ordering::Relaxed)))?;
            Ok(TokioIo::new(Metered::new(tcp.into_inner(), timeout)))
        })
    }

    /// Judges what the URL itself tells. An address in it never comes to the
    /// resolver, whatever that would say.
    fn judge(&self, uri: &Uri) -> Result<(), Barred> {
        if self.reach.https_only && uri.scheme() != Some(&Scheme::HTTPS) {
            return Err(Barred::PlainHttp);
        }
        match literal(uri) {
            Some(address) => Ok(self.reach.judge(address, None)?),
            None => Ok(()),
        }
    }
}

/// For IPv4, an address that is not available means that all ports are used up, which
/// is our shortage; for IPv6, that this machine does not speak it, as in most
/// containers, which is over no sooner than its owner says so.
fn explained(error: BoxError, v4: bool) -> BoxError {
    let unavailable = |error: &(dyn Error + 'static)| {
        let code = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error);
        code == Some(Errno::ADDRNOTAVAIL.raw_os_error())
    };
    let mut causes =
        std::iter::successors(Some(&*error as &(dyn Error + 'static)), |error: &&(dyn Error + 'static)| {
            (*error).source()
        });
    if !v4 && causes.any(unavailable) { Barred::NoIpv6.into() } else { error }
}

/// The address that stands in a URL, read as the connector reads it: other spellings
/// became this one when the URL was parsed.
fn literal(uri: &Uri) -> Option<IpAddr> {
    let host = uri.host()?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

impl Service<Uri> for Guard {
    type Response = TokioIo<Metered>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        match self.judge(&uri) {
            Ok(()) => self.connect(uri),
            Err(barred) => Box::pin(async move { Err(barred.into()) }),
        }
    }
}

/// A resolver that knows only those addresses which hooks may reach.
#[derive(Clone)]
struct Judged {
    reach: Arc<Reach>,
    resolver: Arc<Resolver>,
    /// Whether an IPv4 address was among those that were open.
    v4: Arc<AtomicBool>,
}

impl Judged {
    /// Where a name leads; an error if all of that is forbidden.
    async fn look_up(self, name: Name) -> Result<vec::IntoIter<SocketAddr>, Barred> {
        let name = name.as_str();
        let (mut open, mut forbidden) = (vec![], None);
        for address in self.resolver.look_up(name).await? {
            match self.reach.judge(address, Some(name)) {
                // The connector puts the URL's port in.
                Ok(()) => open.push(SocketAddr::new(address, 0)),
                Err(why) => forbidden = Some(why),
            }
        }
        self.v4.store(open.iter().any(SocketAddr::is_ipv4), Ordering::Relaxed);
        match forbidden {
            Some(why) if open.is_empty() => Err(why.into()),
            _ => Ok(few(open).into_iter()),
        }
    }
}

/// A name may lead to thousands of addresses, and each that does not answer is tried
/// in turn: a few of each family will do, or whoever has the name has a scanner.
fn few(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let (mut four, mut six) = (0, 0);
    let tried = |address: &SocketAddr| {
        let count = if address.is_ipv4() { &mut four } else { &mut six };
        *count += 1;
        *count <= MOST_TRIED
    };
    addresses.into_iter().filter(tried).collect()
}

impl Service<Name> for Judged {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = Barred;
    type Future = BoxFuture<'static, Result<Self::Response, Barred>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Barred>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(self.clone().look_up(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_not_available_is_our_shortage_for_ipv4_alone() {
        let error = |errno: Errno| -> BoxError { io::Error::from_raw_os_error(errno.raw_os_error()).into() };
        let table = [
            (Errno::ADDRNOTAVAIL, false, true),
            (Errno::ADDRNOTAVAIL, true, false),
            (Errno::MFILE, false, false),
            (Errno::NETUNREACH, false, false),
        ];
        for (errno, v4, barred) in table {
            let explained = explained(error(errno), v4);
            assert_eq!(matches!(explained.downcast_ref(), Some(Barred::NoIpv6)), barred, "{errno} {v4}");
        }
    }
}
