//! Who is asking: from a request's headers to a caller.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::connection::Connection;
use super::error::ApiError;
use super::origin;
use super::wrong_tokens::{Slowed, WrongTokens};
use crate::clock::Clock;
use crate::domain::access::Caller;
use crate::domain::token::{PREFIX, TokenHash, TokenState};
use crate::store::known_tokens::{KnownToken, KnownTokens};

/// What CDS's clients send their token in, in base64; some proxies drop names with underscores.
const X_AUTH_HEADER: [HeaderName; 2] =
    [HeaderName::from_static("x_auth_header"), HeaderName::from_static("x-auth-header")];

/// Whatever fills up the last four letters, or nothing.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How often it is told that wrong tokens come.
const TELL_EVERY: Duration = Duration::from_mins(1);

/// Knows whom to let in.
pub struct Auth {
    tokens: Arc<KnownTokens>,
    clock: Arc<dyn Clock>,
    wrong: WrongTokens,
    /// When it was last told that there were too many.
    told: Mutex<Option<Duration>>,
    /// Anybody, while no token was ever made.
    open: Arc<Caller>,
}

/// A token as it was sent.
struct Presented {
    hash: TokenHash,
    /// As a password: browsers send those by themselves, whoever made them ask.
    as_password: bool,
}

impl Auth {
    /// Knows those of these tokens.
    #[must_use]
    pub fn new(tokens: Arc<KnownTokens>, clock: Arc<dyn Clock>) -> Self {
        Self { tokens, clock, wrong: WrongTokens::default(), told: Mutex::default(), open: Arc::new(Caller::open()) }
    }

    /// What people call the token of an event's publisher.
    pub(super) fn tokens(&self) -> &KnownTokens {
        &self.tokens
    }

    /// Whoever makes this request.
    ///
    /// # Errors
    /// 401 without a token that is good, 403 where a page of another site asks, 429
    /// after too many wrong tokens.
    pub(super) async fn caller(&self, headers: &HeaderMap, connection: Connection) -> Result<Arc<Caller>, ApiError> {
        let presented = presented(headers);
        let found = match &presented {
            Ok(Some(presented)) => self.find(&presented.hash, connection).await?,
            _ => None,
        };
        let Some(known) = found else {
            return self.without(presented, headers, connection).await;
        };
        self.good(&known)?;
        if presented.is_ok_and(|presented| presented.is_some_and(|presented| presented.as_password)) {
            origin::check_own(headers, connection)?;
        }
        Ok(known.caller.clone())
    }

    /// Who comes without a token that is known: anybody, until the first one was made.
    async fn without(
        &self,
        presented: Result<Option<Presented>, ApiError>,
        headers: &HeaderMap,
        connection: Connection,
    ) -> Result<Arc<Caller>, ApiError> {
        if self.tokens.are_none() {
            origin::check_loopback(headers, connection)?;
            return Ok(self.open.clone());
        }
        match presented? {
            Some(_) => Err(self.slow_down(connection).await),
            None => Err(ApiError::Unauthorized(
                "this needs a token: send it as `Authorization: Bearer TOKEN`, or as a password".into(),
            )),
        }
    }

    /// Asks the database only about a token that is not known: it may have been made
    /// just now. Not for who has sent too many wrong ones already.
    async fn find(&self, hash: &TokenHash, connection: Connection) -> Result<Option<Arc<KnownToken>>, ApiError> {
        if let Some(known) = self.tokens.find(hash) {
            return Ok(Some(known));
        }
        if let Some(wait) = self.wrong.refused(connection.peer, self.clock.elapsed()) {
            return Err(too_many(wait));
        }
        self.tokens.look().await?;
        Ok(self.tokens.find(hash))
    }

    /// Who has a token may be told what became of it.
    fn good(&self, known: &KnownToken) -> Result<(), ApiError> {
        let now = self.clock.now();
        let why = match known.token.state(now) {
            TokenState::Active => {
                known.used(now);
                return Ok(());
            }
            TokenState::Expired => "has expired",
            TokenState::Revoked => "was revoked",
        };
        Err(ApiError::Unauthorized(format!("this token {why}: ask for another one")))
    }

    /// Somebody may be guessing: told once a minute, not once a guess.
    fn tell(&self, slowed: &Slowed, connection: Connection) {
        let now = self.clock.elapsed();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if *slowed != Slowed::By(Duration::ZERO) && told.is_none_or(|told| now >= told + TELL_EVERY) {
            *told = Some(now);
            tracing::warn!(address = %connection.peer, "wrong tokens come from this address, and are slowed down");
        }
    }

    /// A wrong token is answered later and later, and then not even looked at for long.
    async fn slow_down(&self, connection: Connection) -> ApiError {
        let slowed = self.wrong.note(connection.peer, self.clock.elapsed());
        self.tell(&slowed, connection);
        match slowed {
            Slowed::By(wait) => {
                if wait > Duration::ZERO {
                    self.clock.sleep(wait).await;
                }
                ApiError::Unauthorized("this token is not known here: look at `nyala token list` on the server".into())
            }
            Slowed::TooMuch(wait) => too_many(wait),
        }
    }
}

fn too_many(wait: Duration) -> ApiError {
    ApiError::TooManyWrongTokens(wait.as_secs() + 1)
}

