//! Checks what comes in against the secret of one trigger.

use std::fmt;

use http::HeaderMap;
use ring::hmac::{self, HMAC_SHA256, Key};

use super::cds::CdsKeys;
use super::hmac::{Algorithm, Encoding, HmacSettings, Signature, one};
use super::refusal::{Name, NotProven};
use super::{Proof, TriggerSecret};
use crate::domain::signature::Secret;
use crate::domain::time::Timestamp;
use crate::domain::verify::{Claim, TOLERANCE, Verifier};

const HUB_256: Name = Name::Borrowed("x-hub-signature-256");
const HUB: Name = Name::Borrowed("x-hub-signature");
const GITEA: Name = Name::Borrowed("x-gitea-signature");
const FORGEJO: Name = Name::Borrowed("x-forgejo-signature");
const GITLAB: Name = Name::Borrowed("x-gitlab-token");
const SIGNATURE: Name = Name::Borrowed("webhook-signature");

/// Those of Standard Webhooks.
const STANDARD: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];

/// A request that comes from where it should, and what its signature vouches for besides
/// the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proven<'a> {
    /// Which proof it was, as JSON spells it.
    pub scheme: &'static str,
    /// `webhook-id`: what comes again under the same one was sent again, or recorded.
    pub id: Option<&'a str>,
    /// When it was signed. Five minutes later it proves nothing any more.
    pub signed_at: Option<Timestamp>,
}

/// Checks the requests of one trigger. It is to be kept as long as the trigger is as it
/// is: with `cds` it remembers keys, and how many were derived for nothing.
pub struct Authenticator {
    proof: Option<Proof>,
    secret: TriggerSecret,
    /// If the secret is a `whsec_…`.
    standard: Option<Verifier>,
    cds: Option<CdsKeys>,
}

impl Authenticator {
    /// For the trigger of this `uuid`. Without a proof it is seen from each request.
    #[must_use]
    pub fn new(proof: Option<Proof>, secret: TriggerSecret, uuid: &str) -> Self {
        let standard = Secret::parse(secret.text()).ok().map(|key| Verifier::new(&[key], &[]));
        let cds = match &proof {
            Some(Proof::Cds(names)) => Some(CdsKeys::new(names.clone(), secret.clone(), uuid)),
            _ => None,
        };
        Self { proof, secret, standard, cds }
    }

    /// Checks a request that came `now`. How long it takes says nothing about the secret.
    /// With `cds` that is some milliseconds where a key is new.
    ///
    /// # Errors
    /// Why the request proves nothing.
    pub fn verify<'a>(&self, headers: &'a HeaderMap, body: &[u8], now: Timestamp) -> Result<Proven<'a>, NotProven> {
        let recognised = if self.proof.is_none() { Proof::recognise(headers) } else { None };
        let proof = self.proof.as_ref().or(recognised.as_ref()).ok_or(NotProven::Unrecognised)?;
        let proven = Proven { scheme: proof.as_str(), id: None, signed_at: None };
        match proof {
            Proof::Github => self.github(headers, body).map(|()| proven),
            Proof::Bitbucket => self.hex(HUB, headers, body).map(|()| proven),
            Proof::Gitea => self.gitea(headers, body).map(|()| proven),
            Proof::Gitlab => self.gitlab(proven, headers, body, now),
            Proof::StandardWebhooks => self.standard(proven, headers, body, now),
            Proof::Hmac(settings) => self.hmac(settings, proven, headers, body, now),
            Proof::Cds(_) => self.cds(headers, body, now).map(|()| proven),
        }
    }

    fn github(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), NotProven> {
        if !headers.contains_key(&*HUB_256) && headers.contains_key(&*HUB) {
            return Err(NotProven::Sha1Only);
        }
        self.hex(HUB_256, headers, body)
    }

    fn gitea(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), NotProven> {
        let there = [GITEA, FORGEJO, HUB_256].into_iter().find(|name| headers.contains_key(&**name));
        self.hex(there.unwrap_or(GITEA), headers, body)
    }

    /// HMAC-SHA256 of the body in hex, `sha256=` before it or not.
    fn hex(&self, header: Name, headers: &HeaderMap, body: &[u8]) -> Result<(), NotProven> {
        let signature = Signature::read(headers, header, Algorithm::Sha256, Some(Encoding::Hex))?;
        signature.check(&self.key(), body)
    }

    /// Both may come, while somebody moves from one to the other; the signature says more.
    fn gitlab<'a>(
        &self,
        proven: Proven<'a>,
        headers: &'a HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Proven<'a>, NotProven> {
        let signed = headers.contains_key(&*SIGNATURE);
        if signed && self.standard.is_some() {
            return self.standard(proven, headers, body, now);
        }
        let token = match one(headers, &GITLAB)? {
            Some(token) => token,
            None if signed => return Err(NotProven::OtherSecret),
            None => return Err(NotProven::Missing(GITLAB)),
        };
        // Tags have one length, so it does not show how long the secret is.
        let (key, secret) = (self.key(), self.secret.bytes());
        let same = hmac::verify(&key, token, hmac::sign(&key, secret).as_ref());
        same.map(|()| proven).map_err(|_| NotProven::OtherToken)
    }

    fn standard<'a>(
        &self,
        proven: Proven<'a>,
        headers: &'a HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Proven<'a>, NotProven> {
        let verifier = self.standard.as_ref().ok_or(NotProven::OtherSecret)?;
        // None but these: a verifier takes GitHub's too, which tells no time.
        let values = |name| headers.get_all(name).iter().map(move |value| (name, value.as_bytes()));
        let claim = Claim::read(STANDARD.into_iter().flat_map(values))?;
        let signed = verifier.verify(&claim, body, now, TOLERANCE)?.signed;
        let (id, signed_at) = signed.ok_or(NotProven::Missing(SIGNATURE))?;
        // With a full stop in it, the same bytes could be parted in another way.
        let id = str::from_utf8(id).ok().filter(|id| id.is_ascii() && !id.contains('.')).ok_or(NotProven::NoId)?;
        Ok(Proven { id: Some(id), signed_at: Some(signed_at), ..proven })
    }

    fn hmac<'a>(
        &self,
        settings: &HmacSettings,
        proven: Proven<'a>,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Proven<'a>, NotProven> {
        let signed_at = settings.verify(self.secret.bytes(), headers, body, now)?;
        Ok(Proven { signed_at, ..proven })
    }

    fn cds(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<(), NotProven> {
        // Read first: what cannot be a signature is worth no key.
        let signature = Signature::read(headers, HUB_256, Algorithm::Sha256, Some(Encoding::Hex))?;
        self.cds.as_ref().ok_or(NotProven::Unrecognised)?.verify(signature, body, now)
    }

    fn key(&self) -> Key {
        Key::new(HMAC_SHA256, self.secret.bytes())
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authenticator(***)")
    }
}
