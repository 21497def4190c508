//! Which hooks a list shows.

use serde_json::{Value, json};

use super::{add, ids};
use crate::house::House;

/// The hooks that a query finds, by the last part of their paths.
async fn found(house: &House, query: &str) -> Vec<String> {
    let page = house.json(&format!("/api/v1/hooks?{query}")).await;
    let name = |hook: &Value| hook["url"].as_str().and_then(|url| url.rsplit('/').next()).map(str::to_owned);
    page["items"].as_array().expect("items").iter().map(|hook| name(hook).expect("a name")).collect()
}

/// One hook for each way of wanting something.
async fn hooks(house: &House) {
    for (name, events, applications) in [
        ("all", json!(["*"]), json!([])),
        ("built", json!(["Built"]), json!([])),
        ("built-shop", json!(["Built"]), json!(["shop"])),
        ("both-web", json!(["Built", "Deployed"]), json!(["web", "Web"])),
        ("any-shop", json!(["*"]), json!(["shop"])),
    ] {
        let url = format!("http://127.0.0.1:9/{name}");
        add(house, &json!({"url": url, "events": events, "applications": applications})).await;
    }
}

#[tokio::test]
async fn hooks_are_found_by_what_they_want() {
    let house = House::new().await;
    hooks(&house).await;
    let table: [(&str, &[&str]); 9] = [
        ("event=Built", &["all", "built", "built-shop", "both-web", "any-shop"]),
        ("event=dEPLOYED", &["all", "both-web", "any-shop"]),
        ("event=Nothing", &["all", "any-shop"]),
        ("event=", &["all", "built", "built-shop", "both-web", "any-shop"]),
        ("application=shop", &["all", "built", "built-shop", "any-shop"]),
        ("application=Web", &["all", "built", "both-web"]),
        ("application=WEB", &["all", "built"]),
        ("event=built&application=shop", &["all", "built", "built-shop", "any-shop"]),
        ("event=deployed&application=web", &["all", "both-web"]),
    ];

    for (query, names) in table {
        assert_eq!(found(&house, query).await, names, "{query}");
    }

    house.close().await;
}

#[tokio::test]
async fn hooks_are_found_by_a_text_in_url_or_description_whatever_its_case() {
    let house = House::new().await;
    add(&house, &json!({"url": "http://127.0.0.1:9/Alpha", "event": "E", "description": "50% of Größe_1"})).await;
    add(&house, &json!({"url": "http://127.0.0.1:9/beta?x=ALPHA", "event": "E"})).await;
    house.subscribe("http://127.0.0.1:9/kudu", "E").await;
    let table: [(&str, &[&str]); 9] = [
        ("q=alpha", &["Alpha", "beta?x=ALPHA"]),
        ("q=BETA", &["beta?x=ALPHA"]),
        ("q=kudu", &["kudu"]),
        ("q=%25", &["Alpha"]),
        ("q=_", &["Alpha"]),
        ("q=gr%C3%B6%C3%9Fe", &["Alpha"]),
        ("q=50%25+of", &["Alpha"]),
        ("q=gamma", &[]),
        ("q=%27+OR+1=1+--", &[]),
    ];

    for (query, names) in table {
        assert_eq!(found(&house, query).await, names, "{query}");
    }

    house.close().await;
}

#[tokio::test]
async fn letters_beyond_ascii_are_found_whatever_their_case_too() {
    let house = House::new().await;
    add(&house, &json!({"url": "http://127.0.0.1:9/sizes", "event": "E", "description": "Größe"})).await;

    assert_eq!(found(&house, "q=gr%C3%B6").await, ["sizes"]);
    assert_eq!(found(&house, "q=GR%C3%96").await, ["sizes"]);

    house.close().await;
}

#[tokio::test]
async fn filters_hold_on_every_page() {
    let house = House::new().await;
    for n in 0..30 {
        let event = if n % 3 == 0 { "Built" } else { "Other" };
        add(&house, &json!({"url": format!("http://127.0.0.1:9/{n}"), "event": event})).await;
    }

    let first = house.json("/api/v1/hooks?event=built&limit=4").await;
    let next =
        |page: &Value| format!("/api/v1/hooks?event=built&limit=4&cursor={}", page["next"].as_str().expect("more"));
    let second = house.json(&next(&first)).await;
    let third = house.json(&next(&second)).await;

    let found = [ids(&first), ids(&second), ids(&third)].concat();
    let expected: Vec<_> = (0..10).map(|n| json!(3 * n + 1)).collect();
    assert_eq!(found, expected);
    assert_eq!((ids(&third).len(), &third["next"]), (2, &Value::Null));
    house.close().await;
}
