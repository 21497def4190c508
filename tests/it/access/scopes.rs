//! Every route, without a token and with each scope.

use nyala::api::{Needs, routes};
use nyala::domain::token::Scope;

use super::{closed, send, token};
use crate::house::House;

/// Who may take each route besides admins; `-` is anybody.
const TABLE: &str = "
    GET    /healthz                               -
    GET    /readyz                                -
    POST   /api/hooks                             subscribe
    GET    /api/hooks                             read subscribe
    GET    /api/hooks/{id}                        read subscribe
    DELETE /api/hooks/{id}                        subscribe
    POST   /api/hooks/publish/{type}              publish
    POST   /api/hooks/hooks/publish/{type}        publish
    POST   /hooks                                 subscribe
    GET    /hooks                                 read subscribe
    GET    /hooks/{id}                            read subscribe
    DELETE /hooks/{id}                            subscribe
    POST   /hooks/publish/{type}                  publish
    POST   /hooks/hooks/publish/{type}            publish
    GET    /api/webhook                           read subscribe
    POST   /api/webhook                           read subscribe
    POST   /api/webhook/actions                   publish
    GET    /api/webhook/application/{name}        read subscribe
    GET    /api/webhook/{id}                      read subscribe
    PUT    /api/webhook/{id}                      read subscribe
    DELETE /api/webhook/{id}                      read subscribe
    POST   /ccx/hooks/{hook}                      publish
    GET    /api/v1/applications                   read subscribe
    POST   /api/v1/applications                   admin
    GET    /api/v1/event-types                    read publish subscribe
    GET    /api/v1/hooks                          read subscribe
    POST   /api/v1/hooks                          subscribe
    GET    /api/v1/hooks/{id}                     read subscribe
    PATCH  /api/v1/hooks/{id}                     subscribe
    DELETE /api/v1/hooks/{id}                     subscribe
    POST   /api/v1/hooks/{id}/pause               subscribe
    POST   /api/v1/hooks/{id}/resume              subscribe
    POST   /api/v1/hooks/{id}/test                subscribe
    GET    /api/v1/hooks/{id}/secret              subscribe
    POST   /api/v1/hooks/{id}/secret/rotate       subscribe
    POST   /api/v1/hooks/{id}/replay              subscribe
    GET    /api/v1/replays/{id}                   read subscribe
    DELETE /api/v1/replays/{id}                   subscribe
    GET    /api/v1/events                         read
    POST   /api/v1/events                         publish
    GET    /api/v1/events/{id}                    read
    GET    /api/v1/deliveries                     read subscribe
    GET    /api/v1/deliveries/{id}                read subscribe
    POST   /api/v1/deliveries/{id}/redeliver      subscribe
    GET    /api/v1/gates                          read
    POST   /api/v1/gates/{event}                  publish
    GET    /api/v1/gates/{id}                     read publish
    POST   /api/v1/gates/{id}/decisions           -
    POST   /api/v1/gates/{id}/approve             admin
    POST   /api/v1/gates/{id}/refuse              admin
    GET    /api/v1/triggers                       publish
    POST   /api/v1/triggers                       publish
    POST   /api/v1/triggers/preview               publish
    GET    /api/v1/triggers/{uuid}                publish
    PATCH  /api/v1/triggers/{uuid}                publish
    DELETE /api/v1/triggers/{uuid}                publish
    POST   /api/v1/triggers/{uuid}/start          publish
    POST   /api/v1/triggers/{uuid}/stop           publish
    POST   /api/v1/triggers/{uuid}/fire           publish
    GET    /api/v1/triggers/{uuid}/executions     publish
    DELETE /api/v1/triggers/{uuid}/executions     publish
    GET    /api/v1/triggers/{uuid}/executions/{id} publish
    POST   /api/v1/triggers/{uuid}/executions/{id}/stop publish
    GET    /api/v1/maintenance                    read publish
    PUT    /api/v1/maintenance                    admin
    GET    /api/v1/audit                          admin
    GET    /webhook/{uuid}                        -
    POST   /webhook/{uuid}                        -
    PUT    /webhook/{uuid}                        -
    DELETE /webhook/{uuid}                        -
    GET    /task                                  publish
    POST   /task                                  publish
    POST   /task/bulk                             publish
    DELETE /task/bulk                             publish
    GET    /task/bulk/start                       publish
    GET    /task/bulk/stop                        publish
    POST   /task/execute                          publish
    GET    /task/{uuid}                           publish
    PUT    /task/{uuid}                           publish
    DELETE /task/{uuid}                           publish
    GET    /task/{uuid}/start                     publish
    GET    /task/{uuid}/stop                      publish
    GET    /task/{uuid}/execution                 publish
    DELETE /task/{uuid}/execution                 publish
    GET    /task/{uuid}/execution/{timestamp}     publish
    POST   /task/{uuid}/execution/{timestamp}/stop publish
    GET    /mon/version                           -
    GET    /mon/status                            -
    GET    /mon/metrics                           -
    GET    /mon/metrics/all                       -
    POST   /admin/maintenance                     admin
    POST   /admin/repository/event/{vcs}/{repository}/{uuid}/stop admin
    POST   /admin/repository/event/{vcs}/{repository}/{uuid}/restart admin
    DELETE /admin/repository/{vcs}/{repository}   admin
    GET    /admin/scheduler                       admin
    POST   /admin/scheduler/resync                admin
    GET    /admin/scheduler/execution/{hook}      admin
    DELETE /admin/scheduler/execution/{hook}      admin
    GET    /admin/scheduler/{vcs}/{repository}/{workflow} admin
    GET    /admin/outgoing/{project}/{vcs}/{repository}/{workflow} admin
    GET    /admin/outgoing/{project}/{vcs}/{repository}/{workflow}/{hook} admin
    POST   /v2/webhook/repository                 -
    POST   /v2/webhook/repository/{project}/{kind}/{vcs}/{uuid} -
    POST   /v2/webhook/workflow/{project}/{vcs}/{repository}/{workflow}/{uuid} -
    GET    /v2/repository                         publish
    GET    /v2/repository/event/{vcs}/{repository} publish
    DELETE /v2/repository/event/{vcs}/{repository} publish
    GET    /v2/repository/event/{vcs}/{repository}/{uuid} publish
    POST   /v2/repository/event/callback          publish
    POST   /v2/repository/key/{project}/{vcs}/{repository} publish
    POST   /v2/workflow/key/{project}/{vcs}/{repository}/{workflow} publish
    POST   /v2/workflow/manual                    publish
    POST   /v2/workflow/outgoing                  publish
    DELETE /v2/workflow/outgoing/{project}        publish
    POST   /v2/workflow/scheduler                 publish
    DELETE /v2/workflow/scheduler/{vcs}/{repository}/{workflow} publish
