//! `/api/v1/hooks/{id}/secret`: what a hook signs with, for those who may know.

use std::sync::Arc;

use serde_json::{Map, Value};
use warp::Reply;
use warp::reply::json;

use super::hooks::id;
use crate::api::App;
use crate::api::access::{self, Acted};
use crate::api::error::ApiError;
use crate::api::hook_fields::secret_alone;
use crate::api::request::Request;
use crate::api::router::Answer;
use crate::api::views::SecretView;
use crate::domain::Invalid;
use crate::domain::audit::Action;
use crate::domain::secrets::MAX_KEYS;
use crate::domain::signature::Secret;
use crate::store::{StoreError, Writes};

/// `GET /api/v1/hooks/{id}/secret`
pub(in crate::api) async fn show(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let (id, now) = (id(&request)?, app.clock.now());
    let look = move |store: &mut dyn Writes, _| store.signing_keys(now, id).map(Acted::from);
    let keys = access::manage(&app, &request.by, id, Action::SecretRead, look).await?;
    Ok(json(&SecretView::from(keys)).into_response())
}

/// `POST /api/v1/hooks/{id}/secret/rotate`: signs with another secret, and for a
/// while with the former one, too. The body, if any, holds the new `secret`.
pub(in crate::api) async fn rotate(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let (id, now, overlap) = (id(&request)?, app.clock.now(), app.secret_overlap);
    let by = request.by.clone();
    let secret = given(&request.json_body(&app).await?)?;
    let rotate = move |store: &mut dyn Writes, _| {
        let keys = match store.signing_keys(now, id) {
            // What does not open gives way to a new secret.
            Err(StoreError::Unusable(_)) => None,
            keys => keys?,
        };
        // One more would end a former one before the time that was promised.
        if keys.is_some_and(|keys| keys.count >= MAX_KEYS) {
            return Ok(Acted::Refused(None));
        }
        Ok(store.rotate_secret(now, id, secret.as_ref(), overlap)?.map(Some).into())
    };
    match access::manage(&app, &by, id, Action::SecretRotated, rotate).await? {
        Some(keys) => Ok(json(&SecretView::from(keys)).into_response()),
        None => Err(ApiError::Conflict(Invalid::new(
            "secret",
            format!(
                "was rotated so often that {MAX_KEYS} sign beside each other: wait until a former one ends (--secret-overlap)"
            ),
        ))),
    }
}

fn given(body: &[u8]) -> Result<Option<Secret>, ApiError> {
    if body.is_empty() {
        return Ok(None);
    }
    let object = serde_json::from_slice::<Map<String, Value>>(body);
    let object =
        object.map_err(|_| ApiError::Malformed("the body is no JSON object: send one with secret, or none".into()));
    Ok(secret_alone(&object?)?)
}
