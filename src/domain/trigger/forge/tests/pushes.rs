//! What `change` tells of a push, and what D.6.2 says nothing of.

use super::*;

#[test]
fn a_push_on_github_in_the_words_of_all_forges() {
    assert_eq!(
        one("github/push")["change"],
        json!({
            "forge": "github",
            "kind": "push",
            "action": "updated",
            "repository": "baxterthehacker/public-repo",
            "branch": "my-branch",
            "commit": "0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c",
            "previous_commit": "9049f1265b7d61be4a8904a9a27120d2064dab3b",
            "author": {
                "name": "baxterthehacker",
                "username": "baxterthehacker",
                "email": "baxterthehacker@users.noreply.github.com",
            },
            "message": "Update README.md",
            "url": "https://github.com/baxterthehacker/public-repo/commit/0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c",
            "at": "2019-05-15T15:20:32.000Z",
        })
    );
}

#[test]
fn a_new_tag_on_github_was_created() {
    let values = one("github/push-new-tag");
    assert_told(&values, &[("git.tag", "v0.2.1"), ("git.author", "gagbo"), ("git.branch", "")]);
    let change = &values["change"];
    assert_eq!((&change["tag"], &change["action"]), (&json!("v0.2.1"), &json!("created")));
    assert_eq!((change.get("branch"), change.get("previous_commit")), (None, None));
}

#[test]
fn a_push_in_a_form_tells_the_same() {
    let (form, json) = (one("github/push-form"), one("github/push"));
    assert_eq!(form, json);
}

#[test]
fn the_payload_is_the_event_without_the_lists_of_files() {
    for name in ["github/push", "gitlab/push", "gitea/push"] {
        let values = one(name);
        let payload: Value = serde_json::from_str(values[PAYLOAD].as_str().expect("a text")).expect("JSON");
        let original: Value = serde_json::from_slice(&recorded(name).body).expect("JSON");
        assert_eq!(payload["ref"], original["ref"], "{name}");
        for list in ["added", "modified", "removed"] {
            assert_eq!(payload["commits"][0][list], Value::Null, "{name}");
            assert_eq!(payload["head_commit"][list], Value::Null, "{name}");
        }
    }
}

#[test]
fn the_message_of_a_change_is_the_newest_commits() {
    let values = one("gitlab/push");
    assert_told(&values, &[("git.message", "Update Catalan translation to e38cb41.")]);
    assert_eq!(values["change"]["message"], "fixed readme");
    assert_eq!(values["change"]["author"]["username"], "jsmith");
    let url = "http://example.com/mike/diaspora/commit/da1560886d4f094c3e6c9ef40349f7d38b5d27d7";
    assert_eq!(values["change"]["url"], url);
}

#[test]
fn a_tag_on_gitlab_without_commits_has_no_message() {
    let values = one("gitlab/tag_push");
    assert_told(&values, &[("git.hook", "Tag Push Hook"), ("git.tag", "v1.0.0"), ("git.branch", "")]);
    assert!(!values.contains_key("git.message"));
    assert_eq!(values["change"].get("message"), None);
    assert_eq!(values["change"]["action"], "created");
}

#[test]
fn a_push_on_bitbucket_server_has_the_time_and_tells_the_newest_commit_if_it_is_there() {
    let change = &one("bitbucket_server/refs_changed")["change"];
    assert_eq!((&change["at"], &change["action"]), (&json!("2017-11-30T14:24:01.000Z"), &json!("created")));
    assert_eq!((change.get("message"), change.get("url")), (None, None));

    let hash = "9f4fac7ec5642099982a86f584f2c4a362adb670";
    let newer = with(recorded("bitbucket_server/refs_changed"), "/date", json!("2017-11-30T15:24:01+0100"));
    let mut body: Value = serde_json::from_slice(&newer.body).expect("JSON");
    body["toCommit"] = json!({"id": hash, "message": "Add it"});
    body["repository"]["links"] = json!({"self": [{"href": "https://bitbucket/projects/A/repos/b/browse"}]});
    let change = &told(&Incoming { body: body.to_string().into(), ..newer })[0]["change"];
    assert_eq!(change["message"], "Add it");
    assert_eq!(change["url"], format!("https://bitbucket/projects/A/repos/b/commits/{hash}"));
}

#[test]
fn a_tag_on_bitbucket_cloud_is_no_branch() {
    let incoming = with(recorded("bitbucket_cloud/push"), "/push/changes/0/new/type", json!("annotated_tag"));
    assert_told(&told(&incoming)[0], &[("git.tag", "foo"), ("git.branch", "")]);
    let values = one("bitbucket_cloud/push");
    assert_told(&values, &[("cds.triggered_by.username", "repo1"), ("cds.triggered_by.fullname", "Vv")]);
    assert_eq!(values["change"]["message"], ".gitignore created online with Bitbucket");
}

#[test]
fn gitea_and_forgejo_tell_what_github_tells() {
    let (gitea, forgejo) = (one("gitea/push"), one("forgejo/push"));
    assert_told(
        &gitea,
        &[
            ("git.hook", "push"),
            ("git.branch", "master"),
            ("git.author", "example"),
            ("git.message", "example\n"),
            ("git.hash.short", "67b5658"),
            ("git.repository", "example/example"),
        ],
    );
    let but_for_its_name = |mut values: Values| values["change"].as_object_mut().and_then(|all| all.remove("forge"));
    assert_eq!(but_for_its_name(gitea.clone()), Some(json!("gitea")));
    assert_eq!(but_for_its_name(forgejo), Some(json!("forgejo")));
}

#[test]
fn a_push_without_commits_is_by_who_pushed() {
    let incoming = with(recorded("github/push"), "/head_commit", json!(null));
    let values = &told(&incoming)[0];
    assert_told(values, &[("git.author", "baxterthehacker"), ("cds.triggered_by.username", "baxterthehacker")]);
    let compare = "https://github.com/baxterthehacker/public-repo/compare/9049f1265b7d...0d1a26e67d8f";
    assert_eq!(values["change"]["url"], compare);
}

#[test]
fn an_author_without_an_account_is_not_taken_for_who_pushed() {
    let author = json!({"name": "Ada", "email": "ada@example.com"});
    let incoming = with(recorded("github/push"), "/head_commit/author", author.clone());
    let values = &told(&incoming)[0];
    assert_told(
        values,
        &[
            ("git.author", "Ada"),
            ("git.author.email", "ada@example.com"),
            ("cds.triggered_by.username", "baxterthehacker"),
            ("cds.triggered_by.email", "baxterthehacker@users.noreply.github.com"),
        ],
    );
    assert_eq!(values["change"]["author"], author);
}

#[test]
fn an_updated_ref_on_gerrit_is_a_push() {
    let event = json!({
        "type": "ref-updated",
        "submitter": {"name": "Ada", "username": "ada", "email": "ada@example.com"},
        "refUpdate": {"oldRev": "a".repeat(40), "newRev": "b".repeat(40), "refName": "refs/heads/main", "project": "p"},
        "eventCreatedOn": 1_549_015_585,
    });
    let values = of_gerrit(&event);
    assert_told(&values, &[("git.author", "ada"), ("gerrit.ref.name", "refs/heads/main"), ("git.branch", "")]);
    let change = &values["change"];
    assert_eq!((&change["kind"], &change["branch"]), (&json!("push"), &json!("main")));
    assert_eq!(change["at"], "2019-02-01T10:06:25.000Z");
}
