//! Who may know whom: a file uses its own floor and those below.

use std::fs;
use std::path::{Path, PathBuf};

/// What things are, what is remembered, the works, the ways in, the roof.
const FLOORS: [&[&str]; 5] = [
    &["domain"],
    &["store", "clock", "telemetry"],
    &["publish", "delivery"],
    &["api", "dashboard"],
    &["main", "lib", "cli", "config", "service"],
];

/// Publishing wakes delivery through a `Notify`; they know no more of each other.
const STRANGERS: [&str; 2] = ["publish", "delivery"];

#[test]
fn no_file_leans_upward() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let wrong: Vec<_> = files(&src).iter().flat_map(|file| leans(&src, file)).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// All Rust files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let all = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    all.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// What is wrong with a file: where it names what it must not know.
fn leans(src: &Path, file: &Path) -> Vec<String> {
    let path = file.strip_prefix(src).expect("a file below src");
    let name = path.iter().next().expect("a name").to_str().expect("text").trim_end_matches(".rs");
    let Some(own) = floor(name) else { return vec![format!("src/{} is on no floor", path.display())] };
    let mut wrong = vec![];
    for (line, number) in fs::read_to_string(file).expect("a text").lines().zip(1..) {
        // Comments may name anything. `crate::{` names nothing here: one line a module.
        for named in line.split("//").next().unwrap_or("").split("crate::").skip(1) {
            let end = named.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(named.len());
            let other = &named[..end];
            let strangers = name != other && STRANGERS.contains(&name) && STRANGERS.contains(&other);
            if strangers || floor(other).is_none_or(|other| other > own) {
                wrong.push(format!("src/{}:{number}: {name} must not know `{other}`", path.display()));
            }
        }
    }
    wrong
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}
