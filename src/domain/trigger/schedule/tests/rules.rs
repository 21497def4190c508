//! What the rules say at any change of clocks, said once more in the plainest way: minute by minute.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Datelike, Timelike};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use proptest::prelude::*;

use super::super::{Fields, Schedule};
use crate::domain::time::Timestamp;

/// All firings of a schedule whose seconds are 0 in so many hours.
fn by_the_rules(schedule: &Schedule, zone: &TimeZone, from: i64, hours: i64) -> BTreeSet<i64> {
    let until = from + hours * 3600;
    let reach = 26 * 3600;
    let minutes = ((from - reach).div_euclid(60) * 60..until + reach).step_by(60);
    let fitting = minutes.filter(|local| fits(schedule, *local));
    let instants = fitting.flat_map(|local| instants(zone, local, schedule.pattern.hours.len() == 24));
    instants.filter(|at| *at > from && *at <= until).collect()
}

/// Whether a local time is one of the schedule's, by nothing but its numbers (these schedules have no `L`, `W`, `#`).
fn fits(schedule: &Schedule, local: i64) -> bool {
    let time = DateTime::from_timestamp(local, 0).unwrap();
    let has = |values: &[u16], value: u32| values.iter().any(|own| u32::from(*own) == value);
    let pattern = &schedule.pattern;
    let day = pattern.days.of_month.as_ref().map(|own| has(&own.days, time.day()));
    let weekday = pattern.days.of_week.as_ref().map(|own| has(&own.days, time.weekday().num_days_from_sunday()));
    let on = [day, weekday].into_iter().flatten().reduce(|one, other| one || other).unwrap_or(true);
    on && has(&pattern.minutes, time.minute()) && has(&pattern.hours, time.hour()) && has(&pattern.months, time.month())
}

/// All instants that a local time stands for; the later one of two only if both are wanted.
fn instants(zone: &TimeZone, local: i64, both: bool) -> Vec<i64> {
    let time = jiff::Timestamp::from_second(local).unwrap().to_zoned(TimeZone::UTC).datetime();
    let offsets = match zone.to_ambiguous_timestamp(time).offset() {
        AmbiguousOffset::Fold { before, after } if both => vec![before, after],
        AmbiguousOffset::Fold { before, .. } | AmbiguousOffset::Gap { before, .. } => vec![before],
        AmbiguousOffset::Unambiguous { offset } => vec![offset],
    };
    offsets.into_iter().map(|offset| local - i64::from(offset.seconds())).collect()
}

/// A zone and a point in time at which its clocks are changed.
fn changes() -> impl Strategy<Value = (&'static str, i64)> {
    let zones = prop::sample::select(vec![
        "Europe/Paris",
        "America/New_York",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "America/Caracas",
        "Asia/Pyongyang",
        "Africa/Casablanca",
        "Antarctica/Troll",
        "Europe/Dublin",
    ]);
    (zones, 1_000_000_000_i64..3_000_000_000).prop_map(|(name, near)| {
        let zone = TimeZoneDatabase::bundled().get(name).unwrap();
        let near = jiff::Timestamp::from_second(near).unwrap();
        let change = zone.following(near).next().or_else(|| zone.preceding(near).next());
        (name, change.unwrap().timestamp().as_second())
    })
}

fn crons() -> impl Strategy<Value = String> {
    let minute = prop_oneof!["[1-5]?[0-9]", "\\*/(1|5|7|15|30)", "[0-9]-[3-5]0", Just("*".to_owned())];
    let hour = prop_oneof![3 => "[0-4]", 2 => "[0-3]-[4-6]", 1 => "\\*/[1-6]", 3 => Just("*".to_owned()), 1 => "0,23"];
    let day = prop_oneof![4 => Just("*".to_owned()), 1 => "[1-9]|[12][0-9]|\\*/[23]|2[0-5]-31"];
    let month = prop_oneof![6 => Just("*".to_owned()), 1 => "3,4,9-11|\\*/2|12"];
    let weekday = prop_oneof![4 => Just("*".to_owned()), 1 => "[0-7]|SUN,6|MON-FRI|fri-sun"];
    (minute, hour, day, month, weekday).prop_map(|(a, b, c, d, e)| format!("{a} {b} {c} {d} {e}"))
}

proptest! {
    #[test]
    fn around_a_change_each_firing_happens_once_and_none_is_lost(
        cron in crons(),
        (name, change) in changes(),
        lead in 0_i64..40 * 3600,
    ) {
        let schedule = Schedule::parse(&cron, name, Fields::Minutes).unwrap();
        let zone = TimeZoneDatabase::bundled().get(name).unwrap();
        let (from, hours) = (change - lead, 60);

        let mut firings = BTreeSet::new();
        let mut at = Timestamp::from_millis(from * 1000);
        while let Some(next) = schedule.next_after(at).filter(|next| next.seconds() <= from + hours * 3600) {
            prop_assert!(next > at);
            firings.insert(next.seconds());
            at = next;
        }

        prop_assert_eq!(firings, by_the_rules(&schedule, &zone, from, hours), "{} in {}", cron, name);
    }

    #[test]
    fn the_next_firing_is_the_same_until_it_comes(
        cron in crons(),
        (name, change) in changes(),
        lead in 0_i64..40 * 3600,
        part in 0.0..1.0,
    ) {
        let schedule = Schedule::parse(&cron, name, Fields::Minutes).unwrap();
        let from = Timestamp::from_millis((change - lead) * 1000);
        let Some(next) = schedule.next_after(from) else { return Ok(()) };

        let later = from.plus(next.since(from).mul_f64(part)).min(next.minus(Duration::from_millis(1)));

        prop_assert_eq!(schedule.next_after(later), Some(next));
    }

    #[test]
    fn no_text_does_more_than_be_refused(
        cron in "[0-9a-zA-Z*?,/#@ -]{0,30}|\\PC{0,40}|([0-9*?LW,/#-]{1,5} ){4,7}[0-9*?LW#]",
        timezone in "|Europe/Paris|\\PC{0,20}",
        at in any::<i64>(),
        seconds in any::<bool>(),
    ) {
        let fields = if seconds { Fields::Seconds } else { Fields::Minutes };
        if let Ok(schedule) = Schedule::parse(&cron, &timezone, fields) {
            let at = Timestamp::from_millis(at);
            prop_assert!(schedule.next_after(at).is_none_or(|next| next > at));
            prop_assert!(schedule.next_after(Timestamp::from_millis(-172_800_000)).is_some());
            prop_assert!(!schedule.words().is_empty());
        }
    }
}
