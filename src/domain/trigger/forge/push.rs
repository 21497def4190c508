//! A push, from the forge's words into the event's.

use super::change::{Change, Person, Reference, short};
use super::fields::{is_nothing, put};
use crate::domain::trigger::mapping::{PAYLOAD, Values};

/// One branch or tag that was pushed.
#[derive(Debug)]
pub(super) struct Push {
    /// As the forge calls the event.
    pub hook: String,
    pub reference: Reference,
    pub before: Option<String>,
    pub after: String,
    pub repository: Option<String>,
    /// Which of the author's names is `git.author`.
    pub named: Option<String>,
    pub author: Person,
    pub by: Person,
    /// Of the first commit, as upstream takes it.
    pub message: Option<String>,
    /// Of the newest commit.
    pub head_message: Option<String>,
    pub url: Option<String>,
    pub at: Option<String>,
    /// The event, written again.
    pub payload: String,
}

impl Push {
    /// The keys of D.6.2 and `change`.
    pub(super) fn values(self, forge: &'static str) -> Values {
        let mut values = Values::new();
        put(&mut values, "git.hook", Some(&self.hook));
        match &self.reference {
            Reference::Branch(branch) => put(&mut values, "git.branch", Some(branch)),
            Reference::Tag(tag) => put(&mut values, "git.tag", Some(tag)),
        }
        put(&mut values, "git.hash.before", self.before.as_deref());
        put(&mut values, "git.hash", Some(&self.after));
        put(&mut values, "git.hash.short", Some(&short(&self.after)));
        put(&mut values, "git.repository", self.repository.as_deref());
        self.author.tell_author(&mut values, self.named.as_deref());
        self.by.tell_triggered_by(&mut values);
        put(&mut values, "git.message", self.message.as_deref());
        put(&mut values, PAYLOAD, Some(&self.payload));
        self.change(forge).tell(&mut values);
        values
    }

    fn change(self, forge: &'static str) -> Change {
        let previous = self.before.filter(|hash| !is_nothing(hash));
        let action = if previous.is_none() { "created" } else { "updated" };
        let (branch, tag) = match self.reference {
            Reference::Branch(branch) => (Some(branch), None),
            Reference::Tag(tag) => (None, Some(tag)),
        };
        Change {
            forge,
            kind: "push",
            action: Some(action.to_owned()),
            repository: self.repository,
            branch,
            tag,
            commit: Some(self.after),
            previous_commit: previous,
            author: self.author,
            message: self.head_message,
            url: self.url,
            at: self.at,
            pull_request: None,
        }
    }
}
