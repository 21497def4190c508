use super::*;
use crate::domain::event::EventType;
use crate::domain::headers::HeaderLines;
use crate::domain::hook::Owner;
use crate::domain::id::{Seq, TriggerId};
use crate::domain::mask::Mask;
use crate::domain::outcome::Answer;
use crate::domain::trigger::{Origin, Status};

const NOW: Timestamp = Timestamp::EPOCH;

fn call(url: &str, headers: &[(&str, &str)]) -> OutgoingCall {
    let headers = headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    OutgoingCall { method: "post".into(), url: url.into(), headers, ..OutgoingCall::default() }
}

fn trigger(values: Value) -> Trigger {
    let Value::Object(values) = values else { panic!("no object") };
    Trigger {
        id: TriggerId(7),
        revision: 1,
        uuid: "u".into(),
        name: "caller".into(),
        event_type: EventType::parse("Called").unwrap(),
        applications: vec![],
        settings: Settings::Outgoing(OutgoingCall { values, ..call("http://a/", &[]) }),
        has_secret: false,
        task: None,
        owner: Owner::ADMIN,
        stopped_at: None,
        created_at: NOW,
        updated_at: NOW,
    }
}

fn execution(errors: u32) -> Execution {
    Execution {
        seq: Seq(9),
        trigger: TriggerId(7),
        status: Status::Doing,
        at: NOW,
        due_at: None,
        errors,
        last_error: None,
        conclusion: None,
        processed_at: None,
        incoming: None,
        hops: 2,
        key: None,
    }
}

fn made(outcome: Outcome) -> Made {
    let done = NOW.plus(Duration::from_secs(3));
    Made { start: NOW, done, sent: "POST / HTTP/1.1\nhost: a\nx: y\n".into(), outcome }
}

fn answered(status: u16) -> Outcome {
    let mut headers = HeaderLines::default();
    headers.push("server", "s");
    Outcome::Answered(Answer { status, reason: "Said".into(), headers, body: "b\u{0}dy".into(), ..Answer::default() })
}

fn ended_so(values: Value, errors: u32, outcome: Outcome) -> (Ended, Option<Timestamp>) {
    ended(Policy::default(), &trigger(values), &execution(errors), &made(outcome))
}

fn told_by(ended: &Ended) -> Value {
    let [event] = ended.events() else { panic!("not one event: {ended:?}") };
    assert_eq!(event.origin, Some(Origin { trigger: TriggerId(7), execution: Seq(9) }));
    assert_eq!(event.hops, 3);
    serde_json::from_slice(&event.payload).unwrap()
}

#[test]
fn any_answer_below_400_is_a_success_that_is_told() {
    for status in [200, 204, 302, 399] {
        let (ended, again_at) = ended_so(serde_json::json!({"id": 12, "none": null}), 2, answered(status));

        assert!(matches!(ended, Ended::Published(_)) && again_at.is_none(), "{status}");
        let told = told_by(&ended);
        let log = format!("POST / HTTP/1.1\nhost: a\nx: y\n\nHTTP {status} Said\nserver: s\n\nb\u{0}dy");
        let expected = [
            ("id", "12"),
            ("none", ""),
            ("status", "Success"),
            ("start", "1970-01-01T00:00:00.000Z"),
            ("done", "1970-01-01T00:00:03.000Z"),
            ("log", &log),
            ("http.status", &status.to_string()),
            ("nyala.trigger", "caller"),
            ("nyala.execution", "exe_9"),
        ];
        assert_eq!(told, expected.into_iter().map(|(key, value)| (key, Value::from(value))).collect::<Value>());
    }
}

