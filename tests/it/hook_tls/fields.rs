//! What is taken at the door, and what is shown.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::authority::{Authority, LATER};
use super::{Stage, patch, patched, subscribed};
use crate::house::House;

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn certificates_are_shown_without_the_key_everywhere() {
    let (house, stage) = (House::new().await, Stage::new().await);
    let client = stage.client();

    let hook = subscribed(&house, &stage.fields(&client)).await;
    let mut fields = stage.fields(&client);
    fields["url"] = json!(stage.receiver.url("/other"));
    let added = house.send(Method::POST, "/api/v1/hooks", &fields.to_string()).await.text().await.expect("a hook");
    let mut answers = vec![hook.to_string(), added];
    for path in
        ["/api/hooks", "/api/hooks/1", "/api/v1/hooks", "/api/v1/hooks/1", "/api/v1/audit", "/api/v1/hooks/1/secret"]
    {
        answers.push(house.json(path).await.to_string());
    }
    answers.push(patched(&house, &hook, &json!({"client_certificate": client.pem()})).await.to_string());

    let shown = &hook["client_certificate"];
    assert_eq!((&shown["subject"], &shown["not_after"]), (&json!("CN=nyala"), &json!("2090-01-01T00:00:00.000Z")));
    assert_eq!(shown["sha256"].as_str().map(str::len), Some(64));
    assert_eq!(hook["ca_certificate"]["subject"], "CN=Servers");
    for answer in &answers {
        assert!(!answer.contains("PRIVATE") && !answer.contains("BEGIN"), "{answer}");
        assert!(!client.key.lines().any(|line| line.len() > 20 && answer.contains(line)), "{answer}");
    }
    house.close().await;
}

#[tokio::test]
async fn null_takes_certificates_away_and_what_is_not_named_stays() {
    let (house, stage) = (House::new().await, Stage::new().await);
    let hook = subscribed(&house, &stage.fields(&stage.client())).await;

    let renamed = patched(&house, &hook, &json!({"description": "x"})).await;
    let without_ca = patched(&house, &hook, &json!({"ca_certificate": null})).await;
    let without = patched(&house, &hook, &json!({"client_certificate": null})).await;

    assert_eq!(
        (&renamed["ca_certificate"], &renamed["client_certificate"]),
        (&hook["ca_certificate"], &hook["client_certificate"])
    );
    assert_eq!(
        (&without_ca["ca_certificate"], &without_ca["client_certificate"]),
        (&Value::Null, &hook["client_certificate"])
    );
    assert_eq!((&without["ca_certificate"], &without["client_certificate"]), (&Value::Null, &Value::Null));
    house.close().await;
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_at_the_door_and_changes_nothing() {
    let (house, stage) = (House::new().await, Stage::new().await);
    let hook = subscribed(&house, &stage.fields(&stage.client())).await;
    let (client, other) = (stage.client(), stage.client());
    house.clock.advance(800 * DAY);
    let ended = stage.clients.client("nyala", super::authority::ENDED).pem();
    let table = [
        ("ca_certificate", json!("abc"), "holds no certificate"),
        ("ca_certificate", json!(client.pem()), "keep the CA's key to yourself"),
        ("ca_certificate", json!(client.certificate), "give that of its CA"),
        ("ca_certificate", json!([]), "is not a text"),
        ("client_certificate", json!(client.certificate), "holds no private key"),
        ("client_certificate", json!(format!("{}{}", client.certificate, other.key)), "not to the first certificate"),
        ("client_certificate", json!(ended), "expired on 2025-01-01"),
    ];

    for (field, value, said) in table {
        let mut fields = stage.fields(&client);
        fields["url"] = json!(stage.receiver.url("/other"));
        fields[field] = value.clone();
        let new = house.send(Method::POST, "/api/hooks", &fields.to_string()).await;
        let patched = patch(&house, &hook, &json!({field: value})).await;
        assert_eq!((new.status().as_u16(), patched.status().as_u16()), (400, 400), "{field} {said}");
        for response in [new, patched] {
            let problem: Value = response.json().await.expect("JSON");
            assert_eq!(problem["errors"][0]["field"], field);
            assert!(problem["detail"].as_str().expect("a text").contains(said), "{problem}");
            assert!(!problem.to_string().contains("PRIVATE"), "{problem}");
        }
    }
    let page = house.json("/api/v1/hooks").await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(page["items"][0]["client_certificate"], hook["client_certificate"]);
    house.close().await;
}

#[tokio::test]
async fn v1_warns_of_certificates_that_end_soon_have_ended_or_make_no_difference() {
    let (house, stage) = (House::new().await, Stage::new().await);
    let mut fields = stage.fields(&stage.clients.client("nyala", 2024));
    fields["ca_certificate"] = json!(Authority::new("Servers").pem());
    let hook = subscribed(&house, &fields).await;
    let path = format!("/api/v1/hooks/{}", hook["id"]);
    let warnings = async || {
        let (one, all) = (house.json(&path).await, house.json("/api/v1/hooks").await);
        assert_eq!(one["warnings"], all["items"][0]["warnings"]);
        one["warnings"].clone()
    };

    assert_eq!(warnings().await, Value::Null, "48 days before");
    house.clock.advance(36 * DAY);
    assert_eq!(
        warnings().await,
        json!(["client_certificate expires in 11 days, on 2024-01-01: give the hook a new one"])
    );
    house.clock.advance(20 * DAY);
    assert_eq!(warnings().await, json!(["client_certificate expired on 2024-01-01: give the hook a new one"]));

    let fresh = stage.clients.client("nyala", LATER).pem();
    let now = patched(&house, &hook, &json!({"client_certificate": fresh, "insecure_ssl": true})).await;
    let ignored = now["warnings"][0].as_str().expect("a warning");
    assert!(ignored.starts_with("ca_certificate has no effect, because insecure_ssl"), "{now}");
    assert_eq!(house.json("/api/hooks").await[0]["warnings"], Value::Null, "Kudu's list has none");
    house.close().await;
}
