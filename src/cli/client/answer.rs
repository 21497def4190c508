//! What a server's answers mean, and how an error is told.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, LOCATION, RETRY_AFTER};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::cli::exit::Failure;
use crate::cli::output::visible;

/// What to do where a server wants to know who is asking.
pub(super) const NAME_A_TOKEN: &str = "Name a token that may do this with --token or NYALA_TOKEN.";

/// What to do where that is not enough: the server has said whether a scope or an application is in the way.
pub(super) const NAME_ANOTHER_TOKEN: &str = "Where that takes another token, name it with --token or NYALA_TOKEN: \
     `nyala token list`, where the server runs, shows the scopes and applications of each.";

/// What a server answered, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// Where it came from, as people name it.
    pub(super) server: String,
    /// The answer's status.
    pub status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The answer's body, as it came.
    pub body: Bytes,
}

impl Answer {
    /// The body as text, for `--json`.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as what a Nyala server answers here.
    ///
    /// # Errors
    /// Exit code 1 when it is something else, such as another site's page.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body).map_err(|_| self.stranger("not with what Nyala says there"))
    }

    /// How long the server asks to be left alone. A date counts from the answer's own, so that no
    /// two clocks need to agree.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let asked = self.header(&RETRY_AFTER)?;
        if let Ok(seconds) = asked.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let until = httpdate::parse_http_date(asked).ok()?;
        let from = httpdate::parse_http_date(self.header(&DATE)?).ok()?;
        Some(until.duration_since(from).unwrap_or_default())
    }

    /// What an answer with an error status means, from its problem document (RFC 9457) if it has
    /// one.
    #[must_use]
    pub fn failure(&self) -> Failure {
        if let Some(target) = self.header(&LOCATION).filter(|_| self.status.is_redirection()) {
            let target = visible(target);
            return Failure::failed(format!("{} sends us on to {target}", self.server))
                .advise("Name the address that answers itself with --server or NYALA_SERVER.");
        }
        let Some(problem) = Problem::read(&self.body) else {
            return self.stranger("without a problem document");
        };
        let failure = Failure::failed(problem.told(self.status));
        match self.status {
            StatusCode::UNAUTHORIZED => failure.advise(NAME_A_TOKEN),
            StatusCode::FORBIDDEN => failure.advise(NAME_ANOTHER_TOKEN),
            _ => failure,
        }
    }

    fn stranger(&self, how: &str) -> Failure {
        let kind = visible(self.header(&CONTENT_TYPE).unwrap_or("no content type"));
        Failure::failed(format!("{} answered {} ({kind}), {how}", self.server, self.status)).advise(
            "It is not a Nyala server, or something stands before it: check --server or \
                 NYALA_SERVER.",
        )
    }

    fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The server's words for what is wrong.
#[derive(Deserialize)]
struct Problem {
    title: String,
    detail: Option<String>,
    errors: Option<Vec<FieldError>>,
}

#[derive(Deserialize)]
struct FieldError {
    field: String,
    message: String,
}

impl Problem {
    fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    fn told(&self, status: StatusCode) -> String {
        let mut told = format!("the server answered {}: {}", status.as_u16(), visible(&self.title));
        if let Some(detail) = &self.detail {
            told.push_str(": ");
            told.push_str(&visible(detail));
        }
        for FieldError { field, message } in self.errors.iter().flatten().filter(|error| !self.tells(error)) {
            let _ = write!(told, "\n  {}: {}", visible(field), visible(message));
        }
        told
    }

    /// Whether the detail says all that the error does: Nyala's own does where one field is at fault.
    fn tells(&self, FieldError { field, message }: &FieldError) -> bool {
        self.detail.as_ref().is_some_and(|detail| detail.contains(field) && detail.contains(message))
    }
}
