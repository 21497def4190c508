//! Gerrit's stream events, as they come out of `gerrit stream-events` or are posted.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::change::{Change, Person, PullRequest, Reference, state};
use super::fields::{filled, is_nothing, list, number, put, text, time};
use super::{Event, Read};
use crate::domain::trigger::mapping::{PAYLOAD, Values};

/// What Gerrit wants encoded in the parts of a change's id.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Whether a body is such an event: no header says so.
pub(super) fn is_one(body: &Value) -> bool {
    body.get("type").is_some_and(Value::is_string)
        && ["change", "refUpdate"].iter().any(|field| body.get(field).is_some_and(Value::is_object))
}

/// One of Gerrit's events.
pub(super) fn read(event: &Event) -> Read {
    match text(event.body, "/refUpdate/newRev") {
        Some(revision) if is_nothing(&revision) => event.deleted(),
        _ => Read::Changes(vec![of_gerrit(event.body)]),
    }
}

/// What an event of Gerrit's stream tells. It has no `git.branch`: what is reviewed is
/// on no branch yet, `gerrit.change.branch` is where it shall go.
#[must_use]
pub fn of_gerrit(event: &Value) -> Values {
    let mut values = Values::new();
    tell(&mut values, event, &[("git.hook", "/type"), ("gerrit.type", "/type")]);
    if event.get("change").is_some() {
        tell_change(&mut values, event);
    }
    tell(
        &mut values,
        event,
        &[
            ("git.repository", "/refUpdate/project"),
            ("git.hash.before", "/refUpdate/oldRev"),
            ("git.hash", "/refUpdate/newRev"),
            ("gerrit.ref.name", "/refUpdate/refName"),
            ("git.author", "/submitter/username"),
            ("git.author.email", "/submitter/email"),
            ("git.author", "/patchSet/author/username"),
            ("git.author.email", "/patchSet/author/email"),
            ("git.hash", "/patchSet/revision"),
            ("gerrit.change.ref", "/patchSet/ref"),
            ("git.hash", "/newRev"),
            ("gerrit.comment", "/comment"),
            ("gerrit.comment.author", "/author/username"),
            ("gerrit.comment.author.email", "/author/email"),
        ],
    );
    if let [parent] = list(event, "/patchSet/parents") {
        put(&mut values, "git.hash.before", parent.as_str());
    }
    put(&mut values, PAYLOAD, Some(&event.to_string()));
    normalised(event, &values).tell(&mut values);
    values
}

fn tell_change(values: &mut Values, event: &Value) {
    tell(
        values,
        event,
        &[
            ("git.author", "/change/owner/username"),
            ("git.author.email", "/change/owner/email"),
            ("git.repository", "/change/project"),
            ("cds.triggered_by.username", "/change/owner/username"),
            ("cds.triggered_by.fullname", "/change/owner/name"),
            ("cds.triggered_by.email", "/change/owner/email"),
            ("git.message", "/change/commitMessage"),
            ("gerrit.change.url", "/change/url"),
            ("gerrit.change.status", "/change/status"),
            ("gerrit.change.branch", "/change/branch"),
        ],
    );
    let part = |field: &str| {
        let part = text(event, &format!("/change/{field}")).unwrap_or_default();
        utf8_percent_encode(&part, ENCODED).to_string()
    };
    let id = format!("{}~{}~{}", part("project"), part("branch"), part("id"));
    put(values, "gerrit.change.id", Some(&id));
}

/// Later ones win where they say something.
fn tell(values: &mut Values, event: &Value, keys: &[(&str, &str)]) {
    for (key, pointer) in keys {
        put(values, key, filled(event, pointer).as_deref());
    }
}

fn normalised(event: &Value, values: &Values) -> Change {
    let told = |key: &str| values.get(key).and_then(Value::as_str).map(str::to_owned);
    let own = event.get("change");
    let (branch, tag) = match filled(event, "/refUpdate/refName").map(|name| Reference::named(&name)) {
        Some(Reference::Branch(branch)) => (Some(branch), None),
        Some(Reference::Tag(tag)) => (None, Some(tag)),
        None => (None, None),
    };
    Change {
        forge: "gerrit",
        kind: if own.is_some() { "pull_request" } else { "push" },
        action: told("gerrit.type"),
        repository: told("git.repository"),
        branch,
        tag,
        commit: told("git.hash"),
        previous_commit: told("git.hash.before").filter(|hash| !is_nothing(hash)),
        author: Person {
            name: filled(event, "/patchSet/author/name").or_else(|| filled(event, "/submitter/name")),
            username: told("git.author"),
            email: told("git.author.email"),
        },
        message: told("git.message"),
        url: told("gerrit.change.url"),
        at: time(event, "/eventCreatedOn"),
        pull_request: own.map(|own| review(event, own)),
    }
}

fn review(event: &Value, own: &Value) -> PullRequest {
    PullRequest {
        number: number(own, "/number"),
        title: filled(own, "/subject"),
        state: state(text(own, "/status").as_deref(), false),
        source: filled(event, "/patchSet/ref"),
        target: filled(own, "/branch"),
        url: filled(own, "/url"),
    }
}
