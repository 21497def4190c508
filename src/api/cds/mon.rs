//! `/mon`: how it goes, for anybody. A task's name, uuid and URL are told to nobody here: who
//! knows them may fire it.

use std::fmt::Write as _;
use std::sync::Arc;

use http::header::CONTENT_TYPE;
use serde::Serialize;
use serde_json::{Value, json};
use warp::Reply;
use warp::reply::with_header;

use crate::api::App;
use crate::api::request::Request;
use crate::api::router::Answer;
use crate::domain::time::Timestamp;
use crate::store::{Result as Kept, TriggerCounts};

/// The most lines of tasks that are stopped.
const MOST_STOPPED: u64 = 20;

/// How many executions may wait before that is worth a word, and before it is an alarm.
const MANY: u64 = 10;
const TOO_MANY: u64 = 100;

/// `GET /mon/version`
pub(in crate::api) async fn version(_: Arc<App>, _: Request) -> Answer {
    let version = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "architecture": std::env::consts::ARCH,
        "os": std::env::consts::OS,
        "git_hash": "",
        "build_time": "",
    });
    Ok(warp::reply::json(&version).into_response())
}

#[derive(Serialize)]
struct StatusView {
    now: Timestamp,
    lines: Vec<LineView>,
}

#[derive(Serialize)]
struct LineView {
    /// OK, WARN or AL.
    status: &'static str,
    component: &'static str,
    value: String,
    r#type: &'static str,
    service: &'static str,
    hostname: &'static str,
}

impl LineView {
    fn new(component: &'static str, status: &'static str, value: String) -> Self {
        Self { status, component, value, r#type: "hooks", service: "nyala", hostname: "" }
    }

    /// So many executions wait.
    fn queue(component: &'static str, waiting: u64) -> Self {
        let status = match waiting {
            TOO_MANY.. => "AL",
            MANY.. => "WARN",
            _ => "OK",
        };
        Self::new(component, status, waiting.to_string())
    }
}

/// `GET /mon/status`: always 200.
pub(in crate::api) async fn status(app: Arc<App>, _: Request) -> Answer {
    let now = app.clock.now();
    let lines = match counts(&app, now).await {
        Ok((counts, since)) => lines(&counts, since),
        Err(error) => vec![LineView::new("Database", "AL", error.to_string())],
    };
    Ok(warp::reply::json(&StatusView { now, lines }).into_response())
}

fn lines(counts: &TriggerCounts, maintenance: Option<Timestamp>) -> Vec<LineView> {
    let held_back = if maintenance.is_some() { counts.due } else { 0 };
    let balance = if counts.fired > counts.processed { "WARN" } else { "OK" };
    let (status, value) = match maintenance {
        None => ("OK", "off".to_owned()),
        Some(since) => ("WARN", format!("on since {}: nothing is carried out", since.rfc3339())),
    };
    let mut lines = vec![
        LineView::queue("Queue", counts.due),
        LineView::new("Balance", balance, format!("{}/{}", counts.fired, counts.processed)),
        LineView::queue("MaintenanceQueue", held_back),
        LineView::new("Maintenance", status, value),
    ];
    let stopped = |n| LineView::new("Task Stopped", "WARN", format!("a task ({n} of {})", counts.stopped));
    lines.extend((1..=counts.stopped.min(MOST_STOPPED)).map(stopped));
    lines
}

async fn counts(app: &App, now: Timestamp) -> Kept<(TriggerCounts, Option<Timestamp>)> {
    app.db.read(move |archive| Ok((archive.trigger_counts(now)?, archive.maintenance()?))).await
}

/// A number of several, by what tells them apart.
struct Metric {
    name: &'static str,
    help: &'static str,
    values: Vec<(Option<(&'static str, &'static str)>, u64)>,
}

async fn metrics_of(app: &App) -> Kept<[Metric; 4]> {
    let (counts, since) = counts(app, app.clock.now()).await?;
    let alone = |name, help, value| Metric { name, help, values: vec![(None, value)] };
    let state = |name, value| (Some(("state", name)), value);
    Ok([
        alone("nyala_executions_waiting", "Executions that are due and wait for their turn.", counts.due),
        alone("nyala_executions_doing", "Executions that are under way.", counts.doing),
        Metric {
            name: "nyala_triggers",
            help: "Triggers, by state.",
            values: vec![state("started", counts.started), state("stopped", counts.stopped)],
        },
        alone("nyala_maintenance", "1 while what fires triggers is kept and not carried out.", since.is_some().into()),
    ])
}

/// `GET /mon/metrics`: as Prometheus reads it.
pub(in crate::api) async fn metrics(app: Arc<App>, _: Request) -> Answer {
    let mut text = String::new();
    for Metric { name, help, values } in metrics_of(&app).await? {
        // A text takes whatever is written to it.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (label, value) in values {
            let label = label.map(|(name, value)| format!("{{{name}=\"{value}\"}}")).unwrap_or_default();
            let _ = writeln!(text, "{name}{label} {value}");
        }
    }
    Ok(with_header(text, CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8").into_response())
}

/// `GET /mon/metrics/all`: the same as JSON.
pub(in crate::api) async fn metrics_as_json(app: Arc<App>, _: Request) -> Answer {
    let metric = |(label, value): (Option<(&str, &str)>, u64)| {
        let label: Vec<Value> = label.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        json!({"label": label, "gauge": {"value": value}})
    };
    let family = |Metric { name, help, values }: Metric| {
        let metrics: Vec<Value> = values.into_iter().map(metric).collect();
        json!({"name": name, "help": help, "type": "GAUGE", "metric": metrics})
    };
    let all: Vec<Value> = metrics_of(&app).await?.into_iter().map(family).collect();
    Ok(warp::reply::json(&all).into_response())
}
