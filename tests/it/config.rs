//! Settings of the real binary: where each comes from, and which are refused.

mod refused;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use bytesize::ByteSize;
use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{Serving, nyala, printed};

/// Every setting and its default.
const DEFAULTS: [(&str, &str); 32] = [
    ("listen", "127.0.0.1:8080"),
    ("grpc-listen", ""),
    ("tls-cert", ""),
    ("tls-key", ""),
    ("max-connections", "8192"),
    ("max-connections-per-address", "1024"),
    ("max-header", "32 KiB"),
    ("database", "data/nyala.db"),
    ("database-limit", "unlimited"),
    ("allow-network", ""),
    ("https-only", "false"),
    ("name-server", ""),
    ("retry-schedule", "5s,5m,30m,2h,5h,10h,14h,20h,1day"),
    ("delivery-timeout", "10s"),
    ("workers", "2048"),
    ("workers-per-hook", "16"),
    ("breaker-failures", "5"),
    ("breaker-pause-after", "5days"),
    ("publish-wait", "0s"),
    ("max-body", "1 MiB"),
    ("retention", "30days"),
    ("owed-retention", "30days"),
    ("audit-retention", "1year"),
    ("retention-bytes", "unlimited"),
    ("secret-overlap", "1day"),
    ("trigger-retry-delay", "2m"),
    ("trigger-retries", "3"),
    ("execution-history", "10"),
    ("trigger-rate", "5000"),
    ("public-url", ""),
    ("log-format", "auto"),
    ("log-level", "info"),
];

/// A value for each setting that is not its default.
const OTHERS: [(&str, &str); 32] = [
    ("listen", "[::1]:9999"),
    ("grpc-listen", "127.0.0.1:19785"),
    ("tls-cert", "tls/nyala.pem"),
    ("tls-key", "tls/nyala.key"),
    ("max-connections", "99999"),
    ("max-connections-per-address", "17"),
    ("max-header", "65000"),
    ("database", "elsewhere/n.db"),
    ("database-limit", "6000000"),
    ("allow-network", "loopback,10.0.0.0/8,*.example.com"),
    ("https-only", "true"),
    ("name-server", "192.0.2.53:53,[2001:db8::53]:5353"),
    ("retry-schedule", "1s,90s"),
    ("delivery-timeout", "90s"),
    ("workers", "99"),
    ("workers-per-hook", "9"),
    ("breaker-failures", "7"),
    ("breaker-pause-after", "2days"),
    ("publish-wait", "60s"),
    ("max-body", "1500000"),
    ("retention", "forever"),
    ("owed-retention", "1m"),
    ("audit-retention", "90days"),
    ("retention-bytes", "5000000001"),
    ("secret-overlap", "0s"),
    ("trigger-retry-delay", "1s"),
    ("trigger-retries", "7"),
    ("execution-history", "0"),
    ("trigger-rate", "1"),
    ("public-url", "https://nyala.example/behind"),
    ("log-format", "human"),
    ("log-level", "warn,nyala::store=debug"),
];

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// `nyala config --json` with more arguments and a changed environment: value
/// and origin by name.
fn settings(folder: &Path, args: &[&str], change: impl FnOnce(&mut Command)) -> BTreeMap<String, (String, String)> {
    let mut command = nyala(folder, &["config", "--json"]);
    command.args(args);
    change(&mut command);
    let shown: Value = serde_json::from_str(&printed(&mut command)).expect("JSON");
    let text = |setting: &Value, name: &str| setting[name].as_str().expect("a text").to_owned();
    let shown = shown.as_array().expect("a list").iter();
    shown.map(|setting| (text(setting, "name"), (text(setting, "value"), text(setting, "origin")))).collect()
}

/// Whether two texts say the same: sizes have several spellings.
fn same(one: &str, two: &str) -> bool {
    let size = |text: &str| text.parse::<ByteSize>().ok();
    one == two || (size(one).is_some() && size(one) == size(two))
}

fn environment(command: &mut Command) {
    for (name, value) in OTHERS {
        command.env(variable(name), value);
    }
}

fn variable(name: &str) -> String {
    format!("NYALA_{}", name.replace('-', "_").to_uppercase())
}

