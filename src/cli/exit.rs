//! How a command ends: what it says went wrong, and the number that scripts see.

use std::fmt;
use std::process::ExitCode;

use crate::store::StoreError;

/// The exit codes in words, for the end of `nyala --help`.
pub const HELP: &str = "\
Exit codes:
  0  done
  1  the server answered with an error, or something else went wrong
  2  wrong usage or bad input, found before anything was sent
  3  the answer of a gate is no
  4  the server cannot be reached, after retries";

/// Why a command ended without having done what it was asked to.
///
/// Scripts branch on these numbers, so a number never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The server answered with an error, or something else went wrong.
    Failed = 1,
    /// Wrong usage or bad input, found before anything was sent. Clap ends with this number too.
    Usage = 2,
    /// A gate was asked and its answer is no: not an error, but not a yes either.
    Refused = 3,
    /// Nobody answers at the server's address.
    Unreachable = 4,
}

/// What went wrong, in words for the person at the keyboard, and what they may do about it.
///
/// Displayed as one text without a trailing newline; `main` puts `nyala: ` before it.
#[derive(Clone, Debug, thiserror::Error)]
pub struct Failure {
    what: String,
    advice: Option<String>,
    exit: Exit,
}

/// What is wrong with the file that was named is bad input.
impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unusable(why) => Self::usage(why),
            other => Self::failed(other.to_string()),
        }
    }
}

/// Does something with a database, off the async threads.
///
/// # Errors
/// Exit code 2 when the database cannot be used, 1 for anything else.
pub async fn off_thread<T: Send + 'static>(
    act: impl FnOnce() -> crate::store::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let acted = tokio::task::spawn_blocking(act).await.map_err(|e| Failure::failed(e.to_string()))?;
    Ok(acted?)
}

impl Failure {
    /// The server said so, or something broke here: exit code 1.
    pub fn failed(what: impl Into<String>) -> Self {
        Self::new(Exit::Failed, what.into())
    }

    /// The command was given what it cannot work with: exit code 2.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what.into())
    }

    /// A gate was asked and its answer is no: exit code 3.
    pub fn refused(what: impl Into<String>) -> Self {
        Self::new(Exit::Refused, what.into())
    }

    /// Nobody answers at the server's address: exit code 4.
    pub fn unreachable(what: impl Into<String>) -> Self {
        Self::new(Exit::Unreachable, what.into())
    }

    /// Adds what to do about it, in whole sentences; advice given earlier stays in front.
    #[must_use]
    pub fn advise(mut self, advice: impl AsRef<str>) -> Self {
        let advice = advice.as_ref();
        self.advice = Some(match self.advice {
            Some(earlier) => format!("{earlier} {advice}"),
            None => advice.to_owned(),
        });
        self
    }

    /// What went wrong, without the advice.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Which of the documented ways to end this is.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        self.exit
    }

    /// The number that the process ends with.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.exit as u8)
    }

    const fn new(exit: Exit, what: String) -> Self {
        let advice = None;
        Self { what, advice, exit }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.what)?;
        let Some(advice) = &self.advice else {
            return Ok(());
        };
        let joint = if self.what.contains('\n') {
            "\n"
        } else if self.what.ends_with(['.', '?', '!']) {
            " "
        } else {
            ". "
        };
        write!(out, "{joint}{advice}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_follows_as_a_sentence_of_its_own() {
        let failure = Failure::failed("no such hook").advise("List them.").advise("Look again.");

        assert_eq!(failure.to_string(), "no such hook. List them. Look again.");
    }

    #[test]
    fn advice_stands_below_what_has_several_lines() {
        let failure = Failure::failed("bad hook\n  url: missing").advise("Try again.");

        assert_eq!(failure.to_string(), "bad hook\n  url: missing\nTry again.");
    }

    #[test]
    fn the_documented_numbers_are_the_ones_in_use() {
        let ends = [Exit::Failed, Exit::Usage, Exit::Refused, Exit::Unreachable];

        for end in ends {
            assert!(HELP.contains(&format!("\n  {}  ", end as u8)), "{end:?} is not documented");
        }
    }
}
