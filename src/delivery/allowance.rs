//! What one request is given: time, room for its answer, and connections.

use std::time::Duration;

use super::clients::READ_BYTES;
use crate::domain::id::HookId;

/// At most so much of an answer's body is kept, and so much of its headers.
pub(super) const KEPT_BYTES: usize = 4 << 10;

/// What one request is given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    /// It may take so long, whole.
    pub(super) timeout: Duration,
    /// So much of the answer's body is kept, in bytes.
    pub(super) kept: usize,
    /// Over which connections it goes.
    pub(super) way: Way,
}

/// Over which connections a request goes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    /// Over those of all attempts.
    Attempt,
    /// A question to this hook: its answer comes over a connection that only such answers
    /// come over, and with the secrets that it repeats; who reads it takes them out of what
    /// goes on record.
    Question(HookId),
    /// Over one of its own: what others left on one must not be the answer that is told.
    Call,
}

impl Allowance {
    /// That of an attempt.
    pub(super) fn of_attempt(timeout: Duration) -> Self {
        Self { timeout, kept: KEPT_BYTES, way: Way::Attempt }
    }

    /// That of a question: all of the answer counts that is read at all, to the byte.
    pub(super) fn of_question(hook: HookId, timeout: Duration) -> Self {
        Self { timeout, kept: READ_BYTES, way: Way::Question(hook) }
    }

    /// That of a trigger's call.
    pub(super) fn of_call(timeout: Duration) -> Self {
        Self { timeout, kept: KEPT_BYTES, way: Way::Call }
    }
}
