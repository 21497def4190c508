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
