//! `nyala local-server`: a server to try CCX's hooks out with.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;

use super::{LIMIT, Running, nyala, run};

/// A local server in a folder of its own.
pub struct Local {
    pub running: Running,
    /// Where it speaks gRPC.
    pub grpc: String,
    folder: TempDir,
    name: &'static str,
}

impl Local {
    pub fn start(name: &'static str, mock: &str) -> Self {
        Self::start_with(name, mock, &[])
    }

    /// The same with further options.
    pub fn start_with(name: &'static str, mock: &str, options: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), name, mock, options)
    }

    fn start_in(folder: TempDir, name: &'static str, mock: &str, options: &[&str]) -> Self {
        let told = File::create(folder.path().join("stderr")).unwrap();
        let running = Running::start(command(&folder, &[name, "--mock", mock]).args(options).stderr(told));
        let second = running.line();
        let grpc = second.strip_prefix("listening for gRPC on ").unwrap_or_else(|| panic!("{second}")).to_owned();
        Self { running, grpc, folder, name }
    }

    /// Stops it and starts it again, to call somebody else.
    fn again(self, mock: &str) -> Self {
        let Self { running, folder, name, .. } = self;
        assert_eq!(running.stop().code(), Some(0));
        Self::start_in(folder, name, mock, &[])
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join(format!("data/{}.db", self.name))
    }

    /// Its hooks, as `nyala hooks list` has them.
    fn hooks(&self) -> Vec<Value> {
        let listed = run(&mut nyala(["hooks", "list", "--json", "--server", &self.running.url])).done();
        listed.json().as_array().unwrap_or_else(|| panic!("{listed:?}")).clone()
    }

    /// Makes a token of this scope.
    pub fn new_token(&self, scope: &str) -> String {
        let create =
            nyala(["token", "create", scope, "--scope", scope]).arg("--database").arg(self.database()).output();
        let create = create.unwrap();
        assert!(create.status.success(), "{create:?}");
        String::from_utf8(create.stdout).unwrap().trim().to_owned()
    }

    /// Waits until it knows that there are tokens now.
    pub fn until_closed(&self) {
        let began = Instant::now();
        while run(&mut nyala(["hooks", "list", "--server", &self.running.url])).code == Some(0) {
            assert!(began.elapsed() < LIMIT, "it stands open");
        }
    }
}

fn command(folder: &TempDir, args: &[&str]) -> Command {
    let mut command = nyala(["local-server", "--listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0"]);
    command.args(args).current_dir(folder.path());
    command
}

#[test]
fn it_has_a_hook_for_all_that_ccx_calls_under_its_name() {
    let local = Local::start("myserver", "http://127.0.0.1:19786");

    let hooks = local.hooks();

    let events: Vec<_> = hooks[0]["events"].as_array().unwrap().iter().map(|event| event.as_str().unwrap()).collect();
    assert_eq!((hooks.len(), events.len()), (1, 8), "{hooks:?}");
    assert!(events.contains(&"pre-add-node") && events.contains(&"post-delete-cluster"), "{events:?}");
    assert_eq!((&hooks[0]["description"], &hooks[0]["url"]), (&"myserver".into(), &"http://127.0.0.1:19786".into()));
}

#[test]
fn its_data_is_in_a_file_of_its_name_unless_one_says_otherwise() {
    let local = Local::start("my-server_2", "http://127.0.0.1:19786");
    let other = Local::start_with("myserver", "http://127.0.0.1:19786", &["--database", "other.db"]);

    assert!(local.database().is_file());
    assert!(other.folder.path().join("other.db").is_file() && !other.folder.path().join("data").exists());
}

#[test]
fn started_again_it_has_the_same_hook_which_calls_whom_it_is_told() {
    let local = Local::start("myserver", "http://127.0.0.1:19786");
    let first = local.hooks();

    let local = local.again("http://127.0.0.1:19786");
    let second = local.hooks();
    let local = local.again("http://127.0.0.1:19787/hooks");
    let third = local.hooks();

    assert_eq!(first, second, "nothing changes");
    assert_eq!((third.len(), &third[0]["id"]), (1, &first[0]["id"]));
    assert_eq!(third[0]["url"], "http://127.0.0.1:19787/hooks");
}

#[test]
fn another_name_in_the_same_database_is_another_hook() {
    let folder = tempfile::tempdir().unwrap();
    let shared = folder.path().join("shared.db");
    let options = ["--database", shared.to_str().unwrap()];
    let one = Local::start_with("one", "http://127.0.0.1:19786", &options);
    assert_eq!(one.running.stop().code(), Some(0));

    let two = Local::start_with("two", "http://127.0.0.1:19786", &options);

    let names: Vec<_> = two.hooks().iter().map(|hook| hook["description"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["one", "two"]);
}

#[test]
fn a_name_that_is_no_name_of_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let long = "x".repeat(65);

    for name in ["../x", "a/b", "", ".", "..", "a b", "a.db", "ä", "-", "a\n", &long] {
        let ended = run(&mut command(&folder, &["--", name]));
        assert_eq!(ended.code, Some(2), "{name}: {ended:?}");
        assert!(ended.stderr.contains("want letters, digits, - and _") || name.is_empty(), "{name}: {ended:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");
}

#[test]
fn whom_it_cannot_call_is_refused_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();

    for mock in ["ftp://a/", "localhost", "http://", ""] {
        let ended = run(&mut command(&folder, &["myserver", "--mock", mock]));
        assert_eq!(ended.code, Some(2), "{mock}: {ended:?}");
        assert!(ended.stderr.contains("--mock"), "{mock}: {ended:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");
}

#[test]
fn a_password_for_the_mock_is_used_and_not_shown() {
    let mock = Running::start_json(&mut nyala(["mock-hooks", "--listen", "127.0.0.1:0", "--json"]));
    let address = mock.url.strip_prefix("http://").unwrap();
    let call = |local: &Local| {
        run(&mut nyala(["test-client", "--server", &local.grpc, "add_node", "{}"])).done();
        let line: Value = serde_json::from_str(&mock.line()).unwrap();
        line["headers"]["authorization"].clone()
    };

    let local = Local::start("myserver", &format!("http://{address}"));
    assert_eq!(call(&local), Value::Null);
    let local = local.again(&format!("http://ann:pa55@{address}"));
    assert_eq!(call(&local), "Basic YW5uOnBhNTU=");
    let told = fs::read_to_string(local.folder.path().join("stderr")).unwrap();
    assert!(told.contains(&format!("myserver is hook 1, and calls http://{address}:")), "{told}");
    assert!(!told.contains("pa55"), "{told}");
}
