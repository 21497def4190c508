//! Lets connections out only to where hooks may point.
//!
//! Every address is judged at the moment of connecting, and the connection goes to
//! the very address that was judged: no second look-up lies between, so a name
//! server cannot say one thing to the judge and another to the connector. Deliveries
//! over a pooled connection need no judging: it ends where it ended when it was made.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec;

use futures_util::future::BoxFuture;
use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

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
    /// The name led nowhere.
    #[error(transparent)]
    Unresolved(#[from] Unresolved),
}

/// Makes connections, for http and below TLS. Clones share name servers and what
/// these have answered; each client with a TLS configuration of its own has one.
#[derive(Clone)]
pub struct Guard {
    reach: Arc<Reach>,
    tcp: HttpConnector<Judged>,
}

impl Guard {
    /// Goes by these rules; asks these name servers, or the system's if there are
    /// none, for attempts that take at most `timeout`.
    #[must_use]
    pub fn new(reach: Reach, name_servers: Vec<SocketAddr>, timeout: Duration) -> Self {
        let reach = Arc::new(reach);
        let resolver = Arc::new(Resolver::new(name_servers, timeout));
        let mut tcp = HttpConnector::new_with_resolver(Judged { reach: reach.clone(), resolver });
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        Self { reach, tcp }
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

/// The address that stands in a URL, read as the connector reads it: other spellings
/// became this one when the URL was parsed.
fn literal(uri: &Uri) -> Option<IpAddr> {
    let host = uri.host()?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

impl Service<Uri> for Guard {
    type Response = TokioIo<TcpStream>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.judge(&uri).map(|()| self.tcp.call(uri));
        Box::pin(async move { Ok(connecting?.await?) })
    }
}

/// A resolver that knows only those addresses which hooks may reach.
#[derive(Clone)]
struct Judged {
    reach: Arc<Reach>,
    resolver: Arc<Resolver>,
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