/// The token that a request brings: in `Authorization`, or where that is not, as CDS's clients
/// send theirs.
fn presented(headers: &HeaderMap) -> Result<Option<Presented>, ApiError> {
    if let Some(value) = alone(headers, &[AUTHORIZATION], "Authorization")? {
        return authorization(value).map(Some);
    }
    let value = alone(headers, &X_AUTH_HEADER, "X-Auth-Header")?;
    value.map(|value| auth_header(value).map(|hash| Presented { hash, as_password: false })).transpose()
}

/// The value of the only header that has one of these names.
fn alone<'a>(headers: &'a HeaderMap, names: &[HeaderName], told: &str) -> Result<Option<&'a HeaderValue>, ApiError> {
    let mut values = names.iter().flat_map(|name| headers.get_all(name));
    let value = values.next();
    if values.next().is_some() {
        return Err(ApiError::Unauthorized(format!("{told} stands there twice: send it once")));
    }
    Ok(value)
}

/// A token in base64, perhaps with the line break that a shell puts behind it.
fn auth_header(value: &HeaderValue) -> Result<TokenHash, ApiError> {
    let unreadable = |_| ApiError::Unauthorized("X-Auth-Header is not the base64 of a token".into());
    let token = LENIENT.decode(value.as_bytes().trim_ascii()).map_err(unreadable)?;
    Ok(TokenHash::of(token.trim_ascii()))
}

/// `Bearer`, or the password of `Basic`, whatever the user; or alone, as Huskar's clients send
/// theirs.
fn authorization(value: &HeaderValue) -> Result<Presented, ApiError> {
    let unreadable = || ApiError::Unauthorized("Authorization is neither `Bearer TOKEN` nor Basic".into());
    let value = value.as_bytes().trim_ascii();
    if value.starts_with(PREFIX.as_bytes()) && !value.contains(&b' ') {
        return Ok(Presented { hash: TokenHash::of(value), as_password: false });
    }
    let space = value.iter().position(|byte| *byte == b' ').ok_or_else(unreadable)?;
    let (scheme, rest) = (&value[..space], value[space + 1..].trim_ascii());
    if scheme.eq_ignore_ascii_case(b"bearer") && !rest.is_empty() {
        return Ok(Presented { hash: TokenHash::of(rest), as_password: false });
    }
    if scheme.eq_ignore_ascii_case(b"basic") {
        let pair = BASE64_STANDARD.decode(rest).map_err(|_| unreadable())?;
        let colon = pair.iter().position(|byte| *byte == b':').ok_or_else(unreadable)?;
        return Ok(Presented { hash: TokenHash::of(&pair[colon + 1..]), as_password: true });
    }
    Err(unreadable())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(value: &str) -> Option<TokenHash> {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(value).unwrap())]);
        presented(&headers).ok().flatten().map(|presented| presented.hash)
    }

    #[test]
    fn a_token_is_taken_as_bearer_alone_and_as_the_password_of_any_user() {
        let token = Some(TokenHash::of(b"nyala_x"));
        for value in ["Bearer nyala_x", "bearer  nyala_x ", "BEARER nyala_x", "nyala_x", " nyala_x "] {
            assert_eq!(hash(value), token, "{value}");
        }
        for pair in ["user:nyala_x", ":nyala_x"] {
            assert_eq!(hash(&format!("Basic {}", BASE64_STANDARD.encode(pair))), token, "{pair}");
        }
        assert_eq!(hash(&format!("Basic {}", BASE64_STANDARD.encode("u:nyala:x"))), Some(TokenHash::of(b"nyala:x")));
    }

    #[test]
    fn what_brings_no_token_is_refused() {
        for value in ["x", "nyala_x y", "Bearer", "Bearer ", "Basic !", "Basic bm9jb2xvbg==", "Digest a=b", ""] {
            assert_eq!(hash(value), None, "{value}");
        }
    }

    fn of(pairs: &[(&'static str, &str)]) -> Option<TokenHash> {
        let pair = |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), value.parse().unwrap());
        presented(&pairs.iter().map(pair).collect()).ok().flatten().map(|presented| presented.hash)
    }

    #[test]
    fn a_token_is_taken_in_base64_under_either_name_of_cdss_header() {
        let token = Some(TokenHash::of(b"nyala_x"));
        for name in ["x_auth_header", "x-auth-header"] {
            for value in [BASE64_STANDARD.encode("nyala_x"), "bnlhbGFfeA".into(), BASE64_STANDARD.encode("nyala_x\n")] {
                assert_eq!(of(&[(name, &value)]), token, "{name}: {value}");
            }
            for value in ["nyala_x", "!", "bnlhbGFfeA== x"] {
                assert_eq!(of(&[(name, value)]), None, "{name}: {value}");
            }
        }
    }

    #[test]
    fn authorization_wins_over_cdss_header_and_that_stands_there_once() {
        let (good, other) = (BASE64_STANDARD.encode("nyala_x"), BASE64_STANDARD.encode("nyala_y"));
        let bearer = ("authorization", "Bearer nyala_z");
        assert_eq!(of(&[bearer, ("x-auth-header", &good)]), Some(TokenHash::of(b"nyala_z")));
        assert_eq!(of(&[("authorization", "nonsense"), ("x-auth-header", &good)]), None);
        assert_eq!(of(&[("x_auth_header", &good), ("x-auth-header", &other)]), None);
    }
}
