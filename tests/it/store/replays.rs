//! Clauses about replays.

use std::collections::BTreeSet;

use nyala::domain::delivery::{Next, State};
use nyala::domain::id::{HookId, ReplayId, Seq};
use nyala::domain::replay::{NewReplay, Replay, ReplayState};
use nyala::store::{Begun, Step};

use super::{Store, at, new_event};

/// When every replay here is asked for.
const BEGUN: i64 = 100;

fn of(hook: HookId) -> NewReplay {
    NewReplay { hook, wanted: None, since: None, until: None }
}

fn begin(store: &mut Store, new: &NewReplay) -> Begun {
    let stretch = store.archive().survey(at(BEGUN), new).expect("a count");
    store.write(|store| store.begin_replay(at(BEGUN), new, stretch))
}

fn begun(store: &mut Store, new: &NewReplay) -> Replay {
    match begin(store, new) {
        Begun::New(replay) => replay,
        other => panic!("{other:?}"),
    }
}

fn shown(store: &Store, id: ReplayId) -> Replay {
    store.archive().replay(id).expect("an answer").expect("a replay")
}

fn next_step(store: &Store, id: ReplayId) -> Step {
    store.archive().next_step(&shown(store, id), 2).expect("a step")
}

/// Makes all steps, each of at most two; answers what was done again, in order.
fn run(store: &mut Store, id: ReplayId) -> Vec<Seq> {
    let before: BTreeSet<_> = store.deliveries().into_keys().collect();
    while shown(store, id).state == ReplayState::Running {
        let step = next_step(store, id);
        store.write(|store| store.step(at(BEGUN + 1), &step));
    }
    let new = store.deliveries().into_values().filter(|delivery| !before.contains(&delivery.seq));
    new.map(|delivery| delivery.redelivers.expect("a redelivery")).collect()
}

/// A hook to which three events were delivered, two died and one is pending, as
/// they came; another hook has what must stay as it is.
fn scene(store: &mut Store) -> (HookId, Vec<Seq>) {
    let hook = store.hook("a", "A");
    store.hook("b", "B");
    let mut seqs = vec![];
    for (millis, status, next) in [
        (0, 200, Next::Done),
        (10, 500, Next::GiveUp),
        (20, 200, Next::Done),
        (30, 500, Next::GiveUp),
        (40, 200, Next::Done),
    ] {
        store.publish_at(millis, &new_event("A"));
        store.publish_at(millis, &new_event("B"));
        let ended = store.end_all(millis, status, next);
        seqs.extend(ended.into_iter().filter(|&seq| store.delivery(seq).0.hook == hook));
    }
    seqs.push(Seq(store.publish_at(50, &new_event("A")).seq.0 + 1));
    (hook, seqs)
}

pub(super) fn a_replay_goes_through_what_had_finished_when_it_began(store: &mut Store) {
    let (hook, seqs) = scene(store);
    let again = store.redelivered(60, seqs[0]);
    store.end_all(60, 500, Next::GiveUp);
    store.publish_at(70, &new_event("A"));

    let replay = begun(store, &of(hook));
    store.publish_at(BEGUN, &new_event("A"));
    store.end_all(BEGUN + 1, 200, Next::Done);
    let done_again = run(store, replay.id);

    // The pending one died at 60 as well; the redelivery is no original; the event of
    // 70 arrived while the replay ran.
    assert_eq!(done_again, seqs, "in the store's order, each once");
    assert_eq!(store.delivery(again).0.redelivered_by, None);
    let replay = shown(store, replay.id);
    assert_eq!((replay.state, replay.total, replay.done), (ReplayState::Done, 6, 6));
    assert_eq!((replay.created_at, replay.finished_at), (at(BEGUN), Some(at(BEGUN + 1))));
}

pub(super) fn a_replay_of_a_state_leaves_out_what_was_done_again(store: &mut Store) {
    let (hook, seqs) = scene(store);
    let again = store.redelivered(60, seqs[1]);
    store.end_all(60, 500, Next::GiveUp);

    let dead = begun(store, &NewReplay { wanted: Some(State::Dead), ..of(hook) });
    let dead = (dead.total, run(store, dead.id));
    let none_left = begun(store, &NewReplay { wanted: Some(State::Dead), ..of(hook) });
    let none_left = (none_left.total, run(store, none_left.id));
    let delivered = begun(store, &NewReplay { wanted: Some(State::Delivered), ..of(hook) });

    assert_eq!(dead, (3, vec![seqs[3], seqs[5], again]));
    assert_eq!(none_left, (0, vec![]));
    assert_eq!(run(store, delivered.id), [seqs[0], seqs[2], seqs[4]]);
}

pub(super) fn a_replay_keeps_within_its_times(store: &mut Store) {
    let (hook, seqs) = scene(store);
    let new = NewReplay { since: Some(at(10)), until: Some(at(40)), ..of(hook) };
    let dead = NewReplay { wanted: Some(State::Dead), ..new };

    let first = store.archive().survey(at(BEGUN), &dead).expect("a count");
    let replay = begun(store, &new);

    assert_eq!(first.total, 2);
    assert_eq!((replay.total, run(store, replay.id)), (3, seqs[1..4].to_vec()));
}

pub(super) fn a_step_is_made_once(store: &mut Store) {
    let (hook, seqs) = scene(store);
    let replay = begun(store, &of(hook));
    let step = next_step(store, replay.id);

    let made = [store.write(|store| store.step(at(BEGUN), &step)), store.write(|store| store.step(at(BEGUN), &step))];
    let half = shown(store, replay.id);

    assert_eq!((made, half.done, half.state), ([2, 0], 2, ReplayState::Running));
    assert_eq!(run(store, replay.id), seqs[2..5]);
}

pub(super) fn a_replay_ends_when_it_is_stopped_or_its_hook_is_removed(store: &mut Store) {
    let (hook, _) = scene(store);
    let stopped = begun(store, &of(hook));
    let step = next_step(store, stopped.id);

    assert!(store.write(|store| store.stop_replay(at(BEGUN), stopped.id)));
    assert_eq!(store.write(|store| store.step(at(BEGUN), &step)), 0);
    let orphan = begun(store, &of(hook));
    store.write(|store| store.remove(at(BEGUN), hook, None));

    assert!(run(store, orphan.id).is_empty());
    for replay in [stopped, orphan] {
        assert_eq!(shown(store, replay.id).state, ReplayState::Stopped);
    }
    assert!(matches!(begin(store, &of(hook)), Begun::NoHook));
    assert!(!store.write(|store| store.stop_replay(at(BEGUN), ReplayId(99))));
}

pub(super) fn one_hook_is_replayed_once_at_a_time(store: &mut Store) {
    let (hook, _) = scene(store);
    let other = store.hook("c", "C");

    let first = begun(store, &of(hook));
    let second = begin(store, &of(hook));
    begun(store, &of(other));
    run(store, first.id);

    assert!(matches!(second, Begun::Running(id) if id == first.id), "{second:?}");
    begun(store, &of(hook));
}

pub(super) fn a_replay_goes_on_after_the_database_was_opened_again(store: &mut Store) {
    let (hook, seqs) = scene(store);
    let replay = begun(store, &of(hook));
    let step = next_step(store, replay.id);
    store.write(|store| store.step(at(BEGUN), &step));

    store.open_again();
    let running = store.archive().running_replays().expect("an answer");

    assert_eq!(running.iter().map(|replay| replay.id).collect::<Vec<_>>(), [replay.id]);
    assert_eq!(run(store, replay.id), seqs[2..5]);
}
