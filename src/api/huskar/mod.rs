//! Huskar's webhook API, as its clients know it: webhooks of applications, which name
//! their actions, and webhooks of the site, which get everything.

mod actions;
mod authority;
pub(super) mod envelope;
mod fields;

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use warp::reply::Response;

pub(super) use actions::publish;

use super::App;
use super::access::{self, Acted};
use super::error::ApiError;
use super::request::{Asking, Request};
use super::router::Answer;
use crate::domain::Invalid;
use crate::domain::access::Bounds;
use crate::domain::audit::Action;
use crate::domain::filter::Pair;
use crate::domain::hook::{Dialect, Hook, HookPatch};
use crate::domain::id::HookId;
use crate::domain::webhook::{Kind, Webhook};
use crate::store::page::{MAX_LIMIT, Page};
use crate::store::{Changed, HookFilter, Writes};
use authority::{Asks, managed, only_admins, seen, webhook_kind};
use envelope::{Refusal, success};
use fields::WebhookFields;

/// A webhook in Huskar's words.
#[derive(Serialize)]
struct WebhookView {
    webhook_id: i64,
    webhook_url: String,
    webhook_type: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_list: Option<Vec<String>>,
}

impl WebhookView {
    /// As this caller may see it.
    fn of(by: &Asking, hook: &Hook, webhook: Webhook) -> Self {
        let whole = by.caller.sees_urls_of().is_none_or(|owner| owner == hook.owner) || managed(by).hold(hook);
        let webhook_url = if whole { hook.url.as_str().to_owned() } else { hook.url.shortened() };
        Self { webhook_id: hook.id.0, webhook_url, webhook_type: webhook.kind.number(), event_list: None }
    }

    /// With the events that it wants of this application.
    fn with_events_of(self, hook: &Hook, application: &str) -> Self {
        Self { event_list: Some(hook.filter.events_of(application)), ..self }
    }
}

/// `GET /api/webhook`
pub(super) async fn list(app: Arc<App>, request: Request) -> Answer {
    let (within, by) = (seen(&request.by), request.by);
    let view = move |hook: &Hook, webhook| Some(WebhookView::of(&by, hook, webhook));
    webhook_list(&app, within, None, view).await
}

/// `GET /api/webhook/application/{name}`
pub(super) async fn list_of_application(app: Arc<App>, request: Request) -> Answer {
    let Asks { by, name, .. } = Asks::of(&request);
    envelope::told(async {
        authority::known(&app, &by, &name).await?;
        let (within, application) = (seen(&by), Some(name.clone()));
        let view = move |hook: &Hook, webhook: Webhook| {
            let wants = |pair: &Pair| pair.application == name;
            let of_it = webhook.kind == Kind::Application && hook.filter.pairs().iter().any(wants);
            of_it.then(|| WebhookView::of(&by, hook, webhook).with_events_of(hook, &name))
        };
        Ok(webhook_list(&app, within, application, view).await?)
    })
    .await
}

/// `POST /api/webhook?webhook_type=&application_name=`
pub(super) async fn add(app: Arc<App>, request: Request) -> Answer {
    let asks = Asks::of(&request);
    envelope::told(async {
        let (by, kind) = (&asks.by, webhook_kind(&request)?);
        let application = match kind {
            Kind::Site => only_admins(by, "add").map(|()| None)?,
            Kind::Application => Some(authority::write(&app, &asks).await?),
        };
        let fields = WebhookFields::read(&app, request).await?;
        access::add(&app, by, fields.into_new(&by.caller, kind, application.as_deref())?).await?;
        Ok(success(&()))
    })
    .await
}

/// `GET /api/webhook/{id}?application_name=`
pub(super) async fn show(app: Arc<App>, request: Request) -> Answer {
    let asks = Asks::of(&request);
    envelope::told(async {
        let (hook, webhook) = webhook(&app, &asks).await?;
        let view = WebhookView::of(&asks.by, &hook, webhook);
        Ok(success(&match webhook.kind {
            Kind::Site => WebhookView { event_list: Some(vec![]), ..view },
            Kind::Application => {
                let application = authority::read(&app, &asks).await?;
                view.with_events_of(&hook, &application)
            }
        }))
    })
    .await
}

