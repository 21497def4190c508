//! Requests in the shape in which CDS's API sends them: `data/recorded/cds`.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use nyala::domain::token::Scope;

use crate::access::{closed, token};
use crate::house::House;
use crate::receiver::Receiver;
use crate::recorded::replay_all;

#[tokio::test]
async fn every_request_of_cdss_api_on_record_is_answered_as_recorded() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let admin = BASE64_STANDARD.encode(token(&house, "admin", &[Scope::Admin], &[]));
    closed(&house).await;

    replay_all(&house, &receiver, "data/recorded/cds", &[("<auth admin>", admin.as_str())]).await;

    house.close().await;
}
