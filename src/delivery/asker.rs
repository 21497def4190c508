//! Hooks that are asked before something happens: all of a gate at once, each once.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::time::Instant;
use tracing::Instrument;

use super::allowance::Allowance;
use super::request::{Request, compose_question};
use super::sender::{Sender, Unsent};
use crate::clock::Clock;
use crate::domain::gate::{Answered, Gate, NewGate};
use crate::domain::headers::MASKED;
use crate::domain::id::HookId;
use crate::domain::mask::Mask;
use crate::domain::outcome::Outcome;
use crate::store::db::Db;
use crate::store::targets::Target;
use crate::store::{Asked, DecideToken, Reply, StoreError};

/// Requests in flight, of all gates; the others wait for their time to run out.
const PLACES: usize = 1024;

/// How long after a connection could not be made it is tried once more.
const CONNECT_AGAIN: Duration = Duration::from_millis(50);

/// Why an answer is none whose work id would tell everybody how to decide in its place.
const TOLD: &str = "its `work_id` holds the token that it was given, which nobody else may know: it must give another";

/// How long to wait before an answer that could not be recorded is tried again.
const RECORD_AGAIN: Duration = Duration::from_millis(200);

/// A gate, and what resolves when it closes.
pub struct Begun {
    /// As it stood when it began to be waited for.
    pub gate: Gate,
    /// Resolves when it closes, to what it came to or to an error if that has to be looked
    /// up.
    pub closes: oneshot::Receiver<Box<Gate>>,
}

/// Why nobody was asked, though all is well with the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAsked {
    /// The idempotency key stands for another body.
    KeyReused,
    /// More hooks than this would have to be asked.
    TooMany(usize),
}

/// Asks hooks; cheap to clone.
#[derive(Clone)]
pub struct Asker {
    db: Db,
    clock: Arc<dyn Clock>,
    sender: Arc<Sender>,
    places: Arc<Semaphore>,
    /// Tells the gatekeeper that there is another gate whose time will be up.
    opened: Arc<Notify>,
}

