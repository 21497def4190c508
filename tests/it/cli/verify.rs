//! `nyala verify`: requests in the shapes in which people save them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use nyala::clock::{Clock, SystemClock};
use nyala::domain::signature::{Scheme, Secret, Signer, SigningKey};
use serde_json::json;
use tempfile::TempDir;

use super::{Ended, nyala, run, run_with_stdin};

const ID: &str = "evt_01JD3M9Q4Y6V0T8R2K5W7X9ZAB";
const BODY: &str = "{\"a\": 1.0,\n \"b\": \"ä\"}";

fn key() -> SigningKey {
    SigningKey { secret: Secret::from_bytes([1; 32]), seed: [1; 32] }
}

fn now() -> i64 {
    SystemClock::default().now().seconds()
}

/// The headers of a request that is signed in such a way at such a time.
fn headers(scheme: Scheme, at: i64) -> Vec<(&'static str, String)> {
    let signed = Signer::new(&[key()], &[scheme]).sign(ID, at, BODY.as_bytes());
    let mut headers = vec![("webhook-id", ID.to_owned()), ("webhook-timestamp", at.to_string())];
    headers.extend(signed.webhook.map(|value| ("webhook-signature", value)));
    headers.extend(signed.github.map(|value| ("x-hub-signature-256", value)));
    headers
}

/// A request as HTTP writes it.
fn raw(headers: &[(&str, String)], body: &str, line_break: &str) -> String {
    let lines: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}{line_break}")).collect();
    format!("POST /hook HTTP/1.1{line_break}Host: a{line_break}{}{line_break}{body}", lines.concat())
}

/// A line of `nyala listen --json`.
fn line(headers: &[(&str, String)], body: &str) -> String {
    let headers: serde_json::Map<_, _> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into())).collect();
    json!({"method": "POST", "headers": headers, "body": body, "status": 200}).to_string()
}

fn verify(args: &[&str]) -> Command {
    let mut command = nyala(["verify"]);
    command.args(args).env("NYALA_SECRET", key().secret.text());
    command
}

fn verify_stdin(args: &[&str], stdin: &str) -> Ended {
    run_with_stdin(&mut verify(args), stdin)
}

fn assert_right(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("the signature is right"), "{ended:?}");
}

fn assert_not_right(ended: &Ended, why: &str) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.starts_with(&format!("nyala: the signature is not right: {why}")), "{ended:?}");
    assert_eq!(ended.stdout, "");
}

#[test]
fn a_request_as_it_came_is_verified() {
    let headers = headers(Scheme::V1, now());

    for line_break in ["\r\n", "\n"] {
        let ended = verify_stdin(&[], &raw(&headers, BODY, line_break));
        assert_right(&ended);
        assert!(ended.stdout.starts_with(&format!("webhook-id         {ID}\n")), "{ended:?}");
        assert!(ended.stdout.contains("\nscheme             v1\nbody               22 bytes\n"), "{ended:?}");
    }
    assert_right(&verify_stdin(&["-"], &line(&headers, BODY)));
}

#[test]
fn the_body_alone_is_verified_with_its_headers_on_the_command_line() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("body.json");
    fs::write(&file, BODY).unwrap();
    let given: Vec<_> = headers(Scheme::V1, now()).iter().map(|(name, value)| format!("{name}:{value}")).collect();
    let args = given.iter().flat_map(|header| ["--header", header]).chain([file.to_str().unwrap()]);

    let ended = run(&mut verify(&args.collect::<Vec<_>>()));

    assert_right(&ended);
}

#[test]
fn each_scheme_is_verified_with_its_own_key() {
    let check = |scheme, name: &str, value: &str| {
        let mut command = nyala(["verify", name, value]);
        run_with_stdin(&mut command, &raw(&headers(scheme, now()), BODY, "\r\n"))
    };
    let (secret, public_key) = (key().secret.text(), key().public_key());

    assert_right(&check(Scheme::V1, "--secret", &secret));
    assert_right(&check(Scheme::V1a, "--public-key", &public_key));
    let github = check(Scheme::Github, "--secret", &secret);
    assert_right(&github);
    assert!(github.stdout.contains("covers the body alone") && !github.stdout.contains("webhook-id"), "{github:?}");
    assert_not_right(&check(Scheme::V1a, "--secret", &secret), "it is signed with v1a, which takes the public key");
}

