//! Connections: accepting them, and letting go of them.
//!
//! ```text
//! server       accepts, as many as there are slots
//!     └─ connection   one of them: handshake, HTTP/1.1 or HTTP/2, its end
//!            └─ stream · activity   what goes on on it
//!            └─ answer              what it is answered, on its way out
//!            └─ timeouts            how long its client is waited for
//!            └─ refusal             answers to what is no request
//!     └─ tls          the certificate
//! ```

mod activity;
mod answer;
mod connection;
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
use self::connection::{Answers, Serving};
use self::slots::{Slot, Slots};
use self::stream::Watched;
use super::error::ApiError;
use super::{App, router};

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

/// What a server gives its clients: how many, how much, how long.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections, in all.
    pub max_connections: usize,
    /// Connections from one address (IPv6: from one /64).
    pub max_connections_per_address: usize,
    /// Connections over HTTP/2, a quarter of them from one address; all others are offered HTTP/1.1
    /// alone. Each may keep some 5 MiB here: its heads in flight, and whole frames for as long as
    /// an entry of its compression table came in them.
    pub max_http2: usize,
    /// The head of a request, in bytes.
    pub max_header: usize,
    /// Bodies that are being read or worked on, all together, in bytes.
    pub max_bodies: usize,
    /// Large answers that their clients have not taken, all together, in bytes.
    pub max_answers: usize,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long the head of a request may take.
    pub head_timeout: Duration,
    /// How long its body may take.
    pub body_timeout: Duration,
    /// How long a body waits for room among the others.
    pub room_timeout: Duration,
    /// How long a client may read nothing of what is written to it.
    pub stall_timeout: Duration,
    /// How long a connection is kept on which nothing is asked.
    pub idle_timeout: Duration,
    /// How long one request over HTTP/2 may take, to the end of its answer.
    pub stream_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 8192,
            max_connections_per_address: 1024,
            max_http2: 64,
            max_header: 32 << 10,
            max_bodies: 256 << 20,
            max_answers: 256 << 20,
            handshake_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            room_timeout: Duration::from_secs(5),
            stall_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            stream_timeout: Duration::from_mins(5),
        }
    }
}

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

/// Serves until `stop` says so, then lets requests that have begun end;
/// whoever called decides how long.
///
/// Our own loop rather than warp's, which knows neither TLS nor limits, and does not
/// set `TCP_NODELAY`: an answer would wait up to 40 ms for the client's acknowledgement.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    tls: Option<Arc<Tls>>,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) {
    let stopping = watch::Sender::new(false);
    let slots = Slots::new(limits.max_connections, limits.max_connections_per_address);
    let answers = TowerToHyperService::new(warp::service(router::filter(app)));
    let http2 = Slots::new(limits.max_http2, limits.max_http2.div_ceil(4));
    let mut door = Door { serving: Serving::new(answers, limits), tls, http2, told: Told::default(), stopping };
    while !*stop.borrow() {
        let (stream, peer) = tokio::select! {
            accepted = accept(&listener) => accepted,
            // An error means that whoever could stop us is gone.
            changed = stop.changed() => if changed.is_err() { break } else { continue },
        };
        match slots.take(peer) {
            Ok(slot) => door.let_in(stream, peer, slot),
            Err(full) => door.turn_away(stream, peer, full),
        }
    }
    drop(listener);
    door.stopping.send_replace(true);
    // Each connection holds a receiver for as long as it lives.
    door.stopping.closed().await;
}

/// What happens to a connection that was accepted.
struct Door<S> {
    serving: Arc<Serving<S>>,
    tls: Option<Arc<Tls>>,
    http2: Arc<Slots>,
    told: Told,
    stopping: watch::Sender<bool>,
}

impl<S: Answers> Door<S> {
    fn let_in(&self, stream: TcpStream, peer: IpAddr, slot: Slot) {
        let (serving, stop) = (self.serving.clone(), self.stopping.subscribe());
        match &self.tls {
            None => drop(tokio::spawn(async move {
                serving.plain(stream, peer, stop).await;
                drop(slot);
            })),
            Some(tls) => {
                let http2 = self.http2.take(peer).ok();
                let acceptor = tls.acceptor(http2.is_some());
                tokio::spawn(async move {
                    serving.tls(acceptor, http2, stream, peer, stop).await;
                    drop(slot);
                });
            }
        }
    }

    /// A client of TLS could read an answer only after a handshake, which costs more
    /// than there is: it is just closed.
    fn turn_away(&mut self, stream: TcpStream, peer: IpAddr, full: ApiError) {
        if self.told.logged.is_none_or(|logged| logged.elapsed() > SAY_AGAIN) {
            self.told.logged = Some(Instant::now());
            tracing::warn!(%peer, reason = %full, "connections are turned away");
        }
        if let Ok(one) = self.told.room.clone().try_acquire_owned()
            && self.tls.is_none()
        {
            tokio::spawn(async move {
                Watched::new(stream, Activity::new(false)).close(&refusal::render(&full), true).await;
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
