//! Closing gates: once their decisions are enough, or their time is up.

use rusqlite::params;

use super::Session;
use super::decisions::{DECIDE, decision_number};
use super::gates::{decisions_of, state_number};
use crate::domain::gate::{DecisionState, Gate, GateState, conclude, conclude_late, may_refuse};
use crate::domain::id::{HookId, Seq};
use crate::domain::time::Timestamp;
use crate::store::Result;

const CLOSE: &str =
    "UPDATE gates SET state = ?2, closed_at = ?3, reason = coalesce(?4, reason) WHERE seq = ?1 AND state = 0";

/// Who said that it would decide has not been silent: that it did not is a no, whatever its
/// silence would mean.
const PROMISED: &str = "UPDATE decisions SET on_silence = 'deny' WHERE gate = ?1 AND state = 1";

impl Session {
    /// Closes the gate if its decisions are enough; answers how it stands.
    pub(super) fn concluded(&mut self, now: Timestamp, seq: Seq) -> Result<GateState> {
        let gate = self.gate_by_seq(seq)?;
        gate.map_or(Ok(GateState::Open), |gate| self.conclude(now, &gate))
    }

    pub(super) fn conclude(&mut self, now: Timestamp, gate: &Gate) -> Result<GateState> {
        let state = conclude(&gate.decisions, may_refuse(&gate.event_type));
        if state != GateState::Open {
            // Who would still decide is told that it is over.
            self.silence(now, gate, |_| "it said that it would decide later, and was not waited for")?;
            self.close_gate(now, gate.seq, state, None)?;
        }
        Ok(state)
    }

    /// Whoever has not decided is silent now, for this reason; answers who that is.
    pub(super) fn silence(
        &mut self,
        now: Timestamp,
        gate: &Gate,
        why: impl Fn(DecisionState) -> &'static str,
    ) -> Result<Vec<HookId>> {
        let mut late = vec![];
        for decision in gate.decisions.iter().filter(|decision| decision.state.is_open()) {
            let (hook, silent, none) = (decision.hook, decision_number(DecisionState::Silent), None::<String>);
            let columns = params![gate.seq.0, hook.0, silent, why(decision.state), none, now.millis(), none];
            self.sql(DECIDE)?.execute(columns)?;
            self.batch.rows += 1;
            late.push(hook);
        }
        Ok(late)
    }

    pub(super) fn close_gate(&mut self, now: Timestamp, seq: Seq, state: GateState, why: Option<&str>) -> Result<()> {
        self.sql(CLOSE)?.execute(params![seq.0, state_number(state), now.millis(), why])?;
        self.batch.rows += 1;
        Ok(())
    }

    /// Closes an open gate as it stands.
    pub(super) fn expire_gate(&mut self, now: Timestamp, seq: Seq) -> Result<()> {
        let Some(gate) = self.gate_by_seq(seq)?.filter(|gate| gate.state == GateState::Open) else {
            return Ok(());
        };
        self.sql(PROMISED)?.execute([seq.0])?;
        let late = self.silence(now, &gate, |state| match state {
            DecisionState::Asked => "no answer before the gate expired",
            _ => "it said that it would decide later, and did not before the gate expired",
        })?;
        let decisions = decisions_of(&self.conn, seq)?;
        let state = conclude_late(&decisions, may_refuse(&gate.event_type), &late);
        self.close_gate(now, seq, state, None)
    }
}
