//! The user's own commands: they are allowed once, asked about again when they have changed, bounded, and killed with
//! the client. The two examples are tested here, too.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::client::Client;
use crate::support::home::Home;
use crate::support::server::Server;

/// Puts a program into the folder of the user's own commands. Another process writes the file, because a file that this
/// process writes could be busy while another test starts a program.
fn install(home: &Home, name: &str, script: &str) {
    let folder = home.path().join("config/hobnob/commands");
    std::fs::create_dir_all(&folder).unwrap();
    let source = home.path().join("source");
    std::fs::write(&source, script).unwrap();
    copy(&source, &folder.join(format!("hobnob-{name}")));
}

fn install_example(home: &Home, name: &str) {
    let folder = home.path().join("config/hobnob/commands");
    std::fs::create_dir_all(&folder).unwrap();
    let file = format!("hobnob-{name}");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/commands").join(&file);
    copy(&source, &folder.join(file));
}

fn copy(source: &Path, target: &Path) {
    assert!(Command::new("install").args(["-m", "755"]).arg(source).arg(target).status().unwrap().success());
}

fn join(server: &Server, home: &Home) -> Client {
    server.client("anna").home(home).join()
}

fn notice(client: &Client, part: &str) {
    client.wait_event(part, |it| it["event"] == "notice" && it["text"].as_str().unwrap().contains(part));
}

const ASKER: &str = r#"#!/bin/sh
[ "$1" = --describe ] && { printf '%s\n' '{"usage":"\\ask JSON","about":"asks","rights":["say","command"]}'; exit; }
printf '%s\n' "$*"
"#;

#[test]
fn the_rights_of_a_program_are_taken_back() {
    let server = Server::start(&[]);
    let (home, bobby) = (Home::new(), server.join("bobby"));
    install(&home, "ask", ASKER);
    let script =
        "\\allow ask\n\\ask {\"say\":\"one\"}\n\\disallow ask\n\\ask {\"say\":\"two\"}\n\\disallow ask\n";
    let output = server.client("anna").home(&home).run_json(script).ended_with(1);
    output.the(json!({"event": "error", "command": "ask", "code": "refused"}));
    output.the(json!({"event": "error", "command": "disallow", "code": "refused"}));
    bobby.wait(json!({"event": "left", "name": "anna"}));
    assert_eq!(bobby.lobby_texts(), ["one"]);
    // A program can neither give nor take rights.
    let script = "\\allow ask\n\\ask {\"command\":\"disallow ask\"}\n\\ask {\"say\":\"three\"}\n";
    server.client("anna").home(&home).run_json(script).ended_with(1);
    bobby.wait(json!({"event": "message", "text": "three"}));
}

#[test]
fn a_program_is_refused_until_it_is_allowed_and_again_when_it_has_changed() {
    let server = Server::start(&[]);
    let (home, bobby) = (Home::new(), server.join("bobby"));
    install(&home, "ask", ASKER);
    let script = "\\ask {\"say\":\"one\"}\n\\allow ask\n\\ask {\"say\":\"two\"}\n";
    let output = server.client("anna").home(&home).run_json(script).ended_with(1);
    let error = output.the(json!({"event": "error", "command": "ask", "code": "refused"}));
    let text = error["text"].as_str().unwrap();
    assert!(text.contains("not allowed yet") && text.contains("\\allow ask"), "{text}");
    output.the(json!({"event": "sent", "text": "two"}));
    bobby.wait(json!({"event": "message", "text": "two", "session": 0}));
    bobby.has_no(json!({"event": "message", "text": "one"}));

    let script = "\\help ask\n\\ask {\"say\":\"three\"}\n";
    let output = server.client("anna").home(&home).run_json(script).ended_with(0);
    let help = output.the(json!({"event": "help"}));
    assert_eq!(help["commands"][0]["usage"], "\\ask JSON");
    assert_eq!(help["commands"][0]["own"], true);

    install(&home, "ask", &format!("{ASKER}# changed\n"));
    let output = server.client("anna").home(&home).run_json("\\ask {\"say\":\"four\"}\n").ended_with(1);
    let error = output.the(json!({"event": "error", "command": "ask"}));
    assert!(error["text"].as_str().unwrap().contains("changed since you allowed it"), "{error}");
    bobby.wait(json!({"event": "message", "text": "three"}));
    bobby.has_no(json!({"event": "message", "text": "four"}));
}

