//! One field of a cron expression, and the values that it names.

use std::collections::BTreeSet;

use crate::domain::Invalid;

/// What a field counts.
#[derive(Debug)]
pub(super) struct Unit {
    /// As an error calls it.
    pub name: &'static str,
    /// The least that `*` stands for.
    pub first: u16,
    /// The greatest.
    pub last: u16,
    /// What the values from `first` on may be called instead, each shortened to no less than three letters.
    pub names: &'static [&'static str],
    /// What an error offers.
    pub example: &'static str,
}

/// Within the minute.
pub(super) const SECOND: Unit = Unit { name: "second", first: 0, last: 59, names: &[], example: "0, 30 or */10" };
/// Within the hour.
pub(super) const MINUTE: Unit = Unit { name: "minute", first: 0, last: 59, names: &[], example: "0, 30 or */5" };
/// Within the day.
pub(super) const HOUR: Unit = Unit { name: "hour", first: 0, last: 23, names: &[], example: "2, 9-17 or */6" };
/// Within the month.
pub(super) const DAY: Unit =
    Unit { name: "day of the month", first: 1, last: 31, names: &[], example: "1, 1-7, 15W, L (the last) or LW" };
/// Within the year.
pub(super) const MONTH: Unit =
    Unit { name: "month", first: 1, last: 12, names: &MONTHS, example: "1, JAN, 4-9 or JAN,JUL" };
/// Sunday is 0; 7 is Sunday too.
pub(super) const WEEKDAY: Unit =
    Unit { name: "day of the week", first: 0, last: 6, names: &WEEKDAYS, example: "1, MON-FRI, 5L (the last) or 5#3" };
/// As far as `gorhill/cronexpr` looks.
pub(super) const YEAR: Unit = Unit { name: "year", first: 1970, last: 2099, names: &[], example: "2027 or 2027-2030" };

/// From January on.
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// From Sunday on.
pub(super) const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

impl Unit {
    /// The values of a whole field, in order, each once.
    pub(super) fn values(&self, text: &str) -> Result<Vec<u16>, Invalid> {
        let mut values = BTreeSet::new();
        for entry in self.entries(text)? {
            values.extend(self.span(entry)?);
        }
        Ok(values.into_iter().collect())
    }

    /// What stands between the commas. Upstream passes over nothing between two; here a value may have been lost.
    pub(super) fn entries<'a>(&self, text: &'a str) -> Result<Vec<&'a str>, Invalid> {
        let entries: Vec<_> = text.split(',').collect();
        let whole = entries.iter().all(|entry| !entry.is_empty());
        whole.then_some(entries).ok_or_else(|| self.wrong(text, "lacks a value beside a comma"))
    }

    /// `*`, `?`, `5`, `5-20`, and with a step `*/2`, `5/2` (from 5 on), `5-20/2`.
    pub(super) fn span(&self, entry: &str) -> Result<Vec<u16>, Invalid> {
        let (base, step) = match entry.split_once('/') {
            Some((base, step)) => (base, Some(self.step(entry, step)?)),
            None => (entry, None),
        };
        let (first, last) = match (base.split_once('-'), step) {
            _ if base == "*" || entry == "?" => (self.first, self.last),
            (Some((first, last)), _) => self.range(first, last)?,
            (None, Some(_)) => (self.value(base)?, self.last),
            (None, None) => (self.value(base)?, self.value(base)?),
        };
        Ok((first..=last).step_by(step.unwrap_or(1)).map(|value| self.only(value)).collect())
    }

    /// One value by its number or name.
    pub(super) fn value(&self, text: &str) -> Result<u16, Invalid> {
        self.raw(text).map(|value| self.only(value))
    }

    /// Upstream finds nothing in a range that runs backwards, and fails when it is to fire: here it is refused.
    /// A Sunday at the end of one ends the week: `FRI-SUN` and `5-7` are three days (upstream: none).
    fn range(&self, first: &str, last: &str) -> Result<(u16, u16), Invalid> {
        let (from, to) = (self.raw(first)?, self.raw(last)?);
        let (from, to) = match (self.only(from), to) {
            (own, to) if from == to => (own, own),
            (own, 0 | 7) if self.counts_weekdays() && own > 0 => (own, 7),
            both => both,
        };
        if from <= to {
            return Ok((from, to));
        }
        let remedy = format!("{first}-{},{}-{last}", self.last, self.first);
        Err(self.wrong(&format!("{first}-{last}"), &format!("runs backwards (for both ends give {remedy})")))
    }

    /// At most as far as the field goes, as upstream has it.
    fn step(&self, entry: &str, step: &str) -> Result<usize, Invalid> {
        let step = number(step).filter(|step| (1..=self.last).contains(step)).map(usize::from);
        step.ok_or_else(|| self.wrong(entry, &format!("has a step that is none of 1 to {}", self.last)))
    }

    fn raw(&self, text: &str) -> Result<u16, Invalid> {
        let last = if self.counts_weekdays() { 7 } else { self.last };
        let value = number(text).or_else(|| self.named(text));
        let value = value.filter(|value| (self.first..=last).contains(value));
        value.ok_or_else(|| self.wrong(text, &format!("is none of {} to {last}", self.first)))
    }

    fn named(&self, text: &str) -> Option<u16> {
        let begins = |name: &&str| name.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text));
        let place = self.names.iter().position(|name| text.len() >= 3 && begins(name))?;
        u16::try_from(place).ok().map(|place| self.first + place)
    }

    /// Every value has one number: the day 7 is the day 0.
    fn only(&self, value: u16) -> u16 {
        if self.counts_weekdays() { value % 7 } else { value }
    }

    fn counts_weekdays(&self) -> bool {
        self.names.len() == WEEKDAYS.len()
    }

    /// Says what is wrong with this part of the field.
    pub(super) fn wrong(&self, part: &str, what: &str) -> Invalid {
        let Self { name, example, .. } = self;
        Invalid::new("cron", format!("has the {name} \"{part}\", which {what}: give one such as {example}"))
    }
}

