//! `nyala hooks secret` and `rotate-secret`, and what of a hook's fields is secret.

use http::Method;
use serde_json::{Map, Value, json};

use crate::cli::client::Client;
use crate::cli::client::answer::Answer;
use crate::cli::exit::Failure;
use crate::cli::output;
use crate::cli::shown::Shown;
use crate::domain::id::HookId;
use crate::domain::signature::Scheme;

/// A secret that is given.
#[derive(clap::Args, Debug, Default)]
pub(super) struct Given {
    /// What to sign with: `whsec_` and the base64 of 24 to 64 bytes [default: a new one]
    ///
    /// Others on this machine can see the arguments of commands, but not their environment.
    #[arg(long, env = "NYALA_HOOK_SECRET", hide_env_values = true, value_name = "SECRET")]
    secret: Option<String>,
}

impl Given {
    /// Puts it among the fields of what is sent, if there is one.
    pub(super) fn put_into(&self, fields: &mut Map<String, Value>) {
        if let Some(secret) = &self.secret {
            fields.insert("secret".to_owned(), json!(secret));
        }
    }
}

/// What a hook's requests carry to prove themselves.
#[derive(clap::Args, Debug, Default)]
pub(super) struct Proofs {
    /// A way to sign: v1, v1a or github (repeatable) [default: v1]
    #[arg(long = "signature", value_name = "SCHEME", value_parser = scheme)]
    signatures: Vec<Scheme>,
    /// A header that its requests carry, as `name: value` (repeatable); the value is secret
    #[arg(long = "header", value_name = "HEADER")]
    headers: Vec<String>,
}

fn scheme(text: &str) -> Result<Scheme, &'static str> {
    Scheme::named(text).ok_or("give v1, v1a or github")
}

impl Proofs {
    /// Puts what was named among the fields of a hook.
    ///
    /// # Errors
    /// A header has no colon. It is not repeated: it may be a secret.
    pub(super) fn put_into(&self, fields: &mut Map<String, Value>) -> Result<(), Failure> {
        if !self.signatures.is_empty() {
            let names: Vec<_> = self.signatures.iter().map(|scheme| scheme.as_str()).collect();
            fields.insert("signatures".to_owned(), json!(names));
        }
        let mut headers = Map::new();
        for header in &self.headers {
            let wrong = || Failure::usage("--header wants a name, a colon and a value, such as 'x-api-key: 123'");
            let (name, value) = header.split_once(':').ok_or_else(wrong)?;
            headers.insert(name.trim().to_owned(), json!(value.trim()));
        }
        if !headers.is_empty() {
            fields.insert("headers".to_owned(), Value::Object(headers));
        }
        Ok(())
    }
}

/// Show what a hook signs with.
pub(super) async fn show(client: &Client, id: HookId, json: bool) -> Result<(), Failure> {
    let path = ["api", "v1", "hooks", &id.to_string(), "secret"];
    print(&client.ask(client.request(Method::GET, &path, &[])).await?, json)
}

/// Give a hook another secret.
pub(super) async fn rotate(client: &Client, id: HookId, given: &Given, json: bool) -> Result<(), Failure> {
    let path = ["api", "v1", "hooks", &id.to_string(), "secret", "rotate"];
    let mut fields = Map::new();
    given.put_into(&mut fields);
    let request = client.request(Method::POST, &path, &[]).header("content-type", "application/json");
    let answer = client.ask(request.body(Value::Object(fields).to_string())).await?;
    print(&answer, json)
}

/// The secret alone on stdout, for programs that pass it on; all else beside it.
fn print(answer: &Answer, json: bool) -> Result<(), Failure> {
    if json {
        return output::print(&answer.text());
    }
    let keys: Shown = answer.json()?;
    output::print(&keys.text("secret"))?;
    output::note(&format!("the public key for v1a is {}", keys.text("public_key")));
    let until = keys.get("former").and_then(|former| former.get("until")).and_then(Value::as_str);
    if let Some(until) = until {
        output::note(&format!("the former secret signs beside it until {}", output::visible(until)));
    }
    Ok(())
}
