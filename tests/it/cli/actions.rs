//! Huskar's actions and the applications that they concern, from the command line.

use serde_json::json;

use super::{Running, Server};

#[test]
fn applications_are_added_once_and_listed() {
    let server = Server::start();

    let empty = server.run(["applications", "list"]).done();
    let added = server.run(["applications", "add", "shop", "blog"]).done();
    let again = server.run(["applications", "add", "shop"]).done();
    let listed = server.run(["applications", "list", "--json"]).done().json();

    assert_eq!(empty.stdout, "");
    assert_eq!(added.stdout, "shop is known now\nblog is known now\n");
    assert_eq!(again.stdout, "shop was known\n");
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|application| application["name"].clone()).collect();
    assert_eq!(names, [json!("shop"), json!("blog")]);
    let misnamed = server.run(["applications", "add", "*"]);
    assert_eq!(misnamed.code, Some(2), "{misnamed:?}");
}

#[test]
fn an_action_is_published_for_its_application_and_what_it_lacks_is_told() {
    let (server, receiver) = (Server::start(), Running::listen_json(&[]));
    server.run(["hooks", "add", &receiver.url, "--event", "UPDATE_SWITCH", "--application", "shop"]).done();
    let publish = |application: &str| {
        let data = r#"{"application_name":"shop","key":"checkout","value":"on"}"#;
        let args = ["publish", "UPDATE_SWITCH", "--application", application, "--data", data];
        server.run(args).done()
    };

    let published = publish("shop");

    assert!(published.stdout.ends_with(" UPDATE_SWITCH: 1 delivery\n"), "{published:?}");
    assert!(published.stderr.contains("action_data has no cluster_name"), "{published:?}");
    let request: serde_json::Value = serde_json::from_str(&receiver.line()).unwrap();
    assert_eq!(request["body"], r#"{"application_name":"shop","key":"checkout"}"#);
}
