//! A recorded run that is replayed at a terminal shows the same rows and colours as the terminal of the run.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::person::Person;
use crate::support::home::Home;
use crate::support::server::Server;

#[test]
fn a_replay_at_a_terminal_shows_what_the_terminal_showed() {
    for columns in [40, 80, 200] {
        let (home, live) = recorded(columns);
        let record = record(&home);
        assert_eq!(record.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let replayed = replay(&record, columns, &[]);
        assert_eq!(painted_rows(&replayed), painted_rows(&live), "{columns} columns");
    }
}

#[test]
fn a_replay_uses_its_own_width_and_obeys_no_color() {
    let (home, _live) = recorded(200);
    let mut replayed = replay(&record(&home), 40, &[("NO_COLOR", "1")]);
    assert!(replayed.terminal.wait_for_end().success());
    assert!(!replayed.terminal.raw().contains(&0x1b), "{}", replayed.terminal.transcript());
    let rows = replayed.rows();
    assert!(rows.contains(&"*!bobby: anna, this is long enough".to_owned()), "{rows:#?}");
    assert!(rows.contains(&"             to break at forty columns,".to_owned()), "{rows:#?}");
}

#[test]
fn a_hostile_record_moves_no_cursor_and_rings_no_bell() {
    let home = Home::new();
    let file = home.path().join("record");
    let evil = "\\u001b[2J\\u0007\\u009b2J\\u202e";
    let lines = [
        format!(r#"{{"event":"typed","session":0,"text":"typed{evil}"}}"#),
        format!(r#"{{"event":"notice","text":"noted{evil}","recorded":"9999-12-30T00:00:00Z"}}"#),
        format!(
            r#"{{"event":"message","session":0,"kind":"lobby","from":"x","text":"said{evil}","at":"1970-01-01T00:00:00Z","replayed":false,"recorded":"1970-01-01T00:00:00Z"}}"#
        ),
        r#"{"event":"joined","name":"\u001b[2J"}"#.to_owned(),
        "raw \u{1b}[2J\u{7}".to_owned(),
    ];
    std::fs::write(&file, lines.join("\n")).unwrap();
    let mut replayed = replay(&file, 80, &[("NO_COLOR", "1")]);
    assert!(replayed.terminal.wait_for_end().success());
    let raw = replayed.terminal.raw();
    assert!(!raw.contains(&0x1b) && !raw.contains(&7), "{}", replayed.terminal.transcript());
    for word in ["lobby> typed␛[2J", "noted␛[2J", "x: said␛[2J", "2 lines are no events"] {
        assert!(replayed.terminal.transcript().contains(word), "{}", replayed.terminal.transcript());
    }
}

/// Records a run on a terminal of this many columns. Returns its home, and the person with the terminal.
fn recorded(columns: u16) -> (Home, Person) {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    bobby.say("missed 日本語 👍");
    let home = Home::new();
    let file = record(&home).display().to_string();
    let arguments = ["--server", server.address(), "--name", "anna", "--record", &file];
    let mut anna = Person::start(&arguments, (columns, 60), &[], &home);
    anna.sees("missed");
    bobby.say("anna, this is long enough to break at forty columns, and at eighty columns too: we shall see");
    anna.sees("see");
    anna.enter("hello");
    bobby.wait(serde_json::json!({"event": "message", "text": "hello"}));
    for (line, text) in [("\\me waves", "* anna waves"), ("//me", "/me"), ("one\\\rtwo", "one\ntwo")] {
        anna.enter(line);
        bobby.wait(serde_json::json!({"event": "message", "text": text}));
    }
    let _carmen = server.join("carmen");
    anna.sees("carmen joined");
    bobby.fork("anna");
    anna.sees("private session 1");
    anna.sees_last("lobby>");
    anna.enter("\\sw 1");
    anna.sees_last("1 P~> bobby>");
    anna.enter("psst");
    bobby.wait(serde_json::json!({"event": "message", "text": "psst"}));
    anna.enter("\\msg bobby by the way");
    bobby.wait(serde_json::json!({"event": "message", "text": "by the way"}));
    anna.sees("<anna> by the way");
    bobby.say("ha");
    anna.sees("<bobby> ha");
    anna.enter("\\nonsense");
    anna.sees("there is no command");
    anna.enter("\\quit");
    assert!(anna.terminal.wait_for_end().success());
    (home, anna)
}

fn record(home: &Home) -> PathBuf {
    home.path().join("run.ndjson")
}

/// Replays a record at a terminal, and returns when the replay has ended.
fn replay(record: &Path, columns: u16, environment: &[(&str, &str)]) -> Person {
    let arguments = ["replay", record.to_str().unwrap()];
    let mut person = Person::start(&arguments, (columns, 60), environment, &Home::new());
    assert!(person.terminal.wait_for_end().success(), "{}", person.terminal.transcript());
    person
}

/// Returns the rows with their colours. A command is coloured while it is typed, which a record does not keep, so such
/// rows are returned without colours.
fn painted_rows(person: &Person) -> Vec<String> {
    person.terminal.with_screen(|screen| {
        let (_, columns) = screen.size();
        let painted = screen.rows_formatted(0, columns.get()).map(|row| format!("{row:?}"));
        let plain = screen.rows(0, columns.get()).map(|row| row.trim_end().to_owned());
        let rows = painted.zip(plain).map(|(painted, plain)| match plain.contains("> \\") {
            true => plain,
            false => painted,
        });
        rows.collect()
    })
}
