//! Cases D-05 to D-14, each with the values that it names.

use super::*;

#[test]
fn d05_a_push_on_github() {
    assert_told(
        &one("github/push"),
        &[
            ("git.hook", "push"),
            ("git.branch", "my-branch"),
            ("git.tag", ""),
            ("git.author", "baxterthehacker"),
            ("git.author.email", "baxterthehacker@users.noreply.github.com"),
            ("git.message", "Update README.md"),
            ("git.hash", "0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c"),
            ("git.hash.short", "0d1a26e"),
            ("git.hash.before", "9049f1265b7d61be4a8904a9a27120d2064dab3b"),
            ("git.repository", "baxterthehacker/public-repo"),
            ("cds.triggered_by.username", "baxterthehacker"),
            ("cds.triggered_by.fullname", "baxterthehacker"),
            ("cds.triggered_by.email", "baxterthehacker@users.noreply.github.com"),
        ],
    );
}

#[test]
fn d06_a_push_of_a_tag_on_github() {
    let tag = one("github/push-tag");
    assert!(!tag.contains_key("git.branch"));
    assert_told(
        &tag,
        &[
            ("git.tag", "my-branch"),
            ("git.author", "baxterthehacker"),
            ("git.message", "Update README.md"),
            ("git.hash", "0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c"),
        ],
    );
}

#[test]
fn d07_githubs_time_of_a_push_is_the_same_in_both_spellings() {
    for pushed_at in [json!(1_557_933_632), json!("2019-05-15T15:20:32Z"), json!("2019-05-15T17:20:32+02:00")] {
        let incoming = with(recorded("github/push"), "/repository/pushed_at", pushed_at);
        assert_eq!(told(&incoming)[0]["change"]["at"], "2019-05-15T15:20:32.000Z");
    }
}

#[test]
fn d08_a_push_on_gitlab() {
    assert_told(
        &one("gitlab/push"),
        &[
            ("git.hook", "Push Hook"),
            ("git.branch", "master"),
            ("git.author", "jsmith"),
            ("git.author.email", "john@example.com"),
            ("git.message", "Update Catalan translation to e38cb41."),
            ("git.hash", "da1560886d4f094c3e6c9ef40349f7d38b5d27d7"),
            ("git.hash.short", "da15608"),
            ("git.hash.before", "95790bf891e76fee5e1747ab589903a6a1f80f22"),
            ("git.repository", "mike/diaspora"),
            ("cds.triggered_by.username", "jsmith"),
            ("cds.triggered_by.fullname", "John Smith"),
            ("cds.triggered_by.email", "john@example.com"),
        ],
    );
}

#[test]
fn d09_a_push_on_bitbucket_server() {
    assert_told(
        &one("bitbucket_server/refs_changed"),
        &[
            ("git.hook", "repo:refs_changed"),
            ("git.branch", "name-of-branch"),
            ("git.author", "steven.guiheux"),
            ("git.hash", "9f4fac7ec5642099982a86f584f2c4a362adb670"),
            ("git.hash.before", "0000000000000000000000000000000000000000"),
            ("git.repository", "~STEVEN.GUIHEUX/sseclient"),
        ],
    );
}

#[test]
fn d10_two_changes_in_one_push_are_two_events() {
    let events = told(&recorded("bitbucket_server/refs_changed-two"));

    assert_eq!(events.len(), 2);
    for (event, branch) in events.iter().zip(["name-of-branch", "name-of-branch-bis"]) {
        assert_told(
            event,
            &[
                ("git.branch", branch),
                ("git.author", "steven.guiheux"),
                ("git.hash", "9f4fac7ec5642099982a86f584f2c4a362adb670"),
            ],
        );
        let payload: Value = serde_json::from_str(event[PAYLOAD].as_str().expect("a text")).expect("JSON");
        assert_eq!(payload["changes"].as_array().map(Vec::len), Some(1), "each has its own change");
        assert_eq!(payload["changes"][0]["ref"]["displayId"], branch);
    }
}

/// What all pull requests of D-11 have in common.
const OF_D11: [(&str, &str); 15] = [
    ("cds.triggered_by.username", "john.doe"),
    ("cds.triggered_by.fullname", "john doe"),
    ("cds.triggered_by.email", "john.doe@targate.fr"),
    ("git.author", "john.doe"),
    ("git.author.email", "john.doe@targate.fr"),
    ("git.branch", "src_branch"),
    ("git.hash", "12345671234567"),
    ("git.hash.short", "1234567"),
    ("git.repository", "fork/repo"),
    ("git.branch.dest", "dest_branch"),
    ("git.hash.dest", "654321654321"),
    ("git.repository.dest", "my/repo"),
    ("git.branch.before", ""),
    ("git.pr.id", "666"),
    ("git.pr.title", "My First PR"),
];

