//! `hobnob completions`, `man`, `config`, and the one screen of `--help`.

use crate::support::home::Home;
use crate::support::launch::Launch;

#[test]
fn help_fits_one_screen() {
    for option in ["-h", "--help"] {
        let output = Launch::hobnob().arg(option).run("").ended_with(0);
        assert!(output.stdout.len() <= 24, "{}", output.story());
        assert!(output.stdout.iter().all(|line| line.chars().count() <= 80), "{}", output.story());
    }
}

#[test]
fn completions_and_the_manual_page_are_printed() {
    let output = Launch::hobnob().args(["completions", "bash"]).run("").ended_with(0);
    assert!(output.everything().contains("complete -F _hobnob"), "{}", output.story());
    Launch::hobnob().args(["completions", "cmd.exe"]).run("").ended_with(2);
    let output = Launch::hobnob().arg("man").run("").ended_with(0);
    assert!(output.everything().contains(".TH hobnob 1"), "{}", output.story());
}

#[test]
fn the_settings_in_effect_say_where_they_come_from() {
    let home = Home::new();
    home.write_config("name = \"filed\"\nlog = \"warn\"\n");
    let launch = Launch::hobnob().home(&home).args(["--color", "never"]).env("HOBNOB_NAME", "envied");
    let output = launch.arg("config").run("").ended_with(0);
    let line = |start: &str| output.stdout.iter().find(|line| line.starts_with(start)).unwrap().clone();
    assert!(line("name = \"envied\"").ends_with("# environment: HOBNOB_NAME"), "{}", output.story());
    assert!(line("color = \"never\"").ends_with("# command line"));
    assert!(line("log = \"warn\"").ends_with("# config file"));
    assert!(line("history = true").ends_with("# default"));
    assert!(line("# the config file is").ends_with("config/hobnob/config.toml"));
    for about in [
        "# Chat name; left out",
        "# Keep what is said on this machine",
        "# The time before each message: off,",
    ] {
        assert!(!line(about).is_empty());
    }
    let data = home.path().display().to_string();
    let too_long = |line: &&String| line.chars().count() > 80 && !line.contains(&data);
    assert_eq!(output.stdout.iter().find(too_long), None);
    let printed = output.stdout.join("\n");
    home.write_config(&printed);
    Launch::hobnob().home(&home).arg("config").run("").ended_with(0);
    home.write_config("nmae = 1");
    Launch::hobnob().home(&home).arg("config").run("").ended_with(2).complains("nmae");
}
