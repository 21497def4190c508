//! Requests that prove something, and those that do not.

mod known;
mod properties;

use std::fmt::Debug;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;
use crate::domain::time::Timestamp;

const SIGNING: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
    };
    pairs.iter().map(pair).collect()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn proof(settings: &str) -> Option<Proof> {
    serde_json::from_str::<ProofFields>(settings).unwrap().check().unwrap()
}

fn authenticator(settings: &str, secret: &str) -> Authenticator {
    let proof = proof(settings);
    let secret = TriggerSecret::parse(secret, proof.as_ref()).unwrap();
    Authenticator::new(proof, secret, "a-uuid")
}

fn refused<T: Debug>(checked: Result<T, NotProven>) -> (Fault, String) {
    let refused = checked.unwrap_err();
    (refused.fault(), refused.to_string())
}

const GITHUB: &str = r#"{"scheme":"github"}"#;
const GITLAB: &str = r#"{"scheme":"gitlab"}"#;
const STANDARD: &str = r#"{"scheme":"standard-webhooks"}"#;
const HMAC: &str = r#"{"scheme":"hmac"}"#;
const TIMED: &str = r#"{"scheme":"hmac","timestamp_header":"x-time","header":"x-sig"}"#;
const CDS: &str = r#"{"scheme":"cds","project":"P","vcs_server":"v"}"#;

/// Settings, headers, and what must come of them.
type Refused<'a> = (&'a str, &'a [(&'a str, &'a str)], Fault, &'a str);

