//! The command line: one file a command.

pub mod applications;
pub mod client;
pub mod config;
pub mod db;
pub mod deliveries;
pub mod events;
pub mod exit;
pub mod gate;
pub mod gates;
pub mod hooks;
pub mod key;
pub mod limit;
pub mod listen;
pub mod listing;
mod local_server;
pub mod mock_hooks;
pub mod output;
pub mod payload;
pub mod progress;
pub mod publish;
mod receiver;
pub mod serve;
pub mod shown;
mod stop;
mod test_client;
pub mod token;
pub mod triggers;
pub mod verify;
pub mod when;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use rustix::fs::Mode;

use crate::config::Flags;
use exit::Failure;

/// Tells the outside world about deployments: keeps every event on disk and
/// delivers it to every hook that asked for it, until it arrives.
///
/// Without a command, `nyala` serves, and takes the options of `nyala serve`.
#[derive(Debug, Parser)]
#[command(name = "nyala", version, after_long_help = exit::HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

// What a command says about itself stands over its options: a sentence over its variant would take
// the place of all of it.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    ///
    /// Each option may also be set in the environment, and all but --config in the TOML file that it
    /// names, without the dashes in front. An option counts more than the environment, and that more
    /// than the file; `nyala config` shows what counts.
    ///
    /// Ctrl-C and SIGTERM end it in order, a second one at once. After SIGHUP it reads the
    /// certificate and its key again. Logs go to stderr.
    // Its options are those of `nyala config`, too.
    Serve(Flags),
    LocalServer(local_server::LocalServer),
    Publish(publish::Publish),
    Gate(gate::Gate),
    Gates(gates::Gates),
    Hooks(hooks::Hooks),
    Triggers(triggers::Triggers),
    Applications(applications::Applications),
    Events(events::Events),
    Deliveries(deliveries::Deliveries),
    Listen(listen::Listen),
    MockHooks(mock_hooks::MockHooks),
    TestClient(test_client::TestClient),
    Token(token::Token),
    Verify(verify::Verify),
    Db(db::Db),
    Key(key::KeyCommand),
    Config(config::Config),
}

/// Runs the command line of this process and says how it should end.
#[must_use]
pub fn main() -> ExitCode {
    // Fails only where a provider is installed already, and then that will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nothing can be said about a stderr that is closed.
            let _ = writeln!(std::io::stderr(), "nyala: {failure}");
            failure.exit_code()
        }
    }
}

fn run() -> Result<(), Failure> {
    let matches = Cli::command().get_matches_from(spelled_out(std::env::args_os().collect()));
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|e| e.exit());
    let deepest = matches.subcommand().map_or(&matches, |(_, deepest)| deepest);
    let runtime = tokio::runtime::Runtime::new().map_err(|e| Failure::failed(format!("cannot start: {e}")))?;
    let ended = runtime.block_on(cli.run(deepest));
    // A look-up of a name that never answers must not hold up the end.
    runtime.shutdown_background();
    ended
}

/// A bare `nyala` is `nyala serve`. Settled here rather than with flags that stand
/// for both: then a mistake in the server's environment is no client's trouble.
fn spelled_out(mut args: Vec<OsString>) -> Vec<OsString> {
    let asks = |arg: &OsString| ["-h", "--help", "-V", "--version"].iter().any(|ask| arg == ask);
    let is_flag = |arg: &OsString| arg.to_string_lossy().starts_with('-');
    if args.get(1).is_none_or(|first| is_flag(first) && !asks(first)) {
        args.insert(args.len().min(1), "serve".into());
    }
    args
}

impl Cli {
    async fn run(self, matches: &ArgMatches) -> Result<(), Failure> {
        match self.command {
            Command::Serve(flags) => serve::run(flags, matches).await,
            Command::LocalServer(args) => local_server::run(args, matches).await,
            Command::Publish(args) => args.run().await,
            Command::Gate(args) => args.run().await,
            Command::Gates(args) => args.run().await,
            Command::Hooks(args) => args.run().await,
            Command::Triggers(args) => args.run().await,
            Command::Applications(args) => args.run().await,
            Command::Events(args) => args.run().await,
            Command::Deliveries(args) => args.run().await,
            Command::Listen(args) => args.run().await,
            Command::MockHooks(args) => args.run().await,
            Command::TestClient(args) => args.run().await,
            Command::Token(args) => args.run(matches).await,
            Command::Verify(args) => args.run(),
            Command::Db(args) => args.run(matches).await,
            Command::Key(args) => args.run(matches).await,
            Command::Config(args) => args.run(matches),
        }
    }
}

/// The database holds secrets: what is made from now on is for this user alone.
fn private_files() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_contradict_nothing() {
        Cli::command().debug_assert();
    }
}
