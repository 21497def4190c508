//! Signatures: known answers, and an independent receiver.

mod properties;
mod refusals;

use std::fs;
use std::path::Path;
use std::time::Duration;

use data_encoding::HEXLOWER;
use http::HeaderMap;
use nyala::clock::{Clock, SystemClock};
use nyala::domain::signature::{Scheme, Secret, Signatures, Signer, SigningKey};
use nyala::domain::time::Timestamp;
use nyala::domain::verify::{Claim, PublicKey, Verifier};
use serde::Deserialize;
use standardwebhooks::Webhook;

/// `data/signatures.json`, which says where each of these comes from.
#[derive(Deserialize)]
struct Known {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    from: String,
    keys: Vec<Key>,
    id: String,
    timestamp: i64,
    body: Option<String>,
    body_hex: Option<String>,
    v1: String,
    v1a: String,
    github: String,
}

#[derive(Deserialize)]
struct Key {
    secret: String,
    seed: String,
    #[serde(rename = "public_key")]
    public: String,
}

impl Key {
    fn signing(&self) -> SigningKey {
        let seed = HEXLOWER.decode(self.seed.as_bytes()).unwrap().try_into().unwrap();
        SigningKey { secret: Secret::parse(&self.secret).unwrap(), seed }
    }
}

impl Vector {
    fn body(&self) -> Vec<u8> {
        match (&self.body, &self.body_hex) {
            (Some(text), None) => text.clone().into(),
            (None, Some(hex)) => HEXLOWER.decode(hex.as_bytes()).unwrap(),
            _ => panic!("one body: {}", self.from),
        }
    }

    fn sign(&self, schemes: &[Scheme]) -> Signatures {
        let keys: Vec<_> = self.keys.iter().map(Key::signing).collect();
        Signer::new(&keys, schemes).sign(&self.id, self.timestamp, &self.body())
    }
}

fn known() -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/signatures.json");
    serde_json::from_str::<Known>(&fs::read_to_string(path).unwrap()).unwrap().vectors
}

#[test]
fn every_known_answer_is_given() {
    let vectors = known();

    for vector in &vectors {
        let (webhook, github) = (|schemes: &[Scheme]| vector.sign(schemes).webhook, vector.sign(&Scheme::ALL).github);

        assert_eq!(webhook(&[Scheme::V1]).as_ref(), Some(&vector.v1), "{}", vector.from);
        assert_eq!(webhook(&[Scheme::V1a, Scheme::Github]).as_ref(), Some(&vector.v1a), "{}", vector.from);
        assert_eq!(webhook(&Scheme::ALL), Some(format!("{} {}", vector.v1, vector.v1a)), "{}", vector.from);
        assert_eq!(github.as_ref(), Some(&vector.github), "{}", vector.from);
    }
    assert_eq!(vectors.len(), 5);
}

#[test]
fn every_known_key_is_written_as_its_receivers_know_it() {
    for key in known().iter().flat_map(|vector| &vector.keys) {
        assert_eq!(key.signing().secret.text(), key.secret);
        assert_eq!(key.signing().public_key(), key.public);
    }
}

#[test]
fn every_known_answer_is_verified() {
    for vector in known() {
        let at = Timestamp::from_millis(vector.timestamp * 1000);
        let timestamp = vector.timestamp.to_string();
        let check = |verifier: &Verifier, name: &'static str, signature: &str| {
            let values = [("webhook-id", vector.id.as_str()), ("webhook-timestamp", &timestamp), (name, signature)];
            let claim = Claim::read(values.map(|(name, value)| (name, value.as_bytes()))).unwrap();
            verifier.verify(&claim, &vector.body(), at, Duration::ZERO).map(|verified| verified.scheme)
        };

        for key in &vector.keys {
            let secret = Verifier::new(&[key.signing().secret], &[]);
            let public = Verifier::new(&[], &[PublicKey::parse(&key.public).unwrap()]);
            assert_eq!(check(&secret, "Webhook-Signature", &vector.v1), Ok(Scheme::V1), "{}", vector.from);
            assert_eq!(check(&public, "webhook-signature", &vector.v1a), Ok(Scheme::V1a), "{}", vector.from);
        }
        let newest = Verifier::new(&[vector.keys[0].signing().secret], &[]);
        assert_eq!(check(&newest, "x-hub-signature-256", &vector.github), Ok(Scheme::Github), "{}", vector.from);
    }
}

#[test]
fn the_official_receiver_accepts_what_is_signed() {
    let keys = [1, 2].map(|byte| SigningKey { secret: Secret::from_bytes([byte; 32]), seed: [byte; 32] });
    let signer = Signer::new(&keys, &Scheme::ALL);
    let (id, now, body) = ("evt_01JD3M9Q4Y6V0T8R2K5W7X9ZAB", SystemClock::default().now().seconds(), "{\"ä\": 1}\n");

    let sent = signer.sign(id, now, body.as_bytes());

    let mut headers = HeaderMap::new();
    headers.insert("webhook-id", id.parse().unwrap());
    headers.insert("webhook-timestamp", now.into());
    headers.insert("webhook-signature", sent.webhook.unwrap().parse().unwrap());
    for key in &keys {
        let receiver = Webhook::new(&key.secret.text()).unwrap();
        receiver.verify(body.as_bytes(), &headers).unwrap();
        receiver.verify(b"{\"a\": 1}\n", &headers).unwrap_err();
    }
    Webhook::new(&Secret::from_bytes([3; 32]).text()).unwrap().verify(body.as_bytes(), &headers).unwrap_err();
}
