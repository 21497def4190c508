//! Which instants a schedule fires at: known ones. What the rules say of any other is in `rules`.

mod rules;

use super::{Fields, Schedule};
use crate::domain::time::Timestamp;

/// The next firings behind an RFC 3339 time, as the clocks of the zone show them.
fn shown(cron: &str, timezone: &str, after: &str, count: usize) -> Vec<String> {
    let schedule = Schedule::parse(cron, timezone, Fields::Minutes).unwrap();
    let firings = schedule.firings(Timestamp::parse_rfc3339(after).unwrap(), count);
    firings.into_iter().map(|at| schedule.local(at)).collect()
}

/// The same in UTC behind the beginning of 2026, by their days.
fn days(cron: &str, count: usize) -> Vec<String> {
    let shown = shown(cron, "", "2025-12-31T23:59:59.999Z", count);
    shown.into_iter().map(|at| at.strip_suffix("T00:00:00+00:00").unwrap().to_owned()).collect()
}

#[test]
fn the_days_are_those_of_the_dialect() {
    let known = [
        ("@weekly", ["2026-01-04", "2026-01-11", "2026-01-18"]),
        ("@Monthly", ["2026-01-01", "2026-02-01", "2026-03-01"]),
        ("@annually", ["2026-01-01", "2027-01-01", "2028-01-01"]),
        ("@midnight", ["2026-01-01", "2026-01-02", "2026-01-03"]),
        ("0 0 L * ?", ["2026-01-31", "2026-02-28", "2026-03-31"]),
        ("0 0 L 2 *", ["2026-02-28", "2027-02-28", "2028-02-29"]),
        ("0 0 LW * *", ["2026-01-30", "2026-02-27", "2026-03-31"]),
        ("0 0 lw 5 *", ["2026-05-29", "2027-05-31", "2028-05-31"]),
        ("0 0 15W * *", ["2026-01-15", "2026-02-16", "2026-03-16"]),
        // A Saturday the 1st becomes Monday the 3rd, a Sunday the 31st Friday the 29th: never another month.
        ("0 0 1W 8 *", ["2026-08-03", "2027-08-02", "2028-08-01"]),
        ("0 0 31w 5 *", ["2026-05-29", "2027-05-31", "2028-05-31"]),
        ("0 0 31W * *", ["2026-01-30", "2026-03-31", "2026-05-29"]),
        ("0 0 * * 6#3", ["2026-01-17", "2026-02-21", "2026-03-21"]),
        ("0 0 * * fri#5", ["2026-01-30", "2026-05-29", "2026-07-31"]),
        ("0 0 * * 5L", ["2026-01-30", "2026-02-27", "2026-03-27"]),
        ("0 0 * * FridayL", ["2026-01-30", "2026-02-27", "2026-03-27"]),
        ("0 0 * * 7", ["2026-01-04", "2026-01-11", "2026-01-18"]),
        ("0 0 13 * FRI", ["2026-01-02", "2026-01-09", "2026-01-13"]),
        ("0 0 L * 1#2", ["2026-01-12", "2026-01-31", "2026-02-09"]),
        ("0 0 */10 * MON", ["2026-01-01", "2026-01-05", "2026-01-11"]),
        ("0 0 *,13 * FRI", ["2026-01-02", "2026-01-09", "2026-01-16"]),
        ("0 0 29 2 *", ["2028-02-29", "2032-02-29", "2036-02-29"]),
        ("0 0 * 2 1#5", ["2044-02-29", "2072-02-29", ""]),
        ("0 0 1 JAN,december * 2027", ["2027-01-01", "2027-12-01", ""]),
        ("0 0 0 1 1 ? 2097/2", ["2097-01-01", "2099-01-01", ""]),
    ];
    for (cron, expected) in known {
        let expected: Vec<_> = expected.into_iter().filter(|day| !day.is_empty()).collect();
        assert_eq!(days(cron, 3), expected, "{cron}");
    }
}

