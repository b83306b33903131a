//! Trust: a key is pinned when it is first seen, and another one in its place is loud.

use serde_json::json;

use crate::support::home::Home;
use crate::support::server::Server;

#[test]
fn a_server_with_another_key_ends_the_client_with_4() {
    let mut server = Server::start(&[]);
    let home = Home::new();
    server.client("anna").home(&home).run("hello\n").ended_with(0);
    let trusted = server.fingerprint().to_owned();
    server.kill();
    server.forget_everything();
    server.restart();
    assert_ne!(server.fingerprint(), trusted);
    let observer = server.join("observer");
    let output = server.client("anna").home(&home).run("secret\n").ended_with(4);
    output.complains("key");
    output.complains(server.address());
    let output = server.client("anna").home(&home).run_json("secret\n").ended_with(4);
    let told = !output.all(json!({"event": "error", "code": "key_changed"})).is_empty();
    assert!(told || !output.stderr.is_empty(), "nothing said\n{}", output.story());
    output.has_no(json!({"event": "welcome"}));
    // Nor is the new key trusted the next time.
    server.client("anna").home(&home).run("secret\n").ended_with(4);
    assert_eq!(observer.users(), ["observer"]);
    observer.has_no(json!({"event": "joined"}));
}

#[test]
fn a_server_that_comes_back_with_another_key_gets_no_word_held_for_the_first() {
    let mut server = Server::start(&[]);
    let anna = server.join("anna");
    server.kill();
    anna.wait(json!({"event": "link", "session": 0, "state": "down"}));
    anna.send("for the first alone");
    server.forget_everything();
    server.restart();
    let observer = server.join("observer");
    anna.wait(json!({"event": "error", "code": "key_changed"}));
    assert_eq!(observer.users(), ["observer"]);
    observer.has_no(json!({"event": "message"}));
    let mut anna = anna;
    anna.process().close_input();
    anna.process().wait_end(crate::support::LONG_DEADLINE);
    let output = anna.ended();
    output.did_not_panic();
    assert!(output.code == Some(4) || output.code == Some(1), "{}", output.story());
    output.the(json!({"event": "unsent", "text": "for the first alone"}));
}

#[test]
fn a_peer_with_another_key_under_a_known_name_is_refused() {
    let [first, second] = [Server::start(&[]), Server::start(&[])];
    let home = Home::new();
    let bobby = first.join("bobby");
    first.client("anna").home(&home).run("\\fork bobby\nhi\n").ended_with(0);
    bobby.wait(json!({"event": "message", "text": "hi"}));
    let impostor = second.join("bobby");
    let observer = second.join("observer");
    let output = second.client("anna").home(&home).run_json("\\fork bobby\nsecret\n").ended_with(4);
    output.the(json!({"event": "error", "code": "key_changed"}));
    output.the(json!({"event": "unsent", "text": "secret"}));
    output.has_no(json!({"event": "opened"}));
    observer.wait(json!({"event": "left", "name": "anna"}));
    for client in [&impostor, &observer] {
        client.has_no(json!({"event": "message"}));
    }
}

#[test]
fn a_known_name_with_another_key_cannot_open_a_session_either() {
    let [first, second] = [Server::start(&[]), Server::start(&[])];
    let home = Home::new();
    let bobby = first.join("bobby");
    first.client("anna").home(&home).run("\\fork bobby\nhi\n").ended_with(0);
    bobby.wait(json!({"event": "message", "text": "hi"}));
    let anna = second.client("anna").home(&home).join();
    let impostor = second.join("bobby");
    impostor.send("\\fork anna\nit is me, bobby");
    anna.wait(json!({"event": "error", "code": "key_changed"}));
    anna.has_no(json!({"event": "opened"}));
    anna.has_no(json!({"event": "message"}));
}

#[test]
fn a_peer_with_the_key_known_is_the_same_wherever_one_meets() {
    let [first, second] = [Server::start(&[]), Server::start(&[])];
    let [anna, bobby] = [Home::new(), Home::new()];
    for server in [&first, &second] {
        let bobby = server.client("bobby").home(&bobby).join();
        let output = server.client("anna").home(&anna).run_json("\\fork bobby\nhi\n").ended_with(0);
        output.the(json!({"event": "sent", "session": 1, "text": "hi"}));
        bobby.wait(json!({"event": "message", "text": "hi"}));
    }
}
