//! Clauses about gates.

use std::time::Duration;

use nyala::domain::access::Bounds;
use nyala::domain::application::Application;
use nyala::domain::event::{EventType, Idempotency, IdempotencyKey};
use nyala::domain::gate::{Answered, Decision, DecisionState as State, Gate, GateState, Gating, NewGate, OnSilence};
use nyala::domain::hook::{HookPatch, NewHook, Owner};
use nyala::domain::id::HookId;
use nyala::domain::time::Timestamp;
use nyala::domain::token::TokenHash;
use nyala::store::{Added, Asked, DecideToken, Decided, KEY_RETENTION, Reply, Verdict};

use super::{Store, at, new_hook, start};

/// When gates expire, unless a clause says otherwise, in milliseconds after the beginning.
const EXPIRY: i64 = 60_000;

pub(super) fn new_gate(event: &str) -> NewGate {
    NewGate {
        event_type: EventType::parse(event).expect("a type"),
        applications: vec![],
        payload: "{}".into(),
        idempotency: None,
        owner: Owner::ADMIN,
        asker: None,
        expires_at: at(EXPIRY),
    }
}

fn keyed(key: &str, payload: &'static str) -> NewGate {
    let key = IdempotencyKey::parse(key).expect("a key");
    let idempotency = Some(Idempotency::of(key, &[], payload.as_bytes(), None));
    NewGate { payload: payload.into(), idempotency, ..new_gate("pre-deploy") }
}

pub(super) fn gate_hook(store: &mut Store, name: &str, new: NewHook) -> HookId {
    let url = new_hook(&format!("http://receiver/{name}"), &["x"]).url;
    match store.write(|store| store.add(start(), &NewHook { url, ..new })) {
        Added::New(hook) => hook.id,
        other => panic!("not new: {other:?}"),
    }
}

/// A hook on `pre-deploy` whose silence means this.
pub(super) fn on_deploy(store: &mut Store, name: &str, on_silence: OnSilence) -> HookId {
    let new = NewHook { gating: Gating { gate: None, on_silence }, ..new_hook("http://receiver/", &["pre-deploy"]) };
    gate_hook(store, name, new)
}

/// Asks, which must be new; answers the gate and the tokens.
pub(super) fn asked(store: &mut Store, now: Timestamp, new: &NewGate) -> (Gate, Vec<(HookId, DecideToken)>) {
    match store.write(|store| store.ask(now, new)) {
        Asked::New(gate, tokens) => (gate, tokens),
        other => panic!("not new: {other:?}"),
    }
}

pub(super) fn answered(state: State, work_id: Option<&str>) -> Answered {
    Answered { state, reason: None, work_id: work_id.map(str::to_owned), answer: None }
}

/// What a hook came back with; whether that closed the gate.
pub(super) fn replied(store: &mut Store, millis: i64, gate: &Gate, hook: HookId, answered: Answered) -> bool {
    let reply = Reply { gate: gate.seq, hook, status: Some(200), duration: Duration::from_millis(5), answered };
    let closed = store.write(|store| store.replied(at(millis), &reply));
    if let Some(told) = &closed {
        assert_eq!(format!("{told:?}"), format!("{:?}", stands(store, gate)), "what is told is what is kept");
    }
    closed.is_some()
}

fn decide(store: &mut Store, millis: i64, gate: &Gate, token: &DecideToken, state: State) -> Decided {
    let hash = TokenHash::of(token.0.as_bytes());
    store.write(|store| store.decide(at(millis), gate.id, hash, &answered(state, None)))
}

fn settle(store: &mut Store, millis: i64, gate: &Gate, approved: bool) -> Decided {
    let verdict = Verdict { approved, reason: Some("why".into()), by: "ops".into() };
    store.write(|store| store.settle(at(millis), gate.id, &Bounds::default(), &verdict))
}

fn stands(store: &Store, gate: &Gate) -> Gate {
    store.archive().gate(gate.id).expect("an answer").expect("a gate")
}

fn states(gate: &Gate) -> (GateState, Vec<State>) {
    (gate.state, gate.decisions.iter().map(|decision| decision.state).collect())
}

fn decision(gate: &Gate, hook: HookId) -> &Decision {
    gate.decisions.iter().find(|decision| decision.hook == hook).expect("a decision")
}

