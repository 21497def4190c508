//! `{{.name}}` in a text.

use std::collections::BTreeMap;

use crate::domain::Invalid;

/// How far from its beginning a variable ends, in bytes: what is longer is none.
const MAX_NAME: usize = 256;

/// The text with the values of its variables. What has no value, and whatever else stands in
/// braces (CDS knows functions there), stays as it is; a value is not looked at again.
///
/// # Errors
/// Names `field` where more than `most` bytes come of it.
pub(super) fn interpolate(
    field: &'static str,
    text: &str,
    values: &BTreeMap<String, String>,
    most: usize,
) -> Result<String, Invalid> {
    let (mut whole, mut rest) = (String::new(), text);
    loop {
        let (before, variable, after) = next(rest, values);
        whole.push_str(before);
        whole.push_str(variable);
        if whole.len() > most {
            return Err(Invalid::new(field, format!("has more than {most} bytes with its variables: send less")));
        }
        match after {
            None => return Ok(whole),
            Some(after) => rest = after,
        }
    }
}

/// What stands before the next variable that has a value, that value, and what stands behind it.
fn next<'a>(text: &'a str, values: &'a BTreeMap<String, String>) -> (&'a str, &'a str, Option<&'a str>) {
    for (at, _) in text.match_indices("{{") {
        let behind = &text[at + 2..];
        let near = &behind[..behind.floor_char_boundary(MAX_NAME)];
        let Some(end) = near.find("}}") else { continue };
        let (name, after) = (&near[..end], &behind[end + 2..]);
        if let Some(value) = name.trim().strip_prefix('.').and_then(|name| values.get(name)) {
            return (&text[..at], value, Some(after));
        }
    }
    (text, "", None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        let values = [("cds.run", "7"), ("empty", ""), ("braces", "{{.cds.run}}")];
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        interpolate("payload", text, &values, 100).unwrap()
    }

    #[test]
    fn variables_become_their_values() {
        assert_eq!(of("run {{.cds.run}}, {{ .cds.run }}!"), "run 7, 7!");
        assert_eq!(of("{{.empty}}{{.cds.run}}"), "7");
        assert_eq!(of("{{{.cds.run}}}"), "{{{.cds.run}}}");
        assert_eq!(of("{{ {{.cds.run}}"), "{{ 7");
        assert_eq!(of("é{{.cds.run}}é"), "é7é");
    }

    #[test]
    fn what_is_no_variable_of_that_name_stays() {
        for text in
            ["", "{{", "}}", "{{}}", "{{.}}", "{{.unknown}}", "{{cds.run}}", "{{.cds.run | upper}}", "{{.cds.run"]
        {
            assert_eq!(of(text), text);
        }
    }

    #[test]
    fn a_value_is_not_looked_at_again() {
        assert_eq!(of("{{.braces}}"), "{{.cds.run}}");
    }

    #[test]
    fn what_becomes_too_long_is_refused() {
        let values = BTreeMap::from([("a".to_owned(), "x".repeat(10))]);
        assert!(interpolate("payload", "{{.a}}{{.a}}", &values, 20).is_ok());
        let error = interpolate("payload", &"{{.a}}".repeat(100_000), &values, 20).unwrap_err();
        assert_eq!(error.field, "payload");
    }
}
