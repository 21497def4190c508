//! Whatever comes, it is read or refused.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

/// Every recorded request whose body is JSON as it stands.
static ALL: LazyLock<Vec<Incoming>> = LazyLock::new(all);

fn all() -> Vec<Incoming> {
    let forges = std::fs::read_dir(folder()).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut names = vec![];
    for forge in forges.filter(|path| path.is_dir()) {
        for file in std::fs::read_dir(&forge).expect("a folder") {
            let path = file.expect("an entry").path();
            let relative = path.strip_prefix(folder()).expect("below").with_extension("");
            names.push(relative.to_str().expect("a name").to_owned());
        }
    }
    names.sort();
    names.iter().filter(|name| *name != "github/push-form").map(|name| recorded(name)).collect()
}

/// The pointers of all values.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, field)| {
            let key = key.replace('~', "~0").replace('/', "~1");
            pointers(field, &format!("{at}/{key}"), found);
        }),
        Value::Array(elements) => {
            elements.iter().enumerate().for_each(|(index, field)| pointers(field, &format!("{at}/{index}"), found));
        }
        _ => {}
    }
}

/// A value of any type, with what is likely to be mistaken.
fn any_value() -> impl Strategy<Value = Value> {
    let single = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|it| json!(it)),
        any::<i64>().prop_map(|it| json!(it)),
        any::<f64>().prop_map(|it| json!(it)),
        "\\PC{0,12}".prop_map(|it| json!(it)),
        "(refs/(heads|tags)/)?é{0,9}".prop_map(|it| json!(it)),
    ];
    single.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::vec(("[a-z]{0,4}", inner), 0..3).prop_map(|all| Value::Object(all.into_iter().collect())),
        ]
    })
}

/// The filter under which a request is wanted.
fn wanting(incoming: &Incoming) -> Vec<String> {
    let names = ["x-github-event", "x-gitlab-event", "x-event-key"];
    names.iter().filter_map(|name| incoming.header(name).map(str::to_owned)).collect()
}

proptest! {
    #[test]
    fn a_recorded_event_with_anything_in_any_of_its_places_is_read_or_refused(
        which in any::<prop::sample::Index>(),
        places in prop::collection::vec((any::<prop::sample::Index>(), any_value()), 1..4),
    ) {
        let incoming = which.get::<Incoming>(&ALL).clone();
        let mut body: Value = serde_json::from_slice(&incoming.body).expect("JSON");
        for (place, value) in places {
            let mut found = vec![];
            pointers(&body, "", &mut found);
            *body.pointer_mut(place.get::<String>(&found)).expect("a field") = value;
        }
        let incoming = Incoming { body: body.to_string().into(), ..incoming };
        if let Ok(Read::Changes(events)) = read(&incoming, &wanting(&incoming)) {
            for event in events {
                prop_assert!(event.iter().all(|(key, value)| value.is_string() || key == "change"));
                prop_assert!(event["change"].is_object());
            }
        }
    }

    #[test]
    fn any_json_under_any_forges_header_is_read_or_refused(
        which in any::<prop::sample::Index>(), body in any_value(),
    ) {
        let incoming = Incoming { body: body.to_string().into(), ..which.get::<Incoming>(&ALL).clone() };
        let _ = read(&incoming, &wanting(&incoming));
        let _ = (of_gerrit(&body), Forge::detect(&incoming), delivery_id(&incoming));
    }
}

#[test]
fn every_recorded_request_has_an_id_but_for_what_has_no_header_for_it() {
    for incoming in ALL.iter() {
        let has_one = Forge::detect(incoming) != Some(Forge::Gerrit);
        assert_eq!(delivery_id(incoming).is_some(), has_one, "{:?}", incoming.headers);
    }
}
