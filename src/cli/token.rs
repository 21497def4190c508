//! `nyala token`: who may come in. Works on the database itself, so that the first
//! token can be made before a server listens to anybody.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgMatches, Args, Subcommand};
use comfy_table::Cell;
use serde::Serialize;

use super::exit::{Failure, off_thread};
use super::output::{self, counted, visible};
use crate::clock::{Clock, SystemClock};
use crate::config::Database;
use crate::domain::application::Application;
use crate::domain::id::{HookId, TokenId};
use crate::domain::time::Timestamp;
use crate::domain::token::{NewToken, Scope, Token as Kept, TokenHash, TokenSecret};
use crate::store::sqlite::Desk;
use crate::store::vault::random;
use crate::store::{Made, Result, Revoked, Tokens};

/// So many numbers of hooks fit into a line that people read.
const MOST_SHOWN: usize = 10;

/// Make, list and revoke the tokens that let requests in, also while a server runs
///
/// The first token that is made closes the server to everybody without one. Tokens are kept in the
/// server's database, so this has to run where that is. A client sends its token as `Authorization:
/// Bearer TOKEN`; the commands of this program take it from `NYALA_TOKEN`, or --token.
#[derive(Debug, Args)]
pub struct Token {
    #[command(flatten)]
    database: Database,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a token and print it; it is never shown again
    Create(Create),
    /// List all tokens that were ever made
    List {
        /// Print JSON for programs instead of a table for people
        #[arg(long)]
        json: bool,
    },
    /// Take a token back: it is good for nothing within a second
    ///
    /// The hooks that were made with it stay, and go on getting events.
    Revoke {
        /// The token's name, or its number
        token: String,
    },
}

#[derive(Debug, Args)]
struct Create {
    /// What people call it, such as the pipeline or the person that it is for
    name: String,
    /// What it is for: read (see everything), publish, subscribe (make hooks and manage
    /// those), admin (everything); repeatable
    #[arg(long = "scope", value_name = "SCOPE", required = true, value_delimiter = ',')]
    scopes: Vec<Scope>,
    /// It sees and touches only this application (repeatable) [default: all]
    #[arg(long = "application", value_name = "NAME")]
    applications: Vec<String>,
    /// How long it is good for, such as 90d [default: for ever]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    expires: Option<Duration>,
}

impl Token {
    /// Does what the subcommand says.
    ///
    /// # Errors
    /// Exit code 2 when the database or a value cannot be used, 1 for anything else.
    pub async fn run(self, matches: &ArgMatches) -> std::result::Result<(), Failure> {
        let path = self.database.resolve(matches).map_err(|e| Failure::usage(e.to_string()))?;
        super::private_files();
        match self.action {
            Action::Create(create) => create.run(path).await,
            Action::List { json } => list(path, json).await,
            Action::Revoke { token } => revoke(path, token).await,
        }
    }
}

impl Create {
    async fn run(self, path: PathBuf) -> std::result::Result<(), Failure> {
        let now = SystemClock::default().now();
        let new = self.parse(now)?;
        let secret = secret()?;
        let hash = TokenHash::of(secret.text().as_bytes());
        let name = new.name.clone();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|e| Failure::usage(format!("cannot make {} ({e})", folder.display())))?;
        }
        match at_desk(&path, Desk::create, move |desk| desk.create_token(now, &new, hash)).await? {
            Made::New(_) => output::print(secret.text()),
            Made::NameTaken => Err(Failure::failed(format!("there is a token {} already", visible(&name)))
                .advise("Give another name, or revoke that one first.")),
        }
    }

    fn parse(&self, now: Timestamp) -> std::result::Result<NewToken, Failure> {
        let usage = |invalid: crate::domain::Invalid| Failure::usage(invalid.to_string());
        let applications = self.applications.iter().map(|name| Application::parse(name));
        let mut applications = applications.collect::<std::result::Result<Vec<_>, _>>().map_err(usage)?;
        applications.sort();
        applications.dedup();
        if self.expires.is_some_and(|span| span.is_zero()) {
            return Err(Failure::usage("--expires: it would be good for nothing: give a time such as 90d"));
        }
        let scopes = Scope::ALL.into_iter().filter(|scope| self.scopes.contains(scope));
        Ok(NewToken {
            name: NewToken::name(&self.name).map_err(usage)?,
            scopes: scopes.collect(),
            applications,
            expires_at: self.expires.map(|span| now.plus(span)),
        })
    }
}

