//! Who may do what to whom: READ and WRITE on an application, and the site's admins.

use super::super::App;
use super::super::request::{Asking, Request};
use super::envelope::Refusal;
use crate::domain::access::Bounds;
use crate::domain::token::Scope;
use crate::domain::webhook::Kind;

/// Who asks for what: all of a request but its body.
pub(super) struct Asks {
    pub(super) by: Asking,
    /// The parameter of the path.
    pub(super) name: String,
    /// The application that the query names.
    application: Option<String>,
}

impl Asks {
    /// Takes it out of a request.
    pub(super) fn of(request: &Request) -> Self {
        let application = request.query_one("application_name");
        Self { by: request.by.clone(), name: request.param().to_owned(), application }
    }
}

/// The kind that the query asks for; what is no number asks for none, as in Huskar.
pub(super) fn webhook_kind(request: &Request) -> Result<Kind, Refusal> {
    let number = request.query_one("webhook_type").and_then(|text| text.trim().parse::<i64>().ok());
    let kind = Kind::of_number(number.unwrap_or_default());
    kind.ok_or_else(|| Refusal::field("webhook_type", "invalid webhook type"))
}

/// Only admins of all applications may do this to webhooks of the site.
pub(super) fn only_admins(by: &Asking, what: &str) -> Result<(), Refusal> {
    if by.caller.is_admin() && by.caller.applications().is_empty() {
        return Ok(());
    }
    Err(Refusal::NoAuthority(format!("only admin can {what} universal webhook")))
}

/// The webhooks that they may see. Who is bound to applications sees all that are of
/// nothing else, whoever made them.
pub(super) fn seen(by: &Asking) -> Bounds {
    of_applications(by, &[Scope::Read, Scope::Subscribe]).unwrap_or_else(|| by.caller.sees())
}

/// Those that they may change; likewise.
pub(super) fn managed(by: &Asking) -> Bounds {
    of_applications(by, &[Scope::Subscribe]).unwrap_or_else(|| by.caller.manages())
}

fn of_applications(by: &Asking, any_of: &[Scope]) -> Option<Bounds> {
    let bounds = Bounds { owner: None, ..by.caller.sees() };
    (bounds.applications.is_some() && by.caller.may(any_of)).then_some(bounds)
}

/// The application that the query names, which the caller may read.
pub(super) async fn read(app: &App, asks: &Asks) -> Result<String, Refusal> {
    with(app, asks, &[Scope::Read, Scope::Subscribe], "read").await
}

/// The application that the query names, whose webhooks the caller may change.
pub(super) async fn write(app: &App, asks: &Asks) -> Result<String, Refusal> {
    with(app, asks, &[Scope::Subscribe], "write").await
}

async fn with(app: &App, asks: &Asks, any_of: &[Scope], what: &str) -> Result<String, Refusal> {
    let name = asks.application.clone().ok_or(Refusal::Missing("application_name"))?;
    known(app, &asks.by, &name).await?;
    if asks.by.caller.may(any_of) {
        return Ok(name);
    }
    Err(Refusal::NoAuthority(format!("{} has no {what} authority on {name}", asks.by.caller.name)))
}

/// Whether there is such an application; what the caller may not see is not there.
pub(super) async fn known(app: &App, by: &Asking, name: &str) -> Result<(), Refusal> {
    let no_such = || Refusal::NoApplication(name.to_owned());
    if !by.caller.sees().hold_one_of(&[name.to_owned()]) {
        return Err(no_such());
    }
    let asked = name.to_owned();
    let known = app.db.look(move |archive| archive.knows_application(&asked)).await;
    if known.map_err(super::ApiError::from)? { Ok(()) } else { Err(no_such()) }
}
