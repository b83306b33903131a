//! What a program missed since its last run, and which old messages it can find.

use serde_json::{Value, json};

use crate::support::client::texts_of;
use crate::support::home::Home;
use crate::support::launch::Launch;
use crate::support::server::Server;

fn texts(events: Vec<&Value>) -> Vec<String> {
    texts_of(&events.into_iter().cloned().collect::<Vec<_>>())
}

#[test]
fn a_first_join_shows_twenty_and_a_later_one_tells_what_was_missed() {
    let server = Server::start(&[]);
    let home = Home::new();
    let anna = server.join("anna");
    (1..=30).for_each(|number| drop(anna.say(&number.to_string())));
    let first = server.client("bot").home(&home).run_json("\\wait 0.1\n").ended_with(0);
    assert_eq!(first.all(json!({"event": "message"})).len(), 20);
    first.has_no(json!({"event": "missed"}));
    anna.say("one for bot");
    anna.say("and one more");
    let later = server.client("bot").home(&home).run_json("").ended_with(0);
    let missed = later.the(json!({"event": "missed"}));
    assert_eq!(missed["session"], 0);
    assert_eq!([&missed["count"], &missed["mentions"], &missed["from"]], [&json!(2), &json!(1), &json!(31)]);
    let shown = texts(later.all(json!({"event": "message", "replayed": true})));
    assert_eq!((shown.len(), shown[19].as_str()), (20, "and one more"));
    server.client("bot").home(&home).run_json("").ended_with(0).has_no(json!({"event": "missed"}));
    let with_since =
        server.client("bot").home(&home).args(["--since", "31"]).run_json("\\wait 0.1\n").ended_with(0);
    assert_eq!(texts(with_since.all(json!({"event": "message"}))), ["and one more"]);
}

#[test]
fn at_most_ten_thousand_missed_messages_are_fetched_and_the_rest_are_counted() {
    let server = Server::start(&["--rate", "100000"]);
    let home = Home::new();
    server.client("bot").home(&home).run_json("here\n").ended_with(0);
    let many: String = (0..10_500).map(|number| format!("number {number}\n")).collect();
    server.client("anna").run_json(many).ended_with(0);
    let later = server.client("bot").home(&home).run_json("").ended_with(0);
    let missed = later.the(json!({"event": "missed"}));
    assert_eq!([&missed["count"], &missed["from"]], [&json!(10_500), &json!(2)]);
    let log = Launch::hobnob().home(&home).args(["log", "number"]).run("").ended_with(0);
    let lines = &log.stdout;
    assert_eq!(lines.len(), 10_000);
    assert!(lines[0].ends_with("[lobby] anna: number 500"), "{}", lines[0]);
    assert!(lines[9_999].ends_with("[lobby] anna: number 10499"), "{}", lines[9_999]);
}

#[test]
fn old_messages_are_found_when_nobody_is_there_any_more() {
    let server = Server::start(&[]);
    let home = Home::new();
    let anna = server.client("anna").home(&home).join();
    let bobby = server.join("bobby");
    bobby.say("the plan for anna\u{1b}[2J");
    anna.wait(json!({"event": "message"}));
    anna.fork("bobby");
    anna.say("the secret plan");
    anna.finish().ended_with(0);
    bobby.finish().ended_with(0);
    let output = server
        .client("anna")
        .home(&home)
        .run_json("\\search PLAN\n\\search plan from:anna\n\\search plan in:lobby since:2h\n\\last\n\\history 5 bobby\n")
        .ended_with(0);
    let kept = texts(output.all(json!({"event": "kept"})));
    let (open, secret) = ("the plan for anna\u{1b}[2J", "the secret plan");
    assert_eq!(kept, [open, secret, secret, open, open, secret]);
    server.client("anna").home(&home).run_json("\\history carol\n").ended_with(1);
    drop(server);
    let log = |arguments: &[&str]| {
        Launch::hobnob().home(&home).args(arguments.iter().copied()).run("").ended_with(0)
    };
    let all = log(&["log"]);
    assert!(all.stdout.iter().all(|line| line.len() > 17 && line.as_bytes()[4] == b'-'), "{}", all.story());
    assert!(all.stdout[0].ends_with("[lobby] bobby: the plan for anna␛[2J"), "{}", all.story());
    assert_eq!(log(&["log", "--with", "Bobby"]).stdout.len(), 1);
    let nobody = log(&["log", "--with", "nobody"]);
    nobody.complains("nothing is kept of talk with nobody");
    assert!(nobody.stdout.is_empty() && log(&["log", "--with", "bobby", "unsaid"]).stderr.is_empty());
    assert_eq!(log(&["log", "--since", "1h", "--until", "2h"]).stdout.len(), 0);
    assert_eq!(log(&["log", "--since", "yesterday"]).stdout.len(), all.stdout.len());
    assert_eq!(log(&["log", "--until", "yesterday"]).stdout.len(), 0);
    assert_eq!(log(&["log", "--name", "dora", "secret"]).stdout.len(), 0);
    let json = log(&["log", "--json", "secret"]);
    let event: Value = serde_json::from_str(&json.stdout[0]).unwrap();
    assert_eq!([&event["event"], &event["peer"], &event["from"]], ["kept", "bobby", "anna"]);
    Launch::hobnob().home(&home).args(["log", "--since", "soon"]).run("").ended_with(2);
    log(&["log", "--data-dir", home.path().to_str().unwrap()]).complains("nothing is kept");
}

#[test]
fn the_chat_works_when_the_history_cannot_be_used() {
    let server = Server::start(&[]);
    let home = Home::new();
    std::fs::create_dir_all(home.data_dir()).unwrap();
    std::fs::write(home.data_dir().join("history.sqlite"), "something else ".repeat(1000)).unwrap();
    let output = server.client("anna").home(&home).run_json("hello\n\\search hello\n").ended_with(0);
    let told: Vec<&Value> = output
        .all(json!({"event": "notice"}))
        .into_iter()
        .filter(|it| it["text"].as_str().unwrap().contains("not kept on this machine"))
        .collect();
    assert_eq!(told.len(), 1, "{}", output.story());
    assert_eq!(texts(output.all(json!({"event": "kept"}))), ["hello"], "this run is searched all the same");
    let kept = std::fs::read_to_string(home.data_dir().join("history.sqlite")).unwrap();
    assert!(kept.starts_with("something else"));
}