pub(super) fn those_are_asked_who_want_to_be_and_what_they_are_is_kept(store: &mut Store) {
    let by_name = on_deploy(store, "a", OnSilence::Deny);
    let (yes, no) =
        (Gating { gate: Some(true), ..Gating::default() }, Gating { gate: Some(false), ..Gating::default() });
    let any = gate_hook(store, "b", NewHook { gating: yes, ..new_hook("http://receiver/", &["*"]) });
    gate_hook(store, "c", NewHook { gating: no, ..new_hook("http://receiver/", &["pre-deploy"]) });
    store.hook("d", "*");

    let (gate, tokens) = asked(store, at(1), &new_gate("PRE-Deploy"));

    assert_eq!(tokens.iter().map(|(hook, _)| *hook).collect::<Vec<_>>(), [by_name, any]);
    assert_ne!(tokens[0].1.0, tokens[1].1.0);
    let kept = stands(store, &gate);
    assert_eq!(states(&kept), (GateState::Open, vec![State::Asked, State::Asked]));
    assert_eq!((kept.asked_at, kept.expires_at, kept.closed_at), (at(1), at(EXPIRY), None));
    assert_eq!((kept.event_type.as_str(), &kept.payload[..]), ("PRE-Deploy", &b"{}"[..]));
    let patch = HookPatch { gate: Some(Some(false)), ..HookPatch::default() };
    store.write(|store| store.change(at(2), by_name, &patch));
    assert_eq!(asked(store, at(2), &new_gate("pre-deploy")).1.len(), 1);
    assert_eq!(states(&asked(store, at(2), &NewGate { ..new_gate("other") }).0).1.len(), 1, "who wants all");
}

pub(super) fn a_gate_closes_when_all_have_answered_and_says_when(store: &mut Store) {
    let (a, b) = (on_deploy(store, "a", OnSilence::Deny), on_deploy(store, "b", OnSilence::Allow));
    let (gate, _) = asked(store, at(1), &new_gate("pre-deploy"));

    assert!(!replied(store, 2, &gate, a, answered(State::Approved, Some("w"))));
    assert!(replied(store, 3, &gate, b, Answered::silent("hung")));
    assert!(!replied(store, 4, &gate, a, answered(State::Refused, None)), "it has decided");

    let gate = stands(store, &gate);
    assert_eq!(states(&gate), (GateState::Approved, vec![State::Approved, State::Silent]));
    assert_eq!((gate.closed_at, gate.work_id()), (Some(at(3)), Some("w")));
    assert_eq!((decision(&gate, b).reason.as_deref(), decision(&gate, b).decided_at), (Some("hung"), Some(at(3))));
}

pub(super) fn a_hook_decides_once_by_its_own_token(store: &mut Store) {
    let a = on_deploy(store, "a", OnSilence::Deny);
    let (gate, tokens) = asked(store, start(), &new_gate("pre-deploy"));
    let (other, others) = asked(store, start(), &new_gate("pre-deploy"));
    for gate in [&gate, &other] {
        replied(store, 1, gate, a, answered(State::Pending, Some("w")));
    }

    assert_eq!(decide(store, 2, &gate, &others[0].1, State::Approved), Decided::Absent);
    assert_eq!(decide(store, 2, &gate, &DecideToken("decide_".into()), State::Approved), Decided::Absent);
    let done = Decided::Done { gate: gate.seq, hook: Some(a), state: State::Refused, now: GateState::Refused };
    assert_eq!(decide(store, 2, &gate, &tokens[0].1, State::Refused), done);
    assert_eq!(decide(store, 3, &gate, &tokens[0].1, State::Approved), Decided::TooLate);
    assert_eq!(settle(store, 3, &gate, true), Decided::TooLate);

    assert_eq!(states(&stands(store, &gate)), (GateState::Refused, vec![State::Refused]));
    assert_eq!(stands(store, &gate).work_id(), Some("w"), "what it was called stays");
    assert_eq!(states(&stands(store, &other)), (GateState::Open, vec![State::Pending]));
    assert_eq!(decide(store, EXPIRY, &other, &others[0].1, State::Approved), Decided::TooLate, "its time is up");
}

pub(super) fn a_person_decides_for_all_who_have_not_and_within_bounds(store: &mut Store) {
    let (a, b) = (on_deploy(store, "a", OnSilence::Deny), on_deploy(store, "b", OnSilence::Deny));
    let shop = vec![Application::parse("shop").expect("a name")];
    let (gate, tokens) = asked(store, start(), &NewGate { applications: shop, ..new_gate("pre-deploy") });
    replied(store, 1, &gate, a, answered(State::Approved, None));
    let verdict = Verdict { approved: true, reason: None, by: "ops".into() };
    let within = |name: &str| Bounds { applications: Some(vec![name.into()]), ..Bounds::default() };

    let beyond = store.write(|store| store.settle(at(2), gate.id, &within("till"), &verdict));
    let done = store.write(|store| store.settle(at(2), gate.id, &within("shop"), &verdict));

    assert_eq!(beyond, Decided::Absent);
    let expected = Decided::Done { gate: gate.seq, hook: None, state: State::Approved, now: GateState::Approved };
    assert_eq!(done, expected);
    let gate = stands(store, &gate);
    assert_eq!((&decision(&gate, a).decided_by, decision(&gate, b).decided_by.as_deref()), (&None, Some("ops")));
    assert!(!replied(store, 3, &gate, b, answered(State::Refused, None)));
    assert_eq!(decide(store, 3, &gate, &tokens[1].1, State::Refused), Decided::TooLate);
    assert_eq!(states(&stands(store, &gate)), (GateState::Approved, vec![State::Approved, State::Approved]));
    assert_eq!(decision(&stands(store, &gate), b).status, Some(200), "how its request went is kept");
}

