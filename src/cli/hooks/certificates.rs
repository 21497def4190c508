//! The certificates of a hook, from files.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::cli::exit::Failure;

/// Certificates that are given.
#[derive(clap::Args, Debug, Default)]
pub(super) struct Certificates {
    /// A CA in PEM: it alone may vouch for the receiver, none of those that Nyala's machine trusts
    #[arg(long, value_name = "FILE")]
    ca_certificate: Option<PathBuf>,
    /// What the receiver is shown, in PEM: the certificate, those up to its CA, and the private key
    ///
    /// Repeatable, where they stand in several files: the certificate first.
    #[arg(long = "client-certificate", value_name = "FILE")]
    client_certificates: Vec<PathBuf>,
}

/// Certificates that are given or taken away.
#[derive(clap::Args, Debug, Default)]
pub(super) struct OtherCertificates {
    #[command(flatten)]
    given: Certificates,
    /// Take its CA away: those may vouch for the receiver again whom Nyala's machine trusts
    #[arg(long, conflicts_with = "ca_certificate")]
    no_ca_certificate: bool,
    /// Take its client certificate away: the receiver is shown none
    #[arg(long, conflicts_with = "client_certificates")]
    no_client_certificate: bool,
}

impl Certificates {
    /// Puts what is in the files among the fields of a hook.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(super) fn put_into(&self, fields: &mut Map<String, Value>) -> Result<(), Failure> {
        if let Some(file) = &self.ca_certificate {
            fields.insert("ca_certificate".to_owned(), json!(*read("ca-certificate", file)?));
        }
        if !self.client_certificates.is_empty() {
            let mut all = Zeroizing::new(String::new());
            for file in &self.client_certificates {
                all.push_str(&read("client-certificate", file)?);
                // A file need not end with its last line's end.
                all.push('\n');
            }
            fields.insert("client_certificate".to_owned(), json!(*all));
        }
        Ok(())
    }
}

impl OtherCertificates {
    /// The same, with null for what is taken away.
    ///
    /// # Errors
    /// As [`Certificates::put_into`].
    pub(super) fn put_into(&self, fields: &mut Map<String, Value>) -> Result<(), Failure> {
        self.given.put_into(fields)?;
        let taken = [("ca_certificate", self.no_ca_certificate), ("client_certificate", self.no_client_certificate)];
        fields.extend(taken.into_iter().filter(|(_, taken)| *taken).map(|(name, _)| (name.to_owned(), Value::Null)));
        Ok(())
    }
}

fn read(flag: &str, file: &Path) -> Result<Zeroizing<String>, Failure> {
    let unreadable = |error| Failure::usage(format!("cannot read {} for --{flag}: {error}", file.display()));
    std::fs::read_to_string(file).map(Zeroizing::new).map_err(unreadable)
}
