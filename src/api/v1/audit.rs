//! `/api/v1/audit`: who did what, and from where.

use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::api::App;
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::router::Answer;
use crate::domain::audit::{Action, AuditEntry};
use crate::domain::id::TokenId;
use crate::domain::time::Timestamp;
use crate::store::AuditFilter;

/// One line of the log.
#[derive(Serialize)]
struct AuditView {
    at: Timestamp,
    actor: ActorView,
    action: &'static str,
    object: String,
    detail: Option<String>,
}

#[derive(Serialize)]
struct ActorView {
    name: String,
    token: Option<TokenId>,
    address: Option<IpAddr>,
}

impl From<AuditEntry> for AuditView {
    fn from(entry: AuditEntry) -> Self {
        let AuditEntry { at, actor, action, object, detail } = entry;
        let actor = ActorView { name: actor.name, token: actor.token, address: actor.address };
        Self { at, actor, action: action.as_str(), object, detail }
    }
}

/// `GET /api/v1/audit?action=&object=&actor=&since=&until=&limit=&cursor=`: newest first.
pub(in crate::api) async fn list(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&["action", "object", "actor", "since", "until", "limit", "cursor"])?;
    if !request.by.caller.applications().is_empty() {
        let why = "the audit log tells of all applications: it takes an admin's token that is bound to none";
        return Err(ApiError::Forbidden(why.into()));
    }
    let page = request.page()?;
    let (since, until) = request.times()?;
    let known = Action::ALL.map(Action::as_str).join(", ");
    let action = request.asked("action", &format!("one of {known}"), Action::named)?;
    let filter =
        AuditFilter { action, object: request.query_one("object"), actor: request.query_one("actor"), since, until };
    app.list(move |archive| archive.audit(page, &filter), AuditView::from).await
}
