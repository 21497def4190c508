//! Settings that cannot be used: exit code 2, and a word about which and why.

use std::path::Path;
use std::process::Command;

use super::{folder, variable, write};
use crate::binary::{nyala, run};

/// What a command says as it refuses its settings.
fn refusal(command: &mut Command) -> String {
    let output = run(command);
    assert_eq!(output.status.code(), Some(2), "{command:?}: {output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr).expect("text")
}

/// Both commands that read settings.
const COMMANDS: [&str; 2] = ["config", "serve"];

fn refused(folder: &Path, args: &[&str], words: &[&str]) {
    for command in COMMANDS {
        let said = refusal(nyala(folder, &[command]).args(args));
        assert!(words.iter().all(|word| said.contains(word)), "{args:?}: {said}");
    }
}

/// A value for each setting that it cannot have, and a word about what would be right.
const BAD: [(&str, &str, &str); 33] = [
    ("listen", "localhost", ""),
    ("listen", "127.0.0.1:99999", ""),
    ("max-connections", "all", ""),
    ("max-connections-per-address", "-1", ""),
    ("max-header", "long", ""),
    ("database-limit", "small", "or `unlimited`"),
    ("database-limit", "-1", ""),
    ("allow-network", "all", "10.0.0.0/8"),
    ("allow-network", "10.0.0.0/33", "10.0.0.0/8"),
    ("https-only", "maybe", "true"),
    ("name-server", "localhost", "192.0.2.53"),
    ("name-server", "192.0.2.53:0", "192.0.2.53"),
    ("name-server", "192.0.2.53:99999", "192.0.2.53"),
    ("retry-schedule", "5 parsecs", "5s,5m,2h"),
    ("retry-schedule", "1s,,2s", "5s,5m,2h"),
    ("delivery-timeout", "soon", ""),
    ("delivery-timeout", "-5s", ""),
    ("workers", "many", ""),
    ("workers", "-1", ""),
    ("workers-per-hook", "1.5", ""),
    ("publish-wait", "1", ""),
    ("max-body", "large", ""),
    ("max-body", "1 parsec", ""),
    ("retention", "0", "`forever`"),
    ("retention", "never", "at least 1m"),
    ("owed-retention", "59s", "at least 1m"),
    ("owed-retention", "", "at least 1m"),
    ("retention-bytes", "never", "`unlimited`"),
    ("retention-bytes", "-1", "10GiB"),
    ("secret-overlap", "soon", ""),
    ("log-format", "xml", "auto, human or json"),
    ("log-level", "nyala=loud", ""),
    ("log-level", "[", ""),
];

#[test]
fn a_bad_value_is_refused_by_its_name_wherever_it_stands() {
    let folder = folder();

    for (name, value, remedy) in BAD {
        refused(folder.path(), &[&format!("--{name}={value}")], &[name, remedy]);
        for command in COMMANDS {
            let said = refusal(nyala(folder.path(), &[command]).env(variable(name), value));
            assert!(said.contains(name) && said.contains(remedy), "{name}: {said}");
        }
        write(folder.path(), &format!("{name} = '{value}'"));
        refused(folder.path(), &["--config", "n.toml"], &[name, "n.toml", remedy]);
    }
}

#[test]
fn values_that_contradict_each_other_or_reason_are_refused_by_name() {
    let folder = folder();
    let table: [(&[&str], &[&str]); 22] = [
        (&["--tls-cert=c.pem"], &["tls-cert", "needs tls-key"]),
        (&["--tls-key=k.pem"], &["tls-key", "needs tls-cert"]),
        (&["--max-connections=0"], &["max-connections", "at least 1"]),
        (&["--max-connections-per-address=0"], &["max-connections-per-address", "at least 1"]),
        (&["--max-header=8191"], &["max-header", "at least 8 KiB"]),
        (&["--max-header=1025KiB"], &["max-header", "at most 1 MiB"]),
        (&["--secret-overlap=31d"], &["secret-overlap", "at most 30d"]),
        (&["--workers=10", "--workers-per-hook=11"], &["workers-per-hook", "raise --workers"]),
        (&["--workers=15"], &["workers-per-hook", "lower it"]),
        (&["--workers=0"], &["workers", "at least 1"]),
        (&["--workers-per-hook=0"], &["workers-per-hook", "at least 1"]),
        (&["--publish-wait=61s"], &["publish-wait", "at most 60s"]),
        (&["--publish-wait=60s1ms"], &["publish-wait", "at most 60s"]),
        (&["--delivery-timeout=0s"], &["delivery-timeout", "more than 0s"]),
        (&["--delivery-timeout=301s"], &["delivery-timeout", "at most 5m"]),
        (&["--max-body=0"], &["max-body", "at least 1 byte"]),
        (&["--max-body=33MiB"], &["max-body", "at most 32 MiB"]),
        (&["--max-body=18446744073709551615"], &["max-body", "at most 32 MiB"]),
        (&["--database-limit=1023KiB", "--max-body=9"], &["database-limit", "at least 1 MiB"]),
        (&["--database-limit=3MiB"], &["database-limit", "lower --max-body"]),
        (&["--retention-bytes=0"], &["retention-bytes", "at least 1 MiB", "`unlimited`"]),
        (&["--retention-bytes=1023KiB"], &["retention-bytes", "at least 1 MiB"]),
    ];

    for (flags, words) in table {
        refused(folder.path(), flags, words);
    }
    write(folder.path(), "workers = 10");
    refused(folder.path(), &["--config", "n.toml", "--workers-per-hook", "11"], &["workers-per-hook"]);
}

#[test]
fn a_key_of_secrets_that_is_none_is_refused_and_not_repeated() {
    let folder = folder();

    for command in COMMANDS {
        let said = refusal(nyala(folder.path(), &[command]).env("NYALA_KEY", "SECRET"));
        assert!(said.contains("NYALA_KEY: is not 32 bytes") && !said.contains("SECRET"), "{said}");
    }
    refused(folder.path(), &["--key=abc"], &["--key"]);
    write(folder.path(), "key = 'abc'");
    refused(folder.path(), &["--config", "n.toml"], &["`key`", "not known"]);
}

#[test]
fn a_key_that_is_not_known_names_the_near_one() {
    let folder = folder();
    let table = [
        ("workes = 5", "`workes`", "did you mean workers?"),
        ("data-base = 'x'", "`data-base`", "did you mean database?"),
        ("retry_shedule = '5s'", "`retry-shedule`", "did you mean retry-schedule?"),
        ("log_levle = 'info'", "`log-levle`", "did you mean log-level?"),
        ("zzz = 1", "`zzz`", "listen, tls-cert"),
        ("[serve]\nworkers = 5", "`serve`", "listen, tls-cert"),
    ];

    for (text, key, hint) in table {
        write(folder.path(), text);
        refused(folder.path(), &["--config", "n.toml"], &["n.toml", key, hint]);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_refused_by_its_name() {
    let folder = folder();
    let table = [("workers 5", "n.toml"), ("workers = 5\nworkers = 6", "n.toml"), ("workers = 1.5", "workers")];

    for (text, word) in table {
        write(folder.path(), text);
        refused(folder.path(), &["--config", "n.toml"], &[word, "n.toml"]);
    }
    refused(folder.path(), &["--config", "missing.toml"], &["missing.toml"]);
    refused(folder.path(), &["--config", "."], &["as settings"]);
    std::fs::write(folder.path().join("n.toml"), b"workers = \"\xff\"").expect("written");
    refused(folder.path(), &["--config", "n.toml"], &["n.toml"]);
}

#[test]
fn a_key_that_stands_twice_under_two_spellings_is_refused() {
    let folder = folder();
    write(folder.path(), "publish-wait = '1s'\npublish_wait = '2s'\n");

    refused(folder.path(), &["--config", "n.toml"], &["publish-wait", "n.toml"]);
}

#[test]
fn a_flag_that_is_not_known_is_refused_with_the_near_one() {
    let folder = folder();

    refused(folder.path(), &["--worker", "5"], &["--workers"]);
    let bare = refusal(&mut nyala(folder.path(), &["--listn", "127.0.0.1:0"]));

    assert!(bare.contains("--listen"), "{bare}");
}

#[test]
fn what_is_refused_makes_no_database() {
    let folder = folder();

    refused(folder.path(), &["--database=d/n.db", "--workers=0"], &["workers"]);

    assert!(!folder.path().join("d").exists());
}
