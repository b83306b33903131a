//! A terminal that cannot be drawn on, or a program whose output is redirected: there is no editor, and the name is
//! asked for.

use serde_json::json;

use crate::person::Person;
use crate::support::home::Home;
use crate::support::server::Server;

/// Runs hobnob by this shell script, in which `$HOBNOB` stands for the command.
fn run(server: &Server, script: &str, environment: &[(&str, &str)]) -> Person {
    let program = format!("{} --server {}", env!("CARGO_BIN_EXE_hobnob"), server.address());
    let script = script.replace("$HOBNOB", &program);
    Person::run("sh", &["-c", &script], (80, 24), environment, &Home::new())
}

#[test]
fn the_name_is_asked_for_when_nothing_can_be_drawn() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let ways = [("$HOBNOB", "dumb", "anna"), ("$HOBNOB | tee /dev/null", "xterm-256color", "carmen")];
    for (script, term, name) in ways {
        let mut anna = run(&server, script, &[("TERM", term)]);
        anna.sees("Please input chat name:");
        anna.enter("no name at all");
        anna.sees(">>> ");
        anna.terminal.wait_until("the question again", |screen| screen.matches("Please input").count() == 2);
        anna.enter(name);
        anna.sees(&format!("{name}, you are in the lobby"));
        anna.enter(&format!("said with {term}"));
        bobby.wait(json!({"event": "message", "from": name, "text": format!("said with {term}")}));
        anna.enter("\\quit");
        anna.terminal.wait_for_end();
    }
}

#[test]
fn the_question_is_not_part_of_redirected_output() {
    let server = Server::start(&[]);
    let home = Home::new();
    let file = home.path().join("kept");
    let mut anna = run(&server, &format!("$HOBNOB > {}", file.display()), &[]);
    anna.sees("Please input chat name:");
    anna.enter("anna");
    anna.enter("\\quit");
    assert!(anna.terminal.wait_for_end().success());
    let kept = std::fs::read_to_string(file).unwrap();
    assert!(kept.contains("anna, you are in the lobby") && !kept.contains("Please input"), "{kept}");
}
