//! Every error at a path of Huskar's is told in Huskar's envelope.

use nyala::domain::token::Scope;
use reqwest::Method;
use reqwest::header::{ALLOW, CONTENT_TYPE, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::json;

use super::{Client, URL, house_of, of, told};
use crate::access::token;
use crate::bad_input::{check_problem, whole};
use crate::house::House;

#[tokio::test]
async fn a_path_that_leads_nowhere_is_answered_with_404() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);

    for path in [
        "/api/webhook/x",
        "/api/webhook/-1",
        "/api/webhook/1.0",
        "/api/webhook/99999999999999999999",
        "/api/webhook/application",
        "/api/webhook/actions",
        "/api/webhook/1/2",
        "/api/webhook/application/shop/1",
        "/API/WebHook/x",
        "/api/%77ebhook/1/2",
    ] {
        client.get(path).await.refused_like(404, "NotFound", "there is nothing at this path");
    }
    for method in [Method::PUT, Method::DELETE] {
        let request = client.request(method, "/api/webhook/x?application_name=shop");
        told(request).await.refused_like(404, "NotFound", "a webhook has a number");
    }
    house.close().await;
}

#[tokio::test]
async fn a_method_that_a_path_does_not_take_is_answered_with_those_that_it_takes() {
    let house = House::new().await;
    let client = Client::open(&house);

    for (method, path, allowed) in [
        (Method::PUT, "/api/webhook", "GET, POST"),
        (Method::DELETE, "/api/webhook", "GET, POST"),
        (Method::PATCH, "/api/webhook/1", "GET, PUT, DELETE"),
        (Method::POST, "/api/webhook/1", "GET, PUT, DELETE"),
        (Method::POST, "/api/webhook/application/shop", "GET"),
    ] {
        let told = told(client.request(method.clone(), path)).await;
        assert_eq!(told.headers[ALLOW], allowed, "{method} {path}");
        told.refused(405, "MethodNotAllowed", &format!("this path takes {allowed}"));
    }
    house.close().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_answered_with_413() {
    let house = House::with(|settings| settings.max_body = 1000).await;
    super::know(&house, &["shop"]).await;
    let client = Client::open(&house);
    let fields = json!({"webhook_url": format!("{URL}/{}", "x".repeat(1000))});

    for path in ["/api/webhook?application_name=shop", "/api/webhook/actions"] {
        client.post(path, &fields).await.refused_like(413, "PayloadTooLarge", "larger than 1000 bytes");
    }

    assert_eq!(client.list().await.len(), 0);
    house.close().await;
}

#[tokio::test]
async fn a_page_of_another_site_is_answered_with_403() {
    let house = House::new().await;
    let client = Client::open(&house);

    let request = client.request(Method::POST, "/api/webhook?webhook_type=1").header(ORIGIN, "https://evil.example");
    let told = told(request.json(&json!({"webhook_url": URL}))).await;

    told.refused_like(403, "Forbidden", "");
    assert_eq!(client.list().await.len(), 0);
    house.close().await;
}

#[tokio::test]
async fn who_brings_no_good_token_is_answered_with_401_whatever_they_ask() {
    let house = House::new().await;
    let admin = token(&house, "admin", &[Scope::Admin], &[]);
    let wrong = format!("{}-", &admin[..admin.len() - 1]);
    crate::access::closed(&house).await;

    for token in ["", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln", "Bearer", &wrong] {
        let client = Client::with(&house, token.to_owned());
        let told = client.get("/api/webhook").await;
        assert!(told.headers.contains_key(WWW_AUTHENTICATE), "{token}");
        told.refused(401, "Unauthorized", "The token is missing, invalid or expired.");
    }
    let nobody = Client::open(&house);
    for (method, path) in [
        (Method::GET, "/api/webhook/1"),
        (Method::GET, "/api/webhook/application/shop"),
        (Method::POST, "/api/webhook/actions"),
        (Method::PUT, "/api/webhook/nothing/here"),
        (Method::PATCH, "/api/webhook"),
    ] {
        let told = told(nobody.request(method, path)).await;
        told.refused(401, "Unauthorized", "The token is missing, invalid or expired.");
    }
    house.close().await;
}

#[tokio::test]
async fn so_many_wrong_tokens_that_none_is_looked_at_are_answered_with_429() {
    let house = House::new().await;
    token(&house, "admin", &[Scope::Admin], &[]);
    crate::access::closed(&house).await;
    let guesses = (0..40).map(|n| Client::with(&house, format!("nyala_{n:043}")));
    let guesses: Vec<_> = guesses.collect();

    // The answers to the first ones wait for time to pass, which it does not.
    let mut asked: Vec<_> = guesses.iter().map(|guess| Box::pin(guess.get("/api/webhook"))).collect();
    let refused = async {
        loop {
            let (told, _, others) = futures_util::future::select_all(asked).await;
            if told.code == 429 {
                return told;
            }
            assert_eq!(told.code, 401);
            asked = others;
        }
    };
    let told = crate::house::within("a refusal", refused).await;

    assert!(told.headers.contains_key(RETRY_AFTER));
    told.refused_like(429, "TooManyRequests", "too many wrong tokens");
    house.close().await;
}

#[tokio::test]
async fn a_full_database_is_answered_with_503() {
    let house = House::with(|settings| settings.database_limit = Some(4 << 20)).await;
    super::know(&house, &["shop"]).await;
    let client = Client::open(&house);
    let data = json!({"application_name": "shop", "cluster_name": "c", "key": "x".repeat(100 << 10)});
    let action = json!({"action_name": "UPDATE_SWITCH", "action_data": data});

    let filling = async {
        loop {
            let told = client.post("/api/webhook/actions", &action).await;
            if told.code != 200 {
                return told;
            }
        }
    };
    let told = crate::house::within("a full database", filling).await;

    assert_eq!(told.headers[RETRY_AFTER], "30");
    told.refused_like(503, "ServiceUnavailable", "--database-limit");
    house.close().await;
}

#[tokio::test]
async fn what_is_no_query_or_no_path_is_answered_with_400() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);

    client.get("/api/webhook/application/%FF").await.refused_like(400, "BadRequest", "not UTF-8");
    let request = client.request(Method::POST, "/api/webhook/actions").header(CONTENT_TYPE, "application/json");
    told(request.body("{")).await.refused_like(400, "BadRequest", "not JSON");
    // H-43
    for query in ["", "?application_name=", "?application=shop", "?Application_Name=shop"] {
        let told = client.post(&format!("/api/webhook{query}"), &json!({"webhook_url": URL})).await;
        told.refused(400, "BadRequest", r#""application_name" is required field."#);
    }
    house.close().await;
}

#[tokio::test]
async fn other_paths_keep_their_own_errors() {
    let house = House::new().await;

    for path in ["/api/webhooks", "/api/hooks/x", "/webhooks", "/api/v1/hooks/x", "/api/webhook-x/1"] {
        check_problem(house.get(path).await, whole(404, "there is no"), path).await;
    }
    assert_eq!(Client::open(&house).get(&format!("/api/webhook?{}", of("x"))).await.code, 200);
    house.close().await;
}