pub(super) fn a_gate_whose_time_is_up_expires_in_steps_and_never_says_yes_for_those_who_must_speak(store: &mut Store) {
    let (a, b) = (on_deploy(store, "a", OnSilence::Deny), on_deploy(store, "b", OnSilence::Allow));
    let mut gates = vec![];
    let (yes, later) = (Some(State::Approved), Some(State::Pending));
    for (millis, a_says, b_says) in [(10, later, later), (20, later, yes), (30, yes, None), (30, yes, later)] {
        let (gate, _) = asked(store, start(), &NewGate { expires_at: at(millis), ..new_gate("pre-deploy") });
        for (hook, says) in [(a, a_says), (b, b_says)] {
            if let Some(state) = says {
                replied(store, 1, &gate, hook, answered(state, None));
            }
        }
        gates.push(gate);
    }
    let next = |store: &Store| store.archive().next_expiry().expect("an answer");

    assert_eq!(next(store), Some(at(10)));
    assert!(store.write(|store| store.expire(at(9), 10)).is_empty());
    assert_eq!(store.write(|store| store.expire(at(40), 1)), [gates[0].seq], "the first");
    assert_eq!(next(store), Some(at(20)));
    assert_eq!(store.write(|store| store.expire(at(40), 10)), [gates[1].seq, gates[2].seq, gates[3].seq]);
    assert_eq!(next(store), None);

    assert_eq!(states(&stands(store, &gates[0])), (GateState::Expired, vec![State::Silent, State::Silent]));
    assert_eq!(states(&stands(store, &gates[2])), (GateState::Approved, vec![State::Approved, State::Silent]));
    let promised = states(&stands(store, &gates[3]));
    assert_eq!(promised, (GateState::Expired, vec![State::Approved, State::Silent]), "it said that it would decide");
    assert_eq!(stands(store, &gates[1]).closed_at, Some(at(40)));
}

pub(super) fn what_was_being_asked_when_the_process_died_is_expired_and_what_waits_is_not(store: &mut Store) {
    let (a, b) = (on_deploy(store, "a", OnSilence::Allow), on_deploy(store, "b", OnSilence::Deny));
    let (dying, _) = asked(store, start(), &new_gate("pre-deploy"));
    replied(store, 1, &dying, b, answered(State::Approved, None));
    let (waiting, _) = asked(store, start(), &new_gate("pre-deploy"));
    for hook in [a, b] {
        replied(store, 1, &waiting, hook, answered(State::Pending, None));
    }

    store.open_again();
    assert_eq!(store.write(|store| store.abandon(at(2))), 1);
    assert_eq!(store.write(|store| store.abandon(at(3))), 0);

    let gate = stands(store, &dying);
    assert_eq!(states(&gate), (GateState::Expired, vec![State::Silent, State::Approved]));
    assert!(!gate.approved() && gate.reason.is_some(), "though the silence of the one means yes");
    assert_eq!(states(&stands(store, &waiting)).0, GateState::Open);
}

pub(super) fn a_key_stands_for_one_gate_of_its_owner_for_a_day(store: &mut Store) {
    on_deploy(store, "a", OnSilence::Deny);
    let (first, _) = asked(store, start(), &keyed("k", "{}"));
    let again = |store: &mut Store, now, new: &NewGate| store.write(|store| store.ask(now, new));
    let day = i64::try_from(KEY_RETENTION.as_millis()).expect("a day");

    let upper = NewGate { event_type: EventType::parse("PRE-DEPLOY").expect("a type"), ..keyed("k", "{}") };
    for new in [keyed("k", "{}"), upper] {
        assert!(matches!(again(store, at(day - 1), &new), Asked::Existing(gate) if gate.id == first.id));
    }
    assert!(matches!(again(store, at(1), &keyed("k", "{ }")), Asked::KeyReused));
    for new in [NewGate { owner: Owner(7), ..keyed("k", "{ }") }, keyed("other", "{}")] {
        assert!(matches!(again(store, at(1), &new), Asked::New(gate, _) if gate.id != first.id));
    }
    assert!(matches!(again(store, at(day), &keyed("k", "{ }")), Asked::New(..)));
}

pub(super) fn what_was_asked_and_rolled_back_leaves_nothing(store: &mut Store) {
    on_deploy(store, "a", OnSilence::Deny);

    let Asked::New(gate, _) = store.forget(|store| store.ask(start(), &keyed("k", "{}"))) else { panic!("not new") };

    assert!(store.archive().gate(gate.id).expect("an answer").is_none());
    assert_eq!(store.archive().next_expiry().expect("an answer"), None);
    asked(store, start(), &keyed("k", "{ }"));
}