/// `PUT /api/webhook/{id}?application_name=`: another URL; and other events of this
/// application, those of others stay.
pub(super) async fn change(app: Arc<App>, request: Request) -> Answer {
    let asks = Asks::of(&request);
    envelope::told(async {
        let (hook, webhook) = webhook(&app, &asks).await?;
        let application = to_change(&app, &asks, webhook).await?;
        let by = &asks.by;
        let fields = WebhookFields::read(&app, request).await?;
        let (now, id) = (app.clock.now(), hook.id);
        let change = move |store: &mut dyn Writes, hook: Hook| {
            let filter = match &application {
                None => Ok(hook.filter),
                Some(application) => hook.filter.with_events_of(application, &fields.events),
            };
            let filter = match filter {
                Ok(filter) => filter,
                Err(invalid) => return Ok(Acted::Refused(Changed::Invalid(invalid))),
            };
            let (url, keys) = (Some((fields.url.clone(), fields.credentials.clone())), fields.keys);
            let patch = HookPatch { url, filter: Some(filter), keys, ..HookPatch::default() };
            store.change(now, id, &patch).map(Acted::from)
        };
        let names = Some("webhook_url, event_list".into());
        match access::manage_within(&app, by, managed(by), id, Action::HookChanged, names, change).await {
            Ok(Changed::Invalid(invalid)) => Err(refused(&invalid)),
            Ok(Changed::Absent | Changed::Conflict) => Err(Refusal::NotRegistered),
            Ok(Changed::To(_)) => {
                // Another URL may have let go what waited.
                app.wake.notify_one();
                Ok(success(&()))
            }
            Err(error) => Err(absent(error)),
        }
    })
    .await
}

/// `DELETE /api/webhook/{id}?application_name=`: with all its subscriptions.
pub(super) async fn remove(app: Arc<App>, request: Request) -> Answer {
    let asks = Asks::of(&request);
    envelope::told(async {
        let (hook, webhook) = webhook(&app, &asks).await?;
        to_change(&app, &asks, webhook).await?;
        let (by, now, id) = (&asks.by, app.clock.now(), hook.id);
        let remove =
            move |store: &mut dyn Writes, _| Ok(store.remove(now, id, Some(Dialect::Huskar))?.then_some(()).into());
        let removed = access::manage_within(&app, by, managed(by), id, Action::HookRemoved, None, remove).await;
        removed.map_err(absent)?;
        app.removed.notify_one();
        Ok(success(&()))
    })
    .await
}

/// Whether the caller may change it; for which application, if it is one of those.
async fn to_change(app: &App, asks: &Asks, webhook: Webhook) -> Result<Option<String>, Refusal> {
    match webhook.kind {
        Kind::Site => only_admins(&asks.by, "update").map(|()| None),
        Kind::Application => authority::write(app, asks).await.map(Some),
    }
}

/// What stands in a PUT's way besides its own fields was set through another API.
fn refused(invalid: &Invalid) -> Refusal {
    match invalid.field.as_ref() {
        "event_list" => Refusal::field("event_list", invalid.message.as_str()),
        field => Refusal::field(field, format!("{} (by PATCH /api/v1/hooks/{{id}})", invalid.message)),
    }
}

fn absent(error: ApiError) -> Refusal {
    match error {
        ApiError::NotFound(_) => Refusal::NotRegistered,
        error => error.into(),
    }
}

/// The webhook that the path names, if there is one that the caller may see.
async fn webhook(app: &App, asks: &Asks) -> Result<(Hook, Webhook), Refusal> {
    let nothing = || Refusal::Api(ApiError::NotFound("there is nothing at this path: a webhook has a number".into()));
    let id: HookId = asks.name.parse().map_err(|_| nothing())?;
    let hook = access::reached(app, &seen(&asks.by), id).await.map_err(absent)?;
    let webhook = hook.webhook.ok_or(Refusal::NotRegistered)?;
    Ok((hook, webhook))
}

/// All webhooks within these bounds that `view` shows; of those that want something of
/// an application, if one is named. Written where they are read: they may be many.
async fn webhook_list(
    app: &App,
    within: Bounds,
    application: Option<String>,
    view: impl Fn(&Hook, Webhook) -> Option<WebhookView> + Send + 'static,
) -> Result<Response, ApiError> {
    let filter = HookFilter { dialect: Some(Dialect::Huskar), application, within, ..HookFilter::default() };
    let list = app.db.read(move |archive| {
        let mut page = Page { after: None, limit: MAX_LIMIT };
        let mut list = vec![];
        loop {
            let found = archive.hooks(page, &filter)?;
            list.extend(found.items.iter().filter_map(|hook| hook.webhook.and_then(|webhook| view(hook, webhook))));
            match found.next {
                None => return Ok(envelope::text(&json!({ "webhook_list": list }))),
                next => page.after = next,
            }
        }
    });
    Ok(envelope::response(list.await?))
}
