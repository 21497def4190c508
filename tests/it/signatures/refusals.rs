//! Why a request proves nothing, in words that a person can act on.

use std::time::Duration;

use nyala::domain::signature::{Scheme, Secret, Signer, SigningKey};
use nyala::domain::time::Timestamp;
use nyala::domain::verify::{Claim, PublicKey, TOLERANCE, Verifier};

const NOW: i64 = 1_732_154_723;
const BODY: &[u8] = b"{}";

fn key() -> SigningKey {
    SigningKey { secret: Secret::from_bytes([1; 32]), seed: [1; 32] }
}

/// A header that is signed at such a time.
fn signature(scheme: Scheme, at: i64) -> String {
    let signed = Signer::new(&[key()], &[scheme]).sign("evt_1", at, BODY);
    signed.webhook.or(signed.github).unwrap()
}

fn secret() -> Verifier {
    Verifier::new(&[key().secret], &[])
}

fn public_key() -> Verifier {
    Verifier::new(&[], &[PublicKey::parse(&key().public_key()).unwrap()])
}

fn why(verifier: &Verifier, headers: &[(&str, &str)]) -> String {
    let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
    let checked = Claim::read(headers)
        .and_then(|claim| verifier.verify(&claim, BODY, Timestamp::from_millis(NOW * 1000), TOLERANCE).map(drop));
    checked.map_or_else(|mismatch| mismatch.to_string(), |()| "right".to_owned())
}

fn standard<'a>(timestamp: &'a str, signature: &'a str) -> [(&'a str, &'a str); 3] {
    [("webhook-id", "evt_1"), ("webhook-timestamp", timestamp), ("webhook-signature", signature)]
}

#[test]
fn a_header_that_is_missing_or_comes_twice_is_named() {
    let v1 = signature(Scheme::V1, NOW);
    let all = standard("1732154723", &v1);
    let without = |index: usize| {
        let mut headers = all.to_vec();
        headers.remove(index);
        why(&secret(), &headers)
    };

    assert_eq!(why(&secret(), &all), "right");
    assert_eq!(without(0), "the header webhook-id is missing");
    assert_eq!(without(1), "the header webhook-timestamp is missing");
    assert_eq!(without(2), "the header webhook-signature is missing");
    let twice = why(&secret(), &[all.as_slice(), &[("Webhook-Id", "evt_2")]].concat());
    assert!(twice.starts_with("the header webhook-id comes twice"), "{twice}");
}

#[test]
fn a_time_that_is_none_is_said_to_be() {
    let v1 = signature(Scheme::V1, NOW);

    for timestamp in ["", "now", "1732154723.5", "-1", "0x1", "1732154723000", "99999999999999999999999999"] {
        let why = why(&secret(), &standard(timestamp, &v1));
        assert_eq!(why, "webhook-timestamp is not a number of seconds since 1970", "{timestamp}");
    }
}

#[test]
fn a_right_signature_at_the_wrong_time_is_both() {
    let at = |offset: i64| {
        let at = NOW + offset;
        why(&secret(), &standard(&at.to_string(), &signature(Scheme::V1, at)))
    };

    assert_eq!([at(-300), at(300)], ["right", "right"]);
    assert_eq!(at(-301), "the signature fits, but the request is 5m 1s old and may be 5m at most");
    assert!(at(301).starts_with("the signature fits, but webhook-timestamp is 5m 1s ahead and may be 5m at most"));
}

#[test]
fn a_signature_that_takes_another_kind_of_key_says_which() {
    let headers = |scheme| signature(scheme, NOW);
    let (v1, v1a, github) = (headers(Scheme::V1), headers(Scheme::V1a), headers(Scheme::Github));
    let check = |verifier: &Verifier, signature: &str| why(verifier, &standard("1732154723", signature));

    assert_eq!(check(&secret(), &v1a), "it is signed with v1a, which takes the public key (whpk_…) to check");
    assert_eq!(check(&public_key(), &v1), "it is signed with v1, which takes the secret (whsec_…) to check");
    let hub = [("x-hub-signature-256", github.as_str())];
    assert_eq!(why(&public_key(), &hub), "it is signed with github, which takes the secret (whsec_…) to check");
    assert_eq!(check(&secret(), &format!("{v1a} {v1}")), "right");
    assert_eq!(check(&public_key(), &format!("{v1} {v1a}")), "right");
}

