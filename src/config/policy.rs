//! Settings of delivery: how often, how long, how many at a time.

use std::time::Duration;

use clap::Args;
use humantime::Duration as Span;

use super::{ConfigError, Layers, refuse};
use crate::delivery::Policy;
use crate::domain::breaker::BreakerRules;
use crate::domain::retry::RetrySchedule;

/// The longest that one attempt may be given.
const MAX_TIMEOUT: Duration = Duration::from_mins(5);

/// Flags of delivery.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub(super) struct Flags {
    /// The waits between attempts; when they are used up a delivery is dead [default: 5s,5m,30m,2h,5h,10h,14h,20h,24h]
    #[arg(long, env = "NYALA_RETRY_SCHEDULE", value_name = "WAITS")]
    retry_schedule: Option<RetrySchedule>,
    /// How long one attempt may take, whole [default: 10s]
    #[arg(long, env = "NYALA_DELIVERY_TIMEOUT", value_name = "TIME")]
    delivery_timeout: Option<Span>,
    /// Attempts in flight, in all; slow and failing hooks hold at most half [default: 2048]
    #[arg(long, env = "NYALA_WORKERS", value_name = "NUMBER")]
    workers: Option<usize>,
    /// Attempts in flight for one hook; a slow or failing one gets one [default: 16]
    #[arg(long, env = "NYALA_WORKERS_PER_HOOK", value_name = "NUMBER")]
    workers_per_hook: Option<usize>,
    /// After so many failures in a row a hook is failing: its backlog waits, and single probes go out [default: 5]
    #[arg(long, env = "NYALA_BREAKER_FAILURES", value_name = "NUMBER")]
    breaker_failures: Option<u32>,
    /// A hook that has done nothing but fail for so long is paused, and the event `HookDisabled` published [default: 5days]
    #[arg(long, env = "NYALA_BREAKER_PAUSE_AFTER", value_name = "TIME")]
    breaker_pause_after: Option<Span>,
}

impl Layers<'_> {
    pub(super) fn policy(&mut self, flags: Flags) -> Result<Policy, ConfigError> {
        let rules = BreakerRules::default();
        let policy = Policy {
            retry_schedule: self.pick("retry-schedule", flags.retry_schedule, RetrySchedule::default())?,
            timeout: *self.pick("delivery-timeout", flags.delivery_timeout, Duration::from_secs(10).into())?,
            workers: self.pick("workers", flags.workers, 2048)?,
            workers_per_hook: self.pick("workers-per-hook", flags.workers_per_hook, 16)?,
            breaker_failures: self.pick("breaker-failures", flags.breaker_failures, rules.failures)?,
            breaker_pause_after: *self.pick(
                "breaker-pause-after",
                flags.breaker_pause_after,
                rules.pause_after.into(),
            )?,
        };
        check(&policy)?;
        Ok(policy)
    }
}

fn check(policy: &Policy) -> Result<(), ConfigError> {
    refuse(&[
        (policy.workers == 0, "workers must be at least 1"),
        (policy.workers_per_hook == 0, "workers-per-hook must be at least 1"),
        (
            policy.workers_per_hook > policy.workers,
            "workers-per-hook cannot be more than workers: lower it, or raise --workers",
        ),
        (
            policy.timeout.is_zero() || policy.timeout > MAX_TIMEOUT,
            "delivery-timeout must be more than 0s and at most 5m",
        ),
        (policy.breaker_failures == 0, "breaker-failures must be at least 1"),
        (
            policy.breaker_pause_after < Duration::from_mins(1),
            "breaker-pause-after must be at least 1m: hooks would be paused for a hiccup",
        ),
    ])
}
