//! `nyala listen`: a receiver for trying things out. It prints what comes and answers as it was
//! told to.

mod receive;
mod render;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use self::receive::Receiver;
use super::exit::Failure;
use super::output;
use super::stop::Stop;
use super::verify::keys::{Checker, Keys};

/// How long to leave the system alone when it cannot take a connection, for want of file handles
/// for instance.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Receive deliveries and print them, for trying things out
///
/// The first line says where it listens. Then comes each request: on a terminal with its payload
/// laid out for reading, elsewhere with its payload on one line. With --json, the first line goes to
/// stderr. With a key, it is said whether each signature is right, and 401 answered where it is not.
/// Ctrl-C ends it.
#[derive(clap::Args, Debug)]
pub struct Listen {
    /// Where to listen; port 0 picks one that is free
    #[arg(id = "listen", long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9000")]
    at: SocketAddr,
    /// The status to answer with, 200 to 599
    #[arg(long, value_name = "STATUS", default_value = "200", value_parser = status)]
    status: StatusCode,
    /// How long to wait before answering, such as 300ms
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "0s",
        value_parser = humantime::parse_duration
    )]
    delay: Duration,
    /// Answer 500 to this many requests first
    #[arg(long, value_name = "N", default_value_t = 0)]
    fail_first: u64,
    /// Print one JSON object a request: time, method, path, headers, body (a string, as it came, and
    /// in `body_base64` where it is not UTF-8), signature (with a key) and status
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    keys: Keys,
}

fn status(text: &str) -> Result<StatusCode, String> {
    let wrong = || "want a number from 200 to 599".to_owned();
    let number = text.parse::<u16>().ok().filter(|number| (200..=599).contains(number)).ok_or_else(wrong)?;
    StatusCode::from_u16(number).map_err(|_| wrong())
}

impl Listen {
    /// Prints what comes until somebody asks it to stop, or the reader of its output has gone.
    ///
    /// # Errors
    /// Exit code 1 when the address cannot be listened on, or stdout cannot be written, 2 where a key
    /// is none.
    pub async fn run(self) -> Result<(), Failure> {
        let checker = self.keys.checker()?;
        let listener = self.bind().await?;
        let stop = Stop::new().map_err(|error| Failure::failed(format!("cannot wait for signals: {error}")))?;
        output::judge(self.until_stopped(listener, checker, stop).await)
    }

    /// Ends with an error when stdout cannot be written, be it that its reader has gone.
    async fn until_stopped(self, listener: TcpListener, checker: Option<Checker>, mut stop: Stop) -> io::Result<()> {
        self.greet(listener.local_addr()?)?;
        // One place is enough: the first report ends it all.
        let (report, mut reports) = mpsc::channel(1);
        let receiver = Arc::new(Receiver::new(self, checker, report));
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
async fn serve(listener: TcpListener, receiver: Arc<Receiver>) {
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
async fn converse(stream: TcpStream, receiver: Arc<Receiver>) {
    // Only latency is lost where this fails.
    let _ = stream.set_nodelay(true);
    let answer = service_fn(|request| receiver.receive(request));
    let _ = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), answer).await;
}
