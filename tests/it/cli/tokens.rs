//! `nyala token`, and what client commands say where a token will not do.

use super::Server;

#[test]
fn who_may_not_is_told_to_look_for_the_scopes_and_applications_of_tokens() {
    let server = Server::start();
    let shop = server.new_token("shop", "publish", &["shop"]);
    let publish = |args: &[&str]| server.run([&["publish", "A", "--token", &shop], args].concat());

    publish(&["--application", "shop"]).done();
    let other_application = publish(&["--application", "cart"]);
    let other_scope = server.run(["hooks", "list", "--token", &shop]);

    for (refused, why) in [
        (other_application, "this token is for shop: name only those. "),
        (other_scope, "it takes one with the scope read or subscribe. "),
    ] {
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.starts_with("nyala: the server answered 403: "), "{refused:?}");
        let (_, advice) = refused.stderr.split_once(why).unwrap_or_else(|| panic!("{refused:?}"));
        assert!(advice.starts_with("Where that takes another token, name it with --token"), "{refused:?}");
        assert!(advice.contains("shows the scopes and applications of each"), "{refused:?}");
    }
}

#[test]
fn a_token_without_a_name_is_told_what_a_name_is() {
    let server = Server::start();
    let create =
        |name, application| server.token(&["create", name, "--scope", "publish", "--application", application]);

    for (refused, what) in [
        (create("", "shop"), "nyala: name: is empty: give a name such as ci\n"),
        (create(" ", "shop"), "nyala: name: is empty: give a name such as ci\n"),
        (create("ci", ""), "nyala: application: is empty: give a name such as shop\n"),
    ] {
        assert_eq!((refused.code, refused.stderr.as_str()), (Some(2), what));
    }
}

#[test]
fn a_token_that_is_revoked_leaves_its_hooks_and_says_which() {
    let server = Server::start();
    let (app, ops) = (server.new_token("app", "subscribe", &[]), server.new_token("ops", "admin", &[]));
    let add = |url, token: &String| server.run(["hooks", "add", url, "--event", "A", "--token", token]).done();
    let revoke = |name| server.token(&["revoke", name]).done();
    let said = "nyala: 2 hooks that were made with it stay and go on, until `nyala hooks remove 1 3`\n";

    add("http://127.0.0.1:1/", &app);
    add("http://127.0.0.1:2/", &ops);
    add("http://127.0.0.1:3/", &app);
    let revoked = revoke("app");
    let again = revoke("app");
    server.run(["hooks", "remove", "1", "--token", &ops]).done();
    let one = revoke("app");
    let admin = revoke("ops");

    assert_eq!((revoked.stdout.as_str(), revoked.stderr.as_str()), ("token app revoked\n", said));
    assert!(again.stderr.ends_with(said), "{again:?}");
    assert!(one.stderr.contains("1 hook that was made with it stays"), "{one:?}");
    assert_eq!(admin.stderr, "", "hooks of admins belong to all of them");
}

#[test]
fn a_token_that_made_no_hook_is_revoked_without_a_word_about_hooks() {
    let server = Server::start();
    server.new_token("ci", "publish", &[]);

    let revoked = server.token(&["revoke", "ci"]).done();

    assert_eq!((revoked.stdout.as_str(), revoked.stderr.as_str()), ("token ci revoked\n", ""));
}
