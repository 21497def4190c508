//! What the log says of certificates that end.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Stage, subscribed};
use crate::house::{House, within};

const DAY: Duration = Duration::from_hours(24);

/// Warnings that are logged on this thread, on which a test's house works.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<u8>>>);

impl Warnings {
    fn gathered(&self) -> tracing::subscriber::DefaultGuard {
        let writer = self.clone();
        let logs = tracing_subscriber::fmt().json().flatten_event(true).with_max_level(tracing::Level::WARN);
        tracing::subscriber::set_default(logs.with_writer(move || writer.clone()).finish())
    }

    /// Those about certificates.
    fn lines(&self) -> Vec<Value> {
        let text = self.0.lock().expect("the log").clone();
        let lines = String::from_utf8(text).expect("text");
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        lines.filter(|line| line["certificate"].is_string()).collect()
    }

    async fn wait_for(&self, count: usize) {
        let waiting = async {
            while self.lines().len() < count {
                tokio::task::yield_now().await;
            }
        };
        within(&format!("{count} warnings"), waiting).await;
    }
}

impl Write for Warnings {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("the log").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a line says: of which hook, of which certificate, until when.
fn said(line: &Value) -> (Value, Value, Value) {
    (line["hook"].clone(), line["certificate"].clone(), line["not_after"].clone())
}

#[tokio::test]
async fn a_certificate_that_ends_within_two_weeks_is_logged_once_a_day() {
    let (warnings, stage) = (Warnings::default(), Stage::new().await);
    let _gathering = warnings.gathered();
    let house = House::new().await;
    let ending = stage.fields(&stage.clients.client("nyala", 2024));
    subscribed(&house, &ending).await;

    // From 48 days before to 8.
    house.clock.advance(40 * DAY);
    warnings.wait_for(1).await;
    house.clock.advance(23 * Duration::from_hours(1));
    house.publish_and_wait("E", "{}").await;
    house.clock.advance(Duration::from_hours(1));
    warnings.wait_for(2).await;
    house.clock.advance(10 * DAY);
    warnings.wait_for(3).await;
    house.close().await;

    let lines = warnings.lines();
    assert_eq!(lines.len(), 3, "{lines:?}");
    for line in &lines {
        assert_eq!(said(line), (json!(1), json!("client_certificate"), json!("2024-01-01T00:00:00.000Z")));
        assert_eq!(line["level"], "WARN");
        assert!(!line.to_string().contains("CN="), "{line}");
    }
    let words: Vec<_> = lines.iter().map(|line| line["message"].as_str().expect("a text")).collect();
    assert!(words[1].contains("expires soon") && words[2].contains("has expired"), "{words:?}");
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_logged_at_the_start_unless_its_hook_is_gone() {
    let (warnings, stage) = (Warnings::default(), Stage::new().await);
    let _gathering = warnings.gathered();
    let mut house = House::new().await;
    let ending = stage.clients.client("nyala", 2024);
    for path in ["/gone", "/here"] {
        let mut fields = stage.fields(&ending);
        fields["url"] = json!(stage.receiver.url(path));
        subscribed(&house, &fields).await;
    }
    house.client.delete(house.url("/api/hooks/1")).send().await.expect("an answer");

    house.stop().await;
    house.clock.advance(40 * DAY);
    house.start_again().await;
    warnings.wait_for(1).await;
    house.close().await;

    let hooks: Vec<_> = warnings.lines().iter().map(|line| line["hook"].clone()).collect();
    assert_eq!(hooks, [json!(2)]);
}
