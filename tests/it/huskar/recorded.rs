//! Requests in the shape in which Huskar's clients send them: `data/recorded/huskar`.

use nyala::domain::token::Scope;

use crate::access::token;
use crate::house::House;
use crate::receiver::Receiver;
use crate::recorded::replay_all;

#[tokio::test]
async fn every_request_of_huskars_clients_on_record_is_answered_as_recorded() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let admin = token(&house, "admin", &[Scope::Admin], &[]);
    let scopes = [Scope::Subscribe, Scope::Publish];
    let shop = token(&house, "shop", &scopes, &["shop.checkout"]);
    token(&house, "stock", &scopes, &["shop.stock"]);

    let tokens = [("<token admin>", admin.as_str()), ("<token shop>", shop.as_str())];
    replay_all(&house, &receiver, "data/recorded/huskar", &tokens).await;

    house.close().await;
}
