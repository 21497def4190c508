//! When a trigger fires by itself: a cron expression in a time zone.
//!
//! The dialect is that of `gorhill/cronexpr`, which the original uses, and a little more. Where the clocks of the zone
//! are changed:
//! - A local time that occurs twice fires at its first occurrence only, unless the schedule leaves out no hour: then
//!   it goes by intervals, and fires both times.
//! - A local time that does not occur fires as much later as the clocks were set forward (RFC 5545, 3.3.5): 02:30
//!   fires at 03:30 summer time. Where that is the time of another firing, they are one.
//!
//! The expression is read here rather than by `croner`, the best of the crates: that one refuses what the dialect has
//! (`5/2`, `January`, `*,5`), takes `0 0 * * L`, which never fires, and calls `*/15,7` "every 15 minutes".

mod days;
mod field;
mod pattern;
mod words;
mod zone;

#[cfg(test)]
mod tests;

use chrono::{DateTime, FixedOffset, SecondsFormat};

use self::pattern::Pattern;
use self::zone::{Stretch, Zone};
use crate::domain::Invalid;
use crate::domain::time::Timestamp;

/// How many bytes a cron expression or the name of a zone may have.
const MAX_BYTES: usize = 256;

/// No local time is further from UTC, and no change of clocks moves them more.
const WIDEST: i64 = 26 * 3600;

/// The first second of the year 2100 in UTC.
const END: i64 = 4_102_444_800;

/// A cron expression and the zone whose clocks it goes by.
#[derive(Debug, Clone)]
pub struct Schedule {
    cron: String,
    pattern: Pattern,
    zone: Zone,
}

/// How many fields mean what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fields {
    /// Five: minute, hour, day of the month, month, day of the week. Six: those and the year. Seven: a second before
    /// them and a year behind.
    Minutes,
    /// Six: a second first. Five and seven as with [`Fields::Minutes`].
    Seconds,
}

impl Schedule {
    /// Reads an expression such as `30 2 * * 5L` or `@daily`, and an IANA zone (empty for UTC), both in any case.
    ///
    /// # Errors
    ///
    /// [`Invalid`] with the field `cron` or `timezone`: what cannot be read, and what never fires before 2100.
    pub fn parse(cron: &str, timezone: &str, fields: Fields) -> Result<Self, Invalid> {
        let cron = tidy("cron", cron)?;
        let timezone = tidy("timezone", timezone)?;
        let pattern = Pattern::parse(&cron, fields)?;
        Ok(Self { cron, pattern, zone: Zone::parse(&timezone)? })
    }

    /// The expression as it was given, with one space between two fields.
    #[must_use]
    pub fn cron(&self) -> &str {
        &self.cron
    }

    /// The zone as IANA spells it.
    #[must_use]
    pub fn timezone(&self) -> &str {
        &self.zone.name
    }

    /// The first firing that is later than this; none if there is none before the year 2100. Always a whole second.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let mut from = after.seconds().saturating_add(1).max(-WIDEST);
        while from < END + WIDEST {
            let stretch = self.zone.stretch(from);
            if let Some(at) = self.first_in(&stretch, from) {
                return Some(Timestamp::from_millis(at * 1000));
            }
            if stretch.end == i64::MAX {
                break;
            }
            // Straight to where the clocks come near the next local time, over all the changes that lie before.
            let earliest = stretch.offset.min(self.zone.offset(stretch.end));
            let local = self.pattern.at_or_after(stretch.end + earliest)?;
            from = stretch.end.max(local - WIDEST);
        }
        None
    }

    /// The next so many firings that are later than this, or as many as there are.
    #[must_use]
    pub fn firings(&self, after: Timestamp, count: usize) -> Vec<Timestamp> {
        std::iter::successors(self.next_after(after), |at| self.next_after(*at)).take(count).collect()
    }

    /// In words, such as `every 5 minutes` or `at 02:30 on the last Friday of the month, in Europe/Paris`.
    #[must_use]
    pub fn words(&self) -> String {
        let words = words::tell(&self.pattern);
        if self.zone.is_utc() { words } else { format!("{words}, in {}", self.zone.name) }
    }

    /// What the clocks of the zone show then, such as `2026-03-29T03:30:00+02:00` (RFC 3339, which has no seconds in
    /// an offset: before 1972 a few zones had).
    #[must_use]
    pub fn local(&self, at: Timestamp) -> String {
        let offset = i32::try_from(self.zone.offset(at.seconds()) / 60 * 60).ok().and_then(FixedOffset::east_opt);
        // At the very ends of the calendar a local time would lie behind them.
        let most = Timestamp::MAX.millis() - WIDEST * 1000;
        let time = DateTime::from_timestamp_millis(at.millis().clamp(-most, most)).unwrap_or_default().fixed_offset();
        let time = offset.map_or(time, |offset| time.with_timezone(&offset));
        time.to_rfc3339_opts(SecondsFormat::AutoSi, false)
    }

    /// The first firing from this second on in the stretch that it is part of.
    fn first_in(&self, stretch: &Stretch, from: i64) -> Option<i64> {
        let Stretch { begin, end, offset, before } = *stretch;
        // Clocks set back show these times once more.
        let repeated = if self.pattern.is_every_hour() { 0 } else { (before - offset).max(0) };
        let own = self.pattern.at_or_after(from.max(begin + repeated) + offset).map(|local| local - offset);
        // Clocks set forward do not show these, so they are read as if the clocks had not been changed.
        let skipped = from < begin + (offset - before);
        let late = skipped.then(|| self.pattern.at_or_after(from + before)).flatten();
        let late = late.filter(|local| *local < begin + offset).map(|local| local - before);
        [own.filter(|at| *at < end), late].into_iter().flatten().min()
    }
}

/// One space between words, none around them; no other control characters, and not too long.
fn tidy(field: &'static str, text: &str) -> Result<String, Invalid> {
    if text.len() > MAX_BYTES {
        let message = format!("is {} bytes long: at most {MAX_BYTES} are allowed", text.len());
        return Err(Invalid::new(field, message));
    }
    let tidy = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if tidy.chars().any(char::is_control) {
        return Err(Invalid::new(field, "has control characters: give it as plain text"));
    }
    Ok(tidy)
}
