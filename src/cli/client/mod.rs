//! How client commands talk to a server: where it is, who is asking, and what its answers mean.

pub mod again;
pub mod answer;
mod grpc;
pub mod pages;
pub mod waiting;

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use http::Method;
use http::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::redirect::Policy;
use reqwest::{Certificate, ClientBuilder, RequestBuilder, Url};

use self::answer::Answer;
pub use self::grpc::GrpcClient;
use super::exit::Failure;
use super::output::visible;
use crate::domain::reach::is_loopback;

/// Where a server is looked for when nobody says.
const DEFAULT_SERVER: &str = "http://127.0.0.1:8080";
/// Where one that was started to try things out speaks gRPC.
pub const DEFAULT_GRPC_SERVER: &str = "http://127.0.0.1:19785";
/// How long a request may take, whole, unless the command says otherwise.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection may take: short, so that an address that swallows packets leaves time for
/// another attempt.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How much longer a call over gRPC is waited for than its deadline.
const GRPC_GRACE: Duration = Duration::from_secs(1);
/// What needs no escape anywhere in a URL (RFC 3986, unreserved).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The options of every command that talks to a server.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Server")]
pub struct Server {
    /// Where the server is
    #[arg(
        id = "server",
        long,
        global = true,
        env = "NYALA_SERVER",
        value_name = "URL",
        default_value = DEFAULT_SERVER
    )]
    address: String,
    /// The token that says who is asking
    #[arg(long, global = true, env = "NYALA_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<Token>,
    /// Trust a server whose certificate one of these authorities vouches for, and no other: a PEM file
    #[arg(long, global = true, env = "NYALA_CA_CERT", value_name = "FILE")]
    ca_cert: Option<PathBuf>,
    /// Print JSON for programs instead of text for people
    #[arg(long, global = true)]
    pub json: bool,
}

/// A secret that proves who is asking. It is never printed, not even when debugging.
#[derive(Clone)]
struct Token(String);

impl FromStr for Token {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A token that comes out of a file or a secret store often brings a newline along.
        Ok(Self(text.trim().to_owned()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Token(…)")
    }
}

impl Server {
    /// A client for this server. Nothing is sent yet.
    ///
    /// # Errors
    /// Exit code 2 when the address, the token or the authorities cannot be used.
    pub fn client(&self) -> Result<Client, Failure> {
        let builder = reqwest::Client::builder().default_headers(self.headers()?).timeout(REQUEST_TIMEOUT);
        self.client_of(builder, self.base(DEFAULT_SERVER)?)
    }

    /// A client for gRPC, which takes so long for a call.
    ///
    /// # Errors
    /// As [`Server::client`].
    pub fn grpc_client(&self, timeout: Duration) -> Result<GrpcClient, Failure> {
        let mut headers = self.headers()?;
        headers.remove(ACCEPT);
        // The call's own deadline, of which the server knows, comes first.
        let timeout = timeout + GRPC_GRACE;
        let builder = reqwest::Client::builder().default_headers(headers).http2_prior_knowledge().timeout(timeout);
        self.client_of(builder, self.base(DEFAULT_GRPC_SERVER)?).map(GrpcClient)
    }

