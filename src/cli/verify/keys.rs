//! What requests are checked with, as `nyala verify` and `nyala listen` take it.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http::HeaderMap;

use crate::cli::exit::Failure;
use crate::domain::signature::Secret;
use crate::domain::time::Timestamp;
use crate::domain::verify::{Claim, Mismatch, PublicKey, Verified, Verifier};

/// The keys of one hook, and how much its clock may differ.
#[derive(clap::Args, Clone, Debug)]
pub struct Keys {
    /// The hook's secret (`whsec_…`), which checks v1 and GitHub's signatures; repeatable, for a
    /// rotation, in the environment with a comma between
    #[arg(long = "secret", env = "NYALA_SECRET", hide_env_values = true, value_name = "SECRET", value_delimiter = ',')]
    secrets: Vec<Hidden>,
    /// The hook's public key (`whpk_…`), which checks v1a signatures (repeatable)
    #[arg(long = "public-key", value_name = "KEY")]
    public: Vec<Hidden>,
    /// How far webhook-timestamp may be from the time at which the request came
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "5m",
        value_parser = humantime::parse_duration
    )]
    tolerance: Duration,
}

/// A text that is never printed: Clap would repeat one that it cannot read, and a secret with a
/// typing error is almost a secret.
#[derive(Clone)]
struct Hidden(String);

impl FromStr for Hidden {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Checks requests with the keys of the command line.
pub struct Checker {
    verifier: Verifier,
    tolerance: Duration,
}

impl Keys {
    /// What checks with these keys; nothing where there are none.
    ///
    /// # Errors
    /// Exit code 2 where one is no key.
    pub fn checker(&self) -> Result<Option<Checker>, Failure> {
        if self.secrets.is_empty() && self.public.is_empty() {
            return Ok(None);
        }
        let secrets: Result<Vec<_>, _> = self.secrets.iter().map(|text| Secret::parse(&text.0)).collect();
        let public_keys: Result<Vec<_>, _> = self.public.iter().map(|text| PublicKey::parse(&text.0)).collect();
        let secrets = secrets.map_err(|invalid| Failure::usage(format!("--secret: {}", invalid.message)))?;
        let public_keys =
            public_keys.map_err(|invalid| Failure::usage(format!("--public-key: {}", invalid.message)))?;
        Ok(Some(Checker { verifier: Verifier::new(&secrets, &public_keys), tolerance: self.tolerance }))
    }
}

impl Checker {
    /// Checks a request that came `now`.
    ///
    /// # Errors
    /// Why it proves nothing.
    pub fn check<'a>(&self, headers: &'a HeaderMap, body: &[u8], now: Timestamp) -> Result<Verified<'a>, Mismatch> {
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        self.verifier.verify(&Claim::read(headers)?, body, now, self.tolerance)
    }
}
