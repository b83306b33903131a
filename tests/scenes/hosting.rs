//! A client that hosts the lobby itself, by default or because it was told to. Tests that use hobnob's well-known port
//! do so in a network of their own, and are skipped on a machine that does not allow one.

use std::net::TcpListener;

use serde_json::json;

use crate::support::client::texts_of;
use crate::support::free_port;
use crate::support::home::Home;
use crate::support::launch::Launch;
use crate::support::namespace::Namespace;
use crate::support::server::first_line;

const WELL_KNOWN: &str = "127.0.0.1:43210";

fn host_of(address: &str) -> Launch {
    Launch::hobnob().args(["--host", address])
}

fn guest_of(address: &str) -> Launch {
    Launch::hobnob().server(address)
}

fn somewhere() -> String {
    format!("127.0.0.1:{}", free_port())
}

/// Returns the texts of all notices that a client has seen, up to the answer to a question that is asked now.
fn notices(client: &crate::support::client::Client) -> String {
    let _answered = client.sessions();
    texts_of(&client.all(json!({"event": "notice"}))).join("\n")
}

#[test]
fn a_host_is_in_its_own_lobby_and_others_join_it() {
    let address = somewhere();
    let anna = host_of(&address).name("anna").join();
    assert_eq!(anna.welcome()["hosted"], true);
    assert_eq!(anna.welcome()["server"], address);
    let bobby = guest_of(&address).name("bobby").join();
    assert_eq!(bobby.welcome()["hosted"], false);
    anna.say("hello from the host");
    bobby.wait(json!({"event": "message", "from": "anna", "text": "hello from the host"}));
    bobby.say("hello from a guest");
    anna.wait(json!({"event": "message", "from": "bobby", "text": "hello from a guest"}));
    bobby.fork("anna");
    bobby.say("psst");
    anna.wait(json!({"event": "message", "kind": "peer", "text": "psst"}));
}

#[test]
fn a_host_tells_how_others_join() {
    let address = somewhere();
    let anna = host_of(&address).name("anna").join();
    let told = notices(&anna);
    assert!(told.contains("hobnob") && told.contains(&address), "{told}");
}

#[test]
fn a_lobby_that_was_hosted_is_still_there_when_it_is_hosted_again() {
    let address = somewhere();
    let home = Home::new();
    host_of(&address).name("anna").home(&home).run("remember this\n").ended_with(0);
    let again = host_of(&address).name("anna").home(&home).join();
    again.wait(json!({"event": "message", "text": "remember this", "replayed": true}));
    let bobby = guest_of(&address).name("bobby").join();
    bobby.wait(json!({"event": "message", "text": "remember this", "replayed": true}));
}

#[test]
fn the_lobby_ends_with_its_host_and_private_sessions_go_on() {
    let address = somewhere();
    let host = host_of(&address).name("host").join();
    let [anna, bobby] = ["anna", "bobby"].map(|name| guest_of(&address).name(name).join());
    anna.fork("bobby");
    bobby.wait(json!({"event": "opened"}));
    let _output = host.finish().ended_with(0);
    anna.wait(json!({"event": "link", "session": 0, "state": "down"}));
    anna.say("still here");
    bobby.wait(json!({"event": "message", "kind": "peer", "text": "still here"}));
}

#[test]
fn the_last_texts_of_a_host_are_delivered() {
    let address = somewhere();
    let host = host_of(&address).name("host").join();
    let anna = guest_of(&address).name("anna").join();
    host.send("one\ntwo\nthree");
    let output = host.finish().ended_with(0);
    assert_eq!(output.all(json!({"event": "sent"})).len(), 3);
    anna.wait(json!({"event": "message", "text": "three"}));
    assert_eq!(anna.lobby_texts(), ["one", "two", "three"]);
}

#[test]
fn hosting_where_a_port_is_taken_ends_with_3() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    host_of(&address).name("anna").run("hello\n").ended_with(3).complains(&address);
    let host = host_of(&somewhere()).name("first").join();
    let address = host.welcome()["server"].as_str().unwrap().to_owned();
    host_of(&address).name("second").run("hello\n").ended_with(3);
}

#[test]
fn joining_where_nothing_listens_ends_with_3_and_never_hosts() {
    let address = somewhere();
    guest_of(&address).name("anna").run("hello\n").ended_with(3).complains(&address);
    let output = guest_of(&address).name("anna").run_json("hello\n").ended_with(3);
    output.has_no(json!({"event": "welcome"}));
    assert!(TcpListener::bind(&address).is_ok(), "a lobby is hosted although the client should only join");
}

#[test]
fn a_server_s_name_that_cannot_be_resolved_ends_with_3() {
    guest_of("no-such-host.invalid:43210")
        .name("anna")
        .run("hello\n")
        .ended_with(3)
        .complains("no-such-host");
}