impl Asker {
    /// Sends what it asks like this.
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>, sender: Arc<Sender>, opened: Arc<Notify>) -> Self {
        Self { db, clock, sender, places: Arc::new(Semaphore::new(PLACES)), opened }
    }

    /// Keeps a gate and begins to ask its hooks, each of which has `timeout` to answer.
    /// When this returns the gate is on disk; what comes of it is seen there, whoever
    /// waits.
    ///
    /// # Errors
    /// Nothing was kept, and nobody is asked.
    pub async fn ask(&self, new: NewGate, timeout: Duration) -> Result<Result<Begun, NotAsked>, StoreError> {
        let until = Instant::now() + timeout;
        let (begun, closes) = oneshot::channel();
        let (ours, runtime) = (self.clone(), Handle::current());
        let asked = self.db.ask(self.clock.now(), new, move |asked| {
            if let Asked::New(gate, tokens) = asked {
                // Before anybody is asked, so that no answer is missed. Who asked may have gone.
                let _ = begun.send(ours.db.gate_closes(gate.seq));
                ours.begin(&runtime, gate, tokens, until);
            }
        });
        match asked.await? {
            Asked::New(gate, _) => {
                let closes = closes.await.map_err(|_| StoreError::Closed)?;
                Ok(Ok(Begun { gate, closes }))
            }
            Asked::Existing(gate) => Ok(Ok(self.begun_before(gate).await?)),
            Asked::KeyReused => Ok(Err(NotAsked::KeyReused)),
            Asked::TooMany(most) => Ok(Err(NotAsked::TooMany(most))),
        }
    }

    /// Asks all hooks of a gate that was kept just now, by its writer: whoever asked for it
    /// may have gone, and what is kept must be asked.
    fn begin(&self, runtime: &Handle, gate: &Gate, tokens: &[(HookId, DecideToken)], until: Instant) {
        self.opened.notify_one();
        let shared = Arc::new(gate.clone());
        for (hook, token) in tokens {
            let span = tracing::error_span!("question", gate = %gate.id, hook = hook.0);
            let question = Question { gate: shared.clone(), hook: *hook, token: token.clone(), until };
            runtime.spawn(self.clone().put(question).instrument(span));
        }
    }

    /// As it stands now that nothing that happens to it is missed.
    async fn begun_before(&self, gate: Gate) -> Result<Begun, StoreError> {
        let (id, closes) = (gate.id, self.db.gate_closes(gate.seq));
        let now = self.db.read(move |archive| archive.gate(id)).await?;
        Ok(Begun { gate: now.unwrap_or(gate), closes })
    }

    /// Asks one hook: compose → send → judge → record.
    async fn put(self, question: Question) {
        let since = Instant::now();
        let target = self.db.targets().get(question.hook);
        let outcome = self.outcome(&question, target.as_deref()).await;
        let secrets = target.as_ref().and_then(|target| target.secrets.as_ref().ok());
        let mask = secrets.map(|secrets| &secrets.mask);
        // Judged as it came: what is hidden might have been what it says.
        let answered = match Answered::of(&outcome) {
            said if said.work_id.as_ref().is_some_and(|id| question.token.is_told_by(id)) => Answered::silent(TOLD),
            said => said.hiding(|text| hide(text, mask, &question.token)),
        };
        if let (Some(why), None) = (&answered.reason, outcome.status().filter(|_| outcome.arrived())) {
            tracing::info!(reason = why, "did not answer what it was asked");
        }
        let (gate, hook, duration) = (question.gate.seq, question.hook, since.elapsed());
        self.record(&question, Reply { gate, hook, status: outcome.status(), duration, answered }).await;
    }

    async fn outcome(&self, question: &Question, target: Option<&Target>) -> Outcome {
        let place = tokio::time::timeout_at(question.until, self.places.acquire()).await;
        let Ok(Ok(_place)) = place else {
            return Outcome::Hindered("too many hooks are being asked at once: ask again later".into());
        };
        let Some(target) = target else {
            return Outcome::Hindered("it was removed".into());
        };
        match compose_question(&question.gate, target, &question.token, self.clock.now()) {
            Ok(request) => self.send(request, question).await,
            Err(why) => Outcome::Hindered(why),
        }
    }

    /// Sends it; once more where there was no connection, because then nobody has been
    /// asked.
    async fn send(&self, request: Request, question: &Question) -> Outcome {
        match self.send_once(request.clone(), question).await {
            Ok(outcome) => return outcome,
            Err(unsent) if Instant::now() + CONNECT_AGAIN >= question.until => {
                return Outcome::Failed(unsent.to_string());
            }
            Err(_) => tokio::time::sleep(CONNECT_AGAIN).await,
        }
        let again = self.send_once(request, question).await;
        again.unwrap_or_else(|unsent| Outcome::Failed(unsent.to_string()))
    }

    async fn send_once(&self, request: Request, question: &Question) -> Result<Outcome, Unsent> {
        let left = question.until.saturating_duration_since(Instant::now());
        // In whole milliseconds, so that reasons are legible.
        let left = Duration::from_millis(u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
        self.sender.send(request, Allowance::of_question(question.hook, left), || self.clock.now(), || {}).await
    }

    /// Records the reply, again and again until the gate's time is up: until then it counts.
    async fn record(&self, question: &Question, reply: Reply) {
        loop {
            let now = self.clock.now();
            match self.db.replied(now, reply.clone()).await {
                Ok(()) | Err(StoreError::Closed) => return,
                Err(error) if now >= question.gate.expires_at => {
                    tracing::error!(%error, "what a hook answered could not be recorded, and its gate's time is up");
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "what a hook answered cannot be recorded; trying again");
                    tokio::time::sleep(RECORD_AGAIN).await;
                }
            }
        }
    }
}

/// Takes out of a text what the hook was sent and nobody else may know: its secrets, and the
/// token, by which whoever asked and sees answers could decide for it, however it is escaped.
fn hide(text: &str, mask: Option<&Mask>, token: &DecideToken) -> String {
    let plain =
        serde_json::from_str::<serde_json::Value>(text).map_or_else(|_| text.to_owned(), |json| json.to_string());
    let text = if token.is_told_by(&plain) {
        plain.replace(&token.0, MASKED).replace(token.random(), MASKED)
    } else {
        text.to_owned()
    };
    match mask {
        None => text,
        Some(mask) => String::from_utf8_lossy(&mask.value(text.as_bytes())).into_owned(),
    }
}

/// One hook that is asked at a gate.
struct Question {
    gate: Arc<Gate>,
    hook: HookId,
    token: DecideToken,
    until: Instant,
}
