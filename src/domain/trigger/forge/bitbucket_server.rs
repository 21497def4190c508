//! The events of Bitbucket Server and Bitbucket Data Center.

use serde_json::Value;

use super::change::{Person, Reference};
use super::fields::{filled, list, number, object, put, required, text, time};
use super::pull::{Previous, Pull, Side};
use super::push::Push;
use super::{Event, Read};
use crate::domain::trigger::mapping::Values;

/// One of Bitbucket Server's events by its name.
pub(super) fn read(event: &Event) -> Result<Read, String> {
    match event.name.to_ascii_lowercase().as_str() {
        "repo:refs_changed" => pushes(event),
        name if name.starts_with("pr:") => pull(event),
        _ => Ok(event.unknown()),
    }
}

/// One event for each branch and tag that is still there.
fn pushes(event: &Event) -> Result<Read, String> {
    let deletes = |change: &Value| text(change, "/type").as_deref() == Some("DELETE");
    event.each("changes", deletes, push)
}

fn push(event: &Event, change: &Value, payload: String) -> Result<Values, String> {
    let body = event.body;
    let by = actor(body);
    let after = required(change, "/toHash")?;
    let told = filled(body, "/toCommit/id").is_some_and(|id| id == after);
    let push = Push {
        hook: hook(event),
        reference: Reference::named(&required(change, "/refId").or_else(|_| required(change, "/ref/id"))?),
        before: text(change, "/fromHash"),
        url: link(body, "/repository").map(|link| format!("{}/commits/{after}", link.trim_end_matches("/browse"))),
        after,
        repository: repository(body, "/repository"),
        named: by.username.clone(),
        author: by.clone(),
        by,
        message: None,
        // Newer ones tell the newest commit of one of the changes.
        head_message: told.then(|| filled(body, "/toCommit/message")).flatten(),
        at: time(body, "/date"),
        payload,
    };
    Ok(push.values(event.forge.as_str()))
}

fn pull(event: &Event) -> Result<Read, String> {
    let body = event.body;
    let own = object(body, "/pullRequest")?;
    let by = actor(body);
    let state = filled(own, "/state");
    let pull = Pull {
        hook: hook(event),
        action: action(event.name),
        number: number(own, "/id"),
        title: text(own, "/title"),
        merged: state.as_deref() == Some("MERGED") || event.name.eq_ignore_ascii_case("pr:merged"),
        state,
        source: side(own, "/fromRef"),
        target: side(own, "/toRef"),
        merge_commit: filled(own, "/properties/mergeCommit/id"),
        before: filled(body, "/previousFromHash"),
        previous: Previous {
            title: filled(body, "/previousTitle"),
            branch: filled(body, "/previousTarget/displayId"),
            hash: filled(body, "/previousTarget/latestCommit"),
            state: filled(body, "/previousStatus"),
        },
        named: by.username.clone(),
        by,
        head_message: None,
        url: link(own, ""),
        at: time(body, "/date"),
        payload: body.to_string(),
    };
    let mut values = pull.values(event.forge.as_str());
    tell_review(&mut values, body);
    Ok(Read::Changes(vec![values]))
}

/// Who reviewed and what was commented.
fn tell_review(values: &mut Values, body: &Value) {
    for (key, pointer) in [
        ("git.pr.reviewer", "/participant/user/name"),
        ("git.pr.reviewer.email", "/participant/user/emailAddress"),
        ("git.pr.reviewer.status", "/participant/status"),
        ("git.pr.reviewer.role", "/participant/role"),
        ("git.pr.comment", "/comment/text"),
        ("git.pr.comment.author", "/comment/author/name"),
        ("git.pr.comment.author.email", "/comment/author/emailAddress"),
        ("git.pr.comment.before", "/previousComment"),
    ] {
        put(values, key, text(body, pointer).as_deref());
    }
}

fn hook(event: &Event) -> String {
    filled(event.body, "/eventKey").unwrap_or_else(|| event.name.to_owned())
}

fn actor(body: &Value) -> Person {
    let actor = |field: &str| filled(body, &format!("/actor/{field}"));
    Person { username: actor("name"), name: actor("displayName"), email: actor("emailAddress") }
}

fn side(own: &Value, which: &str) -> Side {
    Side {
        branch: filled(own, &format!("{which}/displayId")),
        commit: filled(own, &format!("{which}/latestCommit")),
        repository: repository(own, &format!("{which}/repository")),
    }
}

fn repository(value: &Value, pointer: &str) -> Option<String> {
    let project = filled(value, &format!("{pointer}/project/key"))?;
    Some(format!("{project}/{}", filled(value, &format!("{pointer}/slug"))?))
}

/// The page for people, where the server tells it.
fn link(value: &Value, pointer: &str) -> Option<String> {
    let links = list(value, &format!("{pointer}/links/self"));
    links.first().and_then(|link| filled(link, "/href"))
}

fn action(name: &str) -> String {
    match name.to_ascii_lowercase().as_str() {
        "pr:from_ref_updated" => "updated".to_owned(),
        "pr:modified" => "edited".to_owned(),
        "pr:declined" => "closed".to_owned(),
        other => other.trim_start_matches("pr:").replace(':', "_"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_said_in_the_words_of_all_forges() {
        for (name, expected) in [
            ("pr:opened", "opened"),
            ("pr:from_ref_updated", "updated"),
            ("pr:declined", "closed"),
            ("pr:reviewer:needs_work", "reviewer_needs_work"),
        ] {
            assert_eq!(action(name), expected, "{name}");
        }
    }

    #[test]
    fn a_repository_without_a_project_has_no_name() {
        let with = serde_json::json!({"slug": "repo", "project": {"key": "MY"}});
        assert_eq!(repository(&with, "").as_deref(), Some("MY/repo"));
        assert_eq!(repository(&serde_json::json!({"slug": "repo"}), ""), None);
    }
}