#[test]
fn the_contract_s_example_works_with_a_lobby_that_its_user_hosts() {
    let address = somewhere();
    let bobby = host_of(&address).name("bobby").join();
    let script = r"printf 'hello\n\\fork bobby\nhi\n\\quit\n' | hobnob --name anna";
    Launch::shell(script).env("HOBNOB_SERVER", &address).run("").ended_with(0);
    bobby.wait(json!({"event": "message", "kind": "lobby", "from": "anna", "text": "hello"}));
    bobby.wait(json!({"event": "message", "kind": "peer", "from": "anna", "text": "hi"}));
}

#[test]
fn with_no_argument_the_first_hosts_and_says_how_to_join_and_to_let_others_in() {
    let Some(network) = Namespace::new() else { return };
    let home = Home::new();
    let anna = Launch::hobnob().name("anna").home(&home).inside(&network).join();
    assert_eq!(anna.welcome()["hosted"], true);
    assert_eq!(anna.welcome()["server"], WELL_KNOWN);
    let told = notices(&anna);
    assert!(told.contains("hobnob") && told.contains("--host"), "{told}");
    // This is a second terminal of the same person; afterwards the contract's example is run as it is printed.
    let bobby = Launch::hobnob().name("bobby").home(&home).inside(&network).join();
    assert_eq!(bobby.welcome()["hosted"], false);
    let example = r"printf 'hello\n\\fork bobby\nhi\n\\quit\n' | hobnob --name carmen";
    Launch::shell(example).home(&home).inside(&network).run("").ended_with(0);
    for client in [&anna, &bobby] {
        client.wait(json!({"event": "message", "from": "carmen", "text": "hello"}));
    }
    bobby.wait(json!({"event": "message", "kind": "peer", "from": "carmen", "text": "hi"}));
    anna.has_no(json!({"event": "message", "text": "hi"}));
}

#[test]
fn with_no_argument_a_script_on_an_empty_machine_hosts_and_ends_well() {
    let Some(network) = Namespace::new() else { return };
    let output = Launch::hobnob().name("anna").inside(&network).run_json("hello\n").ended_with(0);
    assert_eq!(output.the(json!({"event": "welcome"}))["hosted"], true);
    output.the(json!({"event": "sent", "text": "hello"}));
}

#[test]
fn clients_started_at_the_same_instant_end_in_one_lobby() {
    for shared in [true, false] {
        let Some(network) = Namespace::new() else { return };
        let home = Home::new();
        let names = ["anna", "bobby", "carmen", "dora"];
        let clients = names.map(|name| {
            let launch = Launch::hobnob().name(name).inside(&network);
            if shared { launch.home(&home).start_json() } else { launch.start_json() }
        });
        let hosts = clients.iter().filter(|client| client.welcome()["hosted"] == true).count();
        assert_eq!(hosts, 1, "not exactly one client hosts the lobby");
        for client in &clients {
            assert_eq!(client.users(), names);
        }
        clients[3].say("one lobby");
        for client in &clients[..3] {
            client.wait(json!({"event": "message", "text": "one lobby"}));
        }
    }
}

#[test]
fn a_server_with_no_listen_option_is_where_clients_with_no_argument_look() {
    let Some(network) = Namespace::new() else { return };
    let server = Launch::server_program().inside(&network).spawn();
    let line = first_line(&server);
    assert!(line.contains(":43210, key SHA256:"), "{line}");
    let anna = Launch::hobnob().name("anna").inside(&network).join();
    assert_eq!(anna.welcome()["hosted"], false);
    let bobby = Launch::hobnob().name("bobby").server("[::1]:43210").inside(&network).join();
    assert_eq!(bobby.users(), ["anna", "bobby"]);
}

#[test]
fn another_program_on_the_well_known_port_is_reported_and_not_waited_for() {
    let Some(network) = Namespace::new() else { return };
    // This program takes connections and says what no lobby says.
    let script = "exec python3 -c 'import socket; s = socket.create_server((\"127.0.0.1\", 43210)); \
                  print(\"ready\", flush=True); \
                  [c.sendall(b\"HTTP/1.0 400 Bad Request\\r\\n\\r\\n\") or c.close() for c, _ in iter(s.accept, 0)]'";
    let other = Launch::shell(script).inside(&network).spawn();
    let ready = other.wait_for("it listens", crate::support::DEADLINE, |seen| {
        seen.stdout.first().cloned().or_else(|| (!seen.stderr.is_empty()).then(String::new))
    });
    if ready != "ready" {
        eprintln!("skipped, no Python to listen with");
        return;
    }
    Launch::hobnob().name("anna").inside(&network).run("hello\n").ended_with(3).complains("43210");
}
