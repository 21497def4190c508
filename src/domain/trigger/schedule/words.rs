//! A cron expression in words that are true of it.

use super::days::{Days, OfMonth, OfWeek};
use super::field::{HOUR, MINUTE, MONTH, MONTHS, SECOND, Unit, WEEKDAYS, YEAR};
use super::pattern::{Pattern, is_all};

/// As many times of the day are told one by one.
const TIMES: usize = 6;

/// Such as `at 02:30 on the last Friday of the month`.
pub(super) fn tell(pattern: &Pattern) -> String {
    let months = (!is_all(&MONTH, &pattern.months)).then(|| months(&pattern.months));
    let years = (!is_all(&YEAR, &pattern.years)).then(|| numbers(&pattern.years));
    let (times, needs_day) = times(pattern);
    let days = days(&pattern.days, months.is_none()).or_else(|| needs_day.then(|| "every day".to_owned()));
    let joint = if months.is_some() { "of" } else { "in" };
    let months = months.map(|months| format!("in {months}"));
    let years = years.map(|years| format!("{joint} {years}"));
    [Some(times), days, months, years].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// When within a day; and whether it must be said on which.
fn times(pattern: &Pattern) -> (String, bool) {
    let Pattern { seconds, minutes, hours, .. } = pattern;
    if let Some(times) = clock_times(pattern) {
        return (times, true);
    }
    let on_the_minute = *seconds == [0];
    match (minutes.as_slice(), stride(&HOUR, hours)) {
        ([0], Some(1)) if on_the_minute => return ("every hour".to_owned(), false),
        (&[minute], Some(step)) if on_the_minute && step > 1 => {
            return (format!("every {step} hours from {:02}:{minute:02}", hours[0]), false);
        }
        _ => {}
    }
    let of_minutes = || within(lead(&SECOND, seconds), &MINUTE, minutes);
    let finer = if on_the_minute { lead(&MINUTE, minutes) } else { of_minutes() };
    (within(finer, &HOUR, hours).0, false)
}

/// `at 09:00, 12:00 and 17:30`, if there are not too many.
fn clock_times(pattern: &Pattern) -> Option<String> {
    let Pattern { seconds, minutes, hours, .. } = pattern;
    let &[second] = seconds.as_slice() else { return None };
    let few = minutes.len() * hours.len() <= TIMES;
    let seconds = if second == 0 { String::new() } else { format!(":{second:02}") };
    let of_hour = |hour| minutes.iter().map(move |minute| (hour, minute));
    let times = hours.iter().flat_map(of_hour).map(|(hour, minute)| format!("{hour:02}:{minute:02}{seconds}"));
    few.then(|| format!("at {}", list(times.collect())))
}

/// The unit that changes the fastest: `every 5 minutes` or `at minutes 5 and 7`; and whether it goes on in every one
/// of the next unit, so that nothing more has to be said of that.
fn lead(unit: &Unit, values: &[u16]) -> (String, bool) {
    let name = unit.name;
    match stride(unit, values) {
        Some(1) => (format!("every {name}"), true),
        Some(step) if values[0] == unit.first => (format!("every {step} {name}s"), true),
        Some(step) => (format!("every {step} {name}s from {name} {}", values[0]), true),
        None => (format!("at {}", named(unit, values)), false),
    }
}

/// In which of a slower unit.
fn within((words, every): (String, bool), unit: &Unit, values: &[u16]) -> (String, bool) {
    match (is_all(unit, values), every) {
        (true, true) => (words, true),
        (true, false) => (format!("{words} of every {}", unit.name), true),
        (false, true) => (format!("{words} in {}", named(unit, values)), false),
        (false, false) => (format!("{words} of {}", named(unit, values)), false),
    }
}

/// The step by which values go through the whole unit and on into the next, always the same.
fn stride(unit: &Unit, values: &[u16]) -> Option<u16> {
    let (first, second) = (values.first()?, values.get(1)?);
    let (step, whole) = (second - first, unit.last - unit.first + 1);
    let even = whole % step == 0 && values.windows(2).all(|pair| pair[1] - pair[0] == step);
    (even && values.len() == usize::from(whole / step)).then_some(step)
}

/// `on the last Friday of the month`; nothing if it is any day.
fn days(days: &Days, of_the_month: bool) -> Option<String> {
    if days.are_all() {
        return None;
    }
    let place = if of_the_month { " of the month" } else { "" };
    let of_month = days.of_month.as_ref().map(|own| format!("on {}{place}", of_month(own)));
    let of_week = days.of_week.as_ref().map(|own| of_week(own, place));
    Some([of_month, of_week].into_iter().flatten().collect::<Vec<_>>().join(" or "))
}

fn of_month(own: &OfMonth) -> String {
    let plain = (!own.days.is_empty()).then(|| format!("day{} {}", plural(&own.days), numbers(&own.days)));
    let nearest = own.nearest.iter().map(|day| format!("the weekday nearest day {day}"));
    let last_weekday = own.last_weekday.then(|| "the last weekday".to_owned());
    let last = own.last.then(|| "the last day".to_owned());
    list(plain.into_iter().chain(nearest).chain(last_weekday).chain(last).collect())
}

fn of_week(own: &OfWeek, place: &str) -> String {
    let nth = own.nth.iter().map(|(day, nth)| format!("the {} {}", NTH[usize::from(nth - 1)], weekday(*day)));
    let last = own.last.iter().map(|day| format!("the last {}", weekday(*day)));
    let chosen: Vec<_> = nth.chain(last).collect();
    let chosen = (!chosen.is_empty()).then(|| format!("on {}{place}", list(chosen)));
    let plain = (!own.days.is_empty()).then(|| format!("on {}", weekdays(&own.days)));
    [plain, chosen].into_iter().flatten().collect::<Vec<_>>().join(" or ")
}

const NTH: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];