fn secret() -> std::result::Result<TokenSecret, Failure> {
    Ok(TokenSecret::of(random()?))
}

/// A token as `--json` shows it.
#[derive(Serialize)]
struct TokenView {
    id: TokenId,
    name: String,
    state: &'static str,
    scopes: Vec<&'static str>,
    applications: Vec<String>,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
}

impl TokenView {
    fn of(token: Kept, now: Timestamp) -> Self {
        Self {
            id: token.id,
            state: token.state(now).as_str(),
            name: token.name,
            scopes: token.scopes.iter().map(|scope| scope.as_str()).collect(),
            applications: token.applications.iter().map(|name| name.as_str().to_owned()).collect(),
            created_at: token.created_at,
            expires_at: token.expires_at,
            revoked_at: token.revoked_at,
            last_used_at: token.last_used_at,
        }
    }

    fn row(&self) -> Vec<Cell> {
        let time = |time: Option<Timestamp>| Cell::new(time.map(Timestamp::rfc3339).unwrap_or_default());
        vec![
            Cell::new(self.id.0),
            Cell::new(visible(&self.name)),
            Cell::new(self.state),
            Cell::new(self.scopes.join(", ")),
            Cell::new(visible(&self.applications.join(", "))),
            time(self.expires_at),
            time(self.last_used_at),
        ]
    }
}

async fn list(path: PathBuf, json: bool) -> std::result::Result<(), Failure> {
    let now = SystemClock::default().now();
    let tokens = at_desk(&path, Desk::open, |desk| desk.tokens()).await?;
    let views: Vec<_> = tokens.into_iter().map(|token| TokenView::of(token, now)).collect();
    if json {
        let json = serde_json::to_string_pretty(&views);
        return output::print(&json.map_err(|e| Failure::failed(e.to_string()))?);
    }
    if views.is_empty() {
        output::note("no token was ever made: the server is open to whoever reaches it");
        return Ok(());
    }
    let header = ["ID", "NAME", "STATE", "SCOPES", "APPLICATIONS", "EXPIRES", "LAST USED"];
    output::print(&output::table(&header, views.iter().map(TokenView::row)))
}

async fn revoke(path: PathBuf, which: String) -> std::result::Result<(), Failure> {
    let now = SystemClock::default().now();
    let wanted = which.clone();
    match at_desk(&path, Desk::open, move |desk| desk.revoke_token(now, &which)).await? {
        Revoked::Now(token) => {
            output::print(&format!("token {} revoked", visible(&token.name)))?;
            tell_hooks(&path, token.id).await
        }
        Revoked::Before(token) => {
            output::note(&format!("token {} was revoked before", visible(&token.name)));
            tell_hooks(&path, token.id).await
        }
        Revoked::Absent => Err(Failure::failed(format!("there is no token {}", visible(&wanted)))
            .advise("`nyala token list` shows all of them.")),
    }
}

/// A token that is revoked takes no hook with it: whoever wanted that has to be told.
async fn tell_hooks(path: &Path, token: TokenId) -> std::result::Result<(), Failure> {
    let hooks = at_desk(path, Desk::open, move |desk| desk.hooks_of_token(token)).await?;
    if hooks.is_empty() {
        return Ok(());
    }
    let one = "hook that was made with it stays and goes on";
    let stay = counted(hooks.len(), one, "hooks that were made with it stay and go on");
    let mut ids: Vec<_> = hooks.iter().take(MOST_SHOWN).map(HookId::to_string).collect();
    if hooks.len() > MOST_SHOWN {
        ids.push("…".to_owned());
    }
    output::note(&format!("{stay}, until `nyala hooks remove {}`", ids.join(" ")));
    Ok(())
}

/// Opens the database one way or the other, and does something with it, off the async threads.
async fn at_desk<T: Send + 'static>(
    path: &Path,
    open: fn(&Path) -> Result<Desk>,
    act: impl FnOnce(&mut Desk) -> Result<T> + Send + 'static,
) -> std::result::Result<T, Failure> {
    let path = path.to_owned();
    off_thread(move || act(&mut open(&path)?)).await
}
