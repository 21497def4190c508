//! What commands say about themselves.

use super::{nyala, run};

/// Each command with its sentence in `nyala --help`.
fn commands() -> Vec<(String, String)> {
    let help = run(&mut nyala(["--help"])).done().stdout;
    let listed = help.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    let pairs = listed.lines().map(|line| line.trim().split_once(' ').unwrap());
    let pairs = pairs.map(|(name, sentence)| (name.to_owned(), sentence.trim().to_owned()));
    pairs.filter(|(name, _)| name != "help").collect()
}

#[test]
fn each_command_begins_its_help_with_its_sentence_and_goes_on_to_explain_itself() {
    let commands = commands();

    assert_eq!(commands.len(), 18, "{commands:?}");
    for (name, sentence) in commands {
        let help = run(&mut nyala([name.as_str(), "--help"])).done().stdout;
        let about = help.split_once("\n\nUsage: ").unwrap().0;
        let (short, long) = about.split_once("\n\n").unwrap_or_else(|| panic!("{name} explains nothing: {about}"));
        assert_eq!(short, sentence, "{name}");
        assert!(long.len() > 80, "{name}: {long}");
    }
}
