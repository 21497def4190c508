//! What a forge says of a push or a pull request.
//!
//! A forge is recognised by its headers. What it tells becomes the keys of D.6.2, and
//! besides one object under `change` that is the same for all of them.

mod bitbucket_cloud;
mod bitbucket_server;
mod change;
mod delivery;
mod event;
mod fields;
mod gerrit;
mod github;
mod gitlab;
mod pull;
mod push;
#[cfg(test)]
mod tests;

use serde_json::Value;
use url::form_urlencoded;

use super::incoming::Incoming;
use super::mapping::{PAYLOAD, Values, media_type};
use event::Event;

pub use delivery::delivery_id;
pub use gerrit::of_gerrit;

/// What came of a forge's request.
#[derive(Debug, Clone, PartialEq)]
pub enum Read {
    /// What each event tells: one for each branch or tag, or one pull request.
    Changes(Vec<Values>),
    /// Why there is nothing to publish: a ping, an event that is not wanted, a deleted branch.
    Nothing(String),
}

/// Where repositories live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forge {
    /// github.com and GitHub Enterprise.
    Github,
    /// gitlab.com and GitLab of one's own.
    Gitlab,
    /// Bitbucket Server and Bitbucket Data Center.
    BitbucketServer,
    /// bitbucket.org.
    BitbucketCloud,
    /// Gitea.
    Gitea,
    /// Forgejo, such as codeberg.org.
    Forgejo,
    /// Gerrit, whose stream events somebody posts: it has no header of its own.
    Gerrit,
}

impl Forge {
    /// The header that names the event. Gitea and Forgejo come first, because they send
    /// GitHub's headers too, and Forgejo sends Gitea's.
    const HEADERS: [(&str, Self); 4] = [
        ("x-forgejo-event", Self::Forgejo),
        ("x-gitea-event", Self::Gitea),
        ("x-github-event", Self::Github),
        ("x-gitlab-event", Self::Gitlab),
    ];

    /// How an event names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::BitbucketServer => "bitbucket_server",
            Self::BitbucketCloud => "bitbucket_cloud",
            Self::Gitea => "gitea",
            Self::Forgejo => "forgejo",
            Self::Gerrit => "gerrit",
        }
    }

    /// Which one sent a request, if any did.
    #[must_use]
    pub fn detect(incoming: &Incoming) -> Option<Self> {
        let body = json(incoming).unwrap_or(Value::Null);
        recognise(incoming, &body).map(|(forge, _)| forge)
    }

    /// The events that are wanted where the filter names none, in small letters.
    const fn wanted(self) -> &'static [&'static str] {
        match self {
            Self::Github | Self::Gitea | Self::Forgejo => &["push"],
            Self::Gitlab => &["push hook", "tag push hook"],
            Self::BitbucketServer | Self::BitbucketCloud => &["repo:refs_changed", "repo:push"],
            Self::Gerrit => &["patchset-created"],
        }
    }
}

/// Reads what a forge sent. The filter names events as the forge does (`pull_request`,
/// `Merge Request Hook`, `pr:opened`), whatever their case; if it is empty, only pushes are wanted.
///
/// # Errors
/// If it is not JSON, of no forge, or not what its header says.
pub fn read(incoming: &Incoming, filter: &[String]) -> Result<Read, String> {
    let body = json(incoming)?;
    if is_ping(incoming, &body) {
        return Ok(Read::Nothing("a ping of the forge: nothing happened".to_owned()));
    }
    let Some((forge, name)) = recognise(incoming, &body) else {
        return Err(unrecognised());
    };
    let event = Event { forge, name, body: &body };
    if !is_wanted(&event, filter) {
        return Ok(Read::Nothing(format!("the event filter does not name `{}`", event.told_name())));
    }
    match forge {
        Forge::Github | Forge::Gitea | Forge::Forgejo => github::read(&event),
        Forge::Gitlab => gitlab::read(&event),
        Forge::BitbucketServer => bitbucket_server::read(&event),
        Forge::BitbucketCloud => bitbucket_cloud::read(&event),
        Forge::Gerrit => Ok(gerrit::read(&event)),
    }
}

/// The body as JSON. GitHub and Gitea can send it in the field `payload` of a form too.
fn json(incoming: &Incoming) -> Result<Value, String> {
    let parsed = if media_type(incoming) == "application/x-www-form-urlencoded" {
        let mut fields = form_urlencoded::parse(&incoming.body);
        let field = fields.find(|(key, _)| key == PAYLOAD).map(|(_, json)| json);
        serde_json::from_str(field.as_deref().unwrap_or_default())
    } else {
        serde_json::from_slice(&incoming.body)
    };
    parsed.map_err(|error| format!("the body is not JSON: {error}: let the forge send `application/json`"))
}

/// Which forge sent it and what it calls the event.
fn recognise<'a>(incoming: &'a Incoming, body: &'a Value) -> Option<(Forge, &'a str)> {
    let headers = Forge::HEADERS.iter();
    let mut named = headers.filter_map(|(header, forge)| Some((*forge, incoming.header(header)?.trim())));
    named.next().or_else(|| {
        if let Some(name) = incoming.header("x-event-key") {
            let server = fields::filled(body, "/eventKey").is_some();
            return Some((if server { Forge::BitbucketServer } else { Forge::BitbucketCloud }, name.trim()));
        }
        let name = body.get("type").and_then(Value::as_str)?;
        gerrit::is_one(body).then_some((Forge::Gerrit, name))
    })
}

/// GitHub's event `ping`, Bitbucket Server's `diagnostics:ping` and its older body.
fn is_ping(incoming: &Incoming, body: &Value) -> bool {
    let named = |header: &str, name: &str| incoming.header(header).is_some_and(|own| own.trim() == name);
    named("x-github-event", "ping")
        || named("x-event-key", "diagnostics:ping")
        || *body == serde_json::json!({"test": true})
}

fn is_wanted(event: &Event, filter: &[String]) -> bool {
    let name = event.name.to_ascii_lowercase();
    let mut named = filter.iter().map(|entry| entry.trim()).filter(|entry| !entry.is_empty()).peekable();
    if named.peek().is_none() {
        return event.forge.wanted().contains(&name.as_str());
    }
    named.any(|entry| entry.eq_ignore_ascii_case(&name))
}

fn unrecognised() -> String {
    let known = "X-GitHub-Event, X-Gitlab-Event, X-Event-Key, X-Gitea-Event or X-Forgejo-Event";
    format!("no forge can be recognised: its request has the header {known}")
}
