//! What is deployed.

use super::time::Timestamp;
use super::{Invalid, name};

/// The name of an application: case matters, white space around it does not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Application(String);

impl Application {
    /// Reads a name from outside.
    ///
    /// # Errors
    /// Names the field `application` where it is empty, longer than 256 bytes,
    /// has control characters, or is `*`, which stands for any.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let name = name("application", text, "shop")?;
        if name == "*" {
            return Err(Invalid::new("application", "is *, which stands for any: name one"));
        }
        Ok(Self(name))
    }

    /// Takes a text that [`Application::parse`] accepted before, from the store.
    #[must_use]
    pub fn trusted(name: String) -> Self {
        Self(name)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An application of which somebody has said that there is one.
#[derive(Debug, Clone)]
pub struct KnownApplication {
    /// Its place in the list.
    pub id: i64,
    /// Its name.
    pub name: Application,
    /// When that was first said.
    pub created_at: Timestamp,
}
