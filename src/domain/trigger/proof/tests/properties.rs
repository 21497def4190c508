//! What holds of any request.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use data_encoding::HEXLOWER;
use proptest::prelude::*;
use ring::hmac::{self, HMAC_SHA256, HMAC_SHA512, Key};

use super::*;
use crate::domain::signature::{Scheme, Secret, Signer, SigningKey};

const NOW: i64 = 1_780_000_000;

/// Settings, and the header whose value is the proof.
const KINDS: [(&str, &str); 8] = [
    (GITHUB, "x-hub-signature-256"),
    (GITLAB, "x-gitlab-token"),
    (r#"{"scheme":"bitbucket"}"#, "x-hub-signature"),
    (r#"{"scheme":"gitea"}"#, "x-forgejo-signature"),
    (STANDARD, "webhook-signature"),
    (r#"{"scheme":"hmac","algorithm":"sha512","encoding":"base64"}"#, "x-signature"),
    (TIMED, "x-sig"),
    (r#"{"scheme":"cds","project":"P","vcs_server":"v","repository":"a/b"}"#, "x-hub-signature-256"),
];

/// A secret as this kind has it.
fn secret(settings: &str, bytes: &[u8; 32]) -> String {
    if settings == STANDARD { Secret::from_bytes(*bytes).text() } else { HEXLOWER.encode(bytes) }
}

/// What an honest sender sends, where the proof is the last header.
fn sent(settings: &str, header: &str, secret: &str, body: &[u8]) -> Vec<(String, String)> {
    let hex = |signed: &[u8]| HEXLOWER.encode(hmac::sign(&Key::new(HMAC_SHA256, secret.as_bytes()), signed).as_ref());
    let mut pairs = vec![];
    let value = match proof(settings).unwrap() {
        Proof::Gitlab => secret.to_owned(),
        Proof::Gitea => hex(body),
        Proof::Github | Proof::Bitbucket => format!("sha256={}", hex(body)),
        Proof::StandardWebhooks => {
            pairs =
                vec![("webhook-id".to_owned(), "evt_1".to_owned()), ("webhook-timestamp".to_owned(), NOW.to_string())];
            let key = SigningKey { secret: Secret::parse(secret).unwrap(), seed: [1; 32] };
            Signer::new(&[key], &[Scheme::V1]).sign("evt_1", NOW, body).webhook.unwrap()
        }
        Proof::Hmac(HmacSettings { timestamp_header: Some(_), .. }) => {
            pairs = vec![("x-time".to_owned(), NOW.to_string())];
            hex(&[NOW.to_string().as_bytes(), b".", body].concat())
        }
        Proof::Hmac(_) => BASE64_STANDARD.encode(hmac::sign(&Key::new(HMAC_SHA512, secret.as_bytes()), body).as_ref()),
        Proof::Cds(_) => {
            let (mut key, rounds) = ([0; 128], std::num::NonZeroU32::new(4096).unwrap());
            let algorithm = ring::pbkdf2::PBKDF2_HMAC_SHA512;
            ring::pbkdf2::derive(algorithm, rounds, secret.as_bytes(), b"P-v-a/b-a-uuid", &mut key);
            let key = Key::new(HMAC_SHA256, BASE64_STANDARD.encode(key).as_bytes());
            HEXLOWER.encode(hmac::sign(&key, body).as_ref())
        }
    };
    pairs.push((header.to_owned(), value));
    pairs
}

fn holds(authenticator: &Authenticator, pairs: &[(String, String)], body: &[u8]) -> bool {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    authenticator.verify(&headers(&pairs), body, at(NOW)).is_ok()
}

/// One of them, instead of the one that is there. Hex may be written in either case.
fn put(text: &str, place: prop::sample::Index, with: u8, case_counts: bool) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let place = place.index(bytes.len());
    let same = if case_counts { bytes[place] == with } else { bytes[place].eq_ignore_ascii_case(&with) };
    bytes[place] = with;
    (!same).then(|| String::from_utf8(bytes).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_right_proof_always_holds_and_with_one_byte_changed_never(
        kind in prop::sample::select(KINDS.to_vec()),
        bytes: [u8; 32],
        body in prop::collection::vec(any::<u8>(), 1..200),
        place: prop::sample::Index,
        flip in 1..=u8::MAX,
        with in 0x20..0x7f_u8,
    ) {
        let (settings, header) = kind;
        let secret_text = secret(settings, &bytes);
        let own = authenticator(settings, &secret_text);
        let pairs = sent(settings, header, &secret_text, &body);
        prop_assert!(holds(&own, &pairs, &body));

        let mut other = body.clone();
        other[place.index(body.len())] ^= flip;
        prop_assert!(settings == GITLAB || !holds(&own, &pairs, &other), "a token vouches for no body");

        let mut other = bytes;
        other[place.index(32)] ^= flip;
        prop_assert!(!holds(&authenticator(settings, &secret(settings, &other)), &pairs, &body));

        let case_counts = header == "x-gitlab-token" || header == "webhook-signature" || header == "x-signature";
        if let Some(value) = put(&pairs.last().unwrap().1, place, with, case_counts) {
            let mut other = pairs;
            other.last_mut().unwrap().1 = value;
            prop_assert!(!holds(&own, &other, &body), "{other:?}");
        }
    }

    #[test]
    fn no_request_is_too_odd_to_be_refused(
        settings in prop::sample::select([CDS, "{}"].into_iter().chain(KINDS.map(|kind| kind.0)).collect::<Vec<_>>()),
        values in prop::collection::vec((prop::sample::select(ODD.to_vec()), prop::collection::vec(any::<u8>(), 0..80)), 0..6),
        body in prop::collection::vec(any::<u8>(), 0..100),
        now: i64,
    ) {
        let secret = if settings == STANDARD { SIGNING } else { "a secret of a trigger" };
        let valid = values.iter().filter_map(|(name, value)| Some((*name, HeaderValue::from_bytes(value).ok()?)));
        let headers: HeaderMap = valid.map(|(name, value)| (HeaderName::from_static(name), value)).collect();

        let checked = authenticator(settings, secret).verify(&headers, &body, Timestamp::from_millis(now)).is_ok();

        prop_assert!(!checked);
    }
}

const ODD: [&str; 12] = [
    "x-hub-signature-256",
    "x-hub-signature",
    "x-gitea-signature",
    "x-gitlab-token",
    "x-gitlab-event",
    "x-github-event",
    "x-signature",
    "x-sig",
    "x-time",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
];
