//! The actions that are known, against the list that was drawn from Huskar's code.

use serde_json::{Value, json};

use crate::bad_input::{check_problem, field};
use crate::house::House;

const TEAM: &str = "team_id team_name team_desc";
const APPLICATION: &str = "application_id application_name team_id team_name team_desc";
const USER: &str = "username user_id";
const TEAM_ADMIN: &str = "user_id username team_id team_name team_desc";
const AUTHORITY: &str = "application_id application_name user_id username authority";
const KEY: &str = "application_name cluster_name key";
const CLUSTER: &str = "application_name cluster_name";
const IMPORT: &str = "application_names stored overwrite affected";
const INFRA: &str = "application_name infra_type infra_name scope_type scope_name";
const LINK: &str = "application_name cluster_name physical_name";
const ROUTE: &str = "application_name cluster_name intent dest_application_name dest_cluster_name";
const DEFAULT_ROUTE: &str = "application_name ezone intent cluster_name";

/// Code, name, whether it is of applications, severity, keys.
pub(super) const ACTIONS: [(u32, &str, bool, u8, &str); 45] = [
    (1001, "CREATE_TEAM", false, 0, TEAM),
    (1002, "DELETE_TEAM", false, 1, TEAM),
    (1003, "ARCHIVE_TEAM", false, 1, TEAM),
    (1101, "CREATE_APPLICATION", false, 0, APPLICATION),
    (1102, "DELETE_APPLICATION", false, 1, APPLICATION),
    (1103, "ARCHIVE_APPLICATION", false, 1, APPLICATION),
    (1201, "CREATE_USER", false, 0, USER),
    (1202, "DELETE_USER", false, 1, USER),
    (1203, "ARCHIVE_USER", false, 1, USER),
    (1205, "CHANGE_USER_PASSWORD", false, 0, USER),
    (1206, "FORGOT_USER_PASSWORD", false, 0, USER),
    (2001, "GRANT_HUSKAR_ADMIN", false, 1, USER),
    (2002, "DISMISS_HUSKAR_ADMIN", false, 1, USER),
    (2101, "GRANT_TEAM_ADMIN", false, 1, TEAM_ADMIN),
    (2102, "DISMISS_TEAM_ADMIN", false, 1, TEAM_ADMIN),
    (2201, "GRANT_APPLICATION_AUTH", true, 1, AUTHORITY),
    (2202, "DISMISS_APPLICATION_AUTH", true, 1, AUTHORITY),
    (3002, "UPDATE_SERVICE", true, 1, KEY),
    (3003, "DELETE_SERVICE", true, 1, KEY),
    (3004, "CREATE_SERVICE_CLUSTER", true, 1, CLUSTER),
    (3005, "DELETE_SERVICE_CLUSTER", true, 1, CLUSTER),
    (3006, "IMPORT_SERVICE", true, 1, IMPORT),
    (3102, "UPDATE_SWITCH", true, 1, KEY),
    (3103, "DELETE_SWITCH", true, 1, KEY),
    (3104, "CREATE_SWITCH_CLUSTER", true, 1, CLUSTER),
    (3105, "DELETE_SWITCH_CLUSTER", true, 1, CLUSTER),
    (3106, "IMPORT_SWITCH", true, 1, IMPORT),
    (3202, "UPDATE_CONFIG", true, 1, KEY),
    (3203, "DELETE_CONFIG", true, 1, KEY),
    (3204, "CREATE_CONFIG_CLUSTER", true, 1, CLUSTER),
    (3205, "DELETE_CONFIG_CLUSTER", true, 1, CLUSTER),
    (3206, "IMPORT_CONFIG", true, 1, IMPORT),
    (3207, "UPDATE_INFRA_CONFIG", true, 1, INFRA),
    (3208, "DELETE_INFRA_CONFIG", true, 1, INFRA),
    (3301, "UPDATE_SERVICE_INFO", true, 1, CLUSTER),
    (3302, "UPDATE_CLUSTER_INFO", true, 1, CLUSTER),
    (3303, "ASSIGN_CLUSTER_LINK", true, 1, LINK),
    (3304, "DELETE_CLUSTER_LINK", true, 1, LINK),
    (4001, "OBTAIN_USER_TOKEN", false, 0, USER),
    (4002, "OBTAIN_APPLICATION_TOKEN", false, 0, ""),
    (5001, "UPDATE_ROUTE", true, 1, ROUTE),
    (5002, "DELETE_ROUTE", true, 1, ROUTE),
    (5003, "UPDATE_DEFAULT_ROUTE", true, 1, DEFAULT_ROUTE),
    (5004, "DELETE_DEFAULT_ROUTE", true, 1, DEFAULT_ROUTE),
    (8001, "PROGRAM_UPDATE_ROUTE_STAGE", true, 1, "application_name old_stage new_stage"),
];

#[tokio::test]
async fn every_event_type_that_is_known_is_listed_kudus_two_first() {
    let house = House::new().await;

    let page = house.json("/api/v1/event-types").await;

    let items = page["items"].as_array().expect("items");
    assert_eq!((items.len(), &page["next"]), (55, &Value::Null));
    let names = |items: &[Value]| items.iter().map(|item| item["type"].clone()).collect::<Vec<_>>();
    assert_eq!(names(&items[..2]), ["PostDeployment", "TriggeredJobFinished"]);
    assert!(items[..2].iter().all(|item| item["family"] == "kudu"));
    for (item, (code, name, of_applications, severity, keys)) in items[2..].iter().zip(ACTIONS) {
        let keys: Vec<_> = keys.split_whitespace().collect();
        let level = if of_applications { "application" } else { "site" };
        assert_eq!((&item["type"], &item["code"], &item["family"]), (&json!(name), &json!(code), &json!("huskar")));
        assert_eq!((&item["level"], &item["severity"]), (&json!(level), &json!(severity)), "{name}");
        assert_eq!(item["keys"], json!(keys), "{name}");
        assert_ne!(item["description"].as_str().unwrap_or_default(), "", "{name}");
        assert!(item["sample"].is_object(), "{name}");
    }
    house.close().await;
}

#[tokio::test]
async fn the_list_of_event_types_takes_no_parameters() {
    let house = House::new().await;

    check_problem(house.get("/api/v1/event-types?limit=1").await, field("query", "has no parameter"), "limit").await;

    house.close().await;
}
