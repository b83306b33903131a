//! The directory of a single server founds a lobby on many servers: the messages, the names and the rules of operators
//! are on every server that joins later.

use std::path::Path;

use hobnob_protocol::chain::Seq;
use hobnob_protocol::content::{Act, ShortText};
use hobnob_protocol::message::{ClientMessage, NotAcceptedCode, RefusedCode, ServerMessage};

use super::operators::{act, is_done, is_let_in};
use super::{Lobby, hello_again};
use crate::stage::{Client, ServerProcess, User, output};

/// Stops a single server in order, and founds the lobby with what is in its directory.
fn found(lobby: &Lobby, single: ServerProcess, dir: &Path) -> String {
    single.signal("-TERM");
    assert!(single.wait().0.success());
    std::fs::copy(dir.join("server/server.key"), lobby.dir.path().join("server.key")).unwrap();
    let options = [&["found"], &lobby.options()[..]].concat();
    output(&options, dir)
}

#[tokio::test]
async fn the_lobby_of_a_single_server_becomes_the_beginning_of_a_lobby_on_many() {
    let Some(lobby) = Lobby::over(1) else { return };
    let dir = lobby.data_dir("one");
    let single = ServerProcess::start(&dir, &[]);
    let anna = User::new("anna");
    let (mut a, before) = anna.join(single.addr).await;
    let mut last = None;
    for id in 1..=300 {
        a.say(id, &format!("word {id}")).await;
        last = Some(a.message().await);
    }
    found(&lobby, single, &dir);
    // The second time there is nothing left to do.
    let options = [&["found"], &lobby.options()[..]].concat();
    output(&options, &dir);
    let (one, other) = (lobby.server("one"), lobby.server("other"));
    let stranger = User::new("anna");
    let mut hello = stranger.hello();
    hello.backlog = 300;
    let (mut b, welcome) = stranger.join_with(other.addr, hello).await;
    assert_eq!((welcome.name.as_str(), welcome.head.seq), ("anna_2", Seq(300)));
    for id in 1..=300 {
        assert_eq!(b.said().await.1, format!("word {id}"));
    }
    let (mut a, welcome) = anna.join_with(one.addr, hello_again(&anna, &before, &last.unwrap())).await;
    assert!(welcome.resumed && welcome.name.as_str() == "anna");
    a.say(300, "word 300").await;
    assert_eq!(a.answer().await, Some((300, Seq(300))), "it is known that it was said");
    assert_eq!(a.post(301, "and on").await, Seq(301));
    assert_eq!(b.said().await.1, "and on");
}

/// Says a text that is refused, and returns the reason.
async fn not_said(client: &mut Client, id: u64) -> NotAcceptedCode {
    client.say(id, "words").await;
    client
        .find(|message| match message {
            ServerMessage::NotAccepted(refused) => Some(refused.code),
            _ => None,
        })
        .await
}

/// Asks to join as a user who is not let in, and returns the reason.
async fn why_not_let_in(user: &User, server: std::net::SocketAddr) -> RefusedCode {
    let mut client = user.ask(server, user.hello()).await;
    match client.next().await {
        Some(ServerMessage::Refused(refused)) => refused.code,
        other => panic!("{} was not refused but {other:?}", user.name),
    }
}

#[tokio::test]
async fn the_rules_of_a_single_server_hold_on_all_servers_of_the_lobby_that_it_founds() {
    let Some(lobby) = Lobby::over(1) else { return };
    let dir = lobby.data_dir("one");
    let [boss, helper, bobby, raider, guest] = ["boss", "helper", "bobby", "raider", "guest"].map(User::new);
    let file = lobby.data_dir("operators");
    std::fs::write(&file, boss.identity.public().fingerprint().to_string()).unwrap();
    let single = ServerProcess::start(&dir, &["--operators", file.to_str().unwrap()]);
    let (mut o, _) = boss.join(single.addr).await;
    let (_h, _) = helper.join(single.addr).await;
    let (mut b, _) = bobby.join(single.addr).await;
    let (_r, _) = raider.join(single.addr).await;
    b.post(1, "words").await;
    let mut place = b.join_room("dev").await.start;
    b.say_in("dev", 2, "in the room").await;
    b.said_in("dev", &mut place).await;
    act(&mut o, 1, "ban", (None, Some("127.0.1.0/24"))).await;
    act(&mut o, 2, "ban", (Some("raider"), None)).await;
    act(&mut o, 3, "mute", (Some("bobby"), None)).await;
    act(&mut o, 4, "op", (Some("helper"), None)).await;
    o.send(&ClientMessage::Act { id: 5, room: None, act: topic("tea"), lasts: None }).await;
    is_done(&mut o, "topic").await;
    assert_eq!(not_said(&mut b, 3).await, NotAcceptedCode::Muted);
    let said = found(&lobby, single, &dir);
    assert!(said.contains("room"), "what stays behind is said: {said}");

    // Neither server has its own list of operators.
    let (one, other) = (lobby.server("one"), lobby.server("other"));
    for server in [one.addr, other.addr] {
        assert!(!is_let_in(server).await, "the network is banned");
        assert_eq!(why_not_let_in(&raider, server).await, RefusedCode::Banned);
        let (_o, welcome) = boss.other_run().join(server).await;
        assert!(welcome.operator && welcome.topic.is_some_and(|topic| topic.as_str() == "tea"));
        let (_h, welcome) = helper.other_run().join(server).await;
        assert!(welcome.operator, "whom an operator named is one");
        let (mut b, welcome) = bobby.other_run().join(server).await;
        assert!(!welcome.operator);
        assert_eq!(not_said(&mut b, 4).await, NotAcceptedCode::Muted);
        assert_eq!(b.join_room("dev").await.head.seq, Seq(0), "rooms begin anew");
    }
    // A decision that is taken back now is taken back on both servers.
    let (mut o, _) = boss.other_run().join(other.addr).await;
    act(&mut o, 1, "unmute", (Some("bobby"), None)).await;
    act(&mut o, 2, "unban", (Some("raider"), None)).await;
    is_done(&mut o, "unban").await;
    let (mut g, _) = guest.join(one.addr).await;
    g.post(1, "after it").await;
    let (mut b, _) = bobby.other_run().join(one.addr).await;
    b.post(1, "free").await;
    let (_r, _) = raider.other_run().join(one.addr).await;
}

fn topic(text: &str) -> Act {
    Act::topic(Some(ShortText::new(text).unwrap()))
}
