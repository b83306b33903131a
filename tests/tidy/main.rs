//! The house rules that a search can check (docs/ARCHITECTURE.md, "What must never be"), over every source file of the
//! workspace. This file knows where files are and how they are written, and nothing of what they do.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test, in helpers too")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

mod directions;
mod imports;
mod map;
mod sources;

use sources::{Source, code_of, has_word, sources};

/// Names of files that do not say what the file holds.
const DRAWERS: [&str; 9] =
    ["utils", "util", "types", "common", "helpers", "helper", "misc", "manager", "handler2"];

/// Checks every line of code; `wrong` says whether a line breaks the rule.
#[track_caller]
fn check_lines(rule: &str, wrong: impl Fn(&Source, usize, &str) -> bool) {
    let mut broken = Vec::new();
    for source in sources() {
        for (number, code) in source.code() {
            if wrong(source, number, code) {
                let line = source.text.lines().nth(number - 1).unwrap_or_default().trim();
                broken.push(format!("{}:{number}: {line}", source.path));
            }
        }
    }
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

/// Returns everything on which a crate's manifest depends, under any name.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(manifest);
    let table: toml::Table = fs::read_to_string(path).unwrap().parse().unwrap();
    let mut names = BTreeSet::new();
    gather_dependencies(&table, &mut names);
    names
}

fn gather_dependencies(table: &toml::Table, names: &mut BTreeSet<String>) {
    for (key, value) in table {
        let Some(inner) = value.as_table() else { continue };
        if !key.ends_with("dependencies") {
            gather_dependencies(inner, names);
            continue;
        }
        for (name, dependency) in inner {
            names.insert(name.clone());
            if let Some(package) = dependency.get("package").and_then(toml::Value::as_str) {
                names.insert(package.to_owned());
            }
        }
    }
}

#[test]
fn protocol_depends_on_neither_server_nor_client() {
    let names = dependencies("protocol/Cargo.toml");
    assert!(names.contains("serde"), "the manifest was not understood");
    assert!(!names.contains("hobnob-server") && !names.contains("hobnob"), "{names:?}");
}

#[test]
fn order_depends_on_neither_server_nor_client() {
    let names = dependencies("order/Cargo.toml");
    assert!(names.contains("tokio"), "the manifest was not understood");
    assert!(!names.iter().any(|name| name.starts_with("hobnob")), "{names:?}");
}

#[test]
fn nats_depends_on_order_alone() {
    let names = dependencies("nats/Cargo.toml");
    assert!(names.contains("async-nats"), "the manifest was not understood");
    let ours: Vec<&String> = names.iter().filter(|name| name.starts_with("hobnob")).collect();
    assert_eq!(ours, ["hobnob-order"]);
}

#[test]
fn server_does_not_depend_on_the_client() {
    let names = dependencies("server/Cargo.toml");
    assert!(names.contains("hobnob-protocol"), "the manifest was not understood");
    assert!(!names.contains("hobnob"), "{names:?}");
}

#[test]
fn roster_session_input_and_show_contain_no_async() {
    let is_plain = |path: &str| {
        path == "server/src/decide/roster.rs"
            || path.starts_with("server/src/decide/roster/")
            || path.starts_with("src/input/")
            || path.starts_with("src/show/")
            || path.starts_with("src/session/")
    };
    check_lines("roster, session, input and show contain no async", |source, _, code| {
        is_plain(&source.path) && (has_word(code, "async") || has_word(code, "await"))
    });
}

