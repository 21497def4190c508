//! A pull request, from the forge's words into the event's.
//!
//! Upstream maps only Bitbucket Server's; the others get the same keys:
//!
//! | key | GitHub, Gitea, Forgejo | GitLab | Bitbucket Cloud |
//! |---|---|---|---|
//! | git.hook | header | header | header |
//! | git.branch, git.hash, git.repository | `head` | source, `last_commit` | `source` |
//! | git.branch.dest, git.hash.dest, git.repository.dest | `base` | target (no hash) | `destination` |
//! | git.author, who triggered it | `sender` | `user` | `actor` |
//! | git.pr.id | number | iid | id |
//! | git.pr.title, git.pr.state | `pull_request` | `object_attributes` | `pullrequest` |
//! | git.pr.previous.title, .branch, .hash | `changes` | `changes` (no hash) | none |
//!
//! Once merged, git.branch and git.repository are the target's, git.hash is the merge's,
//! and git.branch.before, git.hash.before and git.repository.before are the source's.

use super::change::{Change, Person, PullRequest, short, state};
use super::fields::put;
use crate::domain::trigger::mapping::{PAYLOAD, Values};

/// Something that happened to a pull request.
#[derive(Debug)]
pub(super) struct Pull {
    /// As the forge calls the event.
    pub hook: String,
    /// In the words of `change`.
    pub action: String,
    pub number: Option<u64>,
    pub title: Option<String>,
    /// As the forge says it.
    pub state: Option<String>,
    pub source: Side,
    pub target: Side,
    pub merged: bool,
    pub merge_commit: Option<String>,
    /// The source's newest commit until now, where new ones came.
    pub before: Option<String>,
    pub previous: Previous,
    /// Which of the names of who did it is `git.author`.
    pub named: Option<String>,
    pub by: Person,
    /// Of the newest commit.
    pub head_message: Option<String>,
    pub url: Option<String>,
    pub at: Option<String>,
    /// The event, written again.
    pub payload: String,
}

/// From where or to where.
#[derive(Debug, Clone, Default)]
pub(super) struct Side {
    pub branch: Option<String>,
    pub commit: Option<String>,
    pub repository: Option<String>,
}

/// What an edit took the place of.
#[derive(Debug, Default)]
pub(super) struct Previous {
    pub title: Option<String>,
    pub branch: Option<String>,
    pub hash: Option<String>,
    pub state: Option<String>,
}

impl Pull {
    /// The keys of D.6.2 and `change`.
    pub(super) fn values(self, forge: &'static str) -> Values {
        let mut values = Values::new();
        let own = self.commit();
        put(&mut values, "git.hook", Some(&self.hook));
        own.tell(&mut values, "");
        put(&mut values, "git.hash.short", own.commit.as_deref().map(short).as_deref());
        if self.merged {
            self.source.tell(&mut values, ".before");
        } else {
            self.target.tell(&mut values, ".dest");
        }
        self.by.tell_author(&mut values, self.named.as_deref());
        self.by.tell_triggered_by(&mut values);
        put(&mut values, "git.pr.id", self.number.map(|number| number.to_string()).as_deref());
        put(&mut values, "git.pr.title", self.title.as_deref());
        put(&mut values, "git.pr.state", self.state.as_deref());
        self.previous.tell(&mut values);
        put(&mut values, PAYLOAD, Some(&self.payload));
        self.change(forge, own).tell(&mut values);
        values
    }

    /// Where the commit is that the event is about.
    fn commit(&self) -> Side {
        if !self.merged {
            return self.source.clone();
        }
        let commit = self.merge_commit.clone().or_else(|| self.target.commit.clone());
        Side { commit, ..self.target.clone() }
    }

    fn change(self, forge: &'static str, own: Side) -> Change {
        let previous_commit = if self.merged { self.target.commit } else { self.before };
        let pull_request = PullRequest {
            number: self.number,
            title: self.title,
            state: state(self.state.as_deref(), self.merged),
            source: self.source.branch,
            target: self.target.branch,
            url: self.url.clone(),
        };
        Change {
            forge,
            kind: "pull_request",
            action: Some(self.action),
            repository: self.target.repository,
            branch: own.branch,
            tag: None,
            commit: own.commit,
            previous_commit,
            author: self.by,
            message: self.head_message,
            url: self.url,
            at: self.at,
            pull_request: Some(pull_request),
        }
    }
}

impl Side {
    fn tell(&self, values: &mut Values, which: &str) {
        put(values, &format!("git.branch{which}"), self.branch.as_deref());
        put(values, &format!("git.hash{which}"), self.commit.as_deref());
        put(values, &format!("git.repository{which}"), self.repository.as_deref());
    }
}

impl Previous {
    fn tell(&self, values: &mut Values) {
        put(values, "git.pr.previous.title", self.title.as_deref());
        put(values, "git.pr.previous.branch", self.branch.as_deref());
        put(values, "git.pr.previous.hash", self.hash.as_deref());
        put(values, "git.pr.previous.state", self.state.as_deref());
    }
}
