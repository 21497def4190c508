//! Which URLs a webhook may have.

use serde_json::json;

use super::{Client, house_of, of, one, switch};
use crate::house::House;
use crate::receiver::Receiver;

// H-05
#[tokio::test]
async fn only_what_huskar_takes_for_a_url_is_taken() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);
    let path = format!("/api/webhook?{}", of("shop"));

    let good = [
        "http://www.example.com",
        "https://example.com/",
        "HTTP://EXAMPLE.COM/Path?query=1&b=%20#fragment",
        "http://a.bc",
        "http://a.b.c.example.museum:8080/x",
        "http://xn--e1afmkfd.xn--p1ai/x",
        "http://localhost",
        "http://localhost:8080/x",
        "http://127.0.0.1:1/x",
        "http://8.8.8.8",
        "http://[::1]/x",
        "http://[2606:4700::1111]:8080/x",
        "https://user:pass@example.com/x",
    ];
    for url in good {
        client.post(&path, &json!({"webhook_url": url})).await.success();
    }
    let bad = [
        "http://1234123",
        "http://hooks",
        "http://hooks:80/x",
        "http://a.b",
        "http://u@foo.bar",
        " http://www.example.com",
        "www.example.com",
        "//www.example.com",
        "/hook",
        "http:/www.example.com",
        "http://",
        "http:///x",
        "http://?x",
        "http://.com",
        "http://foo..com",
        "http://foo.bar:port/",
        "http://foo.bar:99999/",
        "http://256.256.256.256/",
        "http://127.1/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://[::1",
        "http://[fe80::x]/",
        "http://exam ple.com/",
        "http://例子",
        "mailto:me@example.com",
        "file:///etc/passwd",
        "javascript:alert(1)",
        // What nothing here can deliver to, though Huskar takes it.
        "ftp://www.example.com/x",
        "ftps://www.example.com/x",
    ];
    for url in bad {
        let told = client.post(&path, &json!({"webhook_url": url})).await;
        assert_eq!(told.message, r#"{"webhook_url": ["Not a valid URL."]}"#, "{url}");
        told.refused(400, "ValidationError", r#"{"webhook_url": ["Not a valid URL."]}"#);
    }

    assert_eq!(client.list().await.len(), good.len());
    house.close().await;
}

#[tokio::test]
async fn a_url_that_leads_where_hooks_may_not_point_is_refused_with_what_to_do() {
    let house = House::with(|settings| settings.allow_network.clear()).await;
    super::know(&house, &["shop"]).await;
    let client = Client::open(&house);
    let webhook = client.add_of("shop", super::URL, &[]).await;

    for url in
        ["http://127.0.0.1/x", "http://localhost/x", "http://[::1]/x", "http://10.0.0.1/x", "http://169.254.169.254/x"]
    {
        let fields = json!({"webhook_url": url});
        for told in [
            client.post("/api/webhook?webhook_type=1", &fields).await,
            client.put(&one(webhook, "shop"), &fields).await,
        ] {
            assert!(told.message.starts_with(r#"{"webhook_url": [""#), "{url}: {}", told.message);
            told.refused_like(422, "ValidationError", "--allow-network");
        }
    }

    assert_eq!(client.list().await.len(), 1);
    assert_eq!(client.list().await[0]["webhook_url"], super::URL);
    house.close().await;
}

#[tokio::test]
async fn user_info_is_sent_as_a_header_and_never_shown() {
    let (house, receiver) = (house_of(&["shop"]).await, Receiver::new().await);
    let client = Client::open(&house);
    let with_user_info = receiver.url("/cb").replacen("://", "://me:pass%20word@", 1);
    let webhook = client.add_of("shop", &with_user_info, &["UPDATE_SWITCH"]).await;

    client.act(&switch("shop")).await;
    let shown = client.get(&one(webhook, "shop")).await.success();
    // Who puts back what was shown did not see it, and does not mean to take it away.
    for path in ["/cb", "/other"] {
        let fields = json!({"webhook_url": receiver.url(path), "event_list": ["UPDATE_SWITCH"]});
        client.put(&one(webhook, "shop"), &fields).await.success();
        client.act(&switch("shop")).await;
    }

    assert_eq!(shown["webhook_url"], receiver.url("/cb"));
    assert_eq!(client.list().await[0]["webhook_url"], receiver.url("/other"));
    let sent: Vec<_> = receiver.received().iter().map(|request| request.header("authorization").to_owned()).collect();
    assert_eq!(sent, ["Basic bWU6cGFzcyB3b3Jk", "Basic bWU6cGFzcyB3b3Jk", ""]);
    house.close().await;
}