/// One that `francois.samin` reviewed.
const REVIEWED: [(&str, &str); 3] = [
    ("git.pr.reviewer", "francois.samin"),
    ("git.pr.reviewer.email", "francois.samin@foo"),
    ("git.pr.reviewer.role", "REVIEWER"),
];

#[test]
fn d11_a_pull_request_on_bitbucket_server() {
    let cases: [(&str, &str, Told); 6] = [
        ("pr-opened", "OPEN", &[]),
        ("pr-declined", "DECLINED", &[]),
        ("pr-deleted", "DELETED", &[]),
        ("pr-from_ref_updated", "OPEN", &[]),
        ("pr-reviewer-updated", "OPEN", &[("git.pr.reviewer", "")]),
        (
            "pr-modified",
            "OPEN",
            &[
                ("git.pr.previous.title", "Update README.md"),
                ("git.pr.previous.branch", "prev_branch"),
                ("git.pr.previous.hash", "0987654321"),
            ],
        ),
    ];
    for (name, state, expected) in cases {
        let values = one(&format!("bitbucket_server/{name}"));
        assert_told(&values, &OF_D11);
        assert_told(&values, &[("git.pr.state", state), ("git.hook", &name.replace('-', ":"))]);
        assert_told(&values, expected);
    }
}

#[test]
fn d11_a_review_on_bitbucket_server() {
    for (name, status, previous) in [
        ("approved", "APPROVED", "UNAPPROVED"),
        ("unapproved", "UNAPPROVED", "APPROVED"),
        ("needs_work", "NEEDS_WORK", "UNAPPROVED"),
    ] {
        let values = one(&format!("bitbucket_server/pr-reviewer-{name}"));
        assert_told(&values, &OF_D11);
        assert_told(&values, &REVIEWED);
        assert_told(&values, &[("git.pr.reviewer.status", status), ("git.pr.previous.state", previous)]);
    }
}

#[test]
fn d11_a_comment_on_bitbucket_server() {
    for (name, previous) in [("added", ""), ("deleted", ""), ("edited", "moi aussi")] {
        let values = one(&format!("bitbucket_server/pr-comment-{name}"));
        assert_told(&values, &OF_D11);
        assert_told(
            &values,
            &[
                ("git.pr.comment", &format!("my comment {name}")),
                ("git.pr.comment.author", "steven.guiheux"),
                ("git.pr.comment.author.email", "steven.guiheux@foo"),
                ("git.pr.comment.before", previous),
            ],
        );
    }
}

#[test]
fn d12_a_merged_pull_request_on_bitbucket_server() {
    assert_told(
        &one("bitbucket_server/pr-merged"),
        &[
            ("git.hook", "pr:merged"),
            ("git.branch", "dest_branch"),
            ("git.repository", "my/repo"),
            ("git.hash", "7e48f426f0a6e47c5b5e862c31be6ca965f82c9c"),
            ("git.hash.short", "7e48f42"),
            ("git.branch.before", "src_branch"),
            ("git.hash.before", "12345671234567"),
            ("git.repository.before", "fork/repo"),
            ("git.branch.dest", ""),
            ("git.pr.state", "MERGED"),
        ],
    );
}

#[test]
fn d13_a_new_branch_on_bitbucket_cloud() {
    let values = one("bitbucket_cloud/push");
    assert_told(
        &values,
        &[
            ("git.hook", "repo:push"),
            ("git.branch", "foo"),
            ("git.author", "Vv"),
            ("git.hash", "77d120bd9980621d506240832dbbd7b3a28c5717"),
            ("git.repository", "repo1/testhook"),
        ],
    );
    assert_eq!(values["git.hash.before"], "", "it is there and empty");
}

#[test]
fn d14_a_patch_set_on_gerrit() {
    let event: Value = serde_json::from_slice(&recorded("gerrit/patchset-created").body).expect("JSON");
    let values = of_gerrit(&event);
    assert_told(
        &values,
        &[
            ("git.hook", "patchset-created"),
            ("gerrit.type", "patchset-created"),
            ("git.author", "steven.guiheux"),
            ("git.author.email", "steven.guiheux@corp.ovh.com"),
            ("git.hash", "bb488dea35f140fcac3ffd04d2d01f0f29c75100"),
            ("git.hash.before", "70849c92d899f30f092ad74cd59a651e03a07902"),
            ("git.message", "fix\n\nChange-Id: Ied67a65d33f13d77c2d98540823a9eb0c887f35a\n"),
            ("gerrit.change.id", "CDS%2Fgerrit~master~Ied67a65d33f13d77c2d98540823a9eb0c887f35a"),
            ("gerrit.change.ref", "refs/changes/11/11/1"),
            ("gerrit.change.status", "NEW"),
            ("gerrit.change.branch", "master"),
            ("git.branch", ""),
        ],
    );
    assert_eq!(read(&recorded("gerrit/patchset-created"), &[]), Ok(Read::Changes(vec![values])), "posted");
}
