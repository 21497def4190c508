//! Clauses about triggers and executions.

use std::time::Duration;

use nyala::domain::event::NewEvent;
use nyala::domain::hook::Owner;
use nyala::domain::id::{Seq, TriggerId};
use nyala::domain::trigger::incoming::Incoming;
use nyala::domain::trigger::{
    Conclusion, Ended, Execution, NewTrigger, Origin, Scheduler, SecretChange, Settings, Status, Trigger, Webhook,
};
use nyala::store::page::Page;
use nyala::store::room::Room;
use nyala::store::{CarriedOut, Carry, Firing};

use super::{Store, at, new_event, start};

/// A firing a minute, from the beginning on.
const MINUTE: i64 = 60_000;

fn new_trigger(uuid: &str, settings: Settings) -> NewTrigger {
    NewTrigger {
        uuid: uuid.to_owned(),
        name: "t".to_owned(),
        event_type: new_event("Fired").event_type,
        applications: vec![],
        settings,
        secret: None,
        task: None,
        owner: Owner::ADMIN,
        stopped: false,
    }
}

fn webhook(store: &mut Store) -> Trigger {
    let new = new_trigger("w", Settings::Webhook(Webhook::default()));
    store.write(|store| store.add_trigger(start(), &new)).expect("a trigger")
}

fn schedule(store: &mut Store) -> Trigger {
    let scheduler = Scheduler { cron: "* * * * *".to_owned(), ..Scheduler::default() };
    let new = new_trigger("s", Settings::Scheduler(scheduler));
    store.write(|store| store.add_trigger(start(), &new)).expect("a trigger")
}

fn fire(store: &mut Store, trigger: &Trigger, key: Option<&str>) -> Execution {
    let incoming = Incoming { method: "POST".to_owned(), body: "{}".into(), ..Incoming::default() };
    let (incoming, key) = (Some(incoming), key.map(str::to_owned));
    let firing = Firing { trigger: trigger.id, calls: false, incoming, key, hops: 0 };
    store.write(|store| store.fire(start(), &firing)).expect("a trigger that is there")
}

fn executions(store: &Store, trigger: TriggerId) -> Vec<Execution> {
    store.archive().executions(trigger, Page::default()).expect("a look").items
}

/// That this many events come of it.
fn publishing(trigger: &Trigger, execution: &Execution, events: usize) -> Carry {
    let origin = Some(Origin { trigger: trigger.id, execution: execution.seq });
    let event = NewEvent { origin, ..new_event("Fired") };
    let (execution, trigger, revision) = (execution.seq, trigger.id, trigger.revision);
    let ended = Ended::Published(vec![event; events]);
    Carry { execution, trigger, revision, ended, again_at: None, next: None }
}

fn carry(store: &mut Store, millis: i64, carry: &Carry) -> CarriedOut {
    let room = Room::new(4);
    store.write(|store| store.carry_out(at(millis), at(millis + MINUTE), carry, &room))
}

fn count(store: &Store, execution: Seq) -> usize {
    store.archive().events_of_execution(execution).expect("a look").len()
}

pub(super) fn a_name_to_the_world_stands_once_among_living_triggers(store: &mut Store) {
    let first = webhook(store);
    let same = new_trigger("w", Settings::Webhook(Webhook::default()));

    let second = store.write(|store| store.add_trigger(start(), &same));
    store.write(|store| store.remove_trigger(start(), first.id));
    let third = store.write(|store| store.add_trigger(start(), &same)).expect("the name is free again");

    assert!(second.is_none());
    assert_ne!(third.id, first.id, "numbers are never used again");
}

pub(super) fn an_execution_is_carried_out_once_whoever_else_tries(store: &mut Store) {
    let trigger = webhook(store);
    let execution = fire(store, &trigger, None);
    let twice = publishing(&trigger, &execution, 2);

    let (first, second) = (carry(store, 0, &twice), carry(store, 1, &twice));

    assert!(matches!(first, CarriedOut::Done(published) if published.len() == 2));
    assert!(matches!(second, CarriedOut::Over));
    assert_eq!(count(store, execution.seq), 2);
    let over = &executions(store, trigger.id)[0];
    assert_eq!((over.status, over.conclusion, over.due_at), (Status::Done, Some(Conclusion::Published), None));
}

pub(super) fn a_schedule_has_one_firing_ahead_and_the_next_comes_with_its_end(store: &mut Store) {
    let trigger = schedule(store);
    let first = executions(store, trigger.id).remove(0);
    let next = trigger.next_after(first.at);

    let carried = Carry { next, ..publishing(&trigger, &first, 1) };
    carry(store, first.at.millis() - start().millis(), &carried);
    carry(store, first.at.millis() - start().millis(), &carried);

    let all = executions(store, trigger.id);
    assert_eq!(all.iter().map(|one| one.status).collect::<Vec<_>>(), [Status::Scheduled, Status::Done]);
    assert_eq!(all[0].at, first.at.plus(Duration::from_mins(1)));
    assert_eq!(count(store, first.seq), 1);
}