#[test]
fn either_secret_of_a_rotation_will_do() {
    let other = Secret::from_bytes([2; 32]).text();
    let both = format!("{other},{}", key().secret.text());
    let request = raw(&headers(Scheme::V1, now()), BODY, "\r\n");

    assert_right(&verify_stdin(&["--secret", &other, "--secret", &key().secret.text()], &request));
    assert_right(&run_with_stdin(nyala(["verify"]).env("NYALA_SECRET", both), &request));
    assert_not_right(&verify_stdin(&["--secret", &other], &request), "no signature fits");
}

#[test]
fn an_old_request_is_verified_at_its_time() {
    let request = raw(&headers(Scheme::V1, 1_732_154_723), BODY, "\r\n");

    let old = verify_stdin(&[], &request);

    assert_not_right(&old, "the signature fits, but the request is ");
    assert!(old.stderr.contains("Give --at with the time"), "{old:?}");
    assert_right(&verify_stdin(&["--at", "2024-11-21T02:05:23Z"], &request));
    assert_right(&verify_stdin(&["--at", "2024-11-21T02:06:23Z", "--tolerance", "1m"], &request));
    let late = verify_stdin(&["--at", "2024-11-21T02:06:24Z", "--tolerance", "1m"], &request);
    assert_not_right(&late, "the signature fits, but the request is 1m 1s old and may be 1m at most");
    assert_right(&verify_stdin(&["--tolerance", "100years"], &request));
}

#[test]
fn a_line_break_at_the_end_of_the_body_is_found_out() {
    let mut headers = headers(Scheme::V1, now());
    let check = |headers: &[_], body: &str| verify_stdin(&[], &raw(headers, body, "\r\n"));

    for end in ["\n", "\r\n"] {
        let added = check(&headers, &format!("{BODY}{end}"));
        assert_not_right(&added, "no signature fits");
        assert!(added.stderr.contains("would fit without the line break"), "{added:?}");
    }
    let changed = check(&headers, &format!("{BODY} \n"));
    assert!(!changed.stderr.contains("line break"), "{changed:?}");

    headers.push(("content-length", BODY.len().to_string()));
    let measured = check(&headers, &format!("{BODY}\n"));
    assert_right(&measured);
    assert!(measured.stdout.contains("body               22 bytes (and 1 beyond content-length)"), "{measured:?}");
}

#[test]
fn a_line_break_that_was_lost_is_found_out() {
    let body = "{}\n";
    let at = now();
    let signed = Signer::new(&[key()], &[Scheme::V1]).sign(ID, at, body.as_bytes());
    let headers = [
        ("webhook-id", ID.to_owned()),
        ("webhook-timestamp", at.to_string()),
        ("webhook-signature", signed.webhook.unwrap()),
    ];

    let lost = verify_stdin(&[], &line(&headers, "{}"));

    assert_not_right(&lost, "no signature fits");
    assert!(lost.stderr.contains("would fit with a line break"), "{lost:?}");
}

