//! Which events are told, and which are not and why.

use super::*;

/// What is read with this filter, whose names are parted by `;`.
fn filtered(name: &str, filter: &str) -> Result<Read, String> {
    let filter: Vec<_> = filter.split(';').map(str::to_owned).collect();
    read(&recorded(name), &filter)
}

/// Why nothing is published.
fn nothing(read: Result<Read, String>) -> String {
    match read {
        Ok(Read::Nothing(why)) => why,
        other => panic!("something: {other:?}"),
    }
}

#[test]
fn every_forge_is_recognised_by_its_own_header() {
    for (name, expected) in [
        ("github/push", Forge::Github),
        ("github/push-form", Forge::Github),
        ("gitlab/push", Forge::Gitlab),
        ("bitbucket_server/pr-opened", Forge::BitbucketServer),
        ("bitbucket_cloud/push", Forge::BitbucketCloud),
        ("gitea/push", Forge::Gitea),
        ("forgejo/push", Forge::Forgejo),
        ("gerrit/patchset-created", Forge::Gerrit),
    ] {
        assert_eq!(Forge::detect(&recorded(name)), Some(expected), "{name}");
        let events = told_without_filter(name);
        assert_eq!(events[0]["change"]["forge"], expected.as_str(), "{name}");
    }
}

fn told_without_filter(name: &str) -> Vec<Values> {
    match filtered(name, "") {
        Ok(Read::Changes(events)) => events,
        _ => told(&recorded(name)),
    }
}

#[test]
fn without_a_filter_only_pushes_are_wanted() {
    for push in ["github/push", "gitlab/push", "gitlab/tag_push", "bitbucket_server/refs_changed"] {
        assert!(matches!(filtered(push, ""), Ok(Read::Changes(_))), "{push}");
    }
    for pull in ["github/pull_request-opened", "gitlab/merge_request-open", "bitbucket_server/pr-opened"] {
        assert!(nothing(filtered(pull, "")).contains("filter does not name"), "{pull}");
    }
}

#[test]
fn a_filter_names_events_in_any_case_and_with_spaces_around() {
    let pull = "gitlab/merge_request-open";
    assert!(matches!(filtered(pull, " push hook ; merge request HOOK;"), Ok(Read::Changes(_))));
    assert!(nothing(filtered(pull, "push hook")).contains("`Merge Request Hook`"));
    assert!(nothing(filtered("github/push", "pull_request")).contains("`push`"), "a filter replaces the default");
}

#[test]
fn a_ping_publishes_nothing_whatever_the_filter() {
    for ping in ["github/ping", "bitbucket_server/ping", "gitea/push-test"] {
        assert!(nothing(filtered(ping, "")).contains("a ping"), "{ping}");
    }
    assert!(nothing(filtered("github/ping", "ping")).contains("a ping"));
    let bare = Incoming { body: "{\"test\": true}".into(), ..Incoming::default() };
    assert!(nothing(read(&bare, &[])).contains("a ping"), "Bitbucket Server before 7");
}

#[test]
fn what_only_deletes_publishes_nothing() {
    for name in [
        "github/push-deleted",
        "gitlab/push-deleted",
        "bitbucket_server/refs_changed-deleted",
        "bitbucket_cloud/push-deleted",
    ] {
        assert!(nothing(filtered(name, "")).contains("no branch or tag"), "{name}");
    }
}

#[test]
fn of_two_changes_the_one_that_deletes_is_left_out() {
    let incoming = with(recorded("bitbucket_server/refs_changed-two"), "/changes/0/type", json!("DELETE"));
    let events = told(&incoming);
    assert_eq!(events.len(), 1);
    assert_told(&events[0], &[("git.branch", "name-of-branch-bis")]);
}

#[test]
fn an_event_that_is_named_but_no_push_or_pull_request_publishes_nothing() {
    let mut incoming = recorded("github/push");
    incoming.headers = HeaderLines::default();
    incoming.headers.push("X-GitHub-Event", "release");
    assert!(nothing(read(&incoming, &["release".to_owned()])).contains("`release` is neither"));
}

#[test]
fn what_is_not_json_or_of_no_forge_is_an_error() {
    let mut incoming = recorded("github/push");
    incoming.body = "{".into();
    assert!(read(&incoming, &[]).expect_err("no JSON").contains("not JSON"));
    let bare = Incoming { body: "{\"ref\":\"refs/heads/main\"}".into(), ..Incoming::default() };
    assert!(read(&bare, &[]).expect_err("no forge").contains("X-GitHub-Event"));
    assert_eq!(Forge::detect(&bare), None);
}

#[test]
fn an_event_without_what_its_name_promises_is_an_error() {
    for (name, pointer, missing) in [
        ("github/push", "/ref", "ref"),
        ("github/pull_request-opened", "/pull_request", "pull_request"),
        ("gitlab/push", "/after", "after"),
        ("gitlab/merge_request-open", "/object_attributes", "object_attributes"),
        ("bitbucket_server/refs_changed", "/changes", "changes"),
        ("bitbucket_server/pr-opened", "/pullRequest", "pullRequest"),
        ("bitbucket_cloud/push", "/push/changes", "push.changes"),
        ("bitbucket_cloud/pullrequest-created", "/pullrequest", "pullrequest"),
    ] {
        let incoming = with(recorded(name), pointer, json!(null));
        let wanted = ["x-github-event", "x-gitlab-event", "x-event-key"];
        let filter: Vec<_> = wanted.iter().filter_map(|name| incoming.header(name).map(str::to_owned)).collect();
        let error = read(&incoming, &filter).expect_err(name);
        assert!(error.contains(&format!("`{missing}`")), "{name}: {error}");
    }
}
