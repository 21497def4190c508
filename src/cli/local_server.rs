//! `nyala local-server`: a server with a hook for all that CCX calls, for trying things out.

use std::path::PathBuf;

use clap::ArgMatches;

use super::exit::Failure;
use super::{output, serve};
use crate::config::{Flags, Settings, Shown};
use crate::domain::Invalid;
use crate::domain::ccx;
use crate::domain::filter::Filter;
use crate::domain::gate::Gating;
use crate::domain::headers::GivenHeaders;
use crate::domain::hook::{Dialect, NewHook, Order, Owner};
use crate::domain::network::Network;
use crate::domain::pace::Limits;
use crate::domain::signature::Scheme;
use crate::domain::url::HookUrl;
use crate::service::Service;

/// Where `nyala test-client` looks for it.
const GRPC: ([u8; 4], u16) = ([127, 0, 0, 1], 19785);

/// Run a server that calls `nyala mock-hooks`, for trying CCX's hooks out
///
/// It is `nyala serve` with a hook that wants all eight and is described by NAME. Unless options say
/// otherwise, it serves gRPC on 127.0.0.1:19785, may call this machine, and keeps its data in
/// data/NAME.db. Starting it again changes nothing, or where that hook points.
#[derive(clap::Args, Debug)]
#[command(
    mut_arg("grpc_listen", |arg| arg.help("Where to serve gRPC; port 0 picks a free one [default: 127.0.0.1:19785]")),
    mut_arg("database", |arg| arg.help("The database file; its folder is made [default: data/NAME.db]")),
    mut_arg("allow_network", |arg| {
        arg.help("Where hooks may point besides the public internet; repeatable [default: loopback]")
    })
)]
pub struct LocalServer {
    /// What to call it: letters, digits, - and _
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
    /// Whom it calls
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:19786")]
    mock: String,
    #[command(flatten)]
    flags: Flags,
}

/// A name that may be a file's.
fn name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if (1..=64).contains(&text.len()) && text.chars().all(plain) && !text.starts_with('-') {
        return Ok(text.to_owned());
    }
    Err("want letters, digits, - and _, at most 64".to_owned())
}

/// Serves until it is stopped.
///
/// # Errors
/// A setting cannot be used, or the service cannot start.
pub(super) async fn run(args: LocalServer, matches: &ArgMatches) -> Result<(), Failure> {
    let LocalServer { name, mock, flags } = args;
    let hook = new_hook(&name, &mock).map_err(|invalid| Failure::usage(format!("--mock: {}", invalid.message)))?;
    let (settings, shown) = flags.resolve(matches).map_err(|e| Failure::usage(e.to_string()))?;
    let settings = local(settings, &shown, &name);
    // Without the password that may stand in it.
    let mock = hook.url.as_str().to_owned();
    serve::serve(settings, async |service: &Service| {
        let failed = |error: crate::store::StoreError| Failure::failed(error.to_string());
        let id = service.keep_hook(hook).await.map_err(failed)?;
        output::note(&format!("{name} is hook {id}, and calls {mock}: `nyala mock-hooks` answers there"));
        Ok(())
    })
    .await
}

/// The settings of a server to try things out with, wherever nobody said otherwise.
fn local(mut settings: Settings, shown: &[Shown], name: &str) -> Settings {
    let unsaid = |setting: &str| shown.iter().any(|shown| shown.name == setting && shown.origin == "default");
    if unsaid("database") {
        settings.database = PathBuf::from(format!("data/{name}.db"));
    }
    if unsaid("grpc-listen") {
        settings.grpc_listen = Some(GRPC.into());
    }
    if unsaid("allow-network") {
        settings.allow_network = vec![Network::Loopback];
    }
    settings
}

/// A hook on all that CCX calls.
fn new_hook(name: &str, url: &str) -> Result<NewHook, Invalid> {
    let (url, credentials) = HookUrl::parse(url)?;
    Ok(NewHook {
        owner: Owner::ADMIN,
        dialect: Dialect::V1,
        webhook: None,
        url,
        credentials,
        filter: Filter::product(&ccx::ALL.map(|hook| hook.name.to_owned()), &[])?,
        concerns: vec![],
        insecure_ssl: false,
        gating: Gating::default(),
        description: Some(name.to_owned()),
        limits: Limits::default(),
        order: Order::None,
        secret: None,
        signatures: vec![Scheme::V1],
        headers: GivenHeaders::default(),
        ca_certificate: None,
        client_certificate: None,
    })
}
