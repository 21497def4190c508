//! What happened, in the same words whichever forge tells it.

use serde::Serialize;
use serde_json::Value;

use super::fields::put;
use crate::domain::trigger::mapping::Values;

/// A push or a pull request under the key `change`. What is not known is left out.
#[derive(Debug, Default, Serialize)]
pub(super) struct Change {
    /// `github`, `gitlab`, …
    pub forge: &'static str,
    /// `push` or `pull_request`.
    pub kind: &'static str,
    /// A push `created` or `updated` its branch or tag. A pull request was `opened`,
    /// `reopened`, `updated` (new commits), `edited`, `merged`, `closed`, or what else its forge says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Where it happened, such as `octocat/hello`; of a pull request where it is to be merged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Of a pull request where the commit is: its source, or its target once it is merged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The hash of the newest commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// What `commit` took the place of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_commit: Option<String>,
    #[serde(skip_serializing_if = "Person::is_nobody")]
    pub author: Person,
    /// Of the newest commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Of the newest commit or the pull request, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<PullRequest>,
}

/// Of which commits from where may go where.
#[derive(Debug, Default, Serialize)]
pub(super) struct PullRequest {
    /// As people say it, not the forge's own row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// `open`, `merged` or `closed`.
    pub state: &'static str,
    /// A branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// A branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// Who did it.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Person {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

impl Person {
    fn is_nobody(&self) -> bool {
        self.name.is_none() && self.username.is_none() && self.email.is_none()
    }

    /// Writes who the author is, under that one of the names.
    pub(super) fn tell_author(&self, values: &mut Values, named: Option<&str>) {
        put(values, "git.author", named);
        put(values, "git.author.email", self.email.as_deref());
    }

    /// Writes who triggered it.
    pub(super) fn tell_triggered_by(&self, values: &mut Values) {
        put(values, "cds.triggered_by.username", self.username.as_deref());
        put(values, "cds.triggered_by.fullname", self.name.as_deref());
        put(values, "cds.triggered_by.email", self.email.as_deref());
    }
}

impl Change {
    /// Writes it under its key.
    pub(super) fn tell(&self, values: &mut Values) {
        // Texts under names that are texts can always be written.
        values.insert("change".to_owned(), serde_json::to_value(self).unwrap_or(Value::Null));
    }
}

/// What a ref names.
#[derive(Debug, Clone)]
pub(super) enum Reference {
    Branch(String),
    Tag(String),
}

impl Reference {
    /// Reads `refs/heads/main` or `refs/tags/v1`; what is neither is a branch, as upstream says.
    pub(super) fn named(name: &str) -> Self {
        match name.strip_prefix("refs/tags/") {
            Some(tag) => Self::Tag(tag.to_owned()),
            None => Self::Branch(name.strip_prefix("refs/heads/").unwrap_or(name).to_owned()),
        }
    }
}

/// A state that a forge spells in its own way.
pub(super) fn state(own: Option<&str>, merged: bool) -> &'static str {
    let own = own.unwrap_or_default().to_ascii_lowercase();
    match own.as_str() {
        _ if merged => "merged",
        "merged" => "merged",
        "closed" | "declined" | "deleted" | "superseded" | "abandoned" => "closed",
        _ => "open",
    }
}

/// The first seven digits.
pub(super) fn short(hash: &str) -> String {
    hash.chars().take(7).collect()
}
