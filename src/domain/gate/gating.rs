//! Which hooks are asked.

/// With what the types of events begin for which hooks are asked by themselves.
const BEFORE: &str = "pre-";

/// Whether a hook on events of this type is asked, unless it says otherwise.
#[must_use]
pub fn is_asked_by_name(event: &str) -> bool {
    event.get(..BEFORE.len()).is_some_and(|start| start.eq_ignore_ascii_case(BEFORE))
}

/// Whether a hook is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gating {
    /// For all that it wants, for nothing; `None`: for those of its events that begin
    /// with `pre-`.
    pub gate: Option<bool>,
    /// What it means if it does not answer.
    pub on_silence: OnSilence,
}

impl Gating {
    /// Whether it is asked for what this event of its filter stands for, which may be
    /// any.
    #[must_use]
    pub fn is_for(self, event: &str) -> bool {
        self.gate.unwrap_or_else(|| is_asked_by_name(event))
    }
}

/// What an error, a time-out or a bad answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnSilence {
    /// No, where who is asked may say no.
    #[default]
    Deny,
    /// Yes.
    Allow,
}

impl OnSilence {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Deny, Self::Allow];

    /// How the store and the API spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Allow => "allow",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|on_silence| on_silence.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_is_asked_by_the_names_of_its_events_unless_it_says_otherwise() {
        let gating = |gate| Gating { gate, on_silence: OnSilence::Deny };
        for (event, by_name) in [("pre-deploy", true), ("PRE-x", true), ("prepare", false), ("*", false), ("é", false)]
        {
            assert_eq!(gating(None).is_for(event), by_name, "{event}");
            assert!(gating(Some(true)).is_for(event) && !gating(Some(false)).is_for(event));
        }
    }
}