";

fn rows() -> Vec<(String, String, Vec<String>)> {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let rows = TABLE.lines().map(words).filter(|words| !words.is_empty());
    rows.map(|words| (words[0].clone(), words[1].clone(), words[2..].to_vec())).collect()
}

#[test]
fn every_route_stands_in_the_table_with_who_may_take_it() {
    let actual: Vec<_> = routes()
        .map(|(method, pattern, needs)| {
            let scopes = match needs {
                Needs::Nothing => vec!["-".to_owned()],
                Needs::OneOf(scopes) => scopes.iter().map(ToString::to_string).collect(),
            };
            (method.to_string(), pattern.to_owned(), scopes)
        })
        .collect();
    assert_eq!(actual, rows());
}

#[tokio::test]
async fn without_a_token_only_public_routes_answer() {
    let house = House::new().await;
    token(&house, "admin", &[Scope::Admin], &[]);
    closed(&house).await;

    for (method, pattern, scopes) in rows() {
        let path = pattern.replace("{id}", "1").replace(['{', '}'], "");
        let answer = send(&house, "", method.parse().expect("a method"), &path, "{}").await;
        let public = scopes == ["-"];
        assert_eq!(answer.status() == 401, !public, "{method} {path}");
        assert_eq!(answer.headers().contains_key("www-authenticate"), !public, "{method} {path}");
    }
    for path in ["/", "/nothing/here", "/api/v2/hooks", "/api/hooks/../../x"] {
        assert_eq!(send(&house, "", "GET".parse().expect("a method"), path, "").await.status(), 401, "{path}");
    }
    house.close().await;
}

#[tokio::test]
async fn each_scope_opens_its_routes_and_no_others() {
    let house = House::new().await;
    for scope in Scope::ALL {
        let token = token(&house, scope.as_str(), &[scope], &[]);
        for (method, pattern, scopes) in rows() {
            let path = pattern.replace("{id}", "999").replace(['{', '}'], "");
            let answer = send(&house, &token, method.parse().expect("a method"), &path, "{}").await;
            let may = scope == Scope::Admin || scopes.iter().any(|name| name == "-" || name == scope.as_str());
            let status = answer.status();
            // Huskar's clients know no 403 here.
            let refused = status == 403 || answer.text().await.expect("a text").contains("NoAuthError");
            assert_eq!(!refused, may, "{method} {path} with {scope}");
            assert_ne!(status, 401, "{method} {path} with {scope}");
        }
    }
    house.close().await;
}

#[tokio::test]
async fn a_scope_is_looked_at_before_what_is_there() {
    let house = House::new().await;
    let publisher = token(&house, "ci", &[Scope::Publish], &[]);
    let admin = token(&house, "admin", &[Scope::Admin], &[]);
    let hook = super::hook(&house, &admin, &serde_json::json!({"url": "http://127.0.0.1/", "event": "E"})).await;

    let mut answers = vec![];
    for id in [hook["id"].to_string(), "999".to_owned(), "x".to_owned()] {
        for path in [format!("/api/hooks/{id}"), format!("/api/v1/hooks/{id}")] {
            let answer = send(&house, &publisher, reqwest::Method::DELETE, &path, "").await;
            answers.push((answer.status().as_u16(), answer.text().await.expect("a text")));
        }
    }

    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.0 == 403), "{answers:?}");
    house.close().await;
}
