//! Who is to get an event.

use std::sync::Arc;

use super::rows;
use crate::domain::id::HookId;

/// A hook, and the application that its delivery is about, where it gets each apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Recipient {
    pub(super) hook: HookId,
    pub(super) application: Option<Arc<str>>,
}

impl Recipient {
    /// The hook as a whole.
    pub(super) fn of(hook: HookId) -> Self {
        Self { hook, application: None }
    }
}

/// A list of them as two columns: the hooks, and their applications if there are any.
pub(super) fn to_columns(recipients: &[Recipient]) -> (String, Option<String>) {
    let hooks: Vec<_> = recipients.iter().map(|recipient| recipient.hook.0).collect();
    let applications: Vec<_> = recipients.iter().map(|recipient| recipient.application.as_deref()).collect();
    (rows::json(&hooks), applications.iter().any(Option::is_some).then(|| rows::json(&applications)))
}

/// Reads those columns.
pub(super) fn from_columns(hooks: &str, applications: Option<&str>) -> Vec<Recipient> {
    let hooks: Vec<i64> = rows::from_json(hooks);
    let applications: Vec<Option<String>> = applications.map(rows::from_json).unwrap_or_default();
    let applications = applications.into_iter().chain(std::iter::repeat(None));
    let recipient = |(hook, application): (i64, Option<String>)| Recipient {
        hook: HookId(hook),
        application: application.map(Arc::from),
    };
    hooks.into_iter().zip(applications).map(recipient).collect()
}