pub(super) fn what_was_decided_before_a_trigger_changed_is_not_done(store: &mut Store) {
    let trigger = webhook(store);
    let execution = fire(store, &trigger, None);
    let stopped = Trigger { stopped_at: Some(start()), ..trigger.clone() };
    let stopped = store.write(|store| store.keep_trigger(start(), &stopped, &SecretChange::Kept));

    let stale = carry(store, 0, &publishing(&trigger, &execution, 1));
    let skipped = Carry { ended: Ended::Skipped("stopped".to_owned()), ..publishing(&stopped, &execution, 0) };
    let fresh = carry(store, 0, &skipped);

    assert!(matches!(stale, CarriedOut::Changed));
    assert!(matches!(fresh, CarriedOut::Done(published) if published.is_empty()));
    assert_eq!(executions(store, trigger.id)[0].conclusion, Some(Conclusion::Skipped));
    assert_eq!(count(store, execution.seq), 0);
}

pub(super) fn what_comes_under_one_name_is_published_once(store: &mut Store) {
    let (trigger, other) = (webhook(store), schedule(store));
    let named: Vec<_> = (0..3).map(|_| fire(store, &trigger, Some("one"))).collect();
    let elsewhere = fire(store, &other, Some("one"));

    for execution in &named {
        carry(store, 0, &publishing(&trigger, execution, 1));
    }
    carry(store, 0, &publishing(&other, &elsewhere, 1));

    let counts: Vec<_> = named.iter().map(|execution| count(store, execution.seq)).collect();
    assert_eq!((counts, count(store, elsewhere.seq)), (vec![1, 0, 0], 1));
    let last = &executions(store, trigger.id)[0];
    assert_eq!(last.conclusion, Some(Conclusion::Skipped));
    assert!(last.last_error.as_deref().is_some_and(|why| why.contains(&named[0].id().to_string())));
}

pub(super) fn a_failure_does_not_take_the_name(store: &mut Store) {
    let trigger = webhook(store);
    let execution = fire(store, &trigger, Some("one"));
    let failed = Ended::Failed("no".to_owned());

    carry(store, 0, &Carry { ended: failed, again_at: Some(at(1)), ..publishing(&trigger, &execution, 0) });
    let waiting = executions(store, trigger.id).remove(0);
    carry(store, 1, &publishing(&trigger, &execution, 1));

    assert_eq!((waiting.errors, waiting.due_at), (1, Some(at(1))));
    assert_eq!(count(store, execution.seq), 1);
}

pub(super) fn one_alone_begins_an_execution_and_a_start_takes_it_back(store: &mut Store) {
    let trigger = webhook(store);
    let execution = fire(store, &trigger, None);

    let begun = [0, 1].map(|_| store.write(|store| store.begin_execution(start(), execution.seq)));
    let due = store.archive().due(at(MINUTE), false, 10, 1 << 20).expect("a look").len();
    let back = store.write(|store| store.take_back_executions(at(1)));
    let again = store.archive().due(at(MINUTE), false, 10, 1 << 20).expect("a look").len();

    assert_eq!((begun, due), ([true, false], 0));
    assert_eq!((back, again), (1, 1));
}

pub(super) fn what_removed_triggers_leave_goes_in_steps(store: &mut Store) {
    let trigger = webhook(store);
    for _ in 0..503 {
        fire(store, &trigger, None);
    }
    store.write(|store| store.remove_trigger(start(), trigger.id));
    let late = Firing { trigger: trigger.id, calls: false, incoming: None, key: None, hops: 0 };
    assert!(store.write(|store| store.fire(start(), &late)).is_none(), "nothing fires it any more");

    let due = store.archive().due(at(MINUTE), false, 10, 1 << 20).expect("a look").len();
    let steps: Vec<_> = (0..5).map(|_| store.write(|store| store.forget_triggers(2))).collect();

    assert_eq!((due, steps), (0, vec![2, 1, 1, 0, 0]));
    assert!(executions(store, trigger.id).is_empty());
}

pub(super) fn maintenance_begins_and_ends_once(store: &mut Store) {
    let began = [true, true, false, false].map(|on| store.write(|store| store.set_maintenance(at(7), on)));

    assert_eq!(began, [true, false, true, false]);
    assert_eq!(store.archive().maintenance().expect("a look"), None);
}
