//! The header that CDS's clients send a token in.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use nyala::domain::token::Scope;
use reqwest::Method;

use super::{Client, told};
use crate::access::{closed, token};
use crate::house::{House, within};

const NAMES: [&str; 2] = ["X_AUTH_HEADER", "X-Auth-Header"];

#[tokio::test]
async fn a_token_comes_in_cdss_header_too_on_any_route() {
    let house = House::new().await;
    let admin = token(&house, "admin", &[Scope::Admin], &[]);
    closed(&house).await;
    let nobody = Client::open(&house);

    for name in NAMES {
        for path in ["/task", "/api/v1/hooks", "/api/hooks", "/api/webhook"] {
            let request = nobody.request(Method::GET, path).header(name, BASE64_STANDARD.encode(&admin));
            assert_eq!(told(request).await.status, 200, "{name} {path}");
        }
        let wrong = BASE64_STANDARD.encode("nyala_somebody");
        for value in ["", "!", admin.as_str(), wrong.as_str()] {
            told(nobody.request(Method::GET, "/task").header(name, value)).await.refused(401, 10, "");
        }
    }
    house.close().await;
}

#[tokio::test]
async fn authorization_wins_over_cdss_header() {
    let house = House::new().await;
    let admin = BASE64_STANDARD.encode(token(&house, "admin", &[Scope::Admin], &[]));
    let reader = Client::with(&house, token(&house, "reader", &[Scope::Read], &[]));
    closed(&house).await;

    told(reader.request(Method::GET, "/task").header(NAMES[0], &admin)).await.refused(403, 11, "publish");
    let wrong = Client::with(&house, "nyala_nobody".into());
    told(wrong.request(Method::GET, "/task").header(NAMES[0], &admin)).await.refused(401, 10, "");
    let both = Client::open(&house).request(Method::GET, "/task").header(NAMES[0], &admin).header(NAMES[1], &admin);
    told(both).await.refused(401, 10, "twice");
    house.close().await;
}

#[tokio::test]
async fn without_tokens_cdss_header_is_ignored() {
    let house = House::new().await;
    let client = Client::open(&house);

    for value in ["", "!", "bnlhbGFfeA=="] {
        assert_eq!(told(client.request(Method::GET, "/task").header(NAMES[1], value)).await.status, 200, "{value}");
    }
    house.close().await;
}

#[tokio::test]
async fn wrong_tokens_in_cdss_header_are_slowed_down_like_others() {
    let house = House::new().await;
    token(&house, "admin", &[Scope::Admin], &[]);
    closed(&house).await;
    let client = Client::open(&house);
    let guess = |n: usize| {
        let header = BASE64_STANDARD.encode(format!("nyala_{n:043}"));
        told(client.request(Method::GET, "/task").header(NAMES[n % 2], header))
    };

    // The answers to the first ones wait for time to pass, which it does not.
    let mut asked: Vec<_> = (0..40).map(|n| Box::pin(guess(n))).collect();
    let refused = async {
        loop {
            let (told, _, others) = futures_util::future::select_all(asked).await;
            if told.status == 429 {
                return told;
            }
            asked = others;
        }
    };

    within("a refusal", refused).await.refused(429, 1, "too many wrong tokens");
    house.close().await;
}

#[tokio::test]
async fn who_may_only_read_or_subscribe_has_no_business_with_tasks() {
    let house = House::new().await;
    closed_to_nobody(&house).await;
    let client = Client::with(&house, token(&house, "both", &[Scope::Read, Scope::Subscribe], &[]));

    for path in ["/task", "/task/x", "/task/x/stop", "/task/x/start", "/task/bulk/stop", "/task/x/execution"] {
        client.get(path).await.refused(403, 11, "scope publish");
    }
    house.close().await;
}

async fn closed_to_nobody(house: &House) {
    token(house, "admin", &[Scope::Admin], &[]);
    closed(house).await;
}
