//! Names are judged by what they lead to at the moment of connecting.

use std::time::Duration;

use super::dns::{Dns, Said, now};
use super::{house_asking, house_asking_with, latest, networks, outside_and_inside};
use crate::house::House;
use crate::receiver::{Receiver, status};

#[tokio::test]
async fn a_name_that_leads_inside_the_second_time_is_refused_then() {
    let (outside, inside, port) = outside_and_inside().await;
    let dns = Dns::new(|_, nth| now(&[if nth == 0 { "127.0.0.2" } else { "127.0.0.1" }])).await;
    let house = house_asking(dns.address).await;
    let hook = house.subscribe(&format!("http://shop.test:{port}/cb"), "E").await;

    house.publish_and_wait("E", "1").await;
    let first = latest(&house, &hook).await;
    house.publish_and_wait("E", "2").await;
    let second = latest(&house, &hook).await;

    assert_eq!((first.0.as_str(), outside.received().len()), ("answered", 1));
    let reason = "127.0.0.1 (of shop.test) is a loopback address: allow it with --allow-network loopback";
    assert_eq!(second, ("refused".to_owned(), reason.to_owned()));
    assert_eq!((inside.received().len(), dns.asked_for("shop.test")), (0, 2));
    house.close().await;
}

#[tokio::test]
async fn a_connection_goes_to_the_address_that_was_judged_without_another_look() {
    let (outside, inside, port) = outside_and_inside().await;
    // A second question for one attempt would be told of the address inside.
    let dns = Dns::new(|_, nth| now(&[if nth % 2 == 0 { "127.0.0.2" } else { "127.0.0.1" }])).await;
    let house = house_asking(dns.address).await;
    house.subscribe(&format!("http://shop.test:{port}/"), "E").await;

    for attempts in 1..=6 {
        house.publish_and_wait("E", "{}").await;
        assert_eq!(dns.asked_for("shop.test"), attempts);
    }

    assert_eq!((outside.received().len(), inside.received().len()), (3, 0));
    house.close().await;
}

#[tokio::test]
async fn of_several_addresses_only_those_that_are_allowed_are_connected_to() {
    let (outside, inside, port) = outside_and_inside().await;
    let dns = Dns::new(|name, _| match name {
        "mixed.test" => now(&["::1", "127.0.0.1", "127.0.0.2", "10.0.0.5"]),
        "embedded.test" => now(&["::ffff:127.0.0.1", "64:ff9b::127.0.0.1"]),
        _ => now(&["::1", "127.0.0.1"]),
    })
    .await;
    let house = house_asking(dns.address).await;
    for host in ["mixed.test", "embedded.test", "inside.test"] {
        house.subscribe(&format!("http://{host}:{port}/{host}"), "E").await;
    }

    house.publish_and_wait("E", "{}").await;

    let hooks = house.json("/api/hooks").await;
    let told: Vec<_> = (0..3).map(|n| hooks[n]["last_status"].as_str().expect("a text")).collect();
    assert_eq!(told, ["OK", "Failure", "Failure"]);
    assert_eq!((outside.received().len(), outside.received()[0].path.as_str()), (1, "/mixed.test"));
    assert_eq!(inside.received().len(), 0);
    house.close().await;
}

#[tokio::test]
async fn a_refusal_is_tried_again_by_the_schedule_and_may_be_over_by_then() {
    let (outside, _inside, port) = outside_and_inside().await;
    let dns = Dns::new(|_, nth| now(&[if nth == 0 { "10.0.0.5" } else { "127.0.0.2" }])).await;
    let house = house_asking(dns.address).await;
    let hook = house.subscribe(&format!("http://shop.test:{port}/"), "E").await;

    house.publish_and_wait("E", "{}").await;
    let refused = latest(&house, &hook).await;
    house.clock.advance(Duration::from_secs(15));

    assert_eq!(outside.wait_for(1).await[0].header("nyala-attempt"), "2");
    assert_eq!(refused.0, "refused");
    assert!(refused.1.contains("--allow-network private or 10.0.0.5/32"), "{}", refused.1);
    house
        .until("/api/v1/deliveries?state=delivered", |page| page["items"].as_array().is_some_and(|all| all.len() == 1))
        .await;
    house.close().await;
}