#[test]
fn six_fields_end_in_a_year_unless_seconds_are_asked_for() {
    let after = Timestamp::parse_rfc3339("2026-06-01T00:00:00Z").unwrap();
    let next = |cron, fields| Schedule::parse(cron, "", fields).map(|own| own.next_after(after).unwrap().rfc3339());

    assert_eq!(next("5 4 * * * 2030", Fields::Minutes).unwrap(), "2030-01-01T04:05:00.000Z");
    assert_eq!(next("7 5 4 * * *", Fields::Seconds).unwrap(), "2026-06-01T04:05:07.000Z");
    for fields in [Fields::Minutes, Fields::Seconds] {
        assert_eq!(next("5 4 * * *", fields).unwrap(), "2026-06-01T04:05:00.000Z");
        assert_eq!(next("7 5 4 * * * 2031", fields).unwrap(), "2031-01-01T04:05:07.000Z");
    }
    assert!(next("7 5 4 * * *", Fields::Minutes).is_ok());
    assert!(next("0 30 2 * * MON-FRI", Fields::Minutes).unwrap_err().message.contains("sixth field is the year"));
}

#[test]
fn what_is_no_schedule_is_refused() {
    for cron in ["", " ", "@", "@every 5m", "@reboot", "* * * *", "* * * * * * * *", "0 0 30 2 *", "0 0 31W 4,6 *"] {
        assert_eq!(Schedule::parse(cron, "", Fields::Minutes).unwrap_err().field, "cron", "{cron}");
    }
    for cron in ["0 0 29 2 * 2100", "0 0 29 2 * 2027", "0 0 * 2 7#5 2028", "0 0 * * L", "0 0 * * 1#6", "0 0 L-3 * *"] {
        assert_eq!(Schedule::parse(cron, "", Fields::Minutes).unwrap_err().field, "cron", "{cron}");
    }
    for cron in ["0 0 W * *", "0 0 15LW * *", "0 0 1-5W * *", "\0 * * * *", "* * * * *\u{7}", "* * * * WL"] {
        assert_eq!(Schedule::parse(cron, "", Fields::Minutes).unwrap_err().field, "cron", "{cron}");
    }
    assert!(Schedule::parse(&format!("{} * * * *", "0,".repeat(125) + "0"), "", Fields::Minutes).is_err());

    let spaced = Schedule::parse("\t*/5  *\n* *   mon-FRI ", " europe/paris\n", Fields::Minutes).unwrap();

    assert_eq!((spaced.cron(), spaced.timezone()), ("*/5 * * * mon-FRI", "Europe/Paris"));
}

#[test]
fn a_time_that_occurs_twice_fires_the_first_time() {
    let paris = shown("30 2 * * *", "Europe/Paris", "2026-10-24T12:00:00Z", 2);
    assert_eq!(paris, ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]);

    let new_york = shown("30 0-2 * * *", "America/New_York", "2026-11-01T04:00:00Z", 4);
    let expected = ["2026-11-01T00:30:00-04:00", "2026-11-01T01:30:00-04:00", "2026-11-01T02:30:00-05:00"];
    assert_eq!(new_york, [&expected[..], &["2026-11-02T00:30:00-05:00"]].concat());

    // From 02:00 back to 01:30.
    let lord_howe = shown("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", 2);
    assert_eq!(lord_howe, ["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"]);

    // Already past the first: the second is none, whenever it is asked.
    let late = shown("30 2 * * *", "Europe/Paris", "2026-10-25T01:00:00Z", 1);
    assert_eq!(late, ["2026-10-26T02:30:00+01:00"]);
}

#[test]
fn an_interval_goes_on_through_both_passes() {
    let paris = shown("*/30 * * * *", "Europe/Paris", "2026-10-25T02:30:00+02:00", 4);
    let expected = ["2026-10-25T02:00:00+01:00", "2026-10-25T02:30:00+01:00", "2026-10-25T03:00:00+01:00"];
    assert_eq!(paris, [&expected[..], &["2026-10-25T03:30:00+01:00"]].concat());

    let lord_howe = shown("0,45 * * * *", "Australia/Lord_Howe", "2026-04-05T01:00:00+11:00", 3);
    assert_eq!(lord_howe, ["2026-04-05T01:45:00+11:00", "2026-04-05T01:45:00+10:30", "2026-04-05T02:00:00+10:30"]);

    let hourly = shown("@hourly", "America/New_York", "2026-11-01T00:30:00-04:00", 3);
    assert_eq!(hourly, ["2026-11-01T01:00:00-04:00", "2026-11-01T01:00:00-05:00", "2026-11-01T02:00:00-05:00"]);
}

