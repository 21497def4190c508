//! Bitbucket Cloud's events.

use serde_json::Value;

use super::change::{Person, Reference};
use super::fields::{filled, is_true, number, object, required, text, time};
use super::pull::{Previous, Pull, Side};
use super::push::Push;
use super::{Event, Read};
use crate::domain::trigger::mapping::Values;

/// One of Bitbucket Cloud's events by its name.
pub(super) fn read(event: &Event) -> Result<Read, String> {
    match event.name.to_ascii_lowercase().as_str() {
        "repo:push" => pushes(event),
        name if name.starts_with("pullrequest:") => pull(event),
        _ => Ok(event.unknown()),
    }
}

/// One event for each branch and tag that is still there.
fn pushes(event: &Event) -> Result<Read, String> {
    let closed = |change: &Value| is_true(change, "/closed") || change.get("new").is_some_and(Value::is_null);
    event.each("push/changes", closed, push)
}

fn push(event: &Event, change: &Value, payload: String) -> Result<Values, String> {
    let body = event.body;
    let new = object(change, "/new")?;
    let name = required(new, "/name")?;
    let tags = matches!(text(new, "/type").as_deref(), Some("tag" | "annotated_tag"));
    let by = actor(body);
    let push = Push {
        hook: event.name.to_owned(),
        reference: if tags { Reference::Tag(name) } else { Reference::Branch(name) },
        before: Some(text(change, "/old/target/hash").unwrap_or_default()),
        after: required(new, "/target/hash")?,
        repository: filled(body, "/repository/full_name"),
        named: by.name.clone(),
        author: by.clone(),
        by,
        message: None,
        head_message: filled(new, "/target/message"),
        url: filled(new, "/target/links/html/href"),
        at: None,
        payload,
    };
    Ok(push.values(event.forge.as_str()))
}

fn pull(event: &Event) -> Result<Read, String> {
    let body = event.body;
    let own = object(body, "/pullrequest")?;
    let by = actor(body);
    let pull = Pull {
        hook: event.name.to_owned(),
        action: action(event.name),
        number: number(own, "/id"),
        title: text(own, "/title"),
        state: filled(own, "/state"),
        source: side(own, "source"),
        target: side(own, "destination"),
        merged: event.name.eq_ignore_ascii_case("pullrequest:fulfilled")
            || text(own, "/state").as_deref() == Some("MERGED"),
        merge_commit: filled(own, "/merge_commit/hash"),
        before: None,
        previous: Previous::default(),
        named: by.name.clone(),
        by,
        head_message: None,
        url: filled(own, "/links/html/href"),
        at: time(own, "/updated_on"),
        payload: body.to_string(),
    };
    Ok(Read::Changes(vec![pull.values(event.forge.as_str())]))
}

/// Accounts have had no `username` since 2019, only a `nickname`, which need not be unique.
fn actor(body: &Value) -> Person {
    let actor = |field: &str| filled(body, &format!("/actor/{field}"));
    Person { username: actor("username").or_else(|| actor("nickname")), name: actor("display_name"), email: None }
}

fn side(own: &Value, which: &str) -> Side {
    let side = |field: &str| filled(own, &format!("/{which}/{field}"));
    Side { branch: side("branch/name"), commit: side("commit/hash"), repository: side("repository/full_name") }
}

fn action(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.trim_start_matches("pullrequest:") {
        "created" => "opened",
        "fulfilled" => "merged",
        "rejected" => "closed",
        other => other,
    }
    .to_owned()
}
