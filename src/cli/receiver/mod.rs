//! An HTTP server for trying things out, which prints every request and answers it: what
//! `nyala listen` and `nyala mock-hooks` have in common.

mod line;
mod request;

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

pub(super) use self::request::Arrived;
use super::exit::Failure;
use super::output;
use super::stop::Stop;

/// How long to leave the system alone when it cannot take a connection, for want of file handles
/// for instance.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

type BoxError = Box<dyn Error + Send + Sync>;

/// The options of every command that receives.
#[derive(clap::Args, Clone, Debug)]
pub struct Receiving {
    /// Where to listen; port 0 picks one that is free
    // The address of `nyala listen`; another command puts its own in the place of it.
    #[arg(id = "listen", long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9000")]
    at: SocketAddr,
    /// How long to wait before answering, such as 300ms
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "0s",
        value_parser = humantime::parse_duration
    )]
    delay: Duration,
    /// Print one JSON object a request
    #[arg(long)]
    pub(super) json: bool,
}

/// What comes of one request.
#[derive(Debug)]
pub(super) struct Reply {
    /// What is printed about the request, safe for a terminal.
    pub(super) told: String,
    /// The status to answer with.
    pub(super) status: StatusCode,
    /// The JSON to answer with; nothing for an empty body.
    pub(super) json: Option<String>,
}

impl Receiving {
    /// Prints and answers what comes, as `reply` says, until somebody asks it to stop or the reader of
    /// its output has gone.
    ///
    /// # Errors
    /// Exit code 1 when the address cannot be listened on, or stdout cannot be written.
    pub(super) async fn run(self, reply: impl Fn(&Arrived) -> Reply + Send + Sync + 'static) -> Result<(), Failure> {
        let listener = self.bind().await?;
        let stop = Stop::new().map_err(|error| Failure::failed(format!("cannot wait for signals: {error}")))?;
        output::judge(self.until_stopped(listener, reply, stop).await)
    }

    /// Ends with an error when stdout cannot be written, be it that its reader has gone.
    async fn until_stopped(
        self,
        listener: TcpListener,
        reply: impl Fn(&Arrived) -> Reply + Send + Sync + 'static,
        mut stop: Stop,
    ) -> io::Result<()> {
        self.greet(listener.local_addr()?)?;
        // One place is enough: the first report ends it all.
        let (report, mut reports) = mpsc::channel(1);
        let receiver = Arc::new(Receiver { delay: self.delay, reply, report });
        tokio::select! {
            () = serve(listener, receiver) => Ok(()),
            () = stop.asked() => Ok(()),
            Some(error) = reports.recv() => Err(error),
        }
    }

    /// Says where it listens; with `--json`, stdout is for the requests alone.
    fn greet(&self, at: SocketAddr) -> io::Result<()> {
        let greeting = format!("listening on http://{at}");
        if self.json {
            output::note(&greeting);
            return Ok(());
        }
        output::emit(&greeting)
    }

    async fn bind(&self) -> Result<TcpListener, Failure> {
        TcpListener::bind(self.at).await.map_err(|error| {
            let why = match error.kind() {
                io::ErrorKind::AddrInUse => "somebody else listens there already".to_owned(),
                _ => error.to_string(),
            };
            Failure::failed(format!("cannot listen on {}: {why}", self.at))
                .advise("Name another with --listen; port 0 picks one that is free.")
        })
    }
}

/// Takes connections for ever.
async fn serve<F: Fn(&Arrived) -> Reply + Send + Sync + 'static>(listener: TcpListener, receiver: Arc<Receiver<F>>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(converse(stream, Arc::clone(&receiver)))),
            Err(error) => {
                output::note(&format!("cannot take a connection: {error}"));
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Answers one connection's requests until it ends. How it ends is the sender's business.
async fn converse<F: Fn(&Arrived) -> Reply>(stream: TcpStream, receiver: Arc<Receiver<F>>) {
    // Only latency is lost where this fails.
    let _ = stream.set_nodelay(true);
    let answer = service_fn(|request| receiver.receive(request));
    let _ = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), answer).await;
}

/// Reads, prints and answers requests.
struct Receiver<F> {
    delay: Duration,
    reply: F,
    /// Hears of a stdout that cannot be written.
    report: mpsc::Sender<io::Error>,
}

impl<F: Fn(&Arrived) -> Reply> Receiver<F> {
    /// Prints a request as soon as it is read, and answers it after the delay.
    async fn receive(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, BoxError> {
        // The sender who goes away in the middle gets no answer: nobody is left to read it.
        let arrived = Arrived::read(request).await?;
        let reply = (self.reply)(&arrived);
        if let Err(error) = output::emit(&reply.told) {
            // A full channel holds an earlier report, and one ends it all.
            let _ = self.report.try_send(error);
        }
        tokio::time::sleep(self.delay).await;
        Ok(answer(reply, arrived.body.is_some()))
    }
}

fn answer(reply: Reply, was_read: bool) -> Response<Full<Bytes>> {
    let is_json = reply.json.is_some();
    let mut answer = Response::new(Full::from(reply.json.unwrap_or_default()));
    *answer.status_mut() = reply.status;
    if is_json {
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if !was_read {
        // The rest of the payload is still on its way and nobody will read it.
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}