#[test]
fn what_is_no_request_is_bad_input() {
    let v1 = headers(Scheme::V1, now());
    let with =
        |name: &'static str, value: &str| raw(&[v1.as_slice(), &[(name, value.to_owned())]].concat(), BODY, "\r\n");
    let many: Vec<_> = (0..200).map(|_| ("a", "b".to_owned())).collect();
    let cases = [
        (" \n".to_owned(), "is empty: want a request line"),
        ("POST / HTTP/1.1\r\nhost: a\r\n".to_owned(), "has no empty line"),
        ("webhook-id: evt_1\r\n\r\n{}".to_owned(), "is no HTTP request"),
        ("[1]".to_owned(), "is no HTTP request"),
        ("{\"a\":1}".to_owned(), "is no line of `nyala listen --json`"),
        (format!("{}1", "{\"headers\":".repeat(100_000)), "is no line of `nyala listen --json`"),
        (format!("{}\n{}", line(&v1, BODY), line(&v1, BODY)), "has several requests in it"),
        ("listening on http://127.0.0.1:9000\n".to_owned(), "has no line of `nyala listen --json` in it"),
        (line(&[("\u{1b}[2J", String::new())], BODY), "has a header whose name"),
        (line(&[("a", "\u{1b}[2J".to_owned())], BODY), "has a control character in its header a"),
        (raw(&many, BODY, "\r\n"), "is no HTTP request"),
        (with("content-length", "23"), "ends too early: content-length says 23 bytes of body, not 22"),
        (with("content-length", "-1"), "has a content-length that is no number"),
        (with("transfer-encoding", "chunked"), "is chunked"),
    ];

    for (request, why) in cases {
        let ended = verify_stdin(&[], &request);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.starts_with(&format!("nyala: stdin {why}")), "{why}: {ended:?}");
        assert!(!ended.stderr.contains('\u{1b}'), "{ended:?}");
    }
}

#[test]
fn what_listen_wrote_to_a_file_is_read_whole() {
    for greeting in ["", "listening on http://127.0.0.1:9000\n", "nyala: listening on http://127.0.0.1:9000\n"] {
        let text = format!("{greeting}{}\n", line(&headers(Scheme::V1, now()), BODY));
        assert_right(&verify_stdin(&[], &text));
    }
}

#[test]
fn a_body_that_was_no_text_is_said_to_be_lost() {
    let lossy = verify_stdin(&[], &line(&headers(Scheme::V1, now()), "\u{fffd}"));

    assert_not_right(&lossy, "no signature fits");
    assert!(lossy.stderr.contains("bytes in it that are no text"), "{lossy:?}");
}

#[test]
fn wrong_usage_never_repeats_a_secret() {
    let cases: [(&[&str], &str); 6] = [
        (&["--secret", "hunter2hunter2"], "--secret: does not begin with whsec_"),
        (&["--secret", "whsec_hunter2"], "--secret: "),
        (&["--secret", ""], "--secret: does not begin with whsec_"),
        (&["--public-key", "whsk_hunter2"], "--public-key: does not begin with whpk_"),
        (&["--header", "hunter2"], "want a name, a colon and a value"),
        (&[], "there is no key to check with. Set NYALA_SECRET"),
    ];

    for (args, why) in cases {
        let ended = run(nyala(["verify"]).args(args));
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(why), "{ended:?}");
        assert!(args.contains(&"--header") || !ended.stderr.contains("hunter2"), "{ended:?}");
    }
    let help = run(&mut verify(&["--help"]));
    assert!(help.stdout.contains("NYALA_SECRET") && !help.stdout.contains(&key().secret.text()), "{help:?}");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let huge = TempDir::new().unwrap();
    let file: PathBuf = huge.path().join("huge");
    fs::File::create(&file).unwrap().set_len((64 << 20) + 1).unwrap();

    let missing = run(&mut verify(&["/no/such/\u{1b}file"]));
    let large = run(&mut verify(&[file.to_str().unwrap()]));

    assert_eq!((missing.code, large.code), (Some(2), Some(2)));
    assert!(missing.stderr.starts_with(r"nyala: /no/such/\u001bfile cannot be read: "), "{missing:?}");
    assert!(large.stderr.ends_with("is too large: at most 64 MiB are read\n"), "{large:?}");
}

#[test]
fn a_hostile_id_does_not_drive_the_terminal() {
    let id = "evt_\u{9b}2J";
    let signed = Signer::new(&[key()], &[Scheme::V1]).sign(id, now(), b"");
    let headers = [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", now().to_string()),
        ("webhook-signature", signed.webhook.unwrap()),
    ];

    let ended = verify_stdin(&[], &raw(&headers, "", "\r\n"));

    assert_right(&ended);
    assert!(ended.stdout.contains(r"evt_\u009b2J"), "{ended:?}");
}