#[tokio::test]
async fn refusals_in_a_row_make_a_hook_failing() {
    let dns = Dns::new(|_, _| now(&["192.168.1.1"])).await;
    let house = house_asking(dns.address).await;
    let hook = house.subscribe("http://router.test/", "E").await;

    for _ in 0..5 {
        house.publish_and_wait("E", "{}").await;
    }

    let hook = house.json(&format!("/api/v1/hooks/{}", hook["id"])).await;
    assert_eq!((&hook["state"], &hook["failures"]), (&"failing".into(), &5.into()));
    house.close().await;
}

#[tokio::test]
async fn names_below_a_domain_that_is_allowed_may_lead_anywhere_but_to_metadata() {
    let (_outside, inside, port) = outside_and_inside().await;
    let dns = Dns::new(|name, _| now(&[if name.starts_with("meta") { "169.254.169.254" } else { "127.0.0.1" }])).await;
    let allow = |settings: &mut nyala::config::Settings| settings.allow_network = networks(&["*.corp.test"]);
    let house = house_asking_with(dns.address, allow).await;
    let table = [
        ("db.corp.test", "answered"),
        ("A.B.Corp.Test.", "answered"),
        ("corp.test", "refused"),
        ("badcorp.test", "refused"),
        ("meta.corp.test", "refused"),
    ];

    for (n, (host, expected)) in table.into_iter().enumerate() {
        let hook = house.subscribe(&format!("http://{host}:{port}/"), &format!("E{n}")).await;
        house.publish_and_wait(&format!("E{n}"), "{}").await;
        let (outcome, reason) = latest(&house, &hook).await;
        assert_eq!(outcome, expected, "{host}: {reason}");
    }

    assert_eq!(inside.received().len(), 2);
    house.close().await;
}

#[tokio::test]
async fn a_connection_that_is_kept_is_used_without_a_look_up() {
    let outside = Receiver::at((super::PUBLIC, 0).into()).await.expect("a port");
    let dns = Dns::new(|_, nth| now(&[if nth == 0 { "127.0.0.2" } else { "127.0.0.1" }])).await;
    let house = house_asking(dns.address).await;
    house.subscribe(&format!("http://shop.test:{}/", outside.address().port()), "E").await;

    for _ in 0..5 {
        house.publish_and_wait("E", "{}").await;
    }

    assert_eq!((outside.received().len(), dns.asked_for("shop.test")), (5, 1));
    house.close().await;
}

#[tokio::test]
async fn an_answer_is_believed_as_long_as_it_says() {
    let (outside, _inside, port) = outside_and_inside().await;
    let dns = Dns::new(|_, _| Said::Addresses(vec![[127, 0, 0, 2].into()], 3600)).await;
    let house = house_asking(dns.address).await;
    house.subscribe(&format!("http://shop.test:{port}/"), "E").await;

    for _ in 0..3 {
        house.publish_and_wait("E", "{}").await;
    }

    assert_eq!((outside.received().len(), dns.asked_for("shop.test")), (3, 1));
    house.close().await;
}

#[tokio::test]
async fn localhost_is_this_machine_whatever_a_name_server_says() {
    let receiver = Receiver::new().await;
    receiver.answer(|request| status(if request.path == "/cb" { 200 } else { 404 }));
    let dns = Dns::new(|_, _| now(&["127.0.0.2"])).await;
    let house = House::with(|settings| settings.name_servers = vec![dns.address]).await;

    for (n, host) in ["localhost", "LOCALHOST.", "shop.localhost"].into_iter().enumerate() {
        let url = format!("http://{host}:{}/cb", receiver.address().port());
        house.subscribe(&url, &format!("E{n}")).await;
        house.publish_and_wait(&format!("E{n}"), "{}").await;
    }

    assert_eq!((receiver.received().len(), dns.was_asked()), (3, false));
    house.close().await;
}