    fn client_of(&self, builder: ClientBuilder, base: Url) -> Result<Client, Failure> {
        let mut http = builder
            .user_agent(concat!("nyala/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT);
        // A proxy from the environment cannot reach what runs beside us.
        if base.host().is_some_and(|host| is_loopback(&host)) {
            http = http.no_proxy();
        }
        if base.scheme() == "http" {
            // Nothing to verify: spares reading the system's certificates, which a bare container
            // does not even have.
            http = http.tls_certs_only([]);
        } else if let Some(authorities) = self.authorities()? {
            http = http.tls_certs_only(authorities);
        }
        let http = http.build().map_err(|error| Failure::failed(root_cause(&error)))?;
        Ok(Client { http, base })
    }

    fn base(&self, default: &str) -> Result<Url, Failure> {
        // A variable that is set to nothing means what an unset one does.
        let text = if self.address.trim().is_empty() { default } else { self.address.trim() };
        let usage = |why: &str| Failure::usage(format!("--server: {why}, such as {default}"));
        let mut base = Url::parse(text).map_err(|_| usage("want a URL"))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(usage("want an http:// or https:// URL"));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(usage("want a URL without a user or password (a token goes into NYALA_TOKEN)"));
        }
        base.set_query(None);
        base.set_fragment(None);
        Ok(base)
    }

    /// Whom to trust instead of those whom this machine trusts.
    fn authorities(&self) -> Result<Option<Vec<Certificate>>, Failure> {
        // A variable that is set to nothing means what an unset one does.
        let Some(path) = self.ca_cert.as_ref().filter(|path| !path.as_os_str().is_empty()) else { return Ok(None) };
        let usage = |why: &str| Failure::usage(format!("--ca-cert: {} {why}", path.display()));
        let text = std::fs::read(path).map_err(|error| usage(&format!("cannot be read: {error}")))?;
        let authorities = Certificate::from_pem_bundle(&text).unwrap_or_default();
        if authorities.is_empty() {
            return Err(usage("holds no certificate: want a PEM file with those of the authorities to trust"));
        }
        Ok(Some(authorities))
    }

    fn headers(&self) -> Result<HeaderMap, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(Token(token)) = self.token.as_ref().filter(|token| !token.0.is_empty()) {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
                .map_err(|_| Failure::usage("--token: it contains characters that no token has"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(headers)
    }
}

/// A way to one server.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
}

impl Client {
    /// A request for the path made of `segments`, each escaped as a whole, below the server's own
    /// path.
    pub fn request(&self, method: Method, segments: &[&str], query: &[(&str, &str)]) -> RequestBuilder {
        let mut url = self.base.clone();
        let mut path = self.base.path().trim_end_matches('/').to_owned();
        for segment in segments {
            path.push('/');
            path.push_str(&escaped(segment));
        }
        url.set_path(&path);
        if !query.is_empty() {
            let pairs: Vec<_> = query.iter().map(|(key, value)| format!("{key}={}", escaped(value))).collect();
            url.set_query(Some(&pairs.join("&")));
        }
        self.http.request(method, url)
    }

    /// Sends a request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// When no answer came; exit code 4.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, Failure> {
        self.exchange(request).await.map_err(|error| self.unreachable(&error))
    }

    /// As [`Client::send`], but an answer with an error status is a failure too.
    ///
    /// # Errors
    /// Exit code 4 when no answer came, 1 when the answer is an error.
    pub async fn ask(&self, request: RequestBuilder) -> Result<Answer, Failure> {
        let answer = self.send(request).await?;
        if answer.status.is_success() { Ok(answer) } else { Err(answer.failure()) }
    }

    async fn exchange(&self, request: RequestBuilder) -> reqwest::Result<Answer> {
        let response = request.send().await?;
        let status = response.status();
        let headers = response.headers().clone();
        let body = response.bytes().await?;
        let server = self.address();
        Ok(Answer { server, status, headers, body })
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let why = root_cause(error);
        let remedy = distrust(&why).unwrap_or_else(|| self.remedy(error));
        Failure::unreachable(format!("cannot reach {}: {why}", self.address())).advise(remedy)
    }

    fn remedy(&self, error: &reqwest::Error) -> &'static str {
        if self.base.scheme() == "http" && !error.is_connect() && !error.is_timeout() {
            return "Does it speak https? Then name it with https:// in --server or NYALA_SERVER.";
        }
        "Is it running? Start it with `nyala serve`, or name another with --server or NYALA_SERVER."
    }

    fn address(&self) -> String {
        self.base.as_str().trim_end_matches('/').to_owned()
    }
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// What to do about a certificate that is not trusted, where that is why.
fn distrust(why: &str) -> Option<&'static str> {
    // As rustls begins it; what is wrapped around hides the type.
    why.starts_with("invalid peer certificate").then_some(
        "Its certificate is not trusted here: name the authority that signed it with --ca-cert or NYALA_CA_CERT. \
         One that signed itself has to say that it is no authority (basicConstraints=CA:FALSE).",
    )
}

/// The innermost reason: the outer ones only say that a request failed.
fn root_cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &(dyn Error + 'static) = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    match cause.downcast_ref::<io::Error>() {
        Some(error) if error.kind() == io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        _ => visible(&cause.to_string()).into_owned(),
    }
}
