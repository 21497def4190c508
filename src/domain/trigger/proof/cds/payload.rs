//! Which repository a body says it is about.

use std::borrow::Cow;

use serde::Deserialize;

use crate::domain::MAX_NAME_BYTES;

/// As far as it matters here; the rest is skipped and not built, since nobody vouches for
/// it yet.
#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    repository: Option<Repository<'a>>,
    #[serde(borrow)]
    project: Option<GitlabProject<'a>>,
    #[serde(borrow, rename = "pullRequest")]
    pull_request: Option<PullRequest<'a>>,
}

/// GitHub's and Gitea's, which have a full name, or Bitbucket Server's.
#[derive(Deserialize)]
struct Repository<'a> {
    #[serde(borrow)]
    full_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    slug: Option<Cow<'a, str>>,
    #[serde(borrow)]
    project: Option<BitbucketProject<'a>>,
}

#[derive(Deserialize)]
struct BitbucketProject<'a> {
    #[serde(borrow)]
    key: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct GitlabProject<'a> {
    #[serde(borrow)]
    path_with_namespace: Option<Cow<'a, str>>,
}

/// Bitbucket Server's pull requests name the repository that they go to.
#[derive(Deserialize)]
struct PullRequest<'a> {
    #[serde(borrow, rename = "toRef")]
    to: Option<Target<'a>>,
}

#[derive(Deserialize)]
struct Target<'a> {
    #[serde(borrow)]
    repository: Option<Repository<'a>>,
}

impl Repository<'_> {
    fn name(&self) -> Option<String> {
        let full = self.full_name.as_deref().map(str::to_owned);
        full.or_else(|| {
            let key = self.project.as_ref()?.key.as_deref()?.to_lowercase();
            Some(format!("{key}/{}", self.slug.as_deref()?))
        })
    }
}

impl Payload<'_> {
    fn name(&self) -> Option<String> {
        let own = self.repository.as_ref().and_then(Repository::name);
        let gitlab = || self.project.as_ref()?.path_with_namespace.as_deref().map(str::to_owned);
        let target = || self.pull_request.as_ref()?.to.as_ref()?.repository.as_ref()?.name();
        own.or_else(gitlab).or_else(target)
    }
}

/// The name of the repository, as CDS signs it: the case stays, but for the key of a
/// project of Bitbucket Server.
pub(super) fn repository(body: &[u8]) -> Option<String> {
    let payload: Payload<'_> = serde_json::from_slice(body).ok()?;
    payload.name().filter(|name| !name.is_empty() && name.len() <= MAX_NAME_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_forge_tells_its_repository() {
        let cases = [
            (r#"{"ref":"x","repository":{"id":1,"full_name":"Ovh/cds"}}"#, "Ovh/cds"),
            (r#"{"repository":{"full_name":"a\/b","project":{"key":"P"},"slug":"s"}}"#, "a/b"),
            (r#"{"repository":{"name":"b"},"project":{"path_with_namespace":"a/sub/B"}}"#, "a/sub/B"),
            (r#"{"repository":{"slug":"Shop","project":{"key":"ACME"}}}"#, "acme/Shop"),
            (r#"{"pullRequest":{"toRef":{"repository":{"slug":"s","project":{"key":"~ME"}}}}}"#, "~me/s"),
        ];

        for (body, name) in cases {
            assert_eq!(repository(body.as_bytes()).as_deref(), Some(name));
        }
    }

    #[test]
    fn what_tells_none_is_no_repository() {
        let long = format!(r#"{{"repository":{{"full_name":"{}"}}}}"#, "a".repeat(257));
        let deep = "[".repeat(100_000);
        let bodies = [
            "",
            "{}",
            "[]",
            "null",
            "payload=%7B%7D",
            r#"{"repository":"a/b"}"#,
            r#"{"repository":{"full_name":7}}"#,
            r#"{"repository":{"full_name":""}}"#,
            r#"{"repository":{"full_name":"a/b"},"repository":{"full_name":"c/d"}}"#,
            r#"{"repository":{"slug":"s"}}"#,
            r#"{"repository":{"full_name":"a/b"}"#,
            &long,
            &deep,
        ];

        for body in bodies {
            assert_eq!(repository(body.as_bytes()), None, "{}", &body[..body.len().min(80)]);
        }
    }
}
