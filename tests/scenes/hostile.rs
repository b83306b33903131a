//! Strangers at the ports: bytes that are no handshake, handshakes that never end, and connections that are reset. None
//! of these disturbs anybody else.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::support::free_port;
use crate::support::server::Server;

/// Returns what is sent to a port: bytes that are not TLS, bytes that look like TLS, a line of the protocol in clear
/// text, and a large amount of data.
fn garbage() -> Vec<Vec<u8>> {
    let mut tls_like = vec![0x16, 3, 1, 0xff, 0xff, 1, 0, 0xff, 0xfc];
    tls_like.extend(vec![0xaa; 4000]);
    vec![
        b"zz".to_vec(),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        b"{\"type\":\"hello\",\"protocol\":1}\n".to_vec(),
        vec![0; 64],
        tls_like,
        vec![b'x'; 1 << 20],
    ]
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(crate::support::DEADLINE)).unwrap();
    stream.set_write_timeout(Some(crate::support::DEADLINE)).unwrap();
    stream
}

/// Sends all of this to `address`, resets half of the connections, and leaves `open` more of them open.
fn molest(address: &str, open: usize) -> Vec<TcpStream> {
    for bytes in garbage() {
        let mut stream = connect(address);
        // The connection may be closed before everything is written.
        let _cut = stream.write_all(&bytes);
        let _cut = stream.read(&mut [0; 256]);
        let stream = connect(address);
        let _cut = (&stream).write_all(&bytes);
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    }
    (0..open).map(|_| connect(address)).collect()
}

#[test]
fn garbage_and_half_open_connections_at_the_server_harm_nobody() {
    let server = Server::start(&[]);
    let anna = server.join("anna");
    let standing = molest(server.address(), 30);
    anna.say("still here");
    let bobby = server.join("bobby");
    bobby.wait(json!({"event": "message", "text": "still here"}));
    assert_eq!(anna.users(), ["anna", "bobby"]);
    anna.has_no(json!({"event": "link", "state": "down"}));
    assert!(!server.story().contains("panicked"), "{}", server.story());
    drop(standing);
}

#[test]
fn garbage_and_half_open_connections_at_a_peers_port_harm_nobody() {
    let server = Server::start(&[]);
    let door = format!("127.0.0.1:{}", free_port());
    let anna = server.join("anna");
    let bobby = server.client("bobby").args(["--listen", &door]).join();
    let standing = molest(&door, 30);
    anna.fork("bobby");
    bobby.wait(json!({"event": "opened", "peer": "anna"}));
    let more = molest(&door, 10);
    for number in 0..20 {
        anna.say(&format!("word {number}"));
    }
    bobby.wait_count(20, json!({"event": "message", "kind": "peer"}));
    bobby.has_no(json!({"event": "link", "session": 1, "state": "down"}));
    assert!(!bobby.story().contains("panicked"), "{}", bobby.story());
    let _output = bobby.finish().ended_with(0);
    drop((standing, more));
}

#[test]
fn a_stranger_at_a_peers_port_is_told_nothing_and_disconnected() {
    let server = Server::start(&[]);
    let door = format!("127.0.0.1:{}", free_port());
    let bobby = server.client("bobby").args(["--listen", &door]).join();
    let mut stream = connect(&door);
    stream.write_all(b"{\"type\":\"hello\"}\n").unwrap();
    let mut answer = Vec::new();
    // A reset counts as an end; a connection that is left open does not.
    let ended = stream.read_to_end(&mut answer);
    assert!(ended.is_ok() || ended.is_err_and(|err| err.kind() == ErrorKind::ConnectionReset));
    assert!(!answer.windows(5).any(|part| part == b"bobby"), "{answer:?}");
    bobby.say("unharmed");
}

#[test]
fn clients_that_are_killed_while_they_join_harm_nobody() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    for round in 0..20 {
        let mut process = server.client("quick").arg("--json").spawn();
        // The sleep does not wait for anything: it makes the kill come at another stage of joining in each round.
        std::thread::sleep(Duration::from_millis(round * 3)); // another stage each round
        process.kill_hard();
    }
    server.join("late").say("unharmed");
    observer.wait(json!({"event": "message", "text": "unharmed"}));
    // The observer sees every client leave that got as far as joining.
    let joined = observer.all(json!({"event": "joined"})).len();
    observer.wait(json!({"event": "left", "name": "late"}));
    observer.wait_count(joined, json!({"event": "left"}));
    assert_eq!(observer.users(), ["observer"]);
}

#[test]
fn a_client_that_does_not_read_delays_nobody() {
    let server = Server::start(&["--rate", "1000000"]);
    let [anna, bobby, frozen] = ["anna", "bobby", "frozen"].map(|name| server.join(name));
    frozen.freeze();
    // These texts are more than all sockets and queues hold.
    let long = "x".repeat(8000);
    for number in 0..1500 {
        anna.send(&format!("{number} {long}"));
    }
    let seen = bobby.wait_count(1500, json!({"event": "message", "from": "anna"}));
    assert!(
        seen.iter().zip(0..).all(|(message, number)| {
            message["text"].as_str().unwrap().starts_with(&format!("{number} "))
        })
    );
    server.join("carmen").say("and one may join");
    frozen.thaw();
    frozen.wait(json!({"event": "message", "text": "and one may join"}));
    let caught_up = frozen.all(json!({"event": "message", "from": "anna"}));
    assert!(
        caught_up.iter().zip(0..).all(|(message, number)| {
            message["text"].as_str().unwrap().starts_with(&format!("{number} "))
        })
    );
    assert_eq!(caught_up.len(), 1500, "the client missed some messages, or saw some twice");
}

#[test]
fn a_flood_of_questions_harms_nobody() {
    let server = Server::start(&["--rate", "1000000"]);
    let anna = server.join("anna");
    let clients: Vec<_> = (0..4).map(|number| server.join(&format!("asker{number}"))).collect();
    for client in &clients {
        for _ in 0..500 {
            client.send("\\users");
        }
    }
    anna.say("meanwhile");
    for client in &clients {
        client.wait_count(500, json!({"event": "users"}));
    }
    server.join("bobby").say("afterwards");
    anna.wait(json!({"event": "message", "text": "afterwards"}));
}
