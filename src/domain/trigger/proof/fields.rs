//! The settings of a proof as JSON has them: flat, and checked field by field.

use http::HeaderName;
use serde::{Deserialize, Serialize};

use super::Proof;
use super::cds::CdsNames;
use super::hmac::{Algorithm, Encoding, HmacSettings};
use crate::domain::{Invalid, name};

/// The longest name of a header, in bytes.
const MAX_HEADER: usize = 128;

/// The settings of a proof, as they come from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProofFields {
    /// One of [`Proof::NAMES`]; without one it is seen from each request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// `hmac`: which header holds the signature; `x-signature` unless named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// `hmac`: `sha1`, `sha256` or `sha512`; `sha256` unless named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// `hmac`: `hex` or `base64`; either unless named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// `hmac`: which header tells the seconds since 1970 that are signed before the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp_header: Option<String>,
    /// `cds`: the key of the project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// `cds`: the name of the server that has the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vcs_server: Option<String>,
    /// `cds`: the repository, in the case in which it is signed; without one each body
    /// tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// `cds`: the workflow, where it is one's webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
}

impl ProofFields {
    /// What they come to; `None` if no scheme is named, and none of its settings.
    ///
    /// # Errors
    /// Names the field that cannot be taken.
    pub fn check(self) -> Result<Option<Proof>, Invalid> {
        self.none_astray()?;
        let Some(scheme) = self.scheme.as_deref() else { return Ok(None) };
        let proof = match scheme {
            "github" => Proof::Github,
            "gitlab" => Proof::Gitlab,
            "bitbucket" => Proof::Bitbucket,
            "gitea" => Proof::Gitea,
            "standard-webhooks" => Proof::StandardWebhooks,
            "hmac" => Proof::Hmac(self.hmac()?),
            "cds" => Proof::Cds(self.cds()?),
            _ => return Err(Invalid::new("scheme", format!("is unknown: give one of {}", Proof::NAMES.join(", ")))),
        };
        Ok(Some(proof))
    }

    /// A setting that would count for nothing was meant for another scheme.
    fn none_astray(&self) -> Result<(), Invalid> {
        let settings = [
            ("header", "hmac", &self.header),
            ("algorithm", "hmac", &self.algorithm),
            ("encoding", "hmac", &self.encoding),
            ("timestamp_header", "hmac", &self.timestamp_header),
            ("project", "cds", &self.project),
            ("vcs_server", "cds", &self.vcs_server),
            ("repository", "cds", &self.repository),
            ("workflow", "cds", &self.workflow),
        ];
        let scheme = self.scheme.as_deref();
        let astray = settings.iter().find(|(_, of, value)| value.is_some() && scheme != Some(of));
        astray.map_or(Ok(()), |(field, of, _)| {
            Err(Invalid::new(*field, format!("belongs to the scheme {of}: name that, or leave this out")))
        })
    }

    fn hmac(&self) -> Result<HmacSettings, Invalid> {
        let usual = HmacSettings::default();
        let header = header("header", self.header.as_deref())?.unwrap_or(usual.header);
        let timestamp_header = header_of_time(self.timestamp_header.as_deref(), &header)?;
        let algorithm = named("algorithm", self.algorithm.as_deref(), Algorithm::named, "sha1, sha256 or sha512")?;
        let encoding = named("encoding", self.encoding.as_deref(), Encoding::named, "hex or base64")?;
        Ok(HmacSettings { header, algorithm: algorithm.unwrap_or_default(), encoding, timestamp_header })
    }

    fn cds(&self) -> Result<CdsNames, Invalid> {
        let needed = |field, text: &Option<String>, such_as| {
            let text = text.as_deref();
            let missing =
                || Invalid::new(field, format!("is needed for the scheme cds: give a name such as {such_as}"));
            text.ok_or_else(missing).and_then(|text| name(field, text, such_as))
        };
        let optional =
            |field, text: &Option<String>, such_as| text.as_deref().map(|text| name(field, text, such_as)).transpose();
        Ok(CdsNames {
            project: needed("project", &self.project, "PROJ")?,
            vcs_server: needed("vcs_server", &self.vcs_server, "github")?,
            repository: optional("repository", &self.repository, "acme/shop")?,
            workflow: optional("workflow", &self.workflow, "build")?,
        })
    }
}

fn header(field: &'static str, text: Option<&str>) -> Result<Option<HeaderName>, Invalid> {
    let Some(text) = text else { return Ok(None) };
    let name = text.trim().parse::<HeaderName>().ok().filter(|name| name.as_str().len() <= MAX_HEADER);
    let wrong = || format!("is no name of a header: give letters, digits and hyphens, at most {MAX_HEADER} of them");
    name.map(Some).ok_or_else(|| Invalid::new(field, wrong()))
}

fn header_of_time(text: Option<&str>, other: &HeaderName) -> Result<Option<HeaderName>, Invalid> {
    let name = header("timestamp_header", text)?;
    if name.as_ref() == Some(other) {
        return Err(Invalid::new("timestamp_header", "is the header of the signature: name that of the time"));
    }
    Ok(name)
}

