//! `--https-only`, proxies and redirects.

use reqwest::Method;
use serde_json::json;

use super::{ask_for_hook, fields, house_asking, latest, outside_and_inside};
use crate::binary::{Serving, nyala};
use crate::guard::dns::{Dns, now};
use crate::house::House;
use crate::receiver::{Receiver, Reply, status};

#[tokio::test]
async fn a_hook_over_http_is_refused_where_only_https_is_called() {
    let house = House::with(|settings| settings.https_only = true).await;

    let (status, problem) = ask_for_hook(&house, "/api/hooks", fields("HTTP://example.com/")).await;
    let (taken, hook) = ask_for_hook(&house, "/api/v1/hooks", fields("HTTPS://example.com/")).await;
    let path = format!("/api/v1/hooks/{}", hook["id"]);
    let patched = house.send(Method::PATCH, &path, r#"{"url": "http://example.com/"}"#).await;

    assert_eq!((status, taken, patched.status().as_u16()), (422, 201, 422));
    let message = problem["errors"][0]["message"].as_str().expect("a text");
    assert!(message.contains("--https-only"), "{problem}");
    house.close().await;
}

#[tokio::test]
async fn a_hook_over_http_from_laxer_times_is_not_called_and_one_over_https_is() {
    let (mut house, plain, secret) = (House::new().await, Receiver::new().await, Receiver::self_signed().await);
    let http = house.subscribe(&plain.url("/cb"), "E").await;
    let https = json!({"url": secret.url("/cb"), "event": "E", "insecure_ssl": true});
    ask_for_hook(&house, "/api/hooks", https).await;

    house.stop().await;
    house.change(|settings| settings.https_only = true);
    house.start_again().await;
    house.publish_and_wait("E", "{}").await;

    let (outcome, reason) = latest(&house, &http).await;
    assert_eq!((outcome.as_str(), plain.received().len(), secret.received().len()), ("refused", 0, 1));
    assert!(reason.contains("--https-only"), "{reason}");
    house.close().await;
}

#[tokio::test]
async fn a_redirect_from_outside_does_not_lead_inside() {
    let (outside, inside, port) = outside_and_inside().await;
    let dns = Dns::new(|_, _| now(&["127.0.0.2"])).await;
    let house = house_asking(dns.address).await;
    let location = inside.url("/secret");
    outside.answer(move |_| Reply { headers: vec![("location", location.clone())], ..status(302) });

    let hook = house.subscribe(&format!("http://shop.test:{port}/"), "E").await;
    house.publish_and_wait("E", "{}").await;

    let hook = house.json(&format!("/api/hooks/{}", hook["id"])).await;
    assert_eq!((&hook["last_status"], inside.received().len()), (&json!("Redirect"), 0));
    house.close().await;
}

#[tokio::test]
async fn proxies_that_the_environment_names_are_not_used() {
    let (receiver, proxy) = (Receiver::new().await, Receiver::new().await);
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = nyala(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--allow-network", "loopback"]);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, proxy.url(""));
    }
    command.env_remove("NO_PROXY").env_remove("no_proxy");
    let serving = Serving::start(&mut command);
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let post = |path: &str, body: String| {
        client.post(format!("{}{path}", serving.url)).header("content-type", "application/json").body(body).send()
    };

    let hook = post("/api/hooks", fields(&receiver.url("/cb")).to_string()).await.expect("an answer");
    let published = post("/api/hooks/publish/E", "{}".to_owned()).await.expect("an answer");

    assert_eq!((hook.status().as_u16(), published.status().as_u16()), (201, 200));
    assert_eq!(receiver.wait_for(1).await[0].path, "/cb");
    assert_eq!(proxy.received().len(), 0);
    serving.stop();
}
