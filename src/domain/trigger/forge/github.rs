//! GitHub's events, and those of Gitea and Forgejo, which speak as GitHub does.

use serde_json::Value;

use super::change::{Person, Reference};
use super::fields::{filled, is_nothing, is_true, list, number, object, required, slim, text, time};
use super::pull::{Previous, Pull, Side};
use super::push::Push;
use super::{Event, Forge, Read};

/// One of these forges' events by its name.
pub(super) fn read(event: &Event) -> Result<Read, String> {
    match event.name.to_ascii_lowercase().as_str() {
        "push" => push(event),
        "pull_request" => pull(event),
        _ => Ok(event.unknown()),
    }
}

fn push(event: &Event) -> Result<Read, String> {
    let body = event.body;
    let reference = Reference::named(&required(body, "/ref")?);
    let (before, after) = (text(body, "/before"), required(body, "/after")?);
    if is_true(body, "/deleted") || is_nothing(&after) {
        return Ok(event.deleted());
    }
    // A push changes something, so this is Gitea's or Forgejo's button "Test".
    if event.forge != Forge::Github && before.as_deref() == Some(after.as_str()) {
        return Ok(event.ping());
    }
    let pusher = pusher(body);
    let author = author(body).unwrap_or_else(|| pusher.clone());
    let by = if author.username.is_some() { author.clone() } else { pusher };
    let push = Push {
        hook: event.name.to_owned(),
        reference,
        before,
        after,
        repository: filled(body, "/repository/full_name"),
        named: author.username.clone().or_else(|| author.name.clone()),
        author,
        by,
        message: list(body, "/commits").first().and_then(|commit| text(commit, "/message")),
        head_message: filled(body, "/head_commit/message"),
        url: link(body),
        at: time(body, "/repository/pushed_at"),
        payload: slim(body),
    };
    Ok(Read::Changes(vec![push.values(event.forge.as_str())]))
}

/// Of the newest commit, or where there is none, of what the push changed.
fn link(body: &Value) -> Option<String> {
    ["/head_commit/url", "/compare", "/compare_url"].iter().find_map(|pointer| filled(body, pointer))
}

/// Of the newest commit. The forge may know no account of that name or address.
fn author(body: &Value) -> Option<Person> {
    let own = body.pointer("/head_commit/author").filter(|own| own.is_object())?;
    Some(Person { username: filled(own, "/username"), name: filled(own, "/name"), email: filled(own, "/email") })
}

/// GitHub's `pusher` has a name, Gitea's is an account as the sender is.
fn pusher(body: &Value) -> Person {
    let pusher = |field: &str| filled(body, &format!("/pusher/{field}"));
    let Person { username, name, email } = sender(body);
    Person {
        username: username.or_else(|| pusher("login")).or_else(|| pusher("name")),
        name: name.or_else(|| pusher("name")),
        email: pusher("email").or(email),
    }
}

fn pull(event: &Event) -> Result<Read, String> {
    let body = event.body;
    let own = object(body, "/pull_request")?;
    let merged = is_true(own, "/merged");
    let by = sender(body);
    let pull = Pull {
        hook: event.name.to_owned(),
        action: action(&required(body, "/action")?, merged),
        number: number(own, "/number").or_else(|| number(body, "/number")),
        title: text(own, "/title"),
        state: filled(own, "/state"),
        source: side(own, "head"),
        target: side(own, "base"),
        merged,
        merge_commit: filled(own, "/merge_commit_sha"),
        before: filled(body, "/before"),
        previous: Previous {
            title: filled(body, "/changes/title/from"),
            branch: filled(body, "/changes/base/ref/from").or_else(|| filled(body, "/changes/ref/from")),
            hash: filled(body, "/changes/base/sha/from"),
            state: None,
        },
        named: by.username.clone(),
        by,
        head_message: None,
        url: filled(own, "/html_url"),
        at: time(own, "/updated_at").or_else(|| time(body, "/repository/pushed_at")),
        payload: slim(body),
    };
    Ok(Read::Changes(vec![pull.values(event.forge.as_str())]))
}

fn sender(body: &Value) -> Person {
    let sender = |field: &str| filled(body, &format!("/sender/{field}"));
    Person { username: sender("login"), name: sender("full_name").or_else(|| sender("name")), email: sender("email") }
}

fn side(pull: &Value, which: &str) -> Side {
    let side = |field: &str| filled(pull, &format!("/{which}/{field}"));
    Side { branch: side("ref"), commit: side("sha"), repository: side("repo/full_name") }
}

/// Gitea says `synchronized` where GitHub says `synchronize`.
fn action(own: &str, merged: bool) -> String {
    match own {
        "closed" if merged => "merged",
        "synchronize" | "synchronized" => "updated",
        other => other,
    }
    .to_owned()
}
