//! Many clients that come and go quickly.

use std::thread;

use serde_json::json;

use crate::support::server::Server;

#[test]
fn thirty_quick_clients_are_each_seen_to_come_speak_and_go() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    thread::scope(|scope| {
        for lane in 0..3 {
            let server = &server;
            scope.spawn(move || {
                for number in 0..10 {
                    let name = format!("u{lane}{number}");
                    server.client(&name).run(format!("hello from {name}\n")).ended_with(0);
                }
            });
        }
    });
    observer.wait_count(30, json!({"event": "left"}));
    for lane in 0..3 {
        for number in 0..10 {
            let name = format!("u{lane}{number}");
            for event in ["joined", "left"] {
                assert_eq!(observer.all(json!({"event": event, "name": name})).len(), 1, "{event} {name}");
            }
            let said = json!({"event": "message", "from": name, "text": format!("hello from {name}")});
            assert_eq!(observer.all(said).len(), 1, "{name} did not say exactly one text");
        }
    }
    assert_eq!(observer.users(), ["observer"]);
    let _output = observer.finish().ended_with(0);
}

#[test]
fn thirty_who_start_at_once_are_all_let_in() {
    let server = Server::start(&[]);
    let clients: Vec<_> =
        (0..30).map(|number| server.client(&format!("u{number:02}")).start_json()).collect();
    for client in &clients {
        client.welcome();
    }
    assert_eq!(clients[0].users().len(), 30);
    clients[0].say("hello all");
    for client in &clients[1..] {
        client.wait(json!({"event": "message", "text": "hello all"}));
    }
}
