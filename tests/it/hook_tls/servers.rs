//! Which servers are called, and what is said of those that are not.

use rcgen::{BasicConstraints, IsCa};
use rustls::crypto::ring;
use serde_json::{Value, json};
use tokio_rustls::rustls::version::TLS12;

use super::authority::{Authority, ENDED, Issued, LATER};
use super::{Stage, patched, reason, subscribed};
use crate::house::House;
use crate::receiver::Receiver;

fn without(mut fields: Value, name: &str) -> Value {
    fields.as_object_mut().expect("an object").remove(name);
    fields
}

#[tokio::test]
async fn a_server_of_a_private_ca_that_demands_a_certificate_is_called_with_both() {
    let (house, stage) = (House::new().await, Stage::new().await);
    let client = stage.client();

    subscribed(&house, &stage.fields(&client)).await;
    house.publish_and_wait("E", "{}").await;

    let received = stage.receiver.wait_for(1).await;
    assert_eq!(received[0].client_certificate.as_deref(), Some(&*client.der()));
    house.close().await;
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_named_in_the_reason() {
    let (house, stage) = (House::new().await, Stage::new().await);
    let strangers = Authority::new("Strangers");
    let whole = stage.fields(&stage.client());
    let with = |name: &str, pem: String| {
        let mut fields = whole.clone();
        fields[name] = json!(pem);
        fields
    };
    let table = [
        (without(whole.clone(), "client_certificate"), "give the hook one as client_certificate"),
        (without(whole.clone(), "ca_certificate"), "give the hook its CA as ca_certificate"),
        (with("ca_certificate", strangers.pem()), "not signed by the hook's ca_certificate, the only one that counts"),
        (with("client_certificate", strangers.client("nyala", LATER).pem()), "client_certificate"),
        (with("client_certificate", stage.clients.client("nyala", ENDED).pem()), "it has expired"),
    ];

    for (fields, said) in table {
        let hook = subscribed(&house, &fields).await;
        house.publish_and_wait("E", "{}").await;
        let reason = reason(&house, &hook).await;
        assert!(reason.contains(said), "{said}: {reason}");
        house.client.delete(house.url(&format!("/api/hooks/{}", hook["id"]))).send().await.expect("an answer");
    }

    assert_eq!(stage.receiver.received().len(), 0);
    house.close().await;
}

#[tokio::test]
async fn a_server_that_wants_a_certificate_is_understood_every_time() {
    let house = House::with(|settings| settings.policy.breaker_failures = 1000).await;
    let stage = Stage::new().await;
    let hook = subscribed(&house, &without(stage.fields(&stage.client()), "client_certificate")).await;

    let large = format!("\"{}\"", "x".repeat(900_000));
    for n in 0..50 {
        house.publish_and_wait("E", if n % 2 == 0 { "{}" } else { &large }).await;
        let said = reason(&house, &hook).await;
        assert!(said.contains("give the hook one as client_certificate"), "{said}");
    }

    house.close().await;
}

#[tokio::test]
async fn over_tls_1_2_a_missing_certificate_is_named_too() {
    let _ = ring::default_provider().install_default();
    let (house, ca) = (House::new().await, Authority::new("Both"));
    let config = ca.server(&["127.0.0.1"], LATER).demanding_by(&ca, &[&TLS12]);
    let receiver = Receiver::over_tls(config).await;
    let fields = json!({"url": receiver.url("/"), "event": "E", "ca_certificate": ca.pem()});

    let hook = subscribed(&house, &fields).await;
    house.publish_and_wait("E", "{}").await;

    let said = reason(&house, &hook).await;
    assert!(said.contains("give the hook one as client_certificate"), "{said}");
    patched(&house, &hook, &json!({"client_certificate": ca.client("nyala", LATER).pem()})).await;
    house.publish_and_wait("E", "{}").await;
    assert_eq!(receiver.received().len(), 1);
    house.close().await;
}

#[tokio::test]
async fn a_server_whose_certificate_is_no_good_is_not_called_and_the_reason_says_why() {
    let _ = ring::default_provider().install_default();
    let (house, ca) = (House::new().await, Authority::new("Servers"));
    let table = [
        (ca.server(&["127.0.0.1"], ENDED).serving(), "expired on 2025-01-01"),
        (ca.server(&["hooks.test"], LATER).serving(), "hooks.test"),
    ];

    for (config, said) in table {
        let receiver = Receiver::over_tls(config).await;
        let fields = json!({"url": receiver.url("/"), "event": "E", "ca_certificate": ca.pem()});
        let hook = subscribed(&house, &fields).await;
        house.publish_and_wait("E", "{}").await;
        let reason = reason(&house, &hook).await;
        assert!(reason.starts_with("cannot connect: the server's certificate") && reason.contains(said), "{reason}");
        assert_eq!(receiver.received().len(), 0);
    }
    house.close().await;
}

#[tokio::test]
async fn what_a_certificate_says_of_its_server_is_cut_and_has_no_control_characters() {
    let _ = ring::default_provider().install_default();
    let (house, ca) = (House::new().await, Authority::new("Servers"));
    let name = format!("\u{1b}[31m\r\n{}", "x".repeat(5000));
    let receiver = Receiver::over_tls(ca.server(&[&name, &name], LATER).serving()).await;
    let fields = json!({"url": receiver.url("/"), "event": "E", "ca_certificate": ca.pem()});

    let hook = subscribed(&house, &fields).await;
    house.publish_and_wait("E", "{}").await;

    let reason = reason(&house, &hook).await;
    assert!(reason.starts_with("cannot connect: the server's certificate is for"), "{reason}");
    assert!(reason.contains("\\u{1b}[31m\\r\\nxxx") && !reason.contains(char::is_control), "{reason}");
    assert!(reason.len() < 1100, "{} bytes", reason.len());
    house.close().await;
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_told_from_one_whose_certificate_is_wrong() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let url = receiver.url("/").replace("http://", "https://");

    let hook = house.subscribe(&url, "E").await;
    house.publish_and_wait("E", "{}").await;

    let reason = reason(&house, &hook).await;
    assert!(reason.contains("does not speak TLS"), "{reason}");
    house.close().await;
}

#[tokio::test]
async fn a_certificate_that_signed_itself_is_trusted_unless_it_is_a_cas() {
    let _ = ring::default_provider().install_default();
    let house = House::new().await;
    let table = [
        (Issued::self_signed(IsCa::NoCa), None),
        (Issued::self_signed(IsCa::ExplicitNoCa), None),
        (Issued::self_signed(IsCa::Ca(BasicConstraints::Unconstrained)), Some("basicConstraints=CA:FALSE")),
    ];

    for (own, refused) in table {
        let receiver = Receiver::over_tls(own.serving()).await;
        let fields = json!({"url": receiver.url("/"), "event": "E", "ca_certificate": own.certificate});
        let hook = subscribed(&house, &fields).await;
        house.publish_and_wait("E", "{}").await;
        match refused {
            None => assert_eq!(receiver.received().len(), 1),
            Some(said) => {
                let reason = reason(&house, &hook).await;
                assert!(reason.contains(said), "{reason}");
            }
        }
    }
    house.close().await;
}

#[tokio::test]
async fn a_hook_that_accepts_any_server_still_shows_its_certificate() {
    let (house, stage) = (House::new().await, Stage::new().await);
    let client = stage.client();
    let mut fields = without(stage.fields(&client), "ca_certificate");
    fields["insecure_ssl"] = json!(true);

    subscribed(&house, &fields).await;
    house.publish_and_wait("E", "{}").await;

    let received = stage.receiver.wait_for(1).await;
    assert_eq!(received[0].client_certificate.as_deref(), Some(&*client.der()));
    house.close().await;
}