#[test]
fn decide_uses_nothing_but_the_order() {
    let foreign = [
        "async",
        "await",
        "tokio",
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "ToSocketAddrs",
        "Instant",
        "SystemTime",
        "wall_clock",
        "random",
        "rand",
        "thread",
        "env",
        "fs",
        "HashMap",
        "HashSet",
        "RandomState",
        "Mutex",
        "Atomic",
    ];
    check_lines(
        "decide has no clock, no chance, no socket and no map with an order of its own",
        |source, number, code| {
            source.path.starts_with("server/src/decide/")
                && !source.is_test(number)
                && foreign
                    .iter()
                    .any(|word| has_word(code, word) || (word.contains("::") && code.contains(word)))
        },
    );
    let parts = ["lobby", "connection", "log", "metrics", "engine", "listener", "rendezvous"];
    check_lines("decide knows no other part of the server", |source, _, code| {
        source.path.starts_with("server/src/decide/")
            && parts.iter().any(|part| code.contains(&format!("crate::{part}")))
    });
}

#[test]
fn the_lobby_encodes_nothing() {
    check_lines("the lobby encodes nothing", |source, _, code| {
        source.path.starts_with("server/src/lobby/")
            && (has_word(code, "codec") || has_word(code, "serde_json"))
    });
}

#[test]
fn the_grammar_of_lines_knows_no_commands() {
    check_lines("input imports neither commands nor the state", |source, number, code| {
        source.path.starts_with("src/input/")
            && !source.is_test(number)
            && ["crate::commands", "crate::client", "crate::app", "crate::repl"]
                .iter()
                .any(|it| code.contains(it))
    });
}

#[test]
fn only_a_few_files_write_to_the_screen() {
    let may = |path: &str| {
        // These are the entries of the two programs, the client's name prompt, its only writer, and its terminal. The
        // pipes of a program that is a user's own command do not belong to hobnob, and neither do those of git during a
        // build.
        [
            "src/main.rs",
            "src/start/mod.rs",
            "src/start/chat_name.rs",
            "src/start/logging.rs",
            "src/screen/pipe.rs",
            "src/plugins/program.rs",
            "server/src/main.rs",
            "protocol/build.rs",
        ]
        .contains(&path)
            || path.starts_with("src/repl/")
    };
    check_lines(
        "only output, repl, start, logging, the name prompt and main touch standard output and error",
        |source, number, code| {
            !may(&source.path)
                && !source.is_test(number)
                && !source.path.starts_with("yardstick/")
                && (has_word(code, "stdout") || has_word(code, "stderr"))
        },
    );
}

#[test]
fn only_a_few_files_read_the_keyboard() {
    let may = |path: &str| {
        ["src/input/script.rs", "src/start/mod.rs", "src/start/chat_name.rs", "src/plugins/program.rs"]
            .contains(&path)
            || path.starts_with("src/repl/")
    };
    check_lines(
        "only repl, script, start and the name prompt touch standard input",
        |source, number, code| {
            !may(&source.path)
                && !source.is_test(number)
                && !source.path.starts_with("yardstick/")
                && has_word(code, "stdin")
        },
    );
}

/// Whether a line makes a text that a user reads. The name of a type in a signature or an `impl` does not count.
fn makes_words(code: &str) -> bool {
    let makes = |name: &str| {
        code.match_indices(name).any(|(at, _)| {
            let before = &code[..at];
            let is_type =
                ["->", "for", "impl", "struct", "enum"].iter().any(|it| before.trim_end().ends_with(it));
            !is_type && !before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
        })
    };
    makes("Failure {") || makes("Notice::Notice {") || makes("impl Saying for") || makes("impl Failing for")
}

#[test]
fn texts_for_people_are_worded_only_in_show() {
    assert!(makes_words("self.fail(Failure { code, text, command })"));
    assert!(makes_words("let notice = Notice::Notice { text };") && makes_words("impl Saying for Mine {}"));
    assert!(
        !makes_words("fn unknown(word: &str) -> Failure {") && !makes_words("Err(RunFailure { reason })")
    );
    assert!(!makes_words("impl From<CommandError> for Failure {"));
    check_lines(
        "sentences stand in src/show: say a variant of show/saying or show/failing, and give it the facts",
        |source, number, code| {
            let may = source.path.starts_with("src/show/") || !source.path.starts_with("src/");
            !may && !source.is_test(number) && makes_words(code)
        },
    );
}

