//! Checks docs/SCRIPTING.md against the program: every `console` block is typed into a shell, and what the page shows
//! must come out. `…` in a line stands for any text.

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

#[test]
fn dots_in_an_example_match_any_text() {
    assert!(matches("a…c", "abbc") && matches("…", "x") && matches("ab", "ab") && matches("a…", "a"));
    assert!(!matches("a…c", "abbd") && !matches("ab", "abc") && !matches("…c", "cd"));
}