/// Digits alone: `+5` is none.
fn number(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_names_its_values_in_every_way_of_the_dialect() {
        let known: [(&Unit, &str, &[u16]); 19] = [
            (&MINUTE, "5", &[5]),
            (&MINUTE, "05,3,3", &[3, 5]),
            (&MINUTE, "50/4", &[50, 54, 58]),
            (&MINUTE, "*/25", &[0, 25, 50]),
            (&HOUR, "20-23", &[20, 21, 22, 23]),
            (&HOUR, "1-8/3,0", &[0, 1, 4, 7]),
            (&MONTH, "jan,MARCH,Sept", &[1, 3, 9]),
            (&MONTH, "OCT-dec", &[10, 11, 12]),
            (&MONTH, "*/5", &[1, 6, 11]),
            (&WEEKDAY, "?", &[0, 1, 2, 3, 4, 5, 6]),
            (&WEEKDAY, "0,7", &[0]),
            (&WEEKDAY, "5-7", &[0, 5, 6]),
            (&WEEKDAY, "fri-sun", &[0, 5, 6]),
            (&WEEKDAY, "sun-tue", &[0, 1, 2]),
            (&WEEKDAY, "7-2", &[0, 1, 2]),
            (&WEEKDAY, "0-7", &[0, 1, 2, 3, 4, 5, 6]),
            (&WEEKDAY, "7-7", &[0]),
            (&WEEKDAY, "thurs/2", &[4, 6]),
            (&YEAR, "2095/2", &[2095, 2097, 2099]),
        ];
        for (unit, text, values) in known {
            assert_eq!(unit.values(text).as_deref(), Ok(values), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_what_would_be_right() {
        for text in ["", "60", "-1", "+1", "1-", "-", "5--6", "1-2-3", "*/0", "*/60", "1/", "*/x", "/5", "?/2", "5-3"] {
            assert!(MINUTE.values(text).is_err(), "{text}");
        }
        for text in ["1,,2", ",1", "1,", "L", "mon", "99999", "**", "1.5", "５", "é", "1 2", "*-5"] {
            assert!(MINUTE.values(text).is_err(), "{text}");
        }
        for text in ["ja", "januaryy", "0", "13", "é€", "mon"] {
            assert!(MONTH.values(text).is_err(), "{text}");
        }

        let backwards = HOUR.values("22-2").unwrap_err();

        assert_eq!(backwards.field, "cron");
        let message = "has the hour \"22-2\", which runs backwards (for both ends give 22-23,0-2): give one such as 2, 9-17 or */6";
        assert_eq!(backwards.message, message);
    }
}
