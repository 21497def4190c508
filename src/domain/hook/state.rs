//! Whether a hook gets anything, and who said so.

/// Who paused a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PausedBy {
    /// A person, who knows why.
    Person,
    /// Its breaker, after days of nothing but failure.
    Breaker,
}

impl PausedBy {
    /// How the store and the API spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Breaker => "breaker",
        }
    }

    /// Reads the store's spelling.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        if text == "breaker" { Self::Breaker } else { Self::Person }
    }
}

/// Whether a hook gets what it is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookState {
    /// It does.
    Active,
    /// It gets single probes, until one arrives.
    Failing,
    /// It gets nothing, and is owed all of it.
    Paused,
}

impl HookState {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Active, Self::Failing, Self::Paused];

    /// How the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Failing => "failing",
            Self::Paused => "paused",
        }
    }

    /// Reads the API's spelling.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}
