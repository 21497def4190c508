//! Every error at a path of CDS's is told in CDS's envelope.

use nyala::api::routes;
use nyala::domain::token::Scope;
use reqwest::Method;
use serde_json::json;

use super::{Client, UUID, told, webhook};
use crate::access::{closed, token};
use crate::house::{House, within};

#[tokio::test]
async fn an_error_names_its_request() {
    let house = House::new().await;
    let client = Client::open(&house);

    let request = client.request(Method::GET, "/task/unknown").header("x-request-id", "my-own-id");
    assert_eq!(told(request).await.body["request_id"], "my-own-id");
    let response = within("an answer", client.request(Method::GET, "/task/unknown").send()).await.expect("an answer");
    let id = response.headers()["x-request-id"].to_str().expect("text").to_owned();

    let body: serde_json::Value = response.json().await.expect("JSON");
    assert_eq!((body["request_id"].as_str(), id.len()), (Some(id.as_str()), 26));
    let wrong = client.post("/task", &json!({})).await;
    assert_eq!(wrong.body["from"], "hook_model_name", "the field at fault");
    house.close().await;
}

#[tokio::test]
async fn each_kind_of_error_has_cdss_number() {
    let house = House::with(|settings| settings.max_body = 1000).await;
    let client = Client::open(&house);

    client.get("/task/a/b/c/d").await.refused(404, 38, "nothing at this path");
    client.get("/v2/nothing").await.refused(404, 38, "nothing at this path");
    told(client.request(Method::PATCH, "/task")).await.refused(405, 105, "GET, POST");
    let text = client.request(Method::POST, "/task").header("content-type", "text/plain").body("x");
    told(text).await.refused(415, 74, "text/plain");
    client.post("/task", &json!({"uuid": "x".repeat(1000)})).await.refused(413, 74, "larger than 1000 bytes");
    let forged = client.request(Method::POST, "/task").header("origin", "https://evil.example").json(&webhook(UUID));
    told(forged).await.refused(403, 11, "another site");
    client.get("/task/%FF").await.refused(400, 74, "UTF-8");
    token(&house, "admin", &[Scope::Admin], &[]);
    closed(&house).await;
    client.get("/task").await.refused(401, 10, "token");
    house.close().await;
}

#[tokio::test]
async fn what_it_does_for_cds_alone_is_answered_with_501_to_who_may_come_in() {
    let house = House::new().await;
    let admin = Client::with(&house, token(&house, "admin", &[Scope::Admin], &[]));
    let nobody = Client::open(&house);
    closed(&house).await;
    let of_cds = |pattern: &str| {
        pattern.starts_with("/v2/") || pattern.starts_with("/admin/") && pattern != "/admin/maintenance"
    };

    let mut seen = 0;
    for (method, pattern, _) in routes().filter(|(_, pattern, _)| of_cds(pattern)) {
        let path = pattern.replace(['{', '}'], "");
        told(admin.request(method.clone(), &path)).await.refused(501, 99, "CDS alone");
        // Forges bring a signature, and no token.
        let (status, id, why) =
            if pattern.starts_with("/v2/webhook/") { (501, 99, "CDS alone") } else { (401, 10, "token") };
        told(nobody.request(method, &path)).await.refused(status, id, why);
        seen += 1;
    }

    assert_eq!(seen, 25);
    let vcs = told(admin.request(Method::GET, "/v2/repository/event/github/ovh%2Fcds")).await;
    vcs.refused(501, 99, "CDS alone");
    house.close().await;
}
