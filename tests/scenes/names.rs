//! Who has which name: a name belongs to the key that first joined with it.

use serde_json::json;

use crate::support::home::Home;
use crate::support::launch::Launch;
use crate::support::server::Server;

/// Checks that the client was told that its name is `given`, which is not the name it asked for.
#[track_caller]
fn was_told(client: &crate::support::client::Client, given: &str) {
    client.wait_event("a notice with its other name", |event| {
        event["event"] == "notice" && event["text"].as_str().unwrap().contains(given)
    });
}

#[test]
fn another_key_gets_a_numbered_name_and_its_user_is_told() {
    let server = Server::start(&[]);
    let first = server.join("anna");
    let second = server.join("anna");
    let third = server.join("anna");
    assert_eq!([first.name(), second.name(), third.name()], ["anna", "anna_2", "anna_3"]);
    was_told(&second, "anna_2");
    was_told(&third, "anna_3");
    assert_eq!(first.users(), ["anna", "anna_2", "anna_3"]);
}

#[test]
fn the_same_key_in_a_second_client_gets_a_numbered_name_and_its_user_is_told() {
    let server = Server::start(&[]);
    let home = Home::new();
    let first = server.client("anna").home(&home).join();
    let second = server.client("anna").home(&home).join();
    assert_eq!([first.name(), second.name()], ["anna", "anna_2"]);
    was_told(&second, "anna_2");
    assert_eq!(first.fingerprint(), second.fingerprint());
}

#[test]
fn a_name_stays_with_its_key_after_its_user_has_left() {
    let server = Server::start(&[]);
    let home = Home::new();
    server.client("anna").home(&home).run("").ended_with(0);
    assert_eq!(server.join("anna").name(), "anna_2");
    assert_eq!(server.client("anna").home(&home).join().name(), "anna");
}

#[test]
fn a_name_stays_with_its_key_across_a_kill_of_the_server() {
    let mut server = Server::start(&[]);
    let home = Home::new();
    server.client("anna").home(&home).run("").ended_with(0);
    server.kill();
    server.restart();
    assert_eq!(server.join("anna").name(), "anna_2");
    assert_eq!(server.client("anna").home(&home).join().name(), "anna");
}

#[test]
fn names_are_compared_after_case_folding_and_composition() {
    let server = Server::start(&[]);
    for (taken, same) in
        [("Straße", "STRASSE"), ("éva", "E\u{301}VA"), ("Анна", "анна"), ("İrem", "i\u{307}rem")]
    {
        let _first = server.join(taken);
        let second = server.join(same).name();
        assert!(second.ends_with("_2"), "{same} beside {taken} is {second}");
    }
}

#[test]
fn a_name_is_found_in_whatever_case_it_is_typed() {
    let server = Server::start(&[]);
    let anna = server.join("anna");
    let bobby = server.join("Bobby");
    assert_eq!(anna.ask("\\whois BOBBY", json!({"event": "whois"}))["name"], "Bobby");
    anna.ask("\\fork bOBBy", json!({"event": "opened", "peer": "Bobby"}));
    bobby.wait(json!({"event": "opened", "peer": "anna"}));
}

#[test]
fn names_of_every_script_and_of_32_characters_are_taken() {
    let server = Server::start(&[]);
    for name in ["李雷", "анна", "हिन्दी", "a.b-c_d", "7", &"ü".repeat(32)] {
        assert_eq!(server.join(name).name(), name);
    }
}

#[test]
fn a_numbered_name_of_32_characters_is_still_a_name() {
    let server = Server::start(&[]);
    let long = "x".repeat(32);
    let _first = server.join(&long);
    let second = server.join(&long).name();
    assert!(second.ends_with("_2") && second.chars().count() <= 32, "{second}");
}

#[test]
fn an_invalid_name_is_refused_before_anybody_sees_it() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    for bad in [
        "",
        " ",
        "an na",
        "an/na",
        "an\u{1b}[2Jna",
        "an\u{202e}na",
        "\u{301}a",
        "anna\u{fe00}",
        "\u{3164}",
        "an\u{34f}na",
        &"x".repeat(33),
    ] {
        let launch = server.client(bad);
        launch.run("hello\n").failed();
    }
    assert_eq!(observer.users(), ["observer"]);
    observer.has_no(json!({"event": "joined"}));
    observer.has_no(json!({"event": "message"}));
}

#[test]
fn a_bad_name_on_the_first_line_is_an_error_with_its_code() {
    let server = Server::start(&[]);
    let output = Launch::hobnob().server(server.address()).run_json("an na\nhello\n").failed();
    output.the(json!({"event": "error", "code": "bad_name"}));
    output.has_no(json!({"event": "sent"}));
}

#[test]
fn the_same_key_gets_its_own_name_back_after_its_client_was_killed() {
    let server = Server::start(&[]);
    let home = Home::new();
    let observer = server.join("observer");
    for _ in 0..5 {
        let anna = server.client("anna").home(&home).join();
        assert_eq!(anna.name(), "anna");
        anna.kill();
    }
    // A client that leaves and comes back between two updates of the presence counts as never away.
    observer.wait(json!({"event": "joined", "name": "anna"}));
    observer.wait(json!({"event": "left", "name": "anna"}));
}

#[test]
fn twenty_clients_that_want_one_name_at_once_get_twenty_different_names() {
    let server = Server::start(&[]);
    let clients: Vec<_> = (0..20).map(|_| server.client("anna").start_json()).collect();
    let mut names: Vec<String> = clients.iter().map(crate::support::client::Client::name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 20, "{names:?}");
    assert!(names.contains(&"anna".to_owned()), "{names:?}");
}

#[test]
fn a_name_that_looks_like_another_is_reported_to_both_and_to_others_once() {
    let server = Server::start(&[]);
    let [anna, carmen] = [server.join("anna"), server.join("carmen")];
    anna.say("hello");
    carmen.wait(json!({"event": "message", "text": "hello"}));
    let alike = server.join("\u{430}nna");
    for client in [&anna, &carmen, &alike] {
        client.wait_event("a word that two names look alike", |event| {
            event["event"] == "notice" && event["text"].as_str().unwrap().contains("only looks like")
        });
    }
    anna.wait_event("what differs", |event| {
        event["event"] == "notice" && event["text"].as_str().unwrap().contains("U+0430")
    });
    alike.say("it is me");
    alike.say("really");
    carmen.wait(json!({"event": "message", "text": "really"}));
    let told = carmen.all(json!({"event": "notice"}));
    let told = told.iter().filter(|event| event["text"].as_str().unwrap().contains("looks like"));
    assert_eq!(told.count(), 1, "{}", carmen.story());
}