/// The week begins on Monday here, so that a weekend is one.
fn weekdays(days: &[u16]) -> String {
    let mut days: Vec<_> = days.iter().map(|day| (day + 6) % 7).collect();
    days.sort_unstable();
    runs(&days, |day| weekday((day + 1) % 7).to_owned())
}

fn weekday(day: u16) -> &'static str {
    WEEKDAYS[usize::from(day % 7)]
}

fn months(months: &[u16]) -> String {
    runs(months, |month| MONTHS[usize::from(month - 1)].to_owned())
}

fn numbers(values: &[u16]) -> String {
    runs(values, |value| value.to_string())
}

/// `hours 9 to 17`
fn named(unit: &Unit, values: &[u16]) -> String {
    format!("{}{} {}", unit.name, plural(values), numbers(values))
}

fn plural(values: &[u16]) -> &'static str {
    if values.len() == 1 { "" } else { "s" }
}

/// Three or more that follow upon each other are told by the first and the last.
fn runs(values: &[u16], name: impl Fn(u16) -> String) -> String {
    let runs = values.chunk_by(|one, next| next - one == 1);
    let told = runs.flat_map(|run| match run {
        [first, _, .., last] => vec![format!("{} to {}", name(*first), name(*last))],
        few => few.iter().map(|value| name(*value)).collect(),
    });
    list(told.collect())
}