#[test]
fn requests_of_a_program_are_carried_out_in_its_session_and_within_its_rights() {
    let server = Server::start(&[]);
    let (home, bobby) = (Home::new(), server.join("bobby"));
    install(&home, "ask", ASKER);
    let silent = ASKER.replace(r#"["say","command"]"#, "[]").replace(r"\\ask", r"\\silent");
    install(&home, "silent", &silent);
    let anna = join(&server, &home);
    anna.send("\\allow ask\n\\allow silent\n\\fork bobby");
    anna.wait(json!({"event": "opened"}));
    anna.ask("\\ask {\"say\":\"private\"}", json!({"event": "sent", "text": "private", "session": 1}));
    bobby.wait(json!({"event": "message", "text": "private", "session": 1}));
    anna.ask("\\ask {\"command\":\"lobby\"}", json!({"event": "switched", "session": 0}));
    for refused in ["{\"command\":\"allow ask\"}", "{\"command\":\"ask x\"}", "nonsense"] {
        anna.ask(&format!("\\ask {refused}"), json!({"event": "error", "command": "ask"}));
    }
    anna.ask_error("\\silent {\"say\":\"x\"}", "refused");
    anna.ask("\\silent {\"notice\":\"ok\u{1b}[2J\"}", json!({"event": "error", "command": "silent"}));
    anna.ask(
        "{\"command\":\"silent {\\\"notice\\\":\\\"ok\\\"}\",\"id\":9}",
        json!({"event": "answer", "id": 9, "ok": true}),
    );
    bobby.has_no(json!({"event": "message", "session": 0}));
}

#[test]
fn a_program_with_the_name_of_a_builtin_command_is_not_called() {
    let server = Server::start(&[]);
    let home = Home::new();
    install(&home, "ss", "#!/bin/sh\necho '{\"notice\":\"mine\"}'\n");
    let output = server.client("anna").home(&home).run_json("\\ss\n\\help\n\\allow ss\n").ended_with(1);
    output.the(json!({"event": "sessions"}));
    let help = output.the(json!({"event": "help"}));
    assert!(help["commands"].as_array().unwrap().iter().all(|row| row["name"] != "ss"));
}

#[test]
fn a_program_that_runs_dies_with_the_client() {
    let server = Server::start(&[]);
    let home = Home::new();
    let lazy = "#!/bin/sh\n[ \"$1\" = --describe ] && { echo '{}'; exit; }\n\
                echo \"{\\\"notice\\\":\\\"pid $$\\\"}\"\nsleep 1000\n";
    install(&home, "lazy", lazy);
    let mut anna = join(&server, &home);
    anna.send("\\allow lazy\n\\lazy");
    let said =
        anna.wait_event("its number", |it| it["text"].as_str().is_some_and(|text| text.starts_with("pid ")));
    let pid = said["text"].as_str().unwrap().trim_start_matches("pid ").to_owned();
    anna.process().signal(nix::sys::signal::Signal::SIGTERM);
    let begun = Instant::now();
    anna.ended().did_not_panic();
    assert!(begun.elapsed() < Duration::from_secs(9), "the end did not wait for the program");
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "process {pid} is still alive");
}

#[test]
fn the_shell_example_says_how_busy_the_machine_is() {
    let server = Server::start(&[]);
    let home = Home::new();
    install_example(&home, "load");
    let anna = join(&server, &home);
    anna.send("\\allow load\n\\load\n\\load quietly");
    anna.wait_event("the load, said", |it| {
        it["event"] == "sent" && it["text"].as_str().unwrap().contains(": load ")
    });
    notice(&anna, ": load ");
    let output = anna.finish().ended_with(0);
    assert_eq!(output.all(json!({"event": "sent"})).len(), 1);
}

#[test]
fn the_python_example_lists_the_links_of_its_session() {
    let server = Server::start(&[]);
    let (home, bobby) = (Home::new(), server.join("bobby"));
    install_example(&home, "links");
    let anna = join(&server, &home);
    anna.send("\\allow links\n\\links");
    notice(&anna, "no links were named lately");
    bobby.say("see https://example.org/a, and http://example.net.");
    anna.wait(json!({"event": "message"}));
    anna.send("\\links");
    notice(&anna, "https://example.org/a (bobby)");
    notice(&anna, "http://example.net (bobby)");
    let mark = anna.mark();
    anna.send("\\links ORG");
    anna.wait_after(mark, json!({"event": "notice", "text": "https://example.org/a (bobby)"}));
    anna.finish().ended_with(0);
}