fn named<T>(
    field: &'static str,
    text: Option<&str>,
    read: impl Fn(&str) -> Option<T>,
    all: &str,
) -> Result<Option<T>, Invalid> {
    let Some(text) = text else { return Ok(None) };
    read(text).map(Some).ok_or_else(|| Invalid::new(field, format!("is unknown: give {all}")))
}

impl TryFrom<ProofFields> for Proof {
    type Error = Invalid;

    fn try_from(fields: ProofFields) -> Result<Self, Invalid> {
        let missing = || Invalid::new("scheme", format!("is missing: give one of {}", Self::NAMES.join(", ")));
        fields.check()?.ok_or_else(missing)
    }
}

impl From<Proof> for ProofFields {
    fn from(proof: Proof) -> Self {
        let fields = Self { scheme: Some(proof.as_str().to_owned()), ..Self::default() };
        match proof {
            Proof::Hmac(settings) => Self {
                header: Some(settings.header.to_string()),
                algorithm: Some(settings.algorithm.as_str().to_owned()),
                encoding: settings.encoding.map(|encoding| encoding.as_str().to_owned()),
                timestamp_header: settings.timestamp_header.map(|name| name.to_string()),
                ..fields
            },
            Proof::Cds(names) => Self {
                project: Some(names.project),
                vcs_server: Some(names.vcs_server),
                repository: names.repository,
                workflow: names.workflow,
                ..fields
            },
            _ => fields,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(json: Value) -> Result<Option<Proof>, Invalid> {
        serde_json::from_value::<ProofFields>(json).unwrap().check()
    }

    #[test]
    fn settings_are_written_as_they_are_read() {
        let hmac = json!({"scheme": "hmac", "header": "x-sig", "algorithm": "sha512", "encoding": "base64",
                          "timestamp_header": "x-time"});
        let cds = json!({"scheme": "cds", "project": "PROJ", "vcs_server": "github", "repository": "Ovh/cds",
                         "workflow": "build"});
        let plain = ["github", "gitlab", "bitbucket", "gitea", "standard-webhooks"].map(|name| json!({"scheme": name}));

        for settings in plain.into_iter().chain([hmac, cds]) {
            let proof: Proof = serde_json::from_value(settings.clone()).unwrap();
            assert_eq!(serde_json::to_value(&proof).unwrap(), settings);
            assert_eq!(proof.as_str(), settings["scheme"]);
            assert!(Proof::NAMES.contains(&proof.as_str()));
        }
    }

    #[test]
    fn what_is_not_named_is_what_most_senders_do() {
        assert_eq!(read(json!({})), Ok(None));
        assert_eq!(read(json!({"scheme": null, "header": null})), Ok(None));
        assert_eq!(read(json!({"scheme": "hmac"})), Ok(Some(Proof::Hmac(HmacSettings::default()))));
        let Ok(Some(Proof::Hmac(settings))) = read(json!({"scheme": "hmac", "header": " X-My-Sig "})) else {
            panic!("an hmac");
        };
        assert_eq!(settings.header, "x-my-sig");
        assert!(serde_json::from_value::<Proof>(json!({})).unwrap_err().to_string().contains("scheme: is missing"));
    }

    #[test]
    fn what_cannot_be_taken_is_named_with_its_remedy() {
        let cases = [
            (json!({"scheme": "GitHub"}), "scheme: is unknown: give one of github, gitlab"),
            (json!({"header": "x"}), "header: belongs to the scheme hmac"),
            (json!({"scheme": "github", "algorithm": "sha1"}), "algorithm: belongs to the scheme hmac"),
            (json!({"scheme": "hmac", "repository": "a/b"}), "repository: belongs to the scheme cds"),
            (json!({"scheme": "hmac", "header": ""}), "header: is no name"),
            (json!({"scheme": "hmac", "header": "a b"}), "header: is no name"),
            (json!({"scheme": "hmac", "header": "a".repeat(129)}), "header: is no name"),
            (json!({"scheme": "hmac", "algorithm": "md5"}), "algorithm: is unknown: give sha1, sha256"),
            (json!({"scheme": "hmac", "encoding": "HEX"}), "encoding: is unknown: give hex or base64"),
            (json!({"scheme": "hmac", "timestamp_header": "X-Signature"}), "timestamp_header: is the header of the"),
            (json!({"scheme": "hmac", "timestamp_header": ":t"}), "timestamp_header: is no name"),
            (json!({"scheme": "cds", "vcs_server": "github"}), "project: is needed"),
            (json!({"scheme": "cds", "project": "P"}), "vcs_server: is needed"),
            (json!({"scheme": "cds", "project": "P", "vcs_server": " "}), "vcs_server: is empty"),
            (json!({"scheme": "cds", "project": "P", "vcs_server": "v", "repository": ""}), "repository: is empty"),
            (json!({"scheme": "cds", "project": "P", "vcs_server": "v", "workflow": "a\nb"}), "workflow: contains"),
        ];

        for (json, message) in cases {
            let refused = read(json).unwrap_err().to_string();
            assert!(refused.starts_with(message), "{message}: {refused}");
        }
    }
}
