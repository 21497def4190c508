//! Who made a browser ask: a page elsewhere must not be able to drive the server.

use std::net::IpAddr;

use http::header::{AUTHORIZATION, FORWARDED, HOST, ORIGIN, VIA};
use http::uri::Authority;
use http::{HeaderMap, HeaderName};
use url::Host;

use super::connection::Connection;
use super::error::ApiError;
use crate::domain::reach;

/// Whose page made a browser ask, by the browser's own word.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What proxies add to requests: whoever comes through one may be anywhere.
const PROXIED: [HeaderName; 5] = [
    FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-real-ip"),
    VIA,
];

/// Without tokens: only for who names a loopback host, which a page of another site
/// cannot make its own name resolve to without being seen here (DNS rebinding), and
/// not for such a page itself (CSRF).
pub(super) fn check_loopback(headers: &HeaderMap, connection: Connection) -> Result<(), ApiError> {
    let host = one(headers, HOST).unwrap_or_default();
    if PROXIED.iter().any(|name| headers.contains_key(name)) {
        return Err(ApiError::Forbidden(
            "without tokens this server answers to nobody whom a proxy speaks for (see the request's Forwarded or \
             X-Forwarded headers): make a token with `nyala token create`"
                .into(),
        ));
    }
    if !is_loopback(host) {
        return Err(ApiError::Forbidden(
            "without tokens this server answers only to a loopback name such as localhost in the Host header: make a \
             token with `nyala token create`, or ask it by that name"
                .into(),
        ));
    }
    check_own(headers, connection)
}

/// A browser says whose page made it ask: only our own may.
pub(super) fn check_own(headers: &HeaderMap, connection: Connection) -> Result<(), ApiError> {
    if !headers.contains_key(ORIGIN) {
        return Ok(());
    }
    let host = one(headers, ORIGIN).and_then(|origin| {
        // A proxy may have ended the TLS: then the page came over https, and this did not.
        origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://").filter(|_| !connection.tls))
    });
    match (host, one(headers, HOST)) {
        (Some(origin), Some(own)) if origin.eq_ignore_ascii_case(own) => Ok(()),
        _ => Err(ApiError::Forbidden(
            "a page of another site made this request (see its Origin header): only pages of this server may".into(),
        )),
    }
}

/// A GET that changes something: a page of another site may make a browser send one, without an
/// `Origin` and with the password that it knows. Browsers say so in a header of their own.
pub(super) fn check_fetched(headers: &HeaderMap) -> Result<(), ApiError> {
    let own = |value: &http::HeaderValue| ["same-origin", "none"].iter().any(|own| value.as_bytes() == own.as_bytes());
    let mut said = headers.get_all(SEC_FETCH_SITE).iter().peekable();
    // To a server that is not on https, browsers do not say; but they send the password by themselves.
    let by_itself =
        |value: &http::HeaderValue| value.as_bytes().get(..5).is_some_and(|s| s.eq_ignore_ascii_case(b"basic"));
    let silent = said.peek().is_none() && headers.get_all(AUTHORIZATION).iter().any(by_itself);
    if !silent && said.all(own) {
        return Ok(());
    }
    Err(ApiError::Forbidden(
        "a page of another site may have made this request (see its Sec-Fetch-Site header), and it would change something: \
         send the token as `Authorization: Bearer TOKEN`"
            .into(),
    ))
}

/// The value of a header that stands there once.
fn one(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// `localhost`, a name below it, or a loopback address, with any port: somebody may
/// have forwarded another one.
fn is_loopback(host: &str) -> bool {
    // User info is no part of a host: whoever else reads the header may see another name.
    let Some(authority) = host.parse::<Authority>().ok().filter(|_| !host.contains('@')) else {
        return false;
    };
    let name = authority.host();
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    let host = address.parse().map_or(Host::Domain(name), |address| match address {
        IpAddr::V4(address) => Host::Ipv4(address),
        IpAddr::V6(address) => Host::Ipv6(address),
    });
    reach::is_loopback(&host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: &str, origin: Option<&str>) -> HeaderMap {
        let pairs = [(HOST, Some(host)), (ORIGIN, origin)];
        let present = pairs.into_iter().filter_map(|(name, value)| Some((name, value?.parse().unwrap())));
        present.collect()
    }

    const PLAIN: Connection = Connection { peer: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), tls: false, http2: false };

    #[test]
    fn only_loopback_names_are_answered() {
        for host in ["localhost", "LOCALHOST:8080", "a.localhost", "localhost.", "127.0.0.1:1", "127.9.9.9", "[::1]:80"]
        {
            assert!(check_loopback(&headers(host, None), PLAIN).is_ok(), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "[::]",
            "0.0.0.0",
            "localhost/x",
            "a@localhost",
            "localhost@evil.example",
            "evillocalhost",
            "localhost#evil.test",
            "localhost?evil",
            "localhost\\evil.test",
            "evil.test@localhost",
            "@localhost",
            ":@localhost",
        ] {
            assert!(check_loopback(&headers(host, None), PLAIN).is_err(), "{host}");
        }
        assert!(check_loopback(&HeaderMap::new(), PLAIN).is_err());
    }

    #[test]
    fn only_pages_of_our_own_may_make_a_browser_ask() {
        let own = |origin| check_own(&headers("localhost:8080", Some(origin)), PLAIN).is_ok();
        assert!(own("http://localhost:8080"));
        for origin in
            ["null", "https://localhost", "http://localhost", "http://localhost:8081", "http://evil.example", ""]
        {
            assert!(!own(origin), "{origin}");
        }
        assert!(own("https://localhost:8080"), "through a proxy that speaks TLS");
        let tls = Connection { tls: true, ..PLAIN };
        assert!(check_own(&headers("nyala.example", Some("https://nyala.example")), tls).is_ok());
    }

    #[test]
    fn two_origins_are_none_of_ours() {
        let own = "http://localhost:8080";
        for other in [own, "http://evil.example"] {
            let mut both = headers("localhost:8080", Some(own));
            both.append(ORIGIN, other.parse().unwrap());
            assert!(check_own(&both, PLAIN).is_err(), "{other}");
        }
    }

    #[test]
    fn a_get_that_changes_something_is_made_by_no_other_site() {
        let fetched = |values: &[&str]| {
            let pairs = values.iter().map(|value| (SEC_FETCH_SITE, value.parse().unwrap()));
            check_fetched(&pairs.collect()).is_ok()
        };
        assert!(fetched(&[]) && fetched(&["same-origin"]) && fetched(&["none"]));
        for values in [&["cross-site"][..], &["same-site"], &[""], &["none", "cross-site"]] {
            assert!(!fetched(values), "{values:?}");
        }
    }

    #[test]
    fn two_hosts_are_none() {
        let mut both = headers("localhost", None);
        both.append(HOST, "evil.example".parse().unwrap());
        assert!(check_loopback(&both, PLAIN).is_err());
    }
}
