//! What a gate came to, told to whoever asked.

use std::iter;

use serde::Deserialize;

use crate::cli::exit::Failure;
use crate::cli::output::{self, visible};

/// A gate, as far as who asked wants to know.
#[derive(Deserialize)]
pub(super) struct Verdict {
    pub(super) id: String,
    state: String,
    approved: bool,
    reason: Option<String>,
    #[serde(default)]
    expires_at: Option<String>,
    decisions: Vec<Decision>,
}

/// What one hook came to.
#[derive(Deserialize)]
struct Decision {
    hook: i64,
    state: String,
    approved: Option<bool>,
    reason: Option<String>,
    decided_by: Option<String>,
}

impl Verdict {
    /// The gate's name, safe for a terminal.
    pub(super) fn id(&self) -> String {
        visible(&self.id).into_owned()
    }

    /// Whether somebody has yet to decide.
    pub(super) fn is_open(&self) -> bool {
        self.state == "open"
    }

    /// Whether somebody did not decide in time.
    pub(super) fn is_late(&self) -> bool {
        self.is_open() || self.state == "expired"
    }

    /// Who is waited for.
    pub(super) fn open(&self) -> String {
        let undecided = self.decisions.iter().filter(|decision| decision.approved.is_none());
        let hooks: Vec<_> = undecided.map(|decision| format!("hook {}", decision.hook)).collect();
        let until = self.expires_at.as_deref().map(|time| format!(" until {}", visible(time))).unwrap_or_default();
        format!("{id} waits{until} for {}; `nyala gates show {id}` tells more", hooks.join(", "), id = self.id())
    }

    /// Whether to go on with the event: a yes ends well.
    ///
    /// # Errors
    /// Exit code 3 where it is a no, 1 where nobody knows yet.
    pub(super) fn judge(&self, event: &str, require_hook: bool) -> Result<(), Failure> {
        if self.is_open() {
            return Err(Failure::failed(format!("{} is not decided yet", self.id())));
        }
        if self.approved != (self.state == "approved") {
            let state = visible(&self.state);
            return Err(Failure::failed(format!("{} is {state}, and approved: {}", self.id(), self.approved)));
        }
        if !self.approved {
            return Err(Failure::refused(self.no(event)));
        }
        if self.decisions.is_empty() && require_hook {
            return Err(Failure::refused(format!("no hook is asked about {event}: `nyala hooks add` adds one")));
        }
        if self.decisions.is_empty() {
            output::note(&format!("no hook is asked about {event}, so it may go on: `nyala hooks add` adds one"));
        }
        let others = self.decisions.iter().filter(|decision| decision.state != "approved");
        others.for_each(|decision| output::note(&format!("{}, which stops nothing", decision.told())));
        Ok(())
    }

    /// That it is a no, and a line for each reason.
    fn no(&self, event: &str) -> String {
        let expired = self.state == "expired";
        let headline = if expired { "was not decided in time, which is a no" } else { "is refused" };
        let blamed = |decision: &&Decision| match decision.approved {
            Some(approved) => !approved,
            None => expired,
        };
        let blamed: Vec<_> = self.decisions.iter().filter(blamed).collect();
        // Who refuses a whole gate says why once, and it may stand with each hook.
        let own = self.reason.iter().filter(|own| !blamed.iter().any(|decision| decision.reason.as_ref() == Some(own)));
        let lines = own.map(|own| visible(own).into_owned()).chain(blamed.iter().map(|decision| decision.told()));
        let lines: Vec<_> = iter::once(format!("{event} {headline} ({})", self.id())).chain(lines).collect();
        lines.join("\n  ")
    }
}

impl Decision {
    /// `hook 3 refused, decided by alice: change freeze`
    fn told(&self) -> String {
        let verb = match self.state.as_str() {
            "refused" => "",
            "asked" => "was ",
            _ => "is ",
        };
        let by = self.decided_by.as_deref().map(|name| format!(", decided by {}", visible(name)));
        let why = self.reason.as_deref().map(|reason| format!(": {}", visible(reason)));
        let (by, why) = (by.unwrap_or_default(), why.unwrap_or_default());
        format!("hook {} {verb}{}{by}{why}", self.hook, visible(&self.state))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cli::exit::Exit;

    fn verdict(state: &str, reason: Option<&str>, decisions: &Value) -> Verdict {
        let approved = state == "approved";
        let gate = json!({"id": "gate_1", "state": state, "approved": approved, "reason": reason,
            "expires_at": "T", "decisions": decisions});
        serde_json::from_value(gate).unwrap()
    }

    #[test]
    fn a_no_has_a_line_for_each_hook_that_stands_in_the_way() {
        let decisions = json!([
            {"hook": 1, "state": "approved", "approved": true, "reason": "fine"},
            {"hook": 2, "state": "refused", "approved": false, "reason": "change\nfreeze"},
            {"hook": 3, "state": "silent", "approved": false, "reason": "no answer in time"},
            {"hook": 4, "state": "refused", "approved": false, "reason": null, "decided_by": "alice"},
            {"hook": 5, "state": "pending", "approved": null},
        ]);

        let failure = verdict("refused", Some("not today"), &decisions).judge("pre-deploy", false).unwrap_err();

        assert_eq!(failure.exit(), Exit::Refused);
        let expected = "pre-deploy is refused (gate_1)\n  not today\n  hook 2 refused: change\\nfreeze\n  \
                        hook 3 is silent: no answer in time\n  hook 4 refused, decided by alice";
        assert_eq!(failure.to_string(), expected);
    }

    #[test]
    fn an_expired_gate_is_a_no_that_names_who_did_not_decide() {
        let decisions = json!([
            {"hook": 1, "state": "pending", "approved": null, "reason": "asking the board"},
            {"hook": 2, "state": "silent", "approved": false, "reason": "nobody decided in time"},
        ]);

        let failure =
            verdict("expired", Some("nobody decided in time"), &decisions).judge("pre-deploy", false).unwrap_err();

        assert_eq!(failure.exit(), Exit::Refused);
        let expected = "pre-deploy was not decided in time, which is a no (gate_1)\n  \
                        hook 1 is pending: asking the board\n  hook 2 is silent: nobody decided in time";
        assert_eq!(failure.to_string(), expected);
    }

    #[test]
    fn what_is_open_is_neither_yes_nor_no() {
        let decisions = json!([{"hook": 1, "state": "approved", "approved": true}, {"hook": 2, "state": "pending"}]);
        let open = verdict("open", None, &decisions);

        assert_eq!(open.open(), "gate_1 waits until T for hook 2; `nyala gates show gate_1` tells more");
        assert_eq!(open.judge("pre-deploy", false).unwrap_err().exit(), Exit::Failed);
    }
}