fn write(folder: &Path, text: &str) {
    std::fs::write(folder.join("n.toml"), text).expect("written");
}

#[test]
fn every_setting_has_a_default() {
    let folder = folder();

    let shown = settings(folder.path(), &[], |_| {});

    assert_eq!(shown.len(), DEFAULTS.len());
    for (name, value) in DEFAULTS {
        assert!(same(&shown[name].0, value), "{name} is {:?}", shown[name]);
        assert_eq!(shown[name].1, "default", "{name}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "showing settings makes no files");
}

#[test]
fn the_key_of_secrets_is_never_shown() {
    let folder = folder();
    let key = "5a".repeat(32);

    for args in [&["config"][..], &["config", "--json"]] {
        let shown = printed(nyala(folder.path(), args).env("NYALA_KEY", &key));
        assert!(!shown.contains("5a5a") && !shown.contains("NYALA_KEY"), "{shown}");
    }
}

#[test]
fn every_setting_may_come_from_the_file_the_environment_or_a_flag() {
    let folder = folder();
    let lines: Vec<_> = OTHERS.iter().map(|(name, value)| format!("{name} = '{value}'\n")).collect();
    write(folder.path(), &lines.concat());
    let flags: Vec<_> = OTHERS.iter().map(|(name, value)| format!("--{name}={value}")).collect();
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    let defaults = BTreeMap::from(DEFAULTS);

    let from_file = settings(folder.path(), &["--config", "n.toml"], |_| {});
    let from_environment = settings(folder.path(), &[], environment);
    let from_flags = settings(folder.path(), &flags, |_| {});

    for (name, default) in defaults {
        let value = &from_file[name].0;
        assert_ne!(value, default, "{name}");
        assert_eq!(from_file[name].1, "n.toml");
        assert_eq!(from_environment[name], (value.clone(), format!("environment ({})", variable(name))));
        assert_eq!(from_flags[name], (value.clone(), "flag".to_owned()));
    }
}

#[test]
fn a_flag_goes_before_the_environment_and_that_before_the_file() {
    let folder = folder();
    write(folder.path(), "workers = 70\nworkers-per-hook = 7\ndelivery_timeout = \"7s\"\n");
    let file = ["--config", "n.toml"];
    let both = |command: &mut Command| {
        command.env("NYALA_WORKERS", "80").env("NYALA_WORKERS_PER_HOOK", "8");
    };

    let shown = settings(folder.path(), &[&file[..], &["--workers", "90"]].concat(), both);

    let value = |name: &str| (shown[name].0.as_str(), shown[name].1.as_str());
    assert_eq!(value("workers"), ("90", "flag"));
    assert_eq!(value("workers-per-hook"), ("8", "environment (NYALA_WORKERS_PER_HOOK)"));
    assert_eq!(value("delivery-timeout"), ("7s", "n.toml"));
    assert_eq!(value("publish-wait"), ("0s", "default"));
}

#[test]
fn the_file_may_be_named_by_the_environment_and_hold_lists_and_numbers() {
    let folder = folder();
    let text = "allow_network = [\"loopback\", \"10.0.0.0/8\"]\nretry-schedule = [\"1s\", \"2m\"]\nmax-body = 4096\n";
    write(folder.path(), text);

    let shown = settings(folder.path(), &[], |command| {
        command.env("NYALA_CONFIG", "n.toml");
    });

    for (name, value) in [("allow-network", "loopback,10.0.0.0/8"), ("retry-schedule", "1s,2m"), ("max-body", "4096")] {
        assert!(same(&shown[name].0, value), "{name} is {:?}", shown[name]);
        assert_eq!(shown[name].1, "n.toml");
    }
}

#[test]
fn a_switch_needs_no_value_as_a_flag_and_is_a_boolean_in_the_file() {
    let folder = folder();
    write(folder.path(), "https-only = true");

    let bare = settings(folder.path(), &["--https-only"], |_| {});
    let off = settings(folder.path(), &["--config", "n.toml", "--https-only=false"], |_| {});
    let from_file = settings(folder.path(), &["--config", "n.toml"], |_| {});

    assert_eq!(bare["https-only"], ("true".to_owned(), "flag".to_owned()));
    assert_eq!(off["https-only"], ("false".to_owned(), "flag".to_owned()));
    assert_eq!(from_file["https-only"], ("true".to_owned(), "n.toml".to_owned()));
}

#[test]
fn a_name_server_has_the_usual_port_unless_it_names_another() {
    let folder = folder();

    let shown = settings(folder.path(), &["--name-server", "192.0.2.1,::1", "--name-server", "[::1]:5353"], |_| {});

    assert_eq!(shown["name-server"].0, "192.0.2.1:53,[::1]:53,[::1]:5353");
}

#[test]
fn a_list_may_come_from_one_flag_or_from_several() {
    let folder = folder();

    let one = settings(folder.path(), &["--allow-network", "loopback,private"], |_| {});
    let two = settings(folder.path(), &["--allow-network", "loopback", "--allow-network", "private"], |_| {});

    assert_eq!(one["allow-network"], ("loopback,private".to_owned(), "flag".to_owned()));
    assert_eq!(two, one);
}

#[test]
fn what_is_shown_can_be_typed_and_is_shown_again() {
    let folder = folder();
    let values = |shown: BTreeMap<String, (String, String)>| -> Vec<_> {
        shown.into_iter().map(|(name, (value, _))| format!("--{name}={value}")).collect()
    };

    let shown = values(settings(folder.path(), &[], environment));
    let again = values(settings(folder.path(), &shown.iter().map(String::as_str).collect::<Vec<_>>(), |_| {}));

    assert_eq!(again, shown);
}

#[test]
fn a_size_is_shown_to_the_byte() {
    let folder = folder();

    for size in ["1", "1023", "1025", "1500000", "999999", "31MiB", "1.5MB"] {
        let shown = settings(folder.path(), &["--max-body", size], |_| {});
        assert!(same(&shown["max-body"].0, size), "{size} is shown as {}", shown["max-body"].0);
    }
}

#[test]
fn the_table_for_people_has_a_line_for_each_setting() {
    let folder = folder();

    let table = printed(&mut nyala(folder.path(), &["config", "--workers", "99"]));

    for (name, value) in DEFAULTS.map(|(name, value)| (name, if name == "workers" { "99" } else { value })) {
        let line = table.lines().find(|line| line.split_whitespace().next() == Some(name));
        let line = line.unwrap_or_else(|| panic!("no {name}: {table}"));
        let origin = if name == "workers" { "flag" } else { "default" };
        let shows_value = line.contains(value) || name == "max-body" || name == "max-header";
        assert!(shows_value && line.trim_end().ends_with(origin), "{line}");
    }
}

#[test]
fn a_bare_nyala_serves_just_as_nyala_serve_does() {
    let folder = folder();
    let flags = ["--listen", "127.0.0.1:0", "--database", "made/for/it/n.db"];

    for command in [&[][..], &["serve"][..]] {
        let serving = Serving::start(&mut nyala(folder.path(), &[command, &flags].concat()));
        let address = serving.url.strip_prefix("http://127.0.0.1:").expect("a URL").to_owned();
        assert!(address.parse::<u16>().is_ok_and(|port| port > 0), "{address}");
        let hooks = printed(&mut nyala(folder.path(), &["hooks", "list", "--json", "--server", &serving.url]));
        let (status, _) = serving.stop();
        assert_eq!(serde_json::from_str::<Value>(&hooks).expect("JSON"), serde_json::json!([]));
        assert_eq!(status.code(), Some(0));
    }
    assert!(folder.path().join("made/for/it/n.db").exists());
}

#[test]
fn help_documents_every_setting_and_the_exit_codes() {
    let folder = folder();

    let help = printed(&mut nyala(folder.path(), &["--help"]));
    let serve = printed(&mut nyala(folder.path(), &["serve", "--help"]));

    assert!(help.contains("Exit codes:") && help.contains("`nyala serve`"), "{help}");
    for code in [0, 1, 2, 4] {
        let described = |line: &str| line.trim().strip_prefix(&format!("{code}  ")).is_some_and(|text| text.len() > 3);
        assert!(help.lines().any(described), "exit code {code}: {help}");
    }
    for (name, _) in DEFAULTS {
        assert!(serve.contains(&format!("--{name}")), "{name}");
        assert!(serve.contains(&variable(name)), "{name}");
    }
}