#[test]
fn a_signature_of_some_other_system_is_said_to_be_none_of_ours() {
    for signature in ["", "v1", "v1=abc", "v2,abc", "t=1,v1=abc", &key().secret.text()] {
        let why = why(&secret(), &standard("1732154723", signature));
        assert!(why.starts_with("webhook-signature has no entry"), "{signature}: {why}");
    }
    for signature in ["", "sha1=00", "sha256=", "sha256=zz", &format!("sha256={}", "A".repeat(64)), &"0".repeat(64)] {
        let why = why(&secret(), &[("x-hub-signature-256", signature)]);
        assert!(why.starts_with("x-hub-signature-256 is not"), "{signature}: {why}");
    }
}

#[test]
fn a_signature_that_fits_no_key_may_have_either_reason() {
    let (v1, v1a, github) = (signature(Scheme::V1, 1), signature(Scheme::V1a, 1), "0".repeat(64));
    let check = |verifier: &Verifier, signature: &str| why(verifier, &standard("1732154723", signature));

    let wrong = "no signature fits: it was signed with another secret, or the body, webhook-id or webhook-timestamp \
                 was changed on the way";
    assert_eq!(check(&secret(), &v1), wrong);
    assert_eq!(check(&secret(), "v1,"), wrong);
    assert_eq!(check(&public_key(), &v1a), wrong.replace("secret", "key"));
    let hub = why(&secret(), &[("x-hub-signature-256", &format!("sha256={github}"))]);
    assert_eq!(hub, "no signature fits: it was signed with another secret, or the body was changed on the way");
}

#[test]
fn githubs_header_saves_no_signature_that_is_wrong() {
    let github = signature(Scheme::Github, NOW);
    let (right, wrong) = (signature(Scheme::V1, NOW), signature(Scheme::V1, 1));
    let both = |webhook, hub| {
        let headers = standard("1732154723", webhook);
        why(&secret(), &[headers.as_slice(), &[("x-hub-signature-256", hub)]].concat())
    };

    assert!(both(&wrong, &github).starts_with("no signature fits"));
    assert_eq!(both(&right, "sha256="), "right");
    assert_eq!(both(&signature(Scheme::V1a, NOW), &github), "right");
}

#[test]
fn more_entries_than_a_rotation_needs_are_not_looked_at() {
    let (wrong, right) = (signature(Scheme::V1, 1), signature(Scheme::V1, NOW));
    let after =
        |count| why(&secret(), &standard("1732154723", &format!("{}{right}", format!("{wrong} ").repeat(count))));

    assert_eq!(after(15), "right");
    assert!(after(16).starts_with("no signature fits"));
}

#[test]
fn a_public_key_is_read_as_it_is_written() {
    let text = key().public_key();
    assert_eq!(PublicKey::parse(&text), PublicKey::parse(text.trim_end_matches('=')));

    let (bare, private) = (text.replace("whpk_", ""), text.replace("whpk_", "whsk_"));
    for wrong in ["", "whpk_", "whpk_AAAA", "whpk_!", &bare, &private, &key().secret.text()] {
        let refused = PublicKey::parse(wrong).unwrap_err();
        assert_eq!(refused.field, "public_key");
        assert!(refused.message.contains("give whpk_ and the base64 of 32 bytes"), "{refused}");
    }
}

#[test]
fn the_strangest_tolerance_is_no_trouble() {
    let v1 = signature(Scheme::V1, 0);
    let headers = standard("0", &v1).map(|(name, value)| (name, value.as_bytes()));
    let check = |now, tolerance| secret().verify(&Claim::read(headers).unwrap(), BODY, now, tolerance).is_ok();

    assert!(check(Timestamp::MAX, Duration::MAX));
    assert!(check(Timestamp::EPOCH, Duration::ZERO));
    assert!(!check(Timestamp::from_millis(i64::MIN), Duration::ZERO));
}
