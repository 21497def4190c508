//! Clauses about what hooks sign with.

use std::time::Duration;

use nyala::domain::headers::GivenHeaders;
use nyala::domain::hook::{HookPatch, NewHook};
use nyala::domain::id::HookId;
use nyala::domain::signature::{Scheme, Secret};
use nyala::store::{Added, Changed, SigningKeys};

use super::{Store, at, new_hook, start, to_url};

const OVERLAP: Duration = Duration::from_secs(10);

fn keys(store: &mut Store, millis: i64, id: HookId) -> Option<SigningKeys> {
    store.write(|store| store.signing_keys(at(millis), id))
}

fn rotate(store: &mut Store, millis: i64, id: HookId) -> SigningKeys {
    store.write(|store| store.rotate_secret(at(millis), id, None, OVERLAP)).expect("a hook")
}

/// How many signatures a request would carry.
fn signatures(store: &Store, millis: i64, id: HookId) -> usize {
    let target = store.targets.get(id).expect("a target");
    let signing = &target.secrets.as_ref().expect("secrets that open").signing;
    signing.sign("evt_1", at(millis), b"{}").webhook.map_or(0, |all| all.split(' ').count())
}

pub(super) fn each_hook_has_a_secret_of_its_own_and_keeps_it(store: &mut Store) {
    let (one, other) = (store.hook("one", "E"), store.hook("other", "E"));
    let [first, second] = [one, other].map(|id| keys(store, 0, id).expect("a hook").current);

    store.open_again();

    assert!(first.secret != second.secret && first.seed != second.seed);
    assert_eq!([one, other].map(|id| keys(store, 0, id).expect("a hook").current), [first, second]);
    assert!(keys(store, 0, HookId(77)).is_none());
}

pub(super) fn a_secret_that_is_given_is_kept_and_not_taken_from_a_repetition(store: &mut Store) {
    let given = |byte| NewHook { secret: Some(Secret::from_bytes([byte; 32])), ..new_hook("http://receiver/", &["E"]) };

    let Added::New(hook) = store.write(|store| store.add(start(), &given(1))) else { panic!("not new") };
    let again = store.write(|store| store.add(start(), &given(2)));

    assert!(matches!(again, Added::Existing(existing) if existing.id == hook.id));
    assert_eq!(keys(store, 0, hook.id).expect("a hook").current.secret, Secret::from_bytes([1; 32]));
}

pub(super) fn a_former_secret_signs_until_its_end_and_is_then_forgotten(store: &mut Store) {
    let hook = store.hook("a", "E");
    let other = store.hook("b", "E");

    let new = rotate(store, 0, hook);
    let forgotten_early = store.write(|store| store.forget_former(at(9_999), 10));
    let during = signatures(store, 9_999, hook);
    let after = signatures(store, 10_000, hook);
    rotate(store, 1, other);
    let steps = [1, 1, 1].map(|limit| store.write(|store| store.forget_former(at(20_000), limit)));

    assert_eq!(new.former_until, Some(at(10_000)));
    assert_eq!((forgotten_early, during, after, steps), (0, 2, 1, [1, 1, 0]));
    assert_eq!(signatures(store, 0, hook), 1, "it is gone, whatever the time");
    let kept = keys(store, 0, hook).expect("a hook");
    assert!(kept.current == new.current && kept.former_until.is_none());
}

pub(super) fn a_rotation_that_is_rolled_back_changes_nothing(store: &mut Store) {
    let hook = store.hook("a", "E");
    let before = keys(store, 0, hook).expect("a hook").current;

    store.forget(|store| store.rotate_secret(start(), hook, None, OVERLAP));

    assert_eq!(keys(store, 0, hook).expect("a hook").current, before);
    assert_eq!(signatures(store, 0, hook), 1);
}

pub(super) fn a_removed_hook_has_no_secrets(store: &mut Store) {
    let hook = store.hook("a", "E");

    store.write(|store| store.remove(start(), hook, None));

    assert!(keys(store, 0, hook).is_none());
    assert!(store.write(|store| store.rotate_secret(start(), hook, None, OVERLAP)).is_none());
}

pub(super) fn a_change_of_headers_and_signatures_takes_effect_at_once(store: &mut Store) {
    let hook = store.hook("a", "E");
    let headers = |value: &str| Some(GivenHeaders::new(vec![("X-Api-Key".to_owned(), value.to_owned())]));
    let first = HookPatch {
        headers: headers("1"),
        signatures: Some(vec![Scheme::V1, Scheme::V1a]),
        ..to_url("http://me:word@receiver/b")
    };

    let changed = store.write(|store| store.change(start(), hook, &first));
    let kept = HookPatch { headers: headers("***"), ..HookPatch::default() };
    store.write(|store| store.change(start(), hook, &kept));
    store.open_again();
    store.publish("E", &nyala::store::room::Room::new(1));

    assert!(matches!(changed, Changed::To(hook) if hook.header_names == ["x-api-key"] && hook.signatures.len() == 2));
    let target = store.targets.get(hook).expect("a target");
    let secrets = target.secrets.as_ref().expect("secrets that open");
    assert_eq!(secrets.headers.pairs(), [("x-api-key".to_owned(), "1".to_owned())]);
    assert_eq!(secrets.credentials.as_ref().map(|credentials| credentials.password.as_str()), Some("word"));
    assert_eq!(signatures(store, 0, hook), 2);
}
