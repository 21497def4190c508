//! `nyala triggers` against `nyala serve`.

mod at_work;
mod secrets;
mod settings;

use serde_json::Value;

use super::{Ended, Server, exchange};

/// Adds a trigger with these arguments and gives what the server says of it.
fn add(server: &Server, args: &[&str]) -> Value {
    server.run([&["triggers", "add"], args, &["--json"]].concat()).done().json()
}

/// Where a trigger is called.
fn url(trigger: &Value) -> &str {
    trigger["url"].as_str().unwrap()
}

/// Calls a trigger and gives the whole answer.
fn call(trigger: &Value, headers: &str, body: &str) -> String {
    let (server, path) = url(trigger).split_once("/webhook/").unwrap();
    let length = body.len();
    let head = format!("POST /webhook/{path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {length}\r\n");
    exchange(server, format!("{head}{headers}\r\n{body}").as_bytes())
}

/// Waits until the newest execution of a trigger has come to something, and gives it.
fn until_done(server: &Server, trigger: &str) -> Value {
    for _ in 0..1000 {
        let list = server.run(["triggers", "executions", trigger, "--json"]).done().json();
        if list[0]["status"] == "DONE" {
            return list[0].clone();
        }
    }
    panic!("no execution of {trigger} was ever done");
}

/// The words of each line.
fn words(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split_whitespace().collect()).collect()
}

/// What a command that was refused had to say, on one stream alone.
fn refused(ended: &Ended, code: i32) -> &str {
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{ended:?}");
    &ended.stderr
}
