//! What came of an attempt.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;

use super::headers::HeaderLines;

/// What came of an attempt. None of these is an error of ours.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The receiver answered, whatever the status.
    Answered(Answer),
    /// No answer came: why, in words that a person can act on.
    Failed(String),
    /// We did not even try: why.
    Refused(String),
    /// Trouble on our side kept the request from going out: nobody is charged with it.
    Hindered(String),
}

/// What a receiver said.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// The reason phrase as received, or the usual one for the status.
    pub reason: String,
    /// Headers in the order in which they came, at most 4 KiB of them.
    pub headers: HeaderLines,
    /// How the body begins: 4 KiB of it on record, up to 64 KiB while somebody reads it.
    pub body: Bytes,
    /// Whether there was more of the body than we read.
    pub cut: bool,
    /// How long the receiver wants to be left alone.
    pub retry_after: Option<Duration>,
}

impl Outcome {
    /// The status of the answer; `None` where there was none.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Answered(answer) => Some(answer.status),
            Self::Failed(_) | Self::Refused(_) | Self::Hindered(_) => None,
        }
    }

    /// The answer's reason phrase, or why there was no answer.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Answered(answer) => &answer.reason,
            Self::Failed(why) | Self::Refused(why) | Self::Hindered(why) => why,
        }
    }

    /// The same in nobody's words but ours: receivers may repeat what they were sent.
    #[must_use]
    pub fn plain_reason(&self) -> &str {
        match self {
            Self::Answered(answer) => usual_reason(answer.status),
            Self::Failed(_) | Self::Refused(_) | Self::Hindered(_) => self.reason(),
        }
    }

    /// How long the receiver wants to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        match self {
            Self::Answered(answer) => answer.retry_after.unwrap_or_default(),
            Self::Failed(_) | Self::Refused(_) | Self::Hindered(_) => Duration::ZERO,
        }
    }

    /// Whether the event arrived: any 2xx.
    #[must_use]
    pub fn arrived(&self) -> bool {
        self.status().is_some_and(|status| (200..300).contains(&status))
    }
}

/// The usual reason phrase of a status; empty where it has none.
#[must_use]
pub fn usual_reason(status: u16) -> &'static str {
    http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default()
}

/// What Kudu calls the result of an attempt without an answer.
pub const FAILURE: &str = "Failure";

/// The name that .NET gives a status, as Kudu's `last_status` shows it: decimal
/// digits where .NET has no name, `Failure` where there was no answer.
///
/// Source: the `HttpStatusCode` enumeration of .NET Framework 4.
#[must_use]
pub fn status_name(status: Option<u16>) -> Cow<'static, str> {
    let Some(code) = status else {
        return FAILURE.into();
    };
    match NAMES.binary_search_by_key(&code, |&(code, _)| code) {
        Ok(at) => NAMES[at].1.into(),
        Err(_) => code.to_string().into(),
    }
}

const NAMES: [(u16, &str); 42] = [
    (100, "Continue"),
    (101, "SwitchingProtocols"),
    (200, "OK"),
    (201, "Created"),
    (202, "Accepted"),
    (203, "NonAuthoritativeInformation"),
    (204, "NoContent"),
    (205, "ResetContent"),
    (206, "PartialContent"),
    (300, "Ambiguous"),
    (301, "Moved"),
    (302, "Redirect"),
    (303, "RedirectMethod"),
    (304, "NotModified"),
    (305, "UseProxy"),
    (306, "Unused"),
    (307, "TemporaryRedirect"),
    (400, "BadRequest"),
    (401, "Unauthorized"),
    (402, "PaymentRequired"),
    (403, "Forbidden"),
    (404, "NotFound"),
    (405, "MethodNotAllowed"),
    (406, "NotAcceptable"),
    (407, "ProxyAuthenticationRequired"),
    (408, "RequestTimeout"),
    (409, "Conflict"),
    (410, "Gone"),
    (411, "LengthRequired"),
    (412, "PreconditionFailed"),
    (413, "RequestEntityTooLarge"),
    (414, "RequestUriTooLong"),
    (415, "UnsupportedMediaType"),
    (416, "RequestedRangeNotSatisfiable"),
    (417, "ExpectationFailed"),
    (426, "UpgradeRequired"),
    (500, "InternalServerError"),
    (501, "NotImplemented"),
    (502, "BadGateway"),
    (503, "ServiceUnavailable"),
    (504, "GatewayTimeout"),
    (505, "HttpVersionNotSupported"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_have_the_names_of_dot_net() {
        let table = [
            (200, "OK"),
            (302, "Redirect"),
            (410, "Gone"),
            (422, "422"),
            (429, "429"),
            (500, "InternalServerError"),
            (599, "599"),
        ];
        for (status, name) in table {
            assert_eq!(status_name(Some(status)), name);
        }
        assert_eq!(status_name(None), "Failure");
    }

    #[test]
    fn the_names_are_in_the_order_in_which_they_are_searched() {
        assert!(NAMES.is_sorted_by_key(|&(code, _)| code));
    }
}
