//! Names that lead nowhere: who is to blame, and who has to wait for it.

use std::time::Duration;

use hickory_proto::op::ResponseCode;
use tokio::net::UdpSocket;

use super::dns::{Dns, Said, now};
use super::{house_asking, house_asking_with, latest, outside_and_inside};
use crate::house::House;
use crate::receiver::Receiver;

#[tokio::test]
async fn a_name_that_does_not_exist_is_the_receivers_trouble() {
    let dns = Dns::new(|name, _| match name {
        "nowhere.test" => Said::Code(ResponseCode::NXDomain),
        _ => now(&[]),
    })
    .await;
    let house = house_asking(dns.address).await;

    for (host, event) in [("nowhere.test", "A"), ("without.addresses.test", "B"), ("x.invalid", "C")] {
        let hook = house.subscribe(&format!("http://{host}/"), event).await;
        house.publish_and_wait(event, "{}").await;
        let reason = format!("cannot connect: {host} does not exist, or has no address");
        assert_eq!(latest(&house, &hook).await, ("failed".to_owned(), reason));
    }

    house.close().await;
}

#[tokio::test]
async fn a_name_server_that_cannot_tell_is_held_against_nobody() {
    let dns = Dns::new(|name, _| match name {
        "broken.test" => Said::Code(ResponseCode::ServFail),
        "closed.test" => Said::Code(ResponseCode::Refused),
        _ => Said::Nothing,
    })
    .await;
    let house = house_asking_with(dns.address, |settings| settings.policy.timeout = Duration::from_secs(1)).await;

    for (host, event) in [("broken.test", "A"), ("closed.test", "B"), ("silent.test", "C")] {
        let hook = house.subscribe(&format!("http://{host}/"), event).await;
        house.publish_and_wait(event, "{}").await;
        let (outcome, reason) = latest(&house, &hook).await;
        assert_eq!(outcome, "hindered", "{reason}");
        assert!(reason.starts_with(&format!("no name server answers for {host}: ")), "{reason}");
        let hook = house.json(&format!("/api/v1/hooks/{}", hook["id"])).await;
        assert_eq!(hook["failures"], 0, "{hook}");
    }

    house.close().await;
}

#[tokio::test]
async fn a_name_server_that_is_gone_is_held_against_nobody() {
    let gone = UdpSocket::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let house = house_asking(gone).await;
    let hook = house.subscribe("http://shop.test/", "E").await;

    house.publish_and_wait("E", "{}").await;

    let (outcome, reason) = latest(&house, &hook).await;
    assert_eq!(outcome, "hindered", "{reason}");
    house.close().await;
}

#[tokio::test]
async fn one_family_that_nobody_tells_of_does_not_hide_the_other() {
    let (outside, _inside, port) = outside_and_inside().await;
    let dns = Dns::new(|_, _| Said::Only([127, 0, 0, 2].into())).await;
    let house = house_asking(dns.address).await;
    house.subscribe(&format!("http://shop.test:{port}/"), "E").await;

    house.publish_and_wait("E", "{}").await;

    assert_eq!(outside.received().len(), 1);
    house.close().await;
}

#[tokio::test]
async fn hundreds_of_names_that_nobody_answers_for_keep_nobody_else_waiting() {
    let receiver = Receiver::new().await;
    let dns = Dns::new(|_, _| Said::Nothing).await;
    let house = House::with(|settings| {
        settings.name_servers = vec![dns.address];
        settings.policy.workers = 1024;
    })
    .await;
    for n in 0..400 {
        house.subscribe(&format!("http://dead-{n}.test/"), "Dead").await;
    }
    house.subscribe(&receiver.url("/cb"), "Alive").await;

    house.publish("Dead", "{}").await;
    dns.is_asked_for(400).await;
    for n in 1..=20 {
        house.publish_and_wait("Alive", "{}").await;
        assert_eq!(receiver.received().len(), n);
        assert_eq!(house.json("/api/v1/deliveries?state=delivered").await["items"].as_array().map(Vec::len), Some(n));
    }

    assert_eq!(house.json("/api/v1/hooks/1").await["failures"], 0);
    house.close().await;
}

#[tokio::test]
async fn a_domain_whose_own_name_servers_fail_is_the_receivers_trouble() {
    let (_outside, _inside, port) = outside_and_inside().await;
    let dns = Dns::new(|name, _| match name {
        "lapsed.test" => Said::Code(ResponseCode::ServFail),
        "closed.test" => Said::Code(ResponseCode::Refused),
        "silent.test" => Said::Nothing,
        _ => now(&["127.0.0.2"]),
    })
    .await;
    let house = house_asking_with(dns.address, |settings| settings.policy.timeout = Duration::from_secs(2)).await;
    house.subscribe(&format!("http://shop.test:{port}/"), "Other").await;

    for host in ["lapsed.test", "closed.test", "silent.test"] {
        let hook = house.subscribe(&format!("http://{host}/"), host).await;
        house.publish_and_wait("Other", "{}").await;
        for _ in 0..5 {
            house.publish_and_wait(host, "{}").await;
        }
        let (outcome, reason) = latest(&house, &hook).await;
        let expected = format!("cannot connect: {host} cannot be looked up: its name servers do not answer (");
        assert!(outcome == "failed" && reason.starts_with(&expected), "{outcome}: {reason}");
        let hook = house.json(&format!("/api/v1/hooks/{}", hook["id"])).await;
        assert_eq!((&hook["state"], &hook["failures"]), (&"failing".into(), &5.into()));
    }

    house.close().await;
}

#[tokio::test]
async fn a_single_name_that_fails_is_told_from_a_name_server_that_does_by_asking_for_the_root() {
    let dns = Dns::new(|name, _| if name.is_empty() { now(&[]) } else { Said::Code(ResponseCode::ServFail) }).await;
    let house = house_asking(dns.address).await;
    let hook = house.subscribe("http://lapsed.test/", "E").await;

    house.publish_and_wait("E", "{}").await;

    let (outcome, reason) = latest(&house, &hook).await;
    assert_eq!(outcome, "failed", "{reason}");
    assert_eq!(house.json(&format!("/api/v1/hooks/{}", hook["id"])).await["failures"], 1);
    house.close().await;
}
