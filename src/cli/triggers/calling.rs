//! What those who call a trigger have to know, in one line.

use crate::cli::shown::Shown;

/// What to choose where its URL is given; nothing where it has none.
pub(super) fn choose(trigger: &Shown) -> Option<String> {
    trigger.get("url")?;
    let repository = trigger.text("kind") == "repository";
    if trigger.get("signed") != Some(&true.into()) {
        let choice = if repository { format!("{}; ", at_a_forge("at the forge", trigger)) } else { String::new() };
        return Some(format!(
            "{choice}whoever knows this URL can fire it: `nyala triggers change {} --secret-generate` has it signed",
            trigger.text("uuid")
        ));
    }
    Some(match trigger.text("scheme").as_str() {
        "github" if repository => format!("{}, the secret", at_a_forge("at GitHub", trigger)),
        "gitea" if repository => format!("{}, the secret", at_a_forge("at Gitea or Forgejo", trigger)),
        "gitlab" if repository => format!("at GitLab, choose: {}, the secret as secret token", events(trigger)),
        "bitbucket" if repository => format!("at Bitbucket, choose: {}, the secret", events(trigger)),
        "hmac" => hmac(trigger),
        "cds" => "CDS signs with a key of its own: the secret is its repositoryWebHookKey".to_owned(),
        "gitlab" => "who calls it sends the secret in X-Gitlab-Token".to_owned(),
        "-" if repository => format!("{}, the secret", at_a_forge("at the forge", trigger)),
        "-" => "who calls it signs with the secret, as GitHub, GitLab, Bitbucket, Gitea or Standard Webhooks do".into(),
        "standard-webhooks" => "who calls it signs with the secret, as Standard Webhooks do".to_owned(),
        scheme => format!("who calls it signs with the secret, as {scheme} does"),
    })
}

fn at_a_forge(place: &str, trigger: &Shown) -> String {
    format!("{place}, choose: content type application/json, {}", events(trigger))
}

fn events(trigger: &Shown) -> String {
    match trigger.text("events").as_str() {
        "-" => "the event push".to_owned(),
        one if !one.contains(", ") => format!("the event {one}"),
        several => format!("the events {several}"),
    }
}

/// `who calls it puts the hex of HMAC-SHA256 of the body, made with the secret, into x-signature`
fn hmac(trigger: &Shown) -> String {
    let encoding = match trigger.text("encoding").as_str() {
        "-" => "hex or base64".to_owned(),
        encoding => encoding.to_owned(),
    };
    let signed = match trigger.text("timestamp_header").as_str() {
        "-" => "the body".to_owned(),
        header => format!("{header}, a full stop and the body"),
    };
    let (algorithm, header) = (trigger.text("algorithm").to_uppercase(), trigger.text("header"));
    format!("who calls it puts the {encoding} of HMAC-{algorithm} of {signed}, made with the secret, into {header}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(trigger: Value) -> Option<String> {
        choose(&serde_json::from_value(trigger).unwrap())
    }

    #[test]
    fn each_forge_is_told_in_its_own_words() {
        let repository = |scheme: &str, events: &[&str]| {
            told(json!({"kind": "repository", "url": "u", "signed": true, "scheme": scheme, "events": events})).unwrap()
        };

        assert_eq!(
            repository("github", &["push", "pull_request"]),
            "at GitHub, choose: content type application/json, the events push, pull_request, the secret"
        );
        assert_eq!(repository("gitlab", &[]), "at GitLab, choose: the event push, the secret as secret token");
        assert!(repository("gitea", &[]).starts_with("at Gitea or Forgejo, choose: content type application/json"));
        assert_eq!(repository("bitbucket", &["pr:opened"]), "at Bitbucket, choose: the event pr:opened, the secret");
    }

    #[test]
    fn a_signature_of_ones_own_is_told_to_the_byte() {
        let hmac = |more: Value| {
            let mut trigger = json!({"kind": "webhook", "url": "u", "signed": true, "scheme": "hmac",
                "header": "x-sig", "algorithm": "sha256"});
            trigger.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            told(trigger).unwrap()
        };

        let usual = "who calls it puts the hex or base64 of HMAC-SHA256 of the body, made with the secret, into x-sig";
        assert_eq!(hmac(json!({})), usual);
        let timed = hmac(json!({"encoding": "hex", "timestamp_header": "x-time"}));
        assert!(timed.contains("the hex of HMAC-SHA256 of x-time, a full stop and the body"), "{timed}");
    }

    #[test]
    fn what_is_not_signed_is_warned_of_and_what_nobody_calls_is_not() {
        let open = told(json!({"uuid": "1-2", "kind": "webhook", "url": "u", "signed": false})).unwrap();

        assert!(open.starts_with("whoever knows this URL can fire it: `nyala triggers change 1-2 "), "{open}");
        assert_eq!(told(json!({"kind": "scheduler", "signed": false})), None);
    }
}
