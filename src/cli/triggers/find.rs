//! Which trigger is meant.

use http::{Method, StatusCode};
use reqwest::RequestBuilder;

use super::{PATH, maintenance};
use crate::cli::client::Client;
use crate::cli::client::answer::Answer;
use crate::cli::client::pages::gather;
use crate::cli::exit::Failure;
use crate::cli::output::visible;
use crate::cli::shown::Shown;

/// How people find out.
const ADVICE: &str = "`nyala triggers list` shows which there are.";

/// A trigger that is there.
pub(super) struct Found {
    pub(super) uuid: String,
    pub(super) trigger: Shown,
    /// What the server said of it.
    pub(super) answer: Answer,
}

impl Found {
    /// The trigger of this UUID, or the only one of this name.
    ///
    /// # Errors
    /// Exit code 1 when there is none or more than one of the name, 4 when the server cannot be reached.
    pub(super) async fn named(client: &Client, which: &str) -> Result<Self, Failure> {
        // In the path of a URL a name of dots would mean another one.
        if which.chars().all(|c| c == '.') {
            return Err(Failure::usage("name a trigger by its UUID or its name").advise(ADVICE));
        }
        let uuid = if is_uuid(which) { which.to_owned() } else { uuid_of(client, which).await? };
        let answer = client.send(client.request(Method::GET, &at(&uuid, &[]), &[])).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Err(answer.failure().advise(ADVICE));
        }
        if !answer.status.is_success() {
            return Err(answer.failure());
        }
        Ok(Self { uuid, trigger: answer.json()?, answer })
    }

    /// A request about it.
    pub(super) fn request(&self, client: &Client, method: Method, what: &[&str]) -> RequestBuilder {
        client.request(method, &at(&self.uuid, what), &[])
    }

    /// `trigger nightly`
    pub(super) fn called(&self) -> String {
        format!("trigger {}", self.trigger.text("name"))
    }

    /// Says so while nothing is carried out.
    pub(super) fn warn_of_maintenance(&self) {
        if maintenance::is_on(&self.trigger) {
            maintenance::warn();
        }
    }
}

/// The path of something about a trigger.
pub(super) fn at<'a>(uuid: &'a str, what: &[&'a str]) -> Vec<&'a str> {
    [&PATH[..], &[uuid], what].concat()
}

/// Whether it can only be a UUID. (CDS gives its own, which may look otherwise.)
fn is_uuid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

/// The UUID of the only one of this name; where there is none, it may be a UUID itself.
async fn uuid_of(client: &Client, name: &str) -> Result<String, Failure> {
    let listed = gather(client, &PATH, &[("q", name.to_owned())], usize::MAX).await?;
    let mut uuids = listed.items::<Shown>()?;
    uuids.retain(|trigger| trigger.get("name").and_then(serde_json::Value::as_str) == Some(name));
    match uuids.as_slice() {
        [] => Ok(name.to_owned()),
        [one] => Ok(one.get("uuid").and_then(serde_json::Value::as_str).unwrap_or(name).to_owned()),
        many => {
            let lines: Vec<_> = many.iter().map(|one| format!("\n  {}", one.text("uuid"))).collect();
            let count = many.len();
            Err(Failure::failed(format!("{count} triggers are called {}:{}", visible(name), lines.concat()))
                .advise("Name the one that you mean by its UUID."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_told_from_a_name() {
        assert!(is_uuid("6c1f28a2-f879-45e1-8ff5-7bcd8acf8d21"));
        for name in ["nightly", "6c1f28a2f87945e18ff57bcd8acf8d21", "{6c1f28a2-f879-45e1-8ff5-7bcd8acf8d21}"] {
            assert!(!is_uuid(name), "{name}");
        }
    }
}