#[test]
fn a_refusal_says_what_is_missing_or_wrong_and_no_secret() {
    let hex = &"ab".repeat(32);
    let cases: &[Refused] = &[
        (GITHUB, &[], Fault::Missing, "the header x-hub-signature-256 is missing"),
        (GITHUB, &[("x-hub-signature", "sha1=00")], Fault::Missing, "x-hub-signature is SHA-1"),
        (GITHUB, &[("x-hub-signature-256", "sha1=00")], Fault::Wrong, "x-hub-signature-256 is not the hex of 32 bytes"),
        (GITHUB, &[("x-hub-signature-256", "")], Fault::Wrong, "x-hub-signature-256 is not the hex"),
        (GITHUB, &[("x-hub-signature-256", hex)], Fault::Wrong, "x-hub-signature-256 does not fit"),
        (GITHUB, &[("x-hub-signature-256", hex), ("x-hub-signature-256", hex)], Fault::Wrong, "the header x-hub-sig"),
        (r#"{"scheme":"bitbucket"}"#, &[], Fault::Missing, "the header x-hub-signature is missing"),
        (r#"{"scheme":"gitea"}"#, &[], Fault::Missing, "the header x-gitea-signature is missing"),
        (GITLAB, &[], Fault::Missing, "the header x-gitlab-token is missing"),
        (GITLAB, &[("x-gitlab-token", "")], Fault::Wrong, "x-gitlab-token is not the trigger's secret"),
        (GITLAB, &[("x-gitlab-token", "HIDDEN"), ("x-gitlab-token", "x")], Fault::Wrong, "the header x-gitlab-token"),
        (GITLAB, &[("webhook-signature", "v1,x")], Fault::Wrong, "webhook-signature is checked with a secret that"),
        (HMAC, &[], Fault::Missing, "the header x-signature is missing"),
        (HMAC, &[("x-signature", "@")], Fault::Wrong, "x-signature is not the hex or base64 of 32 bytes, with"),
        (TIMED, &[("x-sig", hex)], Fault::Missing, "the header x-time is missing"),
        (TIMED, &[("x-sig", hex), ("x-time", "-1")], Fault::Wrong, "x-time is not a number of seconds"),
        (TIMED, &[("x-sig", hex), ("x-time", "1780000000000")], Fault::Wrong, "x-time is not a number of seconds"),
        (TIMED, &[("x-sig", hex), ("x-time", "1780000000")], Fault::Wrong, "x-sig does not fit"),
        (CDS, &[], Fault::Missing, "the header x-hub-signature-256 is missing"),
        (CDS, &[("x-hub-signature-256", hex)], Fault::Wrong, "the body does not tell which repository"),
        ("{}", &[("x-signature", hex)], Fault::Missing, "no header tells how the request is signed"),
    ];

    for (settings, pairs, fault, message) in cases {
        let (found, told) = refused(authenticator(settings, "HIDDEN SECRET").verify(&headers(pairs), b"{}", at(0)));
        assert_eq!(found, *fault, "{settings} {told}");
        assert!(told.starts_with(message), "{message}: {told}");
        assert!(!told.contains("HIDDEN"), "{told}");
    }
}

#[test]
fn standard_webhooks_take_no_signature_that_tells_no_time() {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SIGNING.as_bytes());
    let hub = data_encoding::HEXLOWER.encode(ring::hmac::sign(&key, b"{}").as_ref());
    let headers = headers(&[("x-hub-signature-256", &hub)]);

    let told = refused(authenticator(STANDARD, SIGNING).verify(&headers, b"{}", at(0)));

    assert_eq!(told, (Fault::Missing, "the header webhook-signature is missing".to_owned()));
    assert!(authenticator(GITHUB, SIGNING).verify(&headers, b"{}", at(0)).is_ok(), "where that is what is wanted");
}

#[test]
fn an_id_that_could_be_parted_in_another_way_is_refused() {
    let key = crate::domain::signature::Secret::parse(SIGNING).unwrap();
    let keys = [crate::domain::signature::SigningKey { secret: key, seed: [1; 32] }];
    let signer = crate::domain::signature::Signer::new(&keys, &[crate::domain::signature::Scheme::V1]);
    let signature = signer.sign("evt", 1_780_000_000, b"1780000000.x").webhook.unwrap();
    let headers = headers(&[
        ("webhook-id", "evt.1780000000"),
        ("webhook-timestamp", "1780000000"),
        ("webhook-signature", &signature),
    ]);

    let (fault, told) = refused(authenticator(STANDARD, SIGNING).verify(&headers, b"x", at(1_780_000_000)));

    assert_eq!(fault, Fault::Wrong);
    assert!(told.starts_with("webhook-id has a full stop"), "{told}");
}

#[test]
fn without_a_scheme_the_headers_tell_it() {
    let cases: &[(&[&str], Option<Proof>)] = &[
        (&["x-github-event", "x-gitea-event", "x-hub-signature-256"], Some(Proof::Gitea)),
        (&["X-GitHub-Event", "X-Forgejo-Delivery"], Some(Proof::Gitea)),
        (&["x-github-event", "webhook-signature"], Some(Proof::Github)),
        (&["x-gitlab-event", "webhook-signature"], Some(Proof::Gitlab)),
        (&["x-event-key"], Some(Proof::Bitbucket)),
        (&["webhook-signature", "x-hub-signature-256"], Some(Proof::StandardWebhooks)),
        (&["x-hub-signature-256"], Some(Proof::Github)),
        (&["x-hub-signature", "x-signature", "webhook-id"], None),
        (&[], None),
    ];

    for (names, expected) in cases {
        let pairs: Vec<_> = names.iter().map(|name| (*name, "x")).collect();
        assert_eq!(&Proof::recognise(&headers(&pairs)), expected, "{names:?}");
    }
}

#[test]
fn names_that_a_stranger_makes_up_are_rationed_and_shut_out_nobody_known() {
    let cds = authenticator(CDS, "a salt of CDS");
    let body = |name: &str| format!(r#"{{"repository":{{"full_name":"{name}"}}}}"#);
    let verify = |name: &str, signature: &str, now| {
        let headers = headers(&[("x-hub-signature-256", signature)]);
        cds.verify(&headers, body(name).as_bytes(), now).map(|proven| proven.scheme)
    };
    // Computed: Python's hmac and hashlib.
    let right = "0588f86ed0baafbfc45691c9d452b0aab60099a8b153ade7558d881679b19d1d";
    assert_eq!(verify("acme/shop", right, at(0)), Ok("cds"));

    let forged = "00".repeat(32);
    let faults: Vec<_> = (0..40).map(|n| refused(verify(&format!("evil/{n}"), &forged, at(0))).0).collect();

    assert_eq!(faults.iter().filter(|fault| **fault == Fault::Wrong).count(), 16);
    assert!(faults[16..].iter().all(|fault| *fault == Fault::Busy));
    let told = refused(verify("evil/99", &forged, at(0))).1;
    assert!(told.starts_with("too many repositories were named of late: send it again in 1s"), "{told}");
    assert_eq!(refused(verify("evil/0", &forged, at(0))).0, Fault::Wrong, "whose key is known");
    assert_eq!(verify("acme/shop", right, at(0)), Ok("cds"));
    assert_eq!(refused(verify("evil/99", &forged, at(1))).0, Fault::Wrong, "a second later");
}

#[test]
fn no_secret_is_shown_by_mistake() {
    assert_eq!(format!("{:?}", authenticator(CDS, "HIDDEN SECRET")), "Authenticator(***)");
}
