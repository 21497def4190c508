//! Settings of triggers: how often what fails is tried again, and how much is kept.

use std::time::Duration;

use clap::Args;
use humantime::Duration as Span;

use super::values::Url;
use super::{ConfigError, Layers, refuse};
use crate::domain::trigger::Policy;

/// Flags of triggers.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub(super) struct Flags {
    /// How long after a failure an execution of a trigger is tried again [default: 2m]
    #[arg(long, env = "NYALA_TRIGGER_RETRY_DELAY", value_name = "TIME")]
    trigger_retry_delay: Option<Span>,
    /// How often an execution of a trigger may fail before it is left alone [default: 3]
    #[arg(long, env = "NYALA_TRIGGER_RETRIES", value_name = "NUMBER")]
    trigger_retries: Option<u32>,
    /// How many executions of each trigger are kept, besides those that are not over [default: 10]
    #[arg(long, env = "NYALA_EXECUTION_HISTORY", value_name = "NUMBER")]
    execution_history: Option<usize>,
    /// How many requests a second may fire one trigger, where it does not say itself [default: 5000]
    #[arg(long, env = "NYALA_TRIGGER_RATE", value_name = "NUMBER")]
    trigger_rate: Option<u32>,
    /// The URL by which others reach this server, which the URLs of webhooks begin with [default: as it was asked for]
    #[arg(long, env = "NYALA_PUBLIC_URL", value_name = "URL")]
    public_url: Option<Url>,
}

/// What they come to.
pub(super) struct Triggers {
    pub(super) policy: Policy,
    pub(super) public_url: Option<String>,
}

impl Layers<'_> {
    pub(super) fn triggers(&mut self, flags: Flags) -> Result<Triggers, ConfigError> {
        let usual = Policy::default();
        let policy = Policy {
            retry_delay: *self.pick("trigger-retry-delay", flags.trigger_retry_delay, usual.retry_delay.into())?,
            retries: self.pick("trigger-retries", flags.trigger_retries, usual.retries)?,
            history: self.pick("execution-history", flags.execution_history, usual.history)?,
            rate_limit: self.pick("trigger-rate", flags.trigger_rate, usual.rate_limit)?,
        };
        check(&policy)?;
        let public_url = self.pick("public-url", flags.public_url, Url(None))?.0;
        Ok(Triggers { policy, public_url })
    }
}

fn check(policy: &Policy) -> Result<(), ConfigError> {
    refuse(&[
        (policy.retry_delay < Duration::from_secs(1), "trigger-retry-delay must be at least 1s"),
        (policy.retries == 0, "trigger-retries must be at least 1: an execution may fail once, and is then left alone"),
        (policy.rate_limit == 0, "trigger-rate must be at least 1"),
    ])
}
