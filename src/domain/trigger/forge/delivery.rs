//! How a delivery is known again when its forge repeats it.

use crate::domain::trigger::incoming::Incoming;

/// The longest id that is taken; forges send 36 bytes.
const MAX_ID_BYTES: usize = 256;

/// Only Bitbucket's requests have it. Its ids stand in headers that proxies set too.
const BITBUCKET: &str = "x-event-key";

/// Headers that hold an id which stays the same when the delivery is repeated.
const HEADERS: [&str; 5] = [
    // A redelivery asked for by hand is a new delivery on these two.
    "x-forgejo-delivery",
    "x-gitea-delivery",
    // Of the event: a redelivery has it too.
    "x-github-delivery",
    // GitLab since 17.4. Its other two are of no use: X-Gitlab-Webhook-UUID is new for each
    // request, and X-Gitlab-Event-UUID is new for a retry, yet shared by what one request to
    // GitLab causes for one hook, so that taking it would lose events.
    "idempotency-key",
    // Standard Webhooks.
    "webhook-id",
];

/// Cloud's first: it counts attempts at one request (`X-Attempt-Number`), which keeps its
/// id. Server does not repeat by itself, so its id is as good.
const HEADERS_OF_BITBUCKET: [&str; 2] = ["x-request-uuid", "x-request-id"];

/// The sender's own id of this delivery, the same when it delivers again.
#[must_use]
pub fn delivery_id(incoming: &Incoming) -> Option<&str> {
    let of_bitbucket: &[&str] = if incoming.header(BITBUCKET).is_some() { &HEADERS_OF_BITBUCKET } else { &[] };
    let mut ids = HEADERS.iter().chain(of_bitbucket).filter_map(|header| incoming.header(header).map(str::trim));
    ids.find(|id| !id.is_empty() && id.len() <= MAX_ID_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::headers::HeaderLines;

    type Headers<'a> = &'a [(&'a str, &'a str)];

    fn with(headers: Headers) -> Incoming {
        let mut lines = HeaderLines::default();
        for (name, value) in headers {
            lines.push(name, value);
        }
        Incoming { headers: lines, ..Incoming::default() }
    }

    #[test]
    fn a_delivery_is_known_by_the_id_that_its_forge_repeats() {
        let cases: [(Headers, Option<&str>); 9] = [
            (&[("X-GitHub-Event", "push"), ("X-GitHub-Delivery", "gh")], Some("gh")),
            (&[("X-GitHub-Delivery", "copy"), ("X-Gitea-Delivery", "gt")], Some("gt")),
            (&[("X-Gitea-Delivery", "copy"), ("X-Forgejo-Delivery", "fj")], Some("fj")),
            (&[("X-Gitlab-Event-UUID", "e"), ("X-Gitlab-Webhook-UUID", "w"), ("Idempotency-Key", "gl")], Some("gl")),
            (&[("X-Gitlab-Event-UUID", "e"), ("X-Gitlab-Webhook-UUID", "w")], None),
            (&[("X-Event-Key", "repo:push"), ("X-Request-UUID", "c"), ("X-Attempt-Number", "2")], Some("c")),
            (&[("X-Event-Key", "pr:opened"), ("X-Request-Id", "s")], Some("s")),
            (&[("X-Request-Id", "of a proxy")], None),
            (&[("X-GitHub-Delivery", " "), ("webhook-id", "msg_1")], Some("msg_1")),
        ];
        for (headers, expected) in cases {
            assert_eq!(delivery_id(&with(headers)), expected, "{headers:?}");
        }
    }

    #[test]
    fn an_id_that_is_too_long_is_none() {
        assert_eq!(delivery_id(&with(&[("webhook-id", &"x".repeat(257))])), None);
    }
}
