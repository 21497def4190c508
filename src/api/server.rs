//! Connections: accepting them, and letting go of them.
//!
//! ```text
//! server       accepts, as many as there are slots
//!     └─ connection   one of them: handshake, HTTP/1.1 or HTTP/2, its end
//!            └─ stream · activity   what goes on on it
//!            └─ answers             who answers what is asked, over HTTP or gRPC
//!            └─ answer              what it is answered, on its way out
//!            └─ timeouts            how long its client is waited for
//!            └─ refusal             answers to what is no request
//!     └─ tls          the certificate
//!     └─ limits · http2              what all this may take
//! ```

mod activity;
mod answer;
mod answers;
mod connection;
mod http2;
mod limits;
mod refusal;
mod slots;
mod stream;
mod timeouts;
mod tls;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use self::activity::Activity;
use self::connection::{Serving, Speaks};
use self::slots::{Full, Slot, Slots};
use self::stream::Watched;
use self::tls::Offer;
use super::ccx::Grpc;
use super::{App, router};

pub(super) use self::answers::Answers;
pub use self::limits::{GRPC_CONNECTIONS, Limits};
pub use self::tls::{Tls, TlsError, TlsFiles};

/// How long to wait before accepting again when we are out of descriptors or memory.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// So many errors in a row, of whatever kind, and the listener is given a rest: it must not spin.
const MAX_ERRORS: u32 = 64;

/// How many connections for which there is no slot are told so at once; the others are just closed.
const MAX_TOLD: usize = 32;

/// How many may wait to be accepted, if the system allows it. The usual 128 are there at once
/// when many come together, and from then on the kernel resets some who have begun to send.
const BACKLOG: u32 = 4096;

/// How often the log says that connections are turned away.
const SAY_AGAIN: Duration = Duration::from_mins(1);

/// Listens at this address.
///
/// # Errors
/// Somebody listens there already, or this user may not.
pub fn listen(at: SocketAddr) -> io::Result<TcpListener> {
    let socket = if at.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A server that stopped a moment ago is no reason to refuse.
    socket.set_reuseaddr(true)?;
    socket.bind(at)?;
    socket.listen(BACKLOG)
}

/// Serves HTTP until `stop` says so, then lets requests that have begun end;
/// whoever called decides how long.
///
/// Our own loop rather than warp's, which knows neither TLS nor limits, and does not
/// set `TCP_NODELAY`: an answer would wait up to 40 ms for the client's acknowledgement.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    tls: Option<Arc<Tls>>,
    limits: Limits,
    stop: watch::Receiver<bool>,
) {
    let answers = answers::web(TowerToHyperService::new(warp::service(router::filter(app))));
    Door::new(answers, Speaks::Both, tls, limits).stand(listener, stop).await;
}

/// The same for gRPC, with connections of its own beside the others.
pub async fn serve_grpc(
    listener: TcpListener,
    app: Arc<App>,
    tls: Option<Arc<Tls>>,
    limits: &Limits,
    stop: watch::Receiver<bool>,
) {
    let answers = Grpc::new(app, stop.clone());
    Door::new(answers, Speaks::Http2, tls, limits.for_grpc()).stand(listener, stop).await;
}

/// What happens to connections.
struct Door<S> {
    serving: Arc<Serving<S>>,
    speaks: Speaks,
    tls: Option<Arc<Tls>>,
    slots: Arc<Slots>,
    /// Those over HTTP/2 among them, where there is a choice.
    http2: Arc<Slots>,
    told: Told,
    stopping: watch::Sender<bool>,
}

impl<S: Answers> Door<S> {
    fn new(answers: S, speaks: Speaks, tls: Option<Arc<Tls>>, limits: Limits) -> Self {
        Self {
            speaks,
            tls,
            slots: Slots::new(limits.max_connections, limits.max_connections_per_address),
            http2: Slots::new(limits.max_http2, limits.max_http2.div_ceil(4)),
            serving: Serving::new(answers, speaks, limits),
            told: Told::default(),
            stopping: watch::Sender::new(false),
        }
    }

    async fn stand(mut self, listener: TcpListener, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let (stream, peer) = tokio::select! {
                accepted = accept(&listener) => accepted,
                // An error means that whoever could stop us is gone.
                changed = stop.changed() => if changed.is_err() { break } else { continue },
            };
            match self.slots.take(peer) {
                Ok(slot) => self.let_in(stream, peer, slot),
                Err(full) => self.turn_away(stream, peer, full),
            }
        }
        drop(listener);
        self.stopping.send_replace(true);
        // Each connection holds a receiver for as long as it lives.
        self.stopping.closed().await;
    }

    fn let_in(&self, stream: TcpStream, peer: IpAddr, slot: Slot) {
        let (serving, stop) = (self.serving.clone(), self.stopping.subscribe());
        match &self.tls {
            None => drop(tokio::spawn(async move {
                serving.plain(stream, peer, stop).await;
                drop(slot);
            })),
            Some(tls) => {
                let (offer, place) = self.offer(peer);
                let acceptor = tls.acceptor(offer);
                tokio::spawn(async move {
                    serving.tls(acceptor, place, stream, peer, stop).await;
                    drop(slot);
                });
            }
        }
    }

    /// What a handshake offers, and the client's place among those over HTTP/2.
    fn offer(&self, peer: IpAddr) -> (Offer, Option<Slot>) {
        match self.speaks {
            Speaks::Http2 => (Offer::Http2, None),
            Speaks::Both => match self.http2.take(peer) {
                Ok(place) => (Offer::Both, Some(place)),
                Err(_) => (Offer::Http1, None),
            },
        }
    }

    /// A client of TLS could read an answer only after a handshake, which costs more
    /// than there is, and one of gRPC none of HTTP/1.1: they are just closed.
    fn turn_away(&mut self, stream: TcpStream, peer: IpAddr, full: Full) {
        if self.told.logged.is_none_or(|logged| logged.elapsed() > SAY_AGAIN) {
            self.told.logged = Some(Instant::now());
            let over = if self.speaks == Speaks::Http2 { "gRPC" } else { "HTTP" };
            tracing::warn!(%peer, over, reason = %full, "connections are turned away");
        }
        if let Ok(one) = self.told.room.clone().try_acquire_owned()
            && self.tls.is_none()
            && self.speaks == Speaks::Both
        {
            tokio::spawn(async move {
                Watched::new(stream, Activity::new(false)).close(&refusal::render(&full.into()), true).await;
                drop(one);
            });
        }
    }
}

/// Who is being told that there is no slot.
struct Told {
    room: Arc<Semaphore>,
    logged: Option<Instant>,
}

impl Default for Told {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(MAX_TOLD)), logged: None }
    }
}

/// The next connection, and who it is from: IPv4 also where it came in over IPv6.
async fn accept(listener: &TcpListener) -> (TcpStream, IpAddr) {
    let mut errors = 0;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Only makes answers faster.
                let _ = stream.set_nodelay(true);
                return (stream, peer.ip().to_canonical());
            }
            Err(error) => {
                errors += 1;
                if errors == 1 {
                    tracing::warn!(%error, "a connection cannot be accepted");
                }
                if is_shortage(&error) || errors > MAX_ERRORS {
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }
}

/// Whether we lack what the next connection would need too; every other error is the
/// end of one connection, before it was ours.
fn is_shortage(error: &io::Error) -> bool {
    use rustix::io::Errno;

    let shortages = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|errno| shortages.contains(&errno))
}
