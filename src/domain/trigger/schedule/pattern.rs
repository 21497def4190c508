//! When a cron expression fires by the clock on the wall, whatever the zone.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use super::Fields;
use super::days::{Days, Month};
use super::field::{HOUR, MINUTE, MONTH, SECOND, Unit, YEAR};
use crate::domain::Invalid;

/// Each list in order and never empty.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub seconds: Vec<u16>,
    pub minutes: Vec<u16>,
    pub hours: Vec<u16>,
    pub days: Days,
    pub months: Vec<u16>,
    pub years: Vec<u16>,
}

/// What may stand for a whole expression; upstream has all but `@midnight`.
const SHORTHANDS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

impl Pattern {
    /// Reads an expression whose fields have one space between them.
    pub(super) fn parse(cron: &str, fields: Fields) -> Result<Self, Invalid> {
        let cron = cron.to_ascii_lowercase();
        let long = SHORTHANDS.iter().find(|(short, _)| *short == cron).map_or(cron.as_str(), |(_, long)| long);
        if long.starts_with('@') {
            let known = SHORTHANDS.map(|(short, _)| short).join(", ");
            return Err(Invalid::new("cron", format!("is the unknown shorthand {long}: give one of {known}")));
        }
        let places = places(long, fields)?;
        let six = long.split(' ').count() == 6 && fields == Fields::Minutes;
        Self::read(places).map_err(|wrong| if six { of_six(&wrong) } else { wrong })
    }

    fn read([second, minute, hour, day, month, weekday, year]: [&str; 7]) -> Result<Self, Invalid> {
        let pattern = Self {
            seconds: SECOND.values(second)?,
            minutes: MINUTE.values(minute)?,
            hours: HOUR.values(hour)?,
            days: Days::parse(day, weekday)?,
            months: MONTH.values(month)?,
            years: YEAR.values(year)?,
        };
        pattern.at_or_after(0).is_some().then_some(pattern).ok_or_else(never)
    }

    /// The first local time from this one on, both as seconds since 1970 on the wall.
    pub(super) fn at_or_after(&self, local: i64) -> Option<i64> {
        let from = DateTime::from_timestamp(local.max(0), 0)?.naive_utc();
        let found = self.today(from).or_else(|| self.later(from.date()))?;
        Some(found.and_utc().timestamp())
    }

    /// Whether it leaves out no hour, so that it goes by intervals rather than by the clock.
    pub(super) fn is_every_hour(&self) -> bool {
        is_all(&HOUR, &self.hours)
    }

    fn today(&self, from: NaiveDateTime) -> Option<NaiveDateTime> {
        let date = self.date_from(from.date()).filter(|date| *date == from.date())?;
        self.time_from(from.time()).map(|time| date.and_time(time))
    }

    fn later(&self, date: NaiveDate) -> Option<NaiveDateTime> {
        let date = self.date_from(date.succ_opt()?)?;
        self.time_from(NaiveTime::MIN).map(|time| date.and_time(time))
    }

    fn date_from(&self, from: NaiveDate) -> Option<NaiveDate> {
        let (year, month, day) = (number(from.year_ce().1), number(from.month()), number(from.day()));
        for &own_year in at_least(&self.years, year) {
            let first = if own_year == year { month } else { 0 };
            for &own_month in at_least(&self.months, first) {
                let first = if (own_year, own_month) == (year, month) { day } else { 1 };
                let within = Month::of(own_year, own_month)?;
                if let Some(own_day) = self.days.at_or_after(&within, first) {
                    return within.date(own_day);
                }
            }
        }
        None
    }

    fn time_from(&self, from: NaiveTime) -> Option<NaiveTime> {
        let (hour, minute, second) = (number(from.hour()), number(from.minute()), number(from.second()));
        for &own_hour in at_least(&self.hours, hour) {
            let first = if own_hour == hour { minute } else { 0 };
            for &own_minute in at_least(&self.minutes, first) {
                let first = if (own_hour, own_minute) == (hour, minute) { second } else { 0 };
                if let Some(&own_second) = at_least(&self.seconds, first).first() {
                    return NaiveTime::from_hms_opt(own_hour.into(), own_minute.into(), own_second.into());
                }
            }
        }
        None
    }
}

/// Whether a field leaves nothing out.
pub(super) fn is_all(unit: &Unit, values: &[u16]) -> bool {
    values.len() == usize::from(unit.last - unit.first) + 1
}

/// Second, minute, hour, day, month, weekday, year. Upstream passes over fields beyond the seventh; they are more
/// likely a mistake than meant, so they are refused.
fn places(cron: &str, fields: Fields) -> Result<[&str; 7], Invalid> {
    let given: Vec<_> = cron.split(' ').filter(|field| !field.is_empty()).collect();
    match (given.as_slice(), fields) {
        (&[minute, hour, day, month, weekday], _) => Ok(["0", minute, hour, day, month, weekday, "*"]),
        (&[minute, hour, day, month, weekday, year], Fields::Minutes) => {
            Ok(["0", minute, hour, day, month, weekday, year])
        }
        (&[second, minute, hour, day, month, weekday], Fields::Seconds) => {
            Ok([second, minute, hour, day, month, weekday, "*"])
        }
        (&[second, minute, hour, day, month, weekday, year], _) => {
            Ok([second, minute, hour, day, month, weekday, year])
        }
        (other, _) => Err(Invalid::new(
            "cron",
            format!(
                "has {} fields where it must have five to seven: give minute, hour, day of the month, month and \
                 day of the week, such as 30 2 * * MON-FRI",
                other.len()
            ),
        )),
    }
}

/// Elsewhere six fields begin with a second, so that is what may have been meant.
fn of_six(wrong: &Invalid) -> Invalid {
    let message = format!("{} (the sixth field is the year unless seconds are asked for)", wrong.message);
    Invalid::new(wrong.field.clone(), message)
}

fn never() -> Invalid {
    let message = "never fires before the year 2100: give a day that its months have, such as 28 for February, or L";
    Invalid::new("cron", message)
}

fn at_least(values: &[u16], least: u16) -> &[u16] {
    &values[values.partition_point(|value| *value < least)..]
}

/// A number of the calendar; what is too large for it is later than all that fires.
fn number(value: u32) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}
