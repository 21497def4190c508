//! `data/inbound-signatures.json`, which says where each of these comes from.

use data_encoding::HEXLOWER;
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Known {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    settings: ProofFields,
    secret: String,
    #[serde(default)]
    uuid: String,
    now: i64,
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_hex: Option<String>,
    expected: String,
    id: Option<String>,
    signed_at: Option<i64>,
}

impl Vector {
    fn body(&self) -> Vec<u8> {
        match (&self.body, &self.body_hex) {
            (Some(text), None) => text.clone().into(),
            (None, Some(hex)) => HEXLOWER.decode(hex.as_bytes()).unwrap(),
            _ => panic!("one body: {}", self.name),
        }
    }

    fn headers(&self) -> HeaderMap {
        let pairs: Vec<_> = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        headers(&pairs)
    }
}

#[test]
fn every_known_answer_is_given() {
    let known: Known = serde_json::from_str(include_str!("../../../../../data/inbound-signatures.json")).unwrap();
    let mut proven_by = vec![];

    for vector in &known.vectors {
        let proof = vector.settings.clone().check().unwrap();
        let secret = TriggerSecret::parse(&vector.secret, proof.as_ref()).unwrap();
        let (headers, body) = (vector.headers(), vector.body());
        let authenticator = Authenticator::new(proof, secret, &vector.uuid);
        let checked = authenticator.verify(&headers, &body, at(vector.now));
        let found = match &checked {
            Ok(_) => "proven",
            Err(refused) => match refused.fault() {
                Fault::Missing => "missing",
                Fault::Wrong => "wrong",
                Fault::Untimely => "untimely",
                Fault::Busy => "busy",
            },
        };
        assert_eq!(found, vector.expected, "{}: {checked:?}", vector.name);
        let Ok(proven) = checked else { continue };
        assert_eq!(proven.id, vector.id.as_deref(), "{}", vector.name);
        assert_eq!(proven.signed_at, vector.signed_at.map(at), "{}", vector.name);
        proven_by.push(proven.scheme);
    }

    assert!(Proof::NAMES.iter().all(|name| proven_by.contains(name)), "{proven_by:?}");
}