#[test]
fn every_file_opens_with_a_comment_that_says_what_it_owns() {
    let silent: Vec<String> = sources()
        .iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| source.path.clone())
        .collect();
    assert!(silent.is_empty(), "these files do not open with a //! text: {silent:?}");
}

#[test]
fn every_file_name_says_what_the_file_holds() {
    let drawers: Vec<String> = sources()
        .iter()
        .map(|source| source.path.clone())
        .filter(|path| path.split('/').any(|part| DRAWERS.contains(&part.trim_end_matches(".rs"))))
        .collect();
    assert!(drawers.is_empty(), "these files need names that say what they hold: {drawers:?}");
}

#[test]
fn no_file_has_notes_of_work_to_do_ignored_tests_or_stubs() {
    // The words are written in parts, so that this file does not find itself.
    let notes = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let ignored = concat!("#[", "ignore");
    let stubs = [concat!("todo", "!("), concat!("unimplemented", "!(")];
    check_lines("no notes of work to do, ignored tests or stubs", |source, number, code| {
        let line = source.text.lines().nth(number - 1).unwrap_or_default();
        notes.iter().any(|note| has_word(line, note))
            || code.contains(ignored)
            || stubs.iter().any(|stub| code.contains(stub))
    });
}

#[test]
fn a_test_that_sleeps_says_why_on_the_same_line() {
    check_lines("a test that sleeps says why in a comment on the line", |source, number, code| {
        let line = source.text.lines().nth(number - 1).unwrap_or_default();
        source.is_test(number) && code.contains("sleep(") && !line.contains("// ")
    });
}

/// Returns the attributes that give an error its text, each with the number of its last line and the line after it.
fn error_texts(source: &Source) -> Vec<(usize, String, String)> {
    let (mut found, mut open) = (Vec::new(), String::new());
    let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
    for (index, line) in lines.iter().enumerate() {
        if open.is_empty() && !line.starts_with("#[error(") {
            continue;
        }
        open.push_str(line);
        if line.ends_with(")]") {
            let next = lines[index + 1..].iter().find(|line| !line.starts_with("//"));
            found.push((index + 1, std::mem::take(&mut open), next.unwrap_or(&"").to_string()));
        }
    }
    found
}

/// Errors are printed together with their causes. An error whose text contains its cause and that also has the cause as
/// its source would print it twice.
#[test]
fn an_error_says_its_cause_or_has_it_as_its_source() {
    let says_twice = |text: &str, variant: &str| {
        let is_source = variant.contains("#[from]") || variant.contains("#[source]");
        text.contains("{source") || (is_source && text.contains("{0"))
    };
    assert!(says_twice(r#"#[error("{}: {source}", path.display())]"#, "Io {"));
    assert!(says_twice(r#"#[error("not a message: {0}")]"#, "NotAMessage(#[from] serde_json::Error),"));
    assert!(!says_twice(r#"#[error("a key could not be made: {0}")]"#, "Crypto(String),"));
    let (mut broken, mut texts) = (Vec::new(), 0);
    for source in sources() {
        for (number, text, variant) in error_texts(source) {
            texts += 1;
            if says_twice(&text, &variant) && !source.path.starts_with("tests/") {
                broken.push(format!("{}:{number}: {text}", source.path));
            }
        }
    }
    assert!(texts > 30, "the texts of errors were not found");
    assert!(broken.is_empty(), "an error says its cause twice:\n  {}", broken.join("\n  "));
}

#[test]
fn strings_and_comments_are_not_read_as_code() {
    assert_eq!(code_of(r#"let x = "a // \" b"; // stdout"#), r#"let x = ""; "#);
    assert_eq!(code_of(r#"matches!(c, '"' | 'x') // "why""#), "matches!(c, ' | 'x') ");
    assert!(has_word("io::stderr()", "stderr") && !has_word("my_stderr()", "stderr"));
}