#[test]
fn a_time_that_does_not_occur_fires_as_much_later() {
    let paris = shown("30 2 * * *", "Europe/Paris", "2026-03-28T12:00:00Z", 2);
    assert_eq!(paris, ["2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00"]);

    // 02:30 falls on 03:30, and they are one.
    let new_york = shown("30 1-4 * * *", "America/New_York", "2026-03-08T05:00:00Z", 3);
    assert_eq!(new_york, ["2026-03-08T01:30:00-05:00", "2026-03-08T03:30:00-04:00", "2026-03-08T04:30:00-04:00"]);

    let lord_howe = shown("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", 2);
    assert_eq!(lord_howe, ["2026-10-04T02:45:00+11:00", "2026-10-05T02:15:00+11:00"]);

    // Half an hour for good.
    let caracas = shown("45 2 * * *", "America/Caracas", "2016-05-01T00:00:00Z", 2);
    assert_eq!(caracas, ["2016-05-01T03:15:00-04:00", "2016-05-02T02:45:00-04:00"]);
    let pyongyang = shown("45 23 * * *", "Asia/Pyongyang", "2018-05-04T00:00:00Z", 2);
    assert_eq!(pyongyang, ["2018-05-05T00:15:00+09:00", "2018-05-05T23:45:00+09:00"]);

    // Ramadan of 2026 ends: the clocks go from 02:00 to 03:00.
    let casablanca = shown("30 2 * * *", "Africa/Casablanca", "2026-03-21T12:00:00Z", 2);
    assert_eq!(casablanca, ["2026-03-22T03:30:00+01:00", "2026-03-23T02:30:00+01:00"]);
}

#[test]
fn a_day_that_a_zone_skips_fires_a_day_later() {
    let daily = shown("30 9 * * *", "Pacific/Apia", "2011-12-29T00:00:00-10:00", 3);
    assert_eq!(daily, ["2011-12-29T09:30:00-10:00", "2011-12-31T09:30:00+14:00", "2012-01-01T09:30:00+14:00"]);

    let friday = shown("30 9 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", 2);
    assert_eq!(friday, ["2011-12-31T09:30:00+14:00", "2012-12-30T09:30:00+14:00"]);
}

#[test]
fn a_rare_firing_is_found_behind_any_number_of_changes() {
    let leap = shown("30 2 29 2 *", "Europe/Paris", "2096-03-01T00:00:00Z", 1);
    assert!(leap.is_empty(), "{leap:?}");

    let mondays = shown("30 2 * 2 1#5", "America/New_York", "2044-03-01T00:00:00Z", 9);
    assert_eq!(mondays, ["2072-02-29T02:30:00-05:00"]);

    let last = shown("59 59 23 31 12 ? 2099", "Pacific/Apia", "1980-01-01T00:00:00Z", 9);
    assert_eq!(last, ["2099-12-31T23:59:59+13:00"]);
}

#[test]
fn any_point_in_time_can_be_asked_about() {
    let extremes = [i64::MIN, -86_400_000, -1, 0, 1, 4_102_444_799_999, 4_102_444_800_000, i64::MAX];
    for timezone in ["", "Europe/Paris", "Pacific/Kiritimati", "Africa/Monrovia", "Africa/Casablanca"] {
        let schedule = Schedule::parse("* * * * * * *", timezone, Fields::Minutes).unwrap();
        for at in extremes.map(Timestamp::from_millis) {
            let next = schedule.next_after(at);

            assert!(next.is_none_or(|next| next > at));
            assert!(next.is_some() || at.millis() > 4_102_000_000_000);
            assert!(!schedule.local(at).is_empty());
        }
    }
    let last = Schedule::parse("0 0 1 1 * 1970", "", Fields::Minutes).unwrap();
    assert_eq!(last.next_after(Timestamp::from_millis(-1)), Some(Timestamp::EPOCH));
    assert_eq!(last.next_after(Timestamp::EPOCH), None);
    assert_eq!(last.firings(Timestamp::from_millis(i64::MIN), usize::MAX), [Timestamp::EPOCH]);
}
