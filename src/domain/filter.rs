//! Which events a hook wants.

use std::collections::BTreeSet;

use super::Invalid;
use super::application::Application;
use super::event::EventType;

/// The most pairs that one filter may multiply out into.
pub const MAX_PAIRS: usize = 1000;

/// The most that the names in one filter may come to, in bytes: every list shows them.
pub const MAX_FILTER_BYTES: usize = 16 << 10;

/// Stands for any event type or any application.
pub const ANY: &str = "*";

/// One thing that a hook wants: this type (or any) of this application (or any).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// An event type as first written, or [`ANY`].
    pub event: String,
    /// An application, or [`ANY`].
    pub application: String,
}

impl Pair {
    /// The form in which pairs are compared and looked up: event types without
    /// regard to case.
    #[must_use]
    pub fn key(&self) -> (String, String) {
        (self.event.to_lowercase(), self.application.clone())
    }
}

/// The pairs that a hook wants, in the order in which they were named. Empty only where
/// a webhook of Huskar's has no subscription.
#[derive(Debug, Clone)]
pub struct Filter(Vec<Pair>);

impl Filter {
    /// Multiplies out lists of names from outside, where `*` stands for any.
    /// No applications means any application.
    ///
    /// # Errors
    /// Names `event` where there is none or one is not a name, `applications`
    /// likewise, and `events` where more than 1000 pairs would come out.
    pub fn product(events: &[String], applications: &[String]) -> Result<Self, Invalid> {
        let events =
            distinct(events, |text| EventType::parse(text).map(|event| (event.key(), event.as_str().to_owned())))?;
        let mut applications = distinct(applications, |text| {
            let name = Application::parse(text)?.as_str().to_owned();
            Ok((name.clone(), name))
        })?;
        if events.is_empty() {
            let message = "is missing: name the event that the hook wants, such as PostDeployment, or * for all";
            return Err(Invalid::new("event", message));
        }
        if applications.is_empty() {
            applications.push(ANY.to_owned());
        }
        if events.len() * applications.len() > MAX_PAIRS {
            let message = format!("times applications are more than {MAX_PAIRS} pairs: use * or several hooks");
            return Err(Invalid::new("events", message));
        }
        let bytes: usize = events.iter().chain(&applications).map(String::len).sum();
        if bytes > MAX_FILTER_BYTES {
            let message = format!("and applications are {bytes} bytes: at most {MAX_FILTER_BYTES} are allowed");
            return Err(Invalid::new("events", message));
        }
        Ok(Self::multiplied(&events, &applications))
    }

    fn multiplied(events: &[String], applications: &[String]) -> Self {
        let pair =
            |event: &String, application: &String| Pair { event: event.clone(), application: application.clone() };
        let pairs = events.iter().flat_map(|e| applications.iter().map(move |a| pair(e, a)));
        Self(pairs.collect())
    }

    /// Takes pairs that were accepted before, from the store.
    #[must_use]
    pub fn trusted(pairs: Vec<Pair>) -> Self {
        Self(pairs)
    }

    /// The same, but of this application exactly these events. Pairs of others stay
    /// as they are.
    ///
    /// # Errors
    /// Names `event_list` where the pairs would be too many or too long.
    pub fn with_events_of(&self, application: &str, events: &[String]) -> Result<Self, Invalid> {
        let others = self.0.iter().filter(|pair| pair.application != application).cloned();
        let pair = |event: &String| Pair { event: event.clone(), application: application.to_owned() };
        let pairs: Vec<_> = others.chain(events.iter().map(pair)).collect();
        let names = [unique(pairs.iter().map(|pair| &pair.event)), unique(pairs.iter().map(|pair| &pair.application))];
        let bytes: usize = names.iter().flatten().map(String::len).sum();
        if pairs.len() > MAX_PAIRS || bytes > MAX_FILTER_BYTES {
            let message = format!("is too much for one hook (over {MAX_PAIRS} pairs): use several hooks");
            return Err(Invalid::new("event_list", message));
        }
        Ok(Self(pairs))
    }

