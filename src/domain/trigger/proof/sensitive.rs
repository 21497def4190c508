//! Which headers of a request must not be kept.

/// What names of headers that carry secrets have in them, once hyphens and underscores
/// are out.
const TELLING: [&str; 17] = [
    "accesskey",
    "apikey",
    "authheader",
    "authkey",
    "authorization",
    "cookie",
    "credential",
    "functionskey",
    "jwt",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "session",
    "subscriptionkey",
    "token",
];

/// Whether the value of an inbound header of this name may be a secret, so that it is
/// masked before it is kept. Signatures are none: they fit one body, and help to see what
/// went wrong.
#[must_use]
pub fn sensitive(name: &str) -> bool {
    let squeezed: String = name.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase()).collect();
    // `X-Auth`, `X-Proxy-Auth`, as some call it.
    squeezed.ends_with("auth") || TELLING.iter().any(|part| squeezed.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_promise_a_secret_are_sensitive() {
        let names = [
            "Authorization",
            "proxy-authorization",
            "X-Forwarded-Authorization",
            "cookie",
            "X-Gitlab-Token",
            "X-Auth-Header",
            "x_auth_header",
            "x-api-key",
            "X-ApiKey",
            "api_key",
            "X-Goog-Api-Key",
            "x-auth",
            "x-auth-key",
            "x-hook-secret",
            "x-amz-security-token",
            "x-functions-key",
            "Ocp-Apim-Subscription-Key",
            "x-csrf-token",
            "X-User-Password",
        ];

        for name in names {
            assert!(sensitive(name), "{name}");
        }
    }

    #[test]
    fn what_tells_an_event_apart_is_not() {
        let names = [
            "x-hub-signature-256",
            "x-hub-signature",
            "webhook-signature",
            "webhook-id",
            "x-event-key",
            "idempotency-key",
            "x-github-delivery",
            "x-gitlab-event-uuid",
            "x-request-id",
            "user-agent",
            "content-type",
            "x-author",
            "x-forwarded-for",
            "",
        ];

        for name in names {
            assert!(!sensitive(name), "{name}");
        }
    }
}
