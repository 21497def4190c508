//! Which days of a month a schedule fires on.

use chrono::{Datelike, NaiveDate};

use super::field::{DAY, WEEKDAY};
use crate::domain::Invalid;

/// The two fields that choose days. Where both do, either is enough (as in crontab(5) and upstream).
#[derive(Debug, Clone)]
pub(super) struct Days {
    /// Nothing if it is `*` or `?`.
    pub of_month: Option<OfMonth>,
    /// The same.
    pub of_week: Option<OfWeek>,
}

/// Days by their number.
#[derive(Debug, Clone, Default)]
pub(super) struct OfMonth {
    /// From 1.
    pub days: Vec<u16>,
    /// `15W`: the weekday (Monday to Friday) nearest to it that is in the same month.
    pub nearest: Vec<u16>,
    /// `L`
    pub last: bool,
    /// `LW`: the last of Monday to Friday.
    pub last_weekday: bool,
}

/// Days by their name; Sunday is 0.
#[derive(Debug, Clone, Default)]
pub(super) struct OfWeek {
    /// Every one of them.
    pub days: Vec<u16>,
    /// `5#3`: the day, and which one in the month.
    pub nth: Vec<(u16, u16)>,
    /// `5L`: the last one in the month.
    pub last: Vec<u16>,
}

/// What must be known of a month to choose days in it.
pub(super) struct Month {
    first: NaiveDate,
    length: u16,
    /// The day of the week that it begins with.
    begins: u16,
}

impl Days {
    /// Both fields in small letters.
    pub(super) fn parse(of_month: &str, of_week: &str) -> Result<Self, Invalid> {
        Ok(Self { of_month: OfMonth::parse(of_month)?, of_week: OfWeek::parse(of_week)? })
    }

    /// The first such day of the month from this one on.
    pub(super) fn at_or_after(&self, month: &Month, day: u16) -> Option<u16> {
        (day..=month.length).find(|&day| self.have(month, day))
    }

    /// Whether no day is left out.
    pub(super) fn are_all(&self) -> bool {
        let all_of_month = self.of_month.as_ref().is_some_and(|own| own.days.len() == 31);
        let all_of_week = self.of_week.as_ref().is_some_and(|own| own.days.len() == 7);
        all_of_month || all_of_week || (self.of_month.is_none() && self.of_week.is_none())
    }

    fn have(&self, month: &Month, day: u16) -> bool {
        match (&self.of_month, &self.of_week) {
            (None, None) => true,
            (of_month, of_week) => {
                of_month.as_ref().is_some_and(|own| own.has(month, day))
                    || of_week.as_ref().is_some_and(|own| own.has(month, day))
            }
        }
    }
}

impl OfMonth {
    fn parse(text: &str) -> Result<Option<Self>, Invalid> {
        let (mut own, mut any) = (Self::default(), false);
        for entry in DAY.entries(text)? {
            match (entry, entry.strip_suffix('w')) {
                // As upstream has it, `*` beside other values still leaves the field open, and `*/2` does not.
                ("*" | "?", _) => any = true,
                ("l", _) => own.last = true,
                ("lw", _) => own.last_weekday = true,
                (_, Some(near)) => own.nearest.push(DAY.value(near)?),
                _ => own.days.extend(DAY.span(entry)?),
            }
        }
        tidy(&mut own.days);
        tidy(&mut own.nearest);
        Ok((!any).then_some(own))
    }

    fn has(&self, month: &Month, day: u16) -> bool {
        self.days.contains(&day)
            || (self.last && day == month.length)
            || (self.last_weekday && day == month.last_weekday())
            || self.nearest.iter().any(|&near| near <= month.length && month.nearest_weekday(near) == day)
    }
}

impl OfWeek {
    fn parse(text: &str) -> Result<Option<Self>, Invalid> {
        let (mut own, mut any) = (Self::default(), false);
        for entry in WEEKDAY.entries(text)? {
            match (entry, entry.strip_suffix('l'), entry.split_once('#')) {
                ("*" | "?", ..) => any = true,
                (_, Some(day), _) => own.last.push(WEEKDAY.value(day)?),
                (_, _, Some((day, nth))) => own.nth.push((WEEKDAY.value(day)?, which(entry, nth)?)),
                _ => own.days.extend(WEEKDAY.span(entry)?),
            }
        }
        tidy(&mut own.days);
        tidy(&mut own.last);
        tidy(&mut own.nth);
        Ok((!any).then_some(own))
    }

    fn has(&self, month: &Month, day: u16) -> bool {
        let weekday = month.weekday(day);
        self.days.contains(&weekday)
            || self.nth.contains(&(weekday, day.div_ceil(7)))
            || (self.last.contains(&weekday) && day + 7 > month.length)
    }
}

impl Month {
    /// Nothing for what is no month.
    pub(super) fn of(year: u16, month: u16) -> Option<Self> {
        let first = NaiveDate::from_ymd_opt(year.into(), month.into(), 1)?;
        let length = u16::from(first.num_days_in_month());
        let begins = u16::try_from(first.weekday().num_days_from_sunday()).ok()?;
        Some(Self { first, length, begins })
    }

    /// A day of it.
    pub(super) fn date(&self, day: u16) -> Option<NaiveDate> {
        self.first.with_day(day.into())
    }

    fn weekday(&self, day: u16) -> u16 {
        (self.begins + day - 1) % 7
    }

    fn last_weekday(&self) -> u16 {
        match self.weekday(self.length) {
            0 => self.length - 2,
            6 => self.length - 1,
            _ => self.length,
        }
    }

    /// The Friday before a Saturday and the Monday after a Sunday, but never in another month.
    fn nearest_weekday(&self, day: u16) -> u16 {
        match self.weekday(day) {
            6 if day > 1 => day - 1,
            6 => day + 2,
            0 if day < self.length => day + 1,
            0 => day - 2,
            _ => day,
        }
    }
}

/// Such as the `3` of `5#3`.
fn which(entry: &str, nth: &str) -> Result<u16, Invalid> {
    let known = ["1", "2", "3", "4", "5"].iter().zip(1..).find(|(text, _)| **text == nth);
    known.map(|(_, nth)| nth).ok_or_else(|| WEEKDAY.wrong(entry, "must have one of 1 to 5 behind the #"))
}

fn tidy<T: Ord>(values: &mut Vec<T>) {
    values.sort_unstable();
    values.dedup();
}
