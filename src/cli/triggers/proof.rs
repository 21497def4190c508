//! How those who call a trigger prove who they are.
//!
//! No secret is an argument: others on the machine can see those.

use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::cli::exit::Failure;
use crate::domain::signature::SECRET_PREFIX;
use crate::domain::trigger::proof::{Algorithm, Encoding, Proof};
use crate::store::vault::random;

/// The name for no scheme at all.
const AUTO: &str = "auto";

/// A secret, and what it is checked with.
#[derive(clap::Args, Debug, Default)]
pub(super) struct Proving {
    /// A file with the secret that requests have to be signed with, or - for stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["secret_env", "secret_generate"])]
    secret_file: Option<PathBuf>,
    /// The name of an environment variable that holds the secret
    #[arg(long, value_name = "VAR", conflicts_with = "secret_generate")]
    secret_env: Option<String>,
    /// Make a secret and print it, this once
    #[arg(long)]
    secret_generate: bool,
    /// How requests are signed: github, gitlab, bitbucket, gitea, standard-webhooks, hmac, cds, or auto:
    /// seen from each request [default: auto]
    #[arg(long, value_parser = scheme)]
    scheme: Option<String>,
    /// Scheme hmac: the header with the signature, x-signature unless named
    #[arg(long, value_name = "NAME")]
    header: Option<String>,
    /// Scheme hmac: sha1, sha256 or sha512; sha256 unless named
    #[arg(long, value_parser = algorithm)]
    algorithm: Option<String>,
    /// Scheme hmac: hex or base64; either unless named
    #[arg(long, value_parser = encoding)]
    encoding: Option<String>,
    /// Scheme hmac: the header with the seconds since 1970 that are signed before the body
    #[arg(long, value_name = "NAME")]
    timestamp_header: Option<String>,
    /// Scheme cds: the key of the project
    #[arg(long, value_name = "KEY")]
    project: Option<String>,
    /// Scheme cds: the server that has the repository
    #[arg(long, value_name = "NAME")]
    vcs_server: Option<String>,
    /// Scheme cds: the repository; without one each body tells it
    #[arg(long, value_name = "NAME")]
    repository: Option<String>,
    /// Scheme cds: the workflow, where it is one's webhook
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
}

fn scheme(text: &str) -> Result<String, String> {
    let known = text == AUTO || Proof::NAMES.contains(&text);
    known.then(|| text.to_owned()).ok_or_else(|| format!("give one of {}, {AUTO}", Proof::NAMES.join(", ")))
}

fn algorithm(text: &str) -> Result<String, &'static str> {
    Algorithm::named(text).map(|own| own.as_str().to_owned()).ok_or("give sha1, sha256 or sha512")
}

fn encoding(text: &str) -> Result<String, &'static str> {
    Encoding::named(text).map(|own| own.as_str().to_owned()).ok_or("give hex or base64")
}

impl Proving {
    /// Puts what was named among the fields of a trigger, which so far is proven by the scheme `before`.
    /// Answers the secret that was made, if one was.
    ///
    /// # Errors
    /// Exit code 2 when the secret cannot be read.
    pub(super) fn put_into(
        &self,
        fields: &mut Map<String, Value>,
        before: Option<&str>,
    ) -> Result<Option<Zeroizing<String>>, Failure> {
        let texts = [
            ("header", &self.header),
            ("algorithm", &self.algorithm),
            ("encoding", &self.encoding),
            ("timestamp_header", &self.timestamp_header),
            ("project", &self.project),
            ("vcs_server", &self.vcs_server),
            ("repository", &self.repository),
            ("workflow", &self.workflow),
        ];
        let texts = texts.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?)));
        fields.extend(texts.map(|(name, text)| (name.to_owned(), json!(text))));
        if let Some(scheme) = &self.scheme {
            let named = (scheme != AUTO).then_some(scheme);
            fields.insert("scheme".to_owned(), json!(named));
        }
        if self.secret_generate {
            let made = made(self.scheme.as_deref().or(before))?;
            fields.insert("secret".to_owned(), json!(*made));
            return Ok(Some(made));
        }
        if let Some(given) = self.given()? {
            fields.insert("secret".to_owned(), json!(*given));
        }
        Ok(None)
    }

    fn given(&self) -> Result<Option<Zeroizing<String>>, Failure> {
        if let Some(file) = &self.secret_file {
            return read(file).map(Some);
        }
        let Some(variable) = &self.secret_env else { return Ok(None) };
        // Its name is not repeated: somebody may have given the secret itself.
        let usage = |why: &str| Failure::usage(format!("--secret-env: {why}"));
        match std::env::var(variable) {
            Ok(text) if !text.is_empty() => Ok(Some(Zeroizing::new(text))),
            Ok(_) => Err(usage("the variable is empty")),
            Err(std::env::VarError::NotPresent) => Err(usage("there is no such variable in the environment")),
            Err(std::env::VarError::NotUnicode(_)) => Err(usage("the variable is no text")),
        }
    }
}

/// What is in a file, without the end of its line.
fn read(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text))
    };
    read.map_err(|error| Failure::usage(format!("--secret-file: {} cannot be read: {error}", file.display())))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(Failure::usage(format!("--secret-file: {} is empty", file.display())));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

/// 256 random bits: `whsec_…` where these are decoded, and else a text that any form takes.
fn made(scheme: Option<&str>) -> Result<Zeroizing<String>, Failure> {
    let bytes = Zeroizing::new(random::<32>()?);
    Ok(Zeroizing::new(match scheme {
        Some("standard-webhooks") => format!("{SECRET_PREFIX}{}", BASE64_STANDARD.encode(*bytes)),
        _ => BASE64_URL_SAFE_NO_PAD.encode(*bytes),
    }))
}