/// `a, b and c`
fn list(mut items: Vec<String>) -> String {
    match items.pop() {
        Some(last) if !items.is_empty() => format!("{} and {last}", items.join(", ")),
        last => last.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Fields, Schedule};

    #[test]
    fn every_schedule_is_told_as_it_is() {
        let known = [
            ("* * * * *", "every minute"),
            ("*/5 * * * *", "every 5 minutes"),
            ("2/5 * * * *", "every 5 minutes from minute 2"),
            // Not every 7 minutes: from 56 to 0 it is 4.
            ("*/7 * * * *", "at minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56 of every hour"),
            ("*/15,7 * * * *", "at minutes 0, 7, 15, 30 and 45 of every hour"),
            ("0-30/15 * * * *", "at minutes 0, 15 and 30 of every hour"),
            ("30 * * * *", "at minute 30 of every hour"),
            ("0,30 * * * *", "every 30 minutes"),
            ("@hourly", "every hour"),
            ("15 */2 * * *", "every 2 hours from 00:15"),
            ("15 1/2 * * *", "every 2 hours from 01:15"),
            ("0 */6 * * *", "at 00:00, 06:00, 12:00 and 18:00 every day"),
            ("0 */5 * * *", "at 00:00, 05:00, 10:00, 15:00 and 20:00 every day"),
            ("*/15 9-17 * * MON-FRI", "every 15 minutes in hours 9 to 17 on Monday to Friday"),
            ("5 9-17 * * *", "at minute 5 of hours 9 to 17"),
            ("* 3 * * *", "every minute in hour 3"),
            ("30 2 * * *", "at 02:30 every day"),
            ("0 9,17 * * 6,0", "at 09:00 and 17:00 on Saturday and Sunday"),
            ("@weekly", "at 00:00 on Sunday"),
            ("@monthly", "at 00:00 on day 1 of the month"),
            ("@yearly", "at 00:00 on day 1 in January"),
            ("30 2 * * 5L", "at 02:30 on the last Friday of the month"),
            ("0 0 * * 6#3,1", "at 00:00 on Monday or on the third Saturday of the month"),
            ("0 0 L * *", "at 00:00 on the last day of the month"),
            ("0 0 LW 3,10 *", "at 00:00 on the last weekday in March and October"),
            ("0 0 1,15W,L * *", "at 00:00 on day 1, the weekday nearest day 15 and the last day of the month"),
            ("0 0 13 * FRI", "at 00:00 on day 13 of the month or on Friday"),
            ("0 0 13 6-8 FRI#1 2027", "at 00:00 on day 13 or on the first Friday in June to August of 2027"),
            (
                "0 0 */2 * ?",
                "at 00:00 on days 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29 and 31 of the month",
            ),
            ("0 0 */1 * MON", "at 00:00 every day"),
            ("0 0 *,5 * 0-7", "at 00:00 every day"),
            ("0 12 * * * 2030-2032,2040", "at 12:00 every day in 2030 to 2032 and 2040"),
            ("* * 29 2 *", "every minute on day 29 in February"),
            ("* * * * * * *", "every second"),
            ("*/10 * * * * * *", "every 10 seconds"),
            ("*/10 5 * * * * *", "every 10 seconds in minute 5 of every hour"),
            ("*/10 * 5 * * * *", "every 10 seconds in hour 5"),
            ("*/10 1-3 5,6 * * * *", "every 10 seconds in minutes 1 to 3 of hours 5 and 6"),
            ("30 * * * * * *", "at second 30 of every minute"),
            ("30 * 9-17 * * * *", "at second 30 of every minute in hours 9 to 17"),
            ("10,20 5 * * * * *", "at seconds 10 and 20 of minute 5 of every hour"),
            ("15 30 2 * * * *", "at 02:30:15 every day"),
        ];
        for (cron, words) in known {
            assert_eq!(Schedule::parse(cron, "", Fields::Minutes).unwrap().words(), words, "{cron}");
        }
    }

    #[test]
    fn the_zone_is_named_unless_it_is_utc() {
        let told = |timezone| Schedule::parse("30 2 * * 5L", timezone, Fields::Minutes).unwrap().words();

        assert_eq!(told("europe/paris"), "at 02:30 on the last Friday of the month, in Europe/Paris");
        assert_eq!(told("Etc/GMT"), "at 02:30 on the last Friday of the month, in Etc/GMT");
        assert_eq!(told("UTC"), "at 02:30 on the last Friday of the month");
    }
}
