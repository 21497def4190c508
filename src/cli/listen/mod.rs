//! `nyala listen`: a receiver for trying things out. It prints what comes and answers as it was
//! told to.

mod render;

use std::sync::atomic::{AtomicU64, Ordering};

use http::StatusCode;

use self::render::{Received, Signature, Style};
use super::exit::Failure;
use super::receiver::{Arrived, Receiving, Reply};
use super::verify::keys::{Checker, Keys};

/// Receive deliveries and print them, for trying things out
///
/// The first line says where it listens. Then comes each request: on a terminal with its payload
/// laid out for reading, elsewhere with its payload on one line. With --json, the first line goes to
/// stderr. With a key, it is said whether each signature is right, and 401 answered where it is not.
/// Ctrl-C ends it.
#[derive(clap::Args, Debug)]
#[command(mut_arg("json", |arg| arg.help(JSON)))]
pub struct Listen {
    #[command(flatten)]
    receiving: Receiving,
    /// The status to answer with, 200 to 599
    #[arg(long, value_name = "STATUS", default_value = "200", value_parser = status)]
    status: StatusCode,
    /// Answer 500 to this many requests first
    #[arg(long, value_name = "N", default_value_t = 0)]
    fail_first: u64,
    #[command(flatten)]
    keys: Keys,
}

/// What `--json` gives here.
const JSON: &str = "Print one JSON object a request: time, method, path, headers, body (a string, as it came, and in \
                    `body_base64` where it is not UTF-8), signature (with a key) and status";

fn status(text: &str) -> Result<StatusCode, String> {
    let wrong = || "want a number from 200 to 599".to_owned();
    let number = text.parse::<u16>().ok().filter(|number| (200..=599).contains(number)).ok_or_else(wrong)?;
    StatusCode::from_u16(number).map_err(|_| wrong())
}

impl Listen {
    /// Prints what comes until somebody asks it to stop, or the reader of its output has gone.
    ///
    /// # Errors
    /// Exit code 1 when the address cannot be listened on, or stdout cannot be written, 2 where a key
    /// is none.
    pub async fn run(self) -> Result<(), Failure> {
        let checker = self.keys.checker()?;
        let style = Style::choose(self.receiving.json);
        let (status, fail_first) = (self.status, self.fail_first);
        let judge = Judge { checker, style, status, fail_first, seen: AtomicU64::new(0) };
        self.receiving.run(move |arrived| judge.reply(arrived)).await
    }
}

/// Answers requests as the command line says.
struct Judge {
    checker: Option<Checker>,
    style: Style,
    status: StatusCode,
    fail_first: u64,
    seen: AtomicU64,
}

impl Judge {
    fn reply(&self, arrived: &Arrived) -> Reply {
        let signature = self.check(arrived);
        let status = self.status(arrived.body.is_some(), signature.as_ref());
        let told = Received { arrived, signature, status }.render(self.style);
        Reply { told, status, json: None }
    }

    /// Nothing where there is no key to check with, or nothing was read that could be checked.
    fn check(&self, arrived: &Arrived) -> Option<Signature> {
        let body = arrived.body.as_ref()?;
        Some(match self.checker.as_ref()?.check(&arrived.parts.headers, body, arrived.at) {
            Ok(_) => Signature::Right,
            Err(mismatch) => Signature::Wrong(mismatch.to_string()),
        })
    }

    fn status(&self, was_read: bool, signature: Option<&Signature>) -> StatusCode {
        match signature {
            _ if !was_read => StatusCode::PAYLOAD_TOO_LARGE,
            Some(Signature::Wrong(_)) => StatusCode::UNAUTHORIZED,
            Some(Signature::Right) | None => self.next_status(),
        }
    }

    fn next_status(&self) -> StatusCode {
        let earlier = self.seen.fetch_add(1, Ordering::Relaxed);
        if earlier < self.fail_first { StatusCode::INTERNAL_SERVER_ERROR } else { self.status }
    }
}
