//! Pull requests of the forges of which D.6.2 says nothing.

use super::*;

#[test]
fn an_opened_pull_request_on_github() {
    let values = one("github/pull_request-opened");
    assert_told(
        &values,
        &[
            ("git.hook", "pull_request"),
            ("git.branch", "test_pr"),
            ("git.hash", "36afaef2afdf0ce794d7e4663e7f327664aaa4d7"),
            ("git.hash.short", "36afaef"),
            ("git.repository", "gagbo/ouro-closures"),
            ("git.branch.dest", "trunk"),
            ("git.hash.dest", "ea6cd405a443e34aca1f57485ee151fb15a34729"),
            ("git.repository.dest", "gagbo/ouro-closures"),
            ("git.author", "gagbo"),
            ("git.pr.id", "2"),
            ("git.pr.title", "[do not merge] test commit"),
            ("git.pr.state", "open"),
        ],
    );
    assert_eq!(
        values["change"],
        json!({
            "forge": "github",
            "kind": "pull_request",
            "action": "opened",
            "repository": "gagbo/ouro-closures",
            "branch": "test_pr",
            "commit": "36afaef2afdf0ce794d7e4663e7f327664aaa4d7",
            "author": {"username": "gagbo"},
            "url": "https://github.com/gagbo/ouro-closures/pull/2",
            "at": "2023-07-18T13:15:41.000Z",
            "pull_request": {
                "number": 2,
                "title": "[do not merge] test commit",
                "state": "open",
                "source": "test_pr",
                "target": "trunk",
                "url": "https://github.com/gagbo/ouro-closures/pull/2",
            },
        })
    );
}

#[test]
fn a_merged_pull_request_is_about_its_target() {
    let values = one("github/pull_request-merged");
    assert_told(
        &values,
        &[
            ("git.branch", "trunk"),
            ("git.hash", "569605edb950caefdf9006dec7f9b40b232d05a7"),
            ("git.branch.before", "test_pr"),
            ("git.hash.before", "36afaef2afdf0ce794d7e4663e7f327664aaa4d7"),
            ("git.branch.dest", ""),
            ("git.pr.state", "closed"),
        ],
    );
    let change = &values["change"];
    assert_eq!((&change["action"], &change["branch"]), (&json!("merged"), &json!("trunk")));
    assert_eq!(change["previous_commit"], "ea6cd405a443e34aca1f57485ee151fb15a34729");
    assert_eq!(change["pull_request"]["state"], "merged");
}

#[test]
fn every_forge_says_what_happened_in_the_same_words() {
    for (name, action, state) in [
        ("github/pull_request-opened", "opened", "open"),
        ("github/pull_request-closed", "closed", "closed"),
        ("github/pull_request-synchronize", "updated", "open"),
        ("gitlab/merge_request-open", "opened", "open"),
        ("gitlab/merge_request-update", "updated", "open"),
        ("gitlab/merge_request-merge", "merged", "merged"),
        ("bitbucket_server/pr-opened", "opened", "open"),
        ("bitbucket_server/pr-from_ref_updated", "updated", "open"),
        ("bitbucket_server/pr-modified", "edited", "open"),
        ("bitbucket_server/pr-merged", "merged", "merged"),
        ("bitbucket_server/pr-declined", "closed", "closed"),
        ("bitbucket_server/pr-deleted", "deleted", "closed"),
        ("bitbucket_server/pr-reviewer-approved", "reviewer_approved", "open"),
        ("bitbucket_cloud/pullrequest-created", "opened", "open"),
        ("bitbucket_cloud/pullrequest-updated", "updated", "open"),
        ("bitbucket_cloud/pullrequest-fulfilled", "merged", "merged"),
        ("bitbucket_cloud/pullrequest-rejected", "closed", "closed"),
        ("gitea/pull_request-opened", "opened", "open"),
        ("gitea/pull_request-synchronized", "updated", "open"),
        ("gitea/pull_request-merged", "merged", "merged"),
        ("forgejo/pull_request-synchronized", "updated", "open"),
    ] {
        let change = &one(name)["change"];
        assert_eq!(change["kind"], "pull_request", "{name}");
        assert_eq!((&change["action"], &change["pull_request"]["state"]), (&json!(action), &json!(state)), "{name}");
        assert!(change["repository"].is_string() && change["commit"].is_string(), "{name}");
    }
}

#[test]
fn new_commits_tell_what_they_took_the_place_of() {
    for (name, before) in [
        ("github/pull_request-synchronize", "36afaef2afdf0ce794d7e4663e7f327664aaa4d7"),
        ("gitlab/merge_request-update", "b6568db1bc1dcd7f8b4d5a946b0b91f9dacd7327"),
        ("bitbucket_server/pr-from_ref_updated", "aab847db240ccae221f8036605b00f777eba95d2"),
    ] {
        assert_eq!(one(name)["change"]["previous_commit"], before, "{name}");
    }
}

#[test]
fn a_merge_request_on_gitlab() {
    let values = one("gitlab/merge_request-open");
    assert_told(
        &values,
        &[
            ("git.hook", "Merge Request Hook"),
            ("git.branch", "ms-viewport"),
            ("git.hash", "da1560886d4f094c3e6c9ef40349f7d38b5d27d7"),
            ("git.branch.dest", "master"),
            ("git.repository", "awesome_space/awesome_project"),
            ("git.author", "root"),
            ("git.author.email", "admin@example.com"),
            ("git.pr.id", "1"),
            ("git.pr.title", "MS-Viewport"),
            ("git.pr.state", "opened"),
        ],
    );
    assert_eq!(values["change"]["message"], "fixed readme");
    assert_eq!(values["change"]["pull_request"]["number"], 1, "the iid, not the id");
}

#[test]
fn an_address_that_gitlab_keeps_back_is_none_and_its_older_times_are_read() {
    let values = one("gitlab/merge_request-update");
    assert!(!values.contains_key("git.author.email"));
    assert_eq!(values["change"]["author"].get("email"), None);
    assert_eq!(values["change"]["at"], "2017-09-15T16:52:00.000Z");
}

#[test]
fn a_pull_request_on_bitbucket_cloud() {
    assert_told(
        &one("bitbucket_cloud/pullrequest-created"),
        &[
            ("git.branch", "branch2"),
            ("git.hash", "d3022fc0ca3d"),
            ("git.branch.dest", "master"),
            ("git.hash.dest", "ce5965ddd289"),
            ("git.author", "Emma"),
            ("cds.triggered_by.username", "emmap1"),
            ("git.pr.id", "1"),
        ],
    );
    assert_told(
        &one("bitbucket_cloud/pullrequest-fulfilled"),
        &[("git.branch", "master"), ("git.hash", "764413d85e29"), ("git.branch.before", "branch2")],
    );
}

#[test]
fn a_pull_request_from_a_fork_on_gitea() {
    let values = one("gitea/pull_request-opened");
    assert_told(
        &values,
        &[
            ("git.repository", "example2/example"),
            ("git.repository.dest", "example/example"),
            ("git.author", "example2"),
            ("git.author.email", "example2@example2.com"),
            ("git.pr.id", "2"),
        ],
    );
    assert_eq!(values["change"]["repository"], "example/example", "where it is to be merged");
}
