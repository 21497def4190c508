//! A real receiver: a server on a port of its own that keeps what it gets and
//! answers as told.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::house::within;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// What the client showed of itself, where it was asked.
    pub client_certificate: Option<Bytes>,
    /// Which connection it came over, counted from 0.
    pub connection: usize,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

/// What the receiver answers.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub reason: Option<&'static str>,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
    /// Never answer.
    pub hang: bool,
}

/// An answer with a status and nothing else.
pub fn status(status: u16) -> Reply {
    Reply { status, reason: None, headers: vec![], body: Bytes::new(), hang: false }
}

/// TLS with a certificate that nobody trusts.
pub fn self_signed() -> ServerConfig {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]);
    let made = made.expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = ServerConfig::builder().with_no_client_auth();
    config.with_single_cert(vec![made.cert.der().clone()], key).expect("a TLS configuration")
}

type Script = Arc<dyn Fn(&Received) -> Reply + Send + Sync>;

/// The receiver; goes away when it is dropped.
pub struct Receiver {
    address: SocketAddr,
    scheme: &'static str,
    script: Arc<Mutex<Script>>,
    received: watch::Receiver<Vec<Received>>,
    _tasks: JoinSet<()>,
}

impl Receiver {
    /// Answers 200 to everything.
    pub async fn new() -> Self {
        Self::start(None).await
    }

    /// The same over TLS, with a certificate that nobody trusts.
    pub async fn self_signed() -> Self {
        Self::over_tls(self_signed()).await
    }

    /// The same over TLS as one wants it.
    pub async fn over_tls(config: ServerConfig) -> Self {
        Self::start(Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    /// The same at an address of one's choice.
    pub async fn at(address: SocketAddr) -> io::Result<Self> {
        Ok(Self::on(TcpListener::bind(address).await?, None))
    }

    async fn start(tls: Option<TlsAcceptor>) -> Self {
        Self::on(TcpListener::bind(("127.0.0.1", 0)).await.expect("a port"), tls)
    }

    fn on(listener: TcpListener, tls: Option<TlsAcceptor>) -> Self {
        let address = listener.local_addr().expect("an address");
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(Arc::new(|_| status(200))));
        let (inbox, received) = watch::channel(vec![]);
        let scheme = if tls.is_some() { "https" } else { "http" };
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, tls, script.clone(), Arc::new(inbox)));
        Self { address, scheme, script, received, _tasks: tasks }
    }

    /// Answers from now on as `script` says.
    pub fn answer(&self, script: impl Fn(&Received) -> Reply + Send + Sync + 'static) {
        *self.script.lock().expect("the script") = Arc::new(script);
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// Waits until at least so many requests have come; answers all that have.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let mut received = self.received.clone();
        let arrived = within(&format!("{count} requests"), received.wait_for(|all| all.len() >= count)).await;
        arrived.expect("a receiver").clone()
    }

    /// All requests that have come.
    pub fn received(&self) -> Vec<Received> {
        self.received.borrow().clone()
    }
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    script: Arc<Mutex<Script>>,
    inbox: Arc<watch::Sender<Vec<Received>>>,
) {
    let mut connections = JoinSet::new();
    for connection in 0.. {
        let (stream, _) = listener.accept().await.expect("a connection");
        let (tls, script, inbox) = (tls.clone(), script.clone(), inbox.clone());
        connections.spawn(async move {
            match tls {
                None => serve(stream, Client { certificate: None, connection }, script, inbox).await,
                // A client that does not trust us ends the handshake.
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
                        let certificate = shown.map(|shown| Bytes::copy_from_slice(shown));
                        serve(stream, Client { certificate, connection }, script, inbox).await;
                    }
                }
            }
        });
    }
}

/// Who is at the other end of a connection.
#[derive(Clone)]
struct Client {
    certificate: Option<Bytes>,
    connection: usize,
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    client: Client,
    script: Arc<Mutex<Script>>,
    inbox: Arc<watch::Sender<Vec<Received>>>,
) {
    let answer = service_fn(move |request: http::Request<Incoming>| {
        let (script, inbox, client) = (script.clone(), inbox.clone(), client.clone());
        async move {
            let (parts, body) = request.into_parts();
            let path = parts.uri.path_and_query().map_or(String::new(), ToString::to_string);
            let body = body.collect().await?.to_bytes();
            let (method, headers) = (parts.method.to_string(), parts.headers);
            let Client { certificate: client_certificate, connection } = client;
            let received = Received { method, path, headers, body, client_certificate, connection };
            let script = script.lock().expect("the script").clone();
            let reply = script(&received);
            inbox.send_modify(|all| all.push(received));
            if reply.hang {
                tokio::time::sleep(Duration::MAX).await;
            }
            Ok::<_, hyper::Error>(render(reply))
        }
    });
    // Clients come and go.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

fn render(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).expect("a status");
    for (name, value) in reply.headers {
        response.headers_mut().append(name, value.parse().expect("a header"));
    }
    if let Some(reason) = reply.reason {
        response.extensions_mut().insert(ReasonPhrase::from_static(reason.as_bytes()));
    }
    response
}