#[test]
fn a_failure_is_tried_again_until_there_were_too_many_and_then_told() {
    let none = || serde_json::json!({});
    for (errors, outcome) in [(0, answered(400)), (1, answered(503)), (1, Outcome::Refused("no".into()))] {
        let (ended, again_at) = ended_so(none(), errors, outcome);
        assert!(matches!(ended, Ended::Failed(_)), "{ended:?}");
        assert_eq!(again_at, Some(NOW.plus(Duration::from_secs(3)).plus(Policy::default().retry_delay)));
    }

    let table = [
        (answered(500), "answered 500 Internal Server Error", "500"),
        (answered(599), "answered 599", "599"),
        (Outcome::Failed("no answer: it hung up".into()), "no answer: it hung up", ""),
    ];
    for (outcome, expected, status) in table {
        let (ended, again_at) = ended_so(none(), 2, outcome);

        assert!(matches!(&ended, Ended::GaveUp { why, .. } if why == expected) && again_at.is_none(), "{ended:?}");
        let told = told_by(&ended);
        assert_eq!((&told["status"], &told["http.status"]), (&"Fail".into(), &status.into()));
    }
}

#[test]
fn no_value_stands_in_place_of_what_came_of_the_call() {
    let values = serde_json::json!({"status": "Success", "log": "mine", "nyala.execution": "exe_1"});

    let (ended, _) = ended_so(values, 2, Outcome::Failed("why".into()));

    let told = told_by(&ended);
    let all = [&told["status"], &told["nyala.execution"], &told["log"]];
    assert_eq!(all, ["Fail", "exe_9", "POST / HTTP/1.1\nhost: a\nx: y\n\nwhy"]);
}

#[test]
fn a_log_has_an_end_and_the_request_leaves_room_for_the_answer() {
    let body = Bytes::from(vec![0xff; 4 << 10]);
    let outcome = Outcome::Answered(Answer { status: 200, body, ..Answer::default() });
    let log = log(&Made { sent: "ä".repeat(10_000), ..made(outcome) });

    assert!(log.len() <= LOG_BYTES && log.contains("HTTP 200"), "{}", log.len());
}

#[test]
fn what_may_be_secret_is_not_in_the_line_and_is_known_to_the_mask() {
    let url = "https://us%40er:pa55word@a.example:8443/x/y?a=1&token=s3cr%20et-q&SIG=0123456789&flag#f";
    let call = call(url, &[("X-Api-Key", "h3ader-key"), ("X-Plain", "plain-value")]).read().unwrap();

    let line = "POST /x/y?a=1&token=***&SIG=***&flag HTTP/1.1\nhost: a.example:8443\n";
    assert_eq!(call.line(), line);
    let said = b"pa55word s3cr%20et-q s3cr et-q 0123456789 h3ader-key plain-value";
    assert_eq!(&*Mask::of(&call.secrets()).cut(said, 1000), b"*** *** *** *** *** plain-value");
}

#[test]
fn headers_that_are_not_the_callers_to_set_are_left_out() {
    let given = [
        ("Host", "evil"),
        ("Content-Length", "9"),
        ("User-Agent", "me"),
        ("webhook-signature", "v1,x"),
        ("nyala-hops", "0"),
        ("Content-Type", "text/plain"),
        (" X-A ", " 1 "),
        ("x-a", "2"),
    ];
    let call = call("http://a/", &given).read().unwrap();

    let left: Vec<_> = call.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    assert_eq!(left, [("content-type", "text/plain"), ("x-a", "1"), ("x-a", "2")]);
}

#[test]
fn what_cannot_be_called_is_refused_and_no_value_is_repeated() {
    let many: Vec<_> = (0..101).map(|_| ("x", "SECRET")).collect();
    let with = |method: &str| OutgoingCall { method: method.into(), ..call("http://a/", &[]) };
    let table = [
        (with("CONNECT"), "method"),
        (with(""), "method"),
        (call("", &[]), "url"),
        (call("ftp://a/", &[]), "url"),
        (call("http://a/", &[("SECRET VALUE", "x")]), "headers"),
        (call("http://a/", &[("x", "SECRET\r\nhost: b")]), "headers"),
        (call("http://a/", &many), "headers"),
    ];
    for (call, field) in table {
        let invalid = call.read().err().expect("a refusal");
        assert_eq!(invalid.field, field);
        assert!(!invalid.to_string().contains("SECRET"), "{invalid}");
    }
    for method in ["get", "POST", " Put ", "patch", "DELETE", "head"] {
        assert!(with(method).read().is_ok(), "{method}");
    }
}
