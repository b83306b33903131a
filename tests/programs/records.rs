//! `--record` and `hobnob replay`.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::support::home::Home;
use crate::support::launch::Launch;
use crate::support::server::Server;

#[test]
fn a_run_is_recorded_and_replayed_as_it_looked() {
    let server = Server::start(&[]);
    let home = Home::new();
    let path = home.path().join("run.ndjson");
    let path = path.to_str().unwrap();
    let anna = server.join("anna");
    let pipe = server.client("bobby").home(&home).args(["--record", path]).start();
    pipe.wait_part("you are in the lobby");
    anna.say("hello \u{1b}[2J");
    pipe.wait_line("anna: hello ␛[2J");
    pipe.send("hi\n\\ss\n\\nonsense");
    let output = pipe.finish().ended_with(1);
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);

    let replayed = Launch::hobnob().args(["replay", path]).run("").ended_with(0);
    replayed.says("lobby> hi");
    for line in output.stdout.iter().chain(&output.stderr) {
        replayed.says(line);
    }
    let events = Launch::hobnob().args(["replay", path, "--json"]).run("").ended_with(0);
    assert_eq!(events.stdout, std::fs::read_to_string(path).unwrap().lines().collect::<Vec<_>>());
    assert!(events.stdout[0].starts_with("{\"event\":\"welcome\""), "{}", events.story());

    server.client("bobby").home(&home).args(["--record", path]).run_json("").ended_with(0);
    let events = Launch::hobnob().args(["--json", "replay", path]).run("").ended_with(0);
    let welcomes = events.stdout.iter().filter(|line| line.contains("\"welcome\"")).count();
    assert_eq!(welcomes, 2, "the record of a second run is appended");
}

#[test]
fn a_full_disk_is_reported_once_and_does_not_stop_the_chat() {
    let server = Server::start(&[]);
    let lines: String = (0..100).map(|number| format!("{number}\n")).collect();
    let output = server.client("anna").args(["--record", "/dev/full"]).run_json(lines).ended_with(0);
    assert_eq!(output.all(json!({"event": "sent"})).len(), 100);
    let notices = output.all(json!({"event": "notice"}));
    let told = notices.iter().filter(|it| it["text"].as_str().unwrap().contains("not recorded any more"));
    assert_eq!(told.count(), 1, "{}", output.story());
}

#[test]
fn a_record_that_cannot_be_made_is_wrong_usage() {
    let server = Server::start(&[]);
    server.client("anna").args(["--record", "/nowhere/record"]).run("").ended_with(2).complains("--record");
    Launch::hobnob().args(["replay", "/nowhere/record"]).run("").ended_with(2).complains("/nowhere/record");
}
