//! Where gates and decisions stand.

/// Where a gate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateState {
    /// Somebody has not decided yet.
    Open,
    /// Nobody who may said no.
    Approved,
    /// Somebody did, or did not answer.
    Refused,
    /// It was not decided in time, or the server died meanwhile: the same as refused.
    Expired,
}

impl GateState {
    /// All there are, in the order of the numbers under which they are stored.
    pub const ALL: [Self; 4] = [Self::Open, Self::Approved, Self::Refused, Self::Expired];

    /// How the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Expired => "expired",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// Where a decision stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecisionState {
    /// The hook's request is under way.
    Asked,
    /// It decides later.
    Pending,
    /// It said yes, or somebody did for it.
    Approved,
    /// It said no, or somebody did for it.
    Refused,
    /// It did not answer so that it could be understood.
    Silent,
}

impl DecisionState {
    /// All there are, in the order of the numbers under which they are stored.
    pub const ALL: [Self; 5] = [Self::Asked, Self::Pending, Self::Approved, Self::Refused, Self::Silent];

    /// How the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Silent => "silent",
        }
    }

    /// Whether it is still to be decided.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Asked | Self::Pending)
    }
}
