//! Something that happened.

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::action::{Deed, ToldDeed};
use super::application::Application;
use super::id::{EventId, GateId, HookId, Seq, TokenId};
use super::time::Timestamp;
use super::trigger::Origin;
use super::{Invalid, name};

/// What kind of thing happened: any name, compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventType(Arc<str>);

impl EventType {
    /// Reads a name from outside.
    ///
    /// # Errors
    /// Names the field `event` where it is empty, longer than 256 bytes, has
    /// control characters, is a dot segment, or is `*`, which stands for any.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let name = name("event", text, "PostDeployment")?;
        if name == "*" {
            return Err(Invalid::new("event", "is *, which stands for any: name one"));
        }
        Ok(Self(name.into()))
    }

    /// Takes a text that [`EventType::parse`] accepted before, from the store.
    #[must_use]
    pub fn trusted(text: &str) -> Self {
        Self(text.into())
    }

    /// The name as it was first written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Equal for names that are the same but for case.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

/// An event on its way in: nothing is decided yet, and no time is known.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// What kind of thing happened.
    pub event_type: EventType,
    /// Which applications it concerns; none means that only hooks of any application want it.
    pub applications: Vec<Application>,
    /// JSON, to the byte as it came.
    pub payload: Bytes,
    /// Makes the publish safe to repeat.
    pub idempotency: Option<Idempotency>,
    /// For this hook alone, at once and whatever its state: to try it out.
    pub only: Option<HookId>,
    /// By whose token; none where none was asked for, or the server says it itself.
    pub publisher: Option<TokenId>,
    /// Who did what it tells of, if anybody said.
    pub deed: Option<Deed>,
    /// Whether applications become known by it that were not.
    pub introduces: bool,
    /// The gate that was asked before it.
    pub gate: Option<Seq>,
    /// The execution that publishes it, if one does.
    pub origin: Option<Origin>,
    /// How many triggers it has passed through.
    pub hops: u32,
}

/// A key and what was published under it.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// The publisher's name for this publish.
    pub key: IdempotencyKey,
    /// SHA-256 over applications, payload and what was told of the deed: tells a repetition from a mistake.
    pub fingerprint: [u8; 32],
}

impl Idempotency {
    /// The key together with the fingerprint of what it stands for.
    #[must_use]
    pub fn of(key: IdempotencyKey, applications: &[Application], payload: &[u8], deed: Option<&ToldDeed>) -> Self {
        Self::after(None, key, applications, payload, deed)
    }

    /// The same for what follows a gate that was named beside the payload.
    #[must_use]
    pub fn after(
        gate: Option<GateId>,
        key: IdempotencyKey,
        applications: &[Application],
        payload: &[u8],
        deed: Option<&ToldDeed>,
    ) -> Self {
        let mut hash = Sha256::new();
        for application in applications {
            hash.update(application.as_str());
            hash.update([0]);
        }
        hash.update([0]);
        hash.update(payload);
        if let Some(deed) = deed {
            // No JSON ends like that, so that no payload is taken for one with a deed.
            hash.update([0]);
            // As it was told: what is left out may be completed in another way next time.
            hash.update([deed.user_type.unwrap_or(u8::MAX), deed.severity.unwrap_or(u8::MAX)]);
            hash.update(deed.username.as_deref().unwrap_or("\0"));
        }
        if let Some(GateId(gate)) = gate {
            hash.update([0]);
            hash.update(gate.to_bytes());
        }
        Self { key, fingerprint: hash.finalize().into() }
    }
}

/// The longest `Idempotency-Key`, in bytes.
pub const MAX_KEY_BYTES: usize = 255;

/// A name that a publisher gives to one publish, so that repeating it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads the header from outside.
    ///
    /// # Errors
    /// Names the header where it is empty or longer than 255 bytes.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_KEY_BYTES {
            let message = format!("must have 1 to {MAX_KEY_BYTES} bytes: a UUID does well");
            return Err(Invalid::new("Idempotency-Key", message));
        }
        Ok(Self(text.to_owned()))
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An event that is on disk.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its place in the store's order.
    pub seq: Seq,
    /// Its name to the world.
    pub id: EventId,
    /// What kind of thing happened.
    pub event_type: EventType,
    /// Names of the applications it concerns.
    pub applications: Vec<String>,
    /// JSON, to the byte as it came.
    pub payload: Bytes,
    /// How many hooks wanted it when it was published.
    pub deliveries: u32,
    /// When it was published.
    pub published_at: Timestamp,
    /// By whose token; none where none was asked for, or the server said it itself.
    pub publisher: Option<TokenId>,
    /// Who did what it tells of, if anybody said.
    pub deed: Option<Deed>,
    /// The gate that was asked before it: each hook is told its own work id.
    pub gate: Option<Seq>,
    /// The execution that published it, if one did.
    pub origin: Option<Origin>,
    /// How many triggers it has passed through.
    pub hops: u32,
}
