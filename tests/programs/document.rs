//! Checks docs/SCRIPTING.md against the program: every `console` block is typed into a shell, and what the page shows
//! must come out. `…` in a line stands for any text. The page's table of error codes must hold every code there is.

use std::collections::BTreeSet;

use hobnob::show::ErrorCode;

use crate::support::home::Home;
use crate::support::launch::Launch;
use crate::support::server::Server;

/// One command, and the lines that the page shows below it.
struct Example {
    command: String,
    shown: Vec<String>,
}

fn examples(page: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match (inside, line) {
            (_, "```console") => inside = true,
            (_, "```") => inside = false,
            (true, line) => match (line.strip_prefix("$ "), examples.last_mut()) {
                (Some(command), _) => {
                    examples.push(Example { command: command.to_owned(), shown: Vec::new() });
                }
                (None, Some(example)) => example.shown.push(line.to_owned()),
                (None, None) => panic!("a block begins without a command: {line}"),
            },
            (false, _) => {}
        }
    }
    examples
}

fn matches(shown: &str, line: &str) -> bool {
    let mut parts = shown.split('…');
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else { return false };
    let mut exact = true;
    for part in parts {
        exact = part.is_empty();
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
        exact |= rest.is_empty();
    }
    if shown.contains('…') { exact } else { rest.is_empty() }
}

#[test]
fn the_program_prints_the_examples_of_the_page() {
    let page = include_str!("../../docs/SCRIPTING.md");
    let server = Server::start(&[]);
    let home = Home::new();
    let examples = examples(page);
    assert!(examples.len() >= 5, "the page was not understood");
    for example in examples {
        let launch = Launch::shell(&format!("{{ {}; }} 2>&1", example.command)).home(&home);
        let output = launch.env("HOBNOB_SERVER", server.address()).run("");
        let mut lines = output.stdout.iter();
        for shown in &example.shown {
            assert!(
                shown == "…" || lines.any(|line| matches(shown, line)),
                "the page shows {shown:?} after {:?}\n{}",
                example.command,
                output.story()
            );
        }
    }
}

/// Returns the codes in the first column of the table under `heading`; a row may name several.
fn codes_in_table(page: &str, heading: &str) -> BTreeSet<String> {
    let rows = page.lines().skip_while(|line| *line != heading).skip(2);
    let rows = rows.map_while(|line| line.strip_prefix("| "));
    let codes = rows.flat_map(|row| row.split(" |").next().unwrap_or_default().split(", "));
    codes.map(|code| code.trim_matches('`').to_owned()).collect()
}

#[test]
fn the_table_of_error_codes_has_every_code_and_no_other() {
    // A name that no code has is refused with a list of the names that there are, each between backquotes.
    let refused = serde_json::from_str::<ErrorCode>("\"\"").unwrap_err().to_string();
    let (_, listed) = refused.split_once("expected one of ").unwrap();
    let there_are: BTreeSet<String> = listed.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    assert!(there_are.contains(&ErrorCode::Usage.name()), "{refused}");
    assert_eq!(codes_in_table(include_str!("../../docs/SCRIPTING.md"), "| code | what failed |"), there_are);
}

#[test]
fn dots_in_an_example_match_any_text() {
    assert!(matches("a…c", "abbc") && matches("…", "x") && matches("ab", "ab") && matches("a…", "a"));
    assert!(!matches("a…c", "abbd") && !matches("ab", "abc") && !matches("…c", "cd"));
}
