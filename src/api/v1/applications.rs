//! `/api/v1/applications`: those of which somebody has said that there are.

use std::sync::Arc;

use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use warp::Reply;
use warp::reply::json;

use crate::api::App;
use crate::api::access;
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::router::Answer;
use crate::domain::Invalid;
use crate::domain::application::{Application, KnownApplication};
use crate::domain::audit::Action;
use crate::domain::time::Timestamp;

/// An application.
#[derive(Serialize)]
struct ApplicationView {
    name: String,
    created_at: Timestamp,
}

impl From<KnownApplication> for ApplicationView {
    fn from(application: KnownApplication) -> Self {
        Self { name: application.name.as_str().to_owned(), created_at: application.created_at }
    }
}

/// `GET /api/v1/applications?limit=&cursor=`
pub(in crate::api) async fn list(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&["limit", "cursor"])?;
    let (page, within) = (request.page()?, request.by.caller.sees());
    app.list(move |archive| archive.applications(page, &within), ApplicationView::from).await
}

/// `POST /api/v1/applications`: `{"name"}`; 201 if it is new, 200 if it was known.
pub(in crate::api) async fn add(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let by = request.by.clone();
    let body = request.json_body(&app).await?;
    let name = parse(&body)?;
    access::check(&by.caller.manages(), &by.caller, &[name.as_str().to_owned()])?;
    let (now, asked) = (app.clock.now(), name.clone());
    let added = app.db.write(move |store| {
        let added = store.add_application(now, &asked)?;
        if added {
            store.note(&by.did(now, Action::ApplicationCreated, &asked.as_str()))?;
        }
        Ok(added)
    });
    let status = if added.await? { StatusCode::CREATED } else { StatusCode::OK };
    let view = serde_json::json!({ "name": name.as_str() });
    Ok(warp::reply::with_status(json(&view), status).into_response())
}

fn parse(body: &[u8]) -> Result<Application, ApiError> {
    let fields: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|_| ApiError::Malformed("the body is not a JSON object: send one with name".into()))?;
    if let Some(other) = fields.keys().find(|key| *key != "name") {
        return Err(Invalid::new(other.clone(), "is no field of an application: it has name").into());
    }
    match fields.get("name") {
        Some(Value::String(name)) => {
            Ok(Application::parse(name).map_err(|invalid| Invalid { field: "name".into(), ..invalid })?)
        }
        Some(_) => Err(Invalid::new("name", "is not a text: give the application's name").into()),
        None => Err(Invalid::new("name", "is missing: give the application's name").into()),
    }
}
