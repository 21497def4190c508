//! What the publisher does besides publishing: makes hooks, gives them new URLs, and waits for the server.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::publisher::client;
use crate::wire::{NewHook, Tally};

/// Requests at once: ten thousand hooks made one by one would take longer than what is measured with them.
const AT_ONCE: usize = 32;
/// Between two looks at a server that is not ready yet.
const READY_PAUSE: Duration = Duration::from_millis(20);

/// The part of a hook that is looked at.
#[derive(Deserialize)]
struct Made {
    id: u64,
}

/// Makes hooks through Kudu's API.
///
/// # Errors
///
/// If the server does not answer each with 201.
pub async fn subscribe(server: &str, hooks: Vec<NewHook>) -> crate::Result<Tally> {
    let (client, url) = (client()?, format!("{server}/api/hooks"));
    let requests = hooks.into_iter().map(|hook| {
        let fields = json!({ "url": hook.url, "event": hook.event_type });
        made(with_json(client.post(&url), &fields))
    });
    let hooks = stream::iter(requests).buffered(AT_ONCE).try_collect().await?;
    Ok(Tally { hooks, ..Tally::default() })
}

/// The part of a trigger that is looked at.
#[derive(Deserialize)]
struct MadeTrigger {
    url: Option<String>,
}

/// Makes triggers, each with these fields as JSON.
///
/// # Errors
///
/// If the server does not answer each with 201.
pub async fn add_triggers(server: &str, triggers: Vec<String>) -> crate::Result<Tally> {
    let (client, url) = (client()?, format!("{server}/api/v1/triggers"));
    let requests = triggers.into_iter().map(|fields| {
        let request = client.post(&url).header(CONTENT_TYPE, "application/json").body(fields);
        async move {
            let text = answered(request, StatusCode::CREATED).await?;
            crate::Result::Ok(serde_json::from_str::<MadeTrigger>(&text)?.url)
        }
    });
    let urls: Vec<_> = stream::iter(requests).buffered(AT_ONCE).try_collect().await?;
    Ok(Tally { urls: urls.into_iter().flatten().collect(), ..Tally::default() })
}

/// Gives each hook its new URL, as a person would whose receiver has moved: that wakes the hook.
///
/// # Errors
///
/// If the server does not answer each with 200.
pub async fn repoint(server: &str, hooks: Vec<(u64, String)>) -> crate::Result<Tally> {
    let client = client()?;
    let requests = hooks.into_iter().map(|(id, url)| {
        let request = with_json(client.patch(format!("{server}/api/v1/hooks/{id}")), &json!({ "url": url }));
        answered(request, StatusCode::OK)
    });
    stream::iter(requests).buffered(AT_ONCE).try_for_each(|_| async { Ok(()) }).await?;
    Ok(Tally::default())
}

/// Waits until the server says that it is ready.
///
/// # Errors
///
/// If it does not answer at all.
pub async fn ready(server: &str) -> crate::Result<Tally> {
    let client: Client = client()?;
    while !client.get(format!("{server}/readyz")).send().await?.status().is_success() {
        tokio::time::sleep(READY_PAUSE).await;
    }
    Ok(Tally::default())
}

fn with_json(request: RequestBuilder, body: &serde_json::Value) -> RequestBuilder {
    request.header(CONTENT_TYPE, "application/json").body(body.to_string())
}

async fn made(request: RequestBuilder) -> crate::Result<u64> {
    let text = answered(request, StatusCode::CREATED).await?;
    Ok(serde_json::from_str::<Made>(&text)?.id)
}

async fn answered(request: RequestBuilder, wanted: StatusCode) -> crate::Result<String> {
    let response = request.send().await?;
    let status = response.status();
    let text = response.text().await?;
    if status == wanted { Ok(text) } else { Err(format!("a change was answered {status}: {text}").into()) }
}
