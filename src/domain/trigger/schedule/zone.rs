//! The clock on the wall of a place.

use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::domain::Invalid;

/// A time zone by its IANA name. The data are those that Nyala was built with, whatever the machine has, so that all
/// processes that share a store agree.
#[derive(Debug, Clone)]
pub(super) struct Zone {
    /// As IANA spells it.
    pub name: String,
    zone: TimeZone,
}

/// A time during which the clocks are not changed, in seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    /// When they were last changed.
    pub begin: i64,
    /// When they will be next, and the stretch is over; [`i64::MAX`] if never.
    pub end: i64,
    /// How many seconds local time is ahead of UTC.
    pub offset: i64,
    /// How many it was before.
    pub before: i64,
}

impl Zone {
    /// Any case; empty is UTC.
    pub(super) fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if text.is_empty() || text.eq_ignore_ascii_case("UTC") {
            return Ok(Self { name: "UTC".to_owned(), zone: TimeZone::UTC });
        }
        let zone = TimeZoneDatabase::bundled().get(text).ok().filter(|zone| !zone.is_unknown());
        let zone = zone.ok_or_else(|| unknown(text))?;
        Ok(Self { name: zone.iana_name().unwrap_or(text).to_owned(), zone })
    }

    /// Whether its clocks show UTC because that is what was asked for.
    pub(super) fn is_utc(&self) -> bool {
        self.name == "UTC"
    }

    /// How many seconds local time is ahead of UTC at this second.
    pub(super) fn offset(&self, at: i64) -> i64 {
        self.zone.to_offset(instant(at)).seconds().into()
    }

    /// The one that this second is part of.
    pub(super) fn stretch(&self, at: i64) -> Stretch {
        let offset = self.offset(at);
        let begin =
            self.zone.preceding(instant(at.saturating_add(1))).next().map(|change| change.timestamp().as_second());
        let end = self.zone.following(instant(at)).next().map(|change| change.timestamp().as_second());
        let before = begin.map_or(offset, |begin| self.offset(begin - 1));
        Stretch { begin: begin.unwrap_or(at), end: end.unwrap_or(i64::MAX), offset, before }
    }
}

/// What lies outside of the calendar is taken for its end.
fn instant(at: i64) -> jiff::Timestamp {
    let end = if at < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
    jiff::Timestamp::from_second(at).unwrap_or(end)
}

fn unknown(text: &str) -> Invalid {
    let remedy = match nearest(text) {
        Some(name) => format!("did you mean {name}?"),
        None => "give a name of the IANA database such as Europe/Paris, or nothing for UTC".to_owned(),
    };
    Invalid::new("timezone", format!("names the unknown time zone {text:?}: {remedy}"))
}

/// The name that is spelt most like it, as a whole or without its region; nothing if none is.
fn nearest(text: &str) -> Option<String> {
    const ALIKE: f64 = 0.8;
    const LONGEST: usize = 40;
    let wanted = text.to_ascii_lowercase().replace(' ', "_");
    let likeness = |name: &str| {
        let name = name.to_ascii_lowercase();
        let place = name.rsplit('/').next().unwrap_or_default();
        strsim::normalized_damerau_levenshtein(&name, &wanted)
            .max(strsim::normalized_damerau_levenshtein(place, &wanted))
    };
    let database = TimeZoneDatabase::bundled();
    // `EST` is like `CEST` and hours away: only places are offered.
    let places = database.available().map(|name| name.to_string()).filter(|name| name.contains('/'));
    let scored = places.filter(|_| text.len() <= LONGEST).map(|name| (likeness(&name), name));
    let best = scored.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(score, _)| *score >= ALIKE).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_known_by_its_name_in_any_case() {
        for (text, name) in
            [("", "UTC"), (" utc ", "UTC"), ("europe/PARIS", "Europe/Paris"), ("US/Pacific", "US/Pacific")]
        {
            assert_eq!(Zone::parse(text).unwrap().name, name);
        }
    }

    #[test]
    fn an_unknown_zone_is_refused_with_the_nearest_one() {
        for (text, remedy) in [
            ("Europe/Pari", "did you mean Europe/Paris?"),
            ("paris", "did you mean Europe/Paris?"),
            ("New York", "did you mean America/New_York?"),
            ("Amercia/Caracas", "did you mean America/Caracas?"),
            ("CEST", "such as Europe/Paris"),
            ("Etc/Unknown", ""),
            ("../../etc/passwd", "such as Europe/Paris"),
            ("Europe/Paris\0", ""),
        ] {
            let refused = Zone::parse(text).unwrap_err();

            assert_eq!(refused.field, "timezone");
            assert!(refused.message.contains(remedy), "{}", refused.message);
        }
    }

    /// What [`Stretch`] is for: no change of clocks reaches into the one before or behind it.
    #[test]
    fn no_zone_changes_its_clocks_again_before_a_change_is_over() {
        for name in TimeZoneDatabase::bundled().available() {
            let zone = Zone::parse(name.as_str());
            let Ok(zone) = zone else { continue };
            let mut at = -2 * 86_400;
            while at < 4_102_444_800 + 2 * 86_400 {
                let stretch = zone.stretch(at);
                if stretch.end == i64::MAX {
                    break;
                }
                let (by, next) = ((stretch.offset - stretch.before).abs(), zone.offset(stretch.end));
                assert!(stretch.end - stretch.begin > by + 3600 || at < 0, "{} {stretch:?}", zone.name);
                assert!((next - stretch.offset).abs() <= 25 * 3600, "{} {stretch:?}", zone.name);
                at = stretch.end;
            }
        }
    }
}