    /// The events that are wanted of this application, by this name.
    #[must_use]
    pub fn events_of(&self, application: &str) -> Vec<String> {
        let pairs = self.0.iter().filter(|pair| pair.application == application);
        pairs.map(|pair| pair.event.clone()).collect()
    }

    /// All pairs.
    #[must_use]
    pub fn pairs(&self) -> &[Pair] {
        &self.0
    }

    /// The event types, each once, in the order in which they were named.
    #[must_use]
    pub fn events(&self) -> Vec<String> {
        unique(self.0.iter().map(|pair| &pair.event))
    }

    /// The applications, each once, in the order in which they were named.
    #[must_use]
    pub fn applications(&self) -> Vec<String> {
        unique(self.0.iter().map(|pair| &pair.application))
    }

    /// Whether both want exactly the same events.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        let keys = |filter: &Self| filter.0.iter().map(Pair::key).collect::<BTreeSet<_>>();
        keys(self) == keys(other)
    }
}

/// The pairs in which an event of this type and these applications may be wanted.
#[must_use]
pub fn wanted_by(event: &EventType, applications: &[Application]) -> Vec<(String, String)> {
    let mut pairs = vec![];
    for event in [ANY.to_owned(), event.key()] {
        pairs.push((event.clone(), ANY.to_owned()));
        for application in applications {
            pairs.push((event.clone(), application.as_str().to_owned()));
        }
    }
    pairs
}

/// The names that `parse` made of the texts, each once; `parse` gives the form
/// in which names are compared, and the name.
fn distinct(
    texts: &[String],
    parse: impl Fn(&str) -> Result<(String, String), Invalid>,
) -> Result<Vec<String>, Invalid> {
    let mut seen = BTreeSet::new();
    let mut names = vec![];
    for text in texts {
        let any = || (ANY.to_owned(), ANY.to_owned());
        let (key, name) = if text.trim() == ANY { any() } else { parse(text)? };
        if seen.insert(key) {
            names.push(name);
        }
    }
    Ok(names)
}

fn unique<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.filter(|name| seen.insert(*name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn events_and_applications_multiply_out() {
        let filter = Filter::product(&list(&["A", "b", "a"]), &list(&["x", "y"])).unwrap();
        assert_eq!(filter.events(), ["A", "b"]);
        assert_eq!(filter.applications(), ["x", "y"]);
        assert_eq!(filter.pairs().len(), 4);
    }

    #[test]
    fn filters_are_compared_without_order_and_case_of_events() {
        let one = Filter::product(&list(&["A", "b"]), &[]).unwrap();
        let two = Filter::product(&list(&["B", "a"]), &list(&["*"])).unwrap();
        let other = Filter::product(&list(&["B", "a"]), &list(&["x"])).unwrap();
        assert!(one.same_as(&two));
        assert!(!one.same_as(&other));
    }

    #[test]
    fn applications_that_differ_in_case_are_two() {
        let filter = Filter::product(&list(&["A"]), &list(&["shop", "Shop"])).unwrap();
        assert_eq!(filter.applications(), ["shop", "Shop"]);
    }

    #[test]
    fn a_filter_without_an_event_or_with_too_many_pairs_is_refused() {
        assert_eq!(Filter::product(&[], &[]).unwrap_err().field, "event");
        let many: Vec<String> = (0..40).map(|n| format!("e{n}")).collect();
        assert_eq!(Filter::product(&many, &many).unwrap_err().field, "events");
        assert!(Filter::product(&list(&["a\u{7}"]), &[]).is_err());
    }

    #[test]
    fn an_event_without_application_is_looked_up_among_hooks_of_any() {
        let event = EventType::parse("Deployed").unwrap();
        let pairs = wanted_by(&event, &[]);
        let pair = |e: &str, a: &str| (e.to_owned(), a.to_owned());
        assert_eq!(pairs, [pair("*", "*"), pair("deployed", "*")]);
    }
}
