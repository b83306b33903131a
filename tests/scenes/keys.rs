//! Trust: a key is pinned when it is first seen, and another key in its place is reported clearly.

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
    let section = format!("remove [servers.\"{}\"] from", server.address());
    output.complains(&section);
    output.complains("somebody answers in its place to read along");
    let output = server.client("anna").home(&home).run_json("secret\n").ended_with(4);
    output.the(json!({"event": "error", "code": "key_changed"}));
    output.has_no(json!({"event": "welcome"}));
    // The new key is not trusted the next time either.
    server.client("anna").home(&home).run("secret\n").ended_with(4);
    assert_eq!(observer.users(), ["observer"]);
    observer.has_no(json!({"event": "joined"}));
}

#[test]
fn a_server_that_comes_back_with_another_key_gets_no_waiting_text() {
    let mut server = Server::start(&[]);
    let anna = server.join("anna");
    server.kill();
    anna.wait(json!({"event": "link", "session": 0, "state": "down"}));
    anna.send("for the first alone");
    server.forget_everything();
    server.restart();
    let observer = server.join("observer");
    let told = anna.wait(json!({"event": "error", "code": "key_changed"}))["text"].to_string();
    assert!(told.contains(&format!("[servers.\\\"{}\\\"]", server.address())), "{told}");
    assert!(told.contains("somebody answers in its place to read along"), "{told}");
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

/// Lets anna fork bobby, and then frees bobby's name on the server.
fn met_once(server: &mut Server, home: &Home) {
    let bobby = server.join("bobby");
    server.client("anna").home(home).run("\\fork bobby\nhi\n").ended_with(0);
    bobby.wait(json!({"event": "message", "text": "hi"}));
    bobby.kill();
    server.kill();
    server.forget_names();
    server.restart();
}

#[test]
fn a_peer_with_another_key_under_a_known_name_is_refused() {
    let mut server = Server::start(&[]);
    let home = Home::new();
    met_once(&mut server, &home);
    let impostor = server.join("bobby");
    let observer = server.join("observer");
    let output = server.client("anna").home(&home).run_json("\\fork bobby\nsecret\n").ended_with(4);
    let told = output.the(json!({"event": "error", "code": "key_changed"}));
    assert!(told["text"].as_str().unwrap().contains("\\forget bobby"), "{told}");
    output.the(json!({"event": "unsent", "text": "secret"}));
    output.has_no(json!({"event": "opened"}));
    observer.wait(json!({"event": "left", "name": "anna"}));
    for client in [&impostor, &observer] {
        client.has_no(json!({"event": "message"}));
        client.has_no(json!({"event": "opened"}));
    }
}

#[test]
fn a_name_that_another_key_has_taken_does_not_lead_to_the_open_session() {
    let mut server = Server::start(&[]);
    let (anna, former) = (server.join("anna"), server.join("bobby"));
    former.fork("anna");
    anna.wait(json!({"event": "opened", "peer": "bobby"}));
    former.freeze();
    server.kill();
    server.forget_names();
    server.restart();
    let newcomer = server.join("bobby");
    anna.wait_event("whose the name is now", |event| {
        event["event"] == "notice"
            && event["text"].as_str().unwrap().starts_with("the bobby in the lobby is another user now")
    });
    for line in ["\\msg bobby a secret", "\\fork bobby", "\\sw bobby"] {
        let told = anna.ask_error(line, "refused");
        let text = told["text"].as_str().unwrap().to_owned();
        let keys = [&former, &newcomer].map(|it| it.fingerprint().as_str().unwrap().to_owned());
        assert!(keys.iter().all(|key| text.contains(key)) && text.contains("\\sw 1"), "{text}");
    }
    former.thaw();
    anna.ask("\\sw 1", json!({"event": "switched", "session": 1}));
    anna.send("for the former one");
    former.wait(json!({"event": "message", "text": "for the former one"}));
    for client in [&former, &newcomer] {
        client.has_no(json!({"event": "message", "text": "a secret"}));
    }
}

#[test]
fn a_changed_key_is_mended_with_forget() {
    let mut server = Server::start(&[]);
    let home = Home::new();
    met_once(&mut server, &home);
    let bobby = server.join("bobby");
    let anna = server.client("anna").home(&home).join();
    anna.ask_error("\\fork bobby", "key_changed");
    anna.ask("\\lobby", json!({"event": "switched"}));
    anna.send("\\forget bobby");
    anna.wait_event("what became of the key", |event| {
        event["event"] == "notice" && event["text"].as_str().unwrap().contains("is forgotten in this lobby")
    });
    anna.fork("bobby");
    anna.say("it is you");
    bobby.wait(json!({"event": "message", "text": "it is you"}));
    let whois = anna.ask("\\whois bobby", json!({"event": "whois"}));
    assert_eq!((&whois["trusted"], &whois["verified"]), (&json!(true), &json!(false)));
    assert!(whois["seen_first"].as_str().unwrap().ends_with('Z'), "{whois}");
    anna.ask_error("\\forget carmen", "no_such_user");
}

#[test]
fn a_known_name_with_another_key_cannot_open_a_session_either() {
    let mut server = Server::start(&[]);
    let home = Home::new();
    met_once(&mut server, &home);
    let anna = server.client("anna").home(&home).join();
    let impostor = server.join("bobby");
    impostor.send("\\fork anna\nit is me, bobby");
    anna.wait(json!({"event": "error", "code": "key_changed"}));
    impostor.wait(json!({"event": "error", "code": "declined"}));
    anna.has_no(json!({"event": "opened"}));
    anna.has_no(json!({"event": "message"}));
}

#[test]
fn the_same_name_may_have_different_keys_in_two_lobbies() {
    let [first, second] = [Server::start(&[]), Server::start(&[])];
    let home = Home::new();
    for server in [&first, &second] {
        let boss = server.join("boss");
        server.client("anna").home(&home).run("\\fork boss\nhi\n").ended_with(0);
        boss.wait(json!({"event": "message", "text": "hi"}));
    }
}

#[test]
fn a_pin_of_an_earlier_build_holds_in_every_lobby_and_its_error_says_that_it_may_be_anothers() {
    let mut server = Server::start(&[]);
    let home = Home::new();
    met_once(&mut server, &home);
    // The file is as earlier builds wrote it: it has the servers of the lobbies, and users by their names only.
    let path = home.data_dir().join("known_keys.toml");
    let (mut old, new) = (String::new(), std::fs::read_to_string(&path).unwrap());
    for line in new.lines() {
        old.push_str(if line.starts_with("[lobbies.") { "[users.bobby]" } else { line });
        old.push('\n');
    }
    assert!(old.contains("[users.bobby]"), "{new}");
    std::fs::write(&path, old).unwrap();
    let bobby = server.join("bobby");
    let output = server.client("anna").home(&home).run_json("\\fork bobby\n").ended_with(4);
    let told = output.the(json!({"event": "error", "code": "key_changed"}));
    assert!(told["text"].as_str().unwrap().contains("perhaps in another lobby"), "{told}");
    let output = server.client("anna").home(&home).run("\\forget bobby\n\\fork bobby\nit is you\n");
    output.ended_with(0);
    bobby.wait(json!({"event": "message", "text": "it is you"}));
}

#[test]
fn a_key_that_cannot_be_pinned_opens_no_session_and_hears_no_answer() {
    let server = Server::start(&[]);
    let home = Home::new();
    let anna = server.client("anna").home(&home).join();
    let [bobby, carmen] = [server.join("bobby"), server.join("carmen")];
    carmen.fork("anna");
    anna.wait(json!({"event": "opened", "peer": "carmen"}));
    let lock = std::fs::File::create(home.data_dir().join("known_keys.lock")).unwrap();
    lock.lock().unwrap();
    let told = anna.ask_error("\\fork bobby", "refused");
    assert!(told["text"].as_str().unwrap().contains("locked by another process"), "{told}");
    anna.has_no(json!({"event": "opened", "peer": "bobby"}));
    anna.ask("\\sw carmen", json!({"event": "switched"}));
    assert!(anna.say_in_vain("secret")["reason"].as_str().unwrap().contains("could not be pinned"));
    drop(lock);
    anna.say("now it can");
    carmen.wait(json!({"event": "message", "text": "now it can"}));
    carmen.has_no(json!({"event": "message", "text": "secret"}));
    bobby.has_no(json!({"event": "message", "kind": "peer"}));
}

#[test]
fn a_server_s_key_that_cannot_be_pinned_is_reported_in_every_run() {
    let server = Server::start(&[]);
    let home = Home::new();
    std::fs::create_dir_all(home.data_dir().join("known_keys.lock")).unwrap();
    for _ in 0..2 {
        let output = server.client("anna").home(&home).run("hello\n").ended_with(0);
        assert!(output.everything().contains("could not be pinned"), "{}", output.story());
    }
}

#[test]
fn a_client_whose_pins_cannot_be_read_joins_no_lobby() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    let home = Home::new();
    std::fs::create_dir_all(home.data_dir()).unwrap();
    std::os::unix::fs::symlink("/nowhere/known_keys.toml", home.data_dir().join("known_keys.toml")).unwrap();
    server.client("anna").home(&home).run("hello\n").ended_with(2).complains("known_keys.toml");
    assert_eq!(observer.users(), ["observer"]);
    observer.has_no(json!({"event": "message"}));
}

#[test]
fn a_peer_with_a_known_key_is_recognised_in_another_lobby() {
    let [first, second] = [Server::start(&[]), Server::start(&[])];
    let [anna, bobby] = [Home::new(), Home::new()];
    for server in [&first, &second] {
        let bobby = server.client("bobby").home(&bobby).join();
        let output = server.client("anna").home(&anna).run_json("\\fork bobby\nhi\n").ended_with(0);
        output.the(json!({"event": "sent", "session": 1, "text": "hi"}));
        bobby.wait(json!({"event": "message", "text": "hi"}));
    }
}
