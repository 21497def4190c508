//! The event that is sent over and over: a deployment that went well, about 500 bytes.

use bytes::Bytes;
use chrono::DateTime;
use serde::Deserialize;
use serde_json::json;

/// The type under which it is published, unless several are needed.
pub const EVENT_TYPE: &str = "PostDeployment";

/// The parts of a payload that the receiver looks at: one of them tells when it was sent.
#[derive(Deserialize)]
struct Stamp {
    #[serde(rename = "sentNanos")]
    sent_nanos: Option<u64>,
    /// RFC 3339, of a schedule's firing.
    #[serde(rename = "nyala.scheduled_at")]
    scheduled_at: Option<String>,
}

/// A payload as Kudu sends it after a deployment.
pub fn plain() -> Bytes {
    deployment().to_string().into()
}

/// The same payload, and when it was sent, in nanoseconds since 1970.
pub fn stamped(sent_nanos: u64) -> Bytes {
    let mut deployment = deployment();
    deployment["sentNanos"] = sent_nanos.into();
    deployment.to_string().into()
}

/// When a payload was sent, or was to be, if it says so.
pub fn sent_nanos(body: &[u8]) -> Option<u64> {
    let stamp: Stamp = serde_json::from_slice(body).ok()?;
    let scheduled = || {
        let at = DateTime::parse_from_rfc3339(stamp.scheduled_at.as_deref()?).ok()?;
        u64::try_from(at.timestamp_nanos_opt()?).ok()
    };
    stamp.sent_nanos.or_else(scheduled)
}

fn deployment() -> serde_json::Value {
    json!({
        "id": "5f1c3a9be27d4806b1f04c52d9a7e86c30b4f7d2",
        "status": "success",
        "statusText": "",
        "authorEmail": "ines.okafor@shop.example",
        "author": "Ines Okafor",
        "message": "Charge the card only after the basket is reserved\n\nA second tab could empty the basket in between.\n",
        "deployer": "GitHub",
        "receivedTime": "2025-03-14T09:26:53.5897932Z",
        "startTime": "2025-03-14T09:26:54.1180340Z",
        "endTime": "2025-03-14T09:27:31.4142135Z",
        "complete": true,
        "siteName": "shop-production"
    })
}
