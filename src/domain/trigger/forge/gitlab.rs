//! GitLab's events.

use serde_json::Value;

use super::change::{Person, Reference};
use super::fields::{filled, is_nothing, list, number, object, required, slim, text, time};
use super::pull::{Previous, Pull, Side};
use super::push::Push;
use super::{Event, Read};

/// What stands for an address that its owner keeps to himself.
const REDACTED: &str = "[REDACTED]";

/// One of GitLab's events by its name.
pub(super) fn read(event: &Event) -> Result<Read, String> {
    match event.name.to_ascii_lowercase().as_str() {
        "push hook" | "tag push hook" => push(event),
        "merge request hook" => merge_request(event),
        _ => Ok(event.unknown()),
    }
}

fn push(event: &Event) -> Result<Read, String> {
    let body = event.body;
    let reference = Reference::named(&required(body, "/ref")?);
    let after = required(body, "/after")?;
    if is_nothing(&after) {
        return Ok(event.deleted());
    }
    let commits = list(body, "/commits");
    let head = head(body, commits);
    let by = Person {
        username: filled(body, "/user_username"),
        name: filled(body, "/user_name"),
        email: email(body, "/user_email"),
    };
    let push = Push {
        hook: event.name.to_owned(),
        reference,
        before: text(body, "/before"),
        after,
        repository: filled(body, "/project/path_with_namespace"),
        named: by.username.clone(),
        author: by.clone(),
        by,
        message: commits.first().and_then(|commit| text(commit, "/message")),
        // A tag may have a message of its own.
        head_message: filled(head, "/message").or_else(|| filled(body, "/message")),
        url: filled(head, "/url"),
        at: None,
        payload: slim(body),
    };
    Ok(Read::Changes(vec![push.values(event.forge.as_str())]))
}

/// The commit that the branch or tag names now; GitLab lists the newest twenty, oldest
/// first, so it is the last where none has that name (a tag that has a message).
fn head<'a>(body: &Value, commits: &'a [Value]) -> &'a Value {
    let own = body.pointer("/checkout_sha").filter(|hash| hash.is_string());
    let named = commits.iter().find(|commit| own.is_some() && commit.pointer("/id") == own);
    named.or(commits.last()).unwrap_or(&Value::Null)
}

fn merge_request(event: &Event) -> Result<Read, String> {
    let body = event.body;
    let own = object(body, "/object_attributes")?;
    let user = |field: &str| filled(body, &format!("/user/{field}"));
    let by = Person { username: user("username"), name: user("name"), email: email(body, "/user/email") };
    let state = filled(own, "/state");
    let pull = Pull {
        hook: event.name.to_owned(),
        action: action(own),
        number: number(own, "/iid"),
        title: text(own, "/title"),
        merged: state.as_deref() == Some("merged"),
        state,
        source: side(own, "source", filled(own, "/last_commit/id")),
        target: side(own, "target", None),
        merge_commit: filled(own, "/merge_commit_sha").or_else(|| filled(own, "/squash_commit_sha")),
        before: filled(own, "/oldrev"),
        previous: Previous {
            title: filled(body, "/changes/title/previous"),
            branch: filled(body, "/changes/target_branch/previous"),
            ..Previous::default()
        },
        named: by.username.clone(),
        by,
        head_message: filled(own, "/last_commit/message"),
        url: filled(own, "/url"),
        at: time(own, "/updated_at"),
        payload: slim(body),
    };
    Ok(Read::Changes(vec![pull.values(event.forge.as_str())]))
}

fn side(own: &Value, which: &str, commit: Option<String>) -> Side {
    let branch = filled(own, &format!("/{which}_branch"));
    Side { branch, commit, repository: filled(own, &format!("/{which}/path_with_namespace")) }
}

/// An update with `oldrev` brings new commits, one without changes words or labels.
fn action(own: &Value) -> String {
    let told = text(own, "/action").unwrap_or_default();
    match told.as_str() {
        "open" => "opened",
        "reopen" => "reopened",
        "close" => "closed",
        "merge" => "merged",
        "update" if filled(own, "/oldrev").is_some() => "updated",
        "update" | "" => "edited",
        other => other,
    }
    .to_owned()
}

fn email(body: &Value, pointer: &str) -> Option<String> {
    filled(body, pointer).filter(|email| email != REDACTED)
}
