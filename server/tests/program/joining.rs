//! Joining, talking, names and introductions.

use std::collections::HashSet;

use hobnob_protocol::chain::{ChainHash, LogId, Position, Seq};
use hobnob_protocol::ids::{PairToken, RunId};
use hobnob_protocol::message::{
    Change, ClientMessage, ConsentAnswer, Cursor, NoAnswerCode, RefusedCode, ServerMessage,
};
use tempfile::tempdir;

use crate::stage::{Client, ServerProcess, User};

#[tokio::test]
async fn a_text_reaches_everybody_including_its_author() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &[]);
    let (anna, bobby) = (User::new("anna"), User::new("bobby"));
    let (mut a, welcome) = anna.join(server.addr).await;
    assert_eq!((welcome.name.as_str(), welcome.head.seq, welcome.resumed), ("anna", Seq(0), true));
    assert!(welcome.observed.is_loopback());
    let (mut b, _) = bobby.join(server.addr).await;
    let joined = a.next().await.unwrap();
    assert_eq!(
        joined,
        ServerMessage::Presence { room: None, changes: vec![Change::Joined("bobby".parse().unwrap())] }
    );
    a.say(1, "hello").await;
    b.say(1, "hi\n\u{7}there").await;
    let heard = [a.said().await, a.said().await];
    assert_eq!(heard, [b.said().await, b.said().await]);
    assert_eq!(heard[1].2, Seq(2));
    assert!(
        heard.contains(&("bobby".to_owned(), "hi\n\u{7}there".to_owned(), heard[1].2))
            || heard[0].0 == "bobby"
    );
    assert_eq!(a.users().await, ["anna", "bobby"]);
    b.send(&ClientMessage::Leave).await;
    let left = ServerMessage::Presence { room: None, changes: vec![Change::Left("bobby".parse().unwrap())] };
    a.find(|message| (message == left).then_some(())).await;
    assert_eq!(b.rest().await, []);
}

#[tokio::test]
async fn a_newcomer_reads_on_from_the_position_that_it_names() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &[]);
    let anna = User::new("anna");
    let (mut a, welcome) = anna.join(server.addr).await;
    let log = welcome.log;
    let mut positions = vec![welcome.start];
    for id in 1..=10 {
        a.say(id, &format!("word {id}")).await;
        let message = a.message().await;
        positions.push(Position { seq: message.seq, hash: message.hash });
    }

    let bobby = User::new("bobby");
    let mut hello = bobby.hello();
    hello.backlog = 3;
    let (mut b, welcome) = bobby.join_with(server.addr, hello).await;
    assert_eq!((welcome.start, welcome.head), (positions[7], positions[10]));
    assert_eq!(b.said().await.2, Seq(8));

    let carl = User::new("carl");
    let mut hello = carl.hello();
    hello.cursor = Some(Cursor { log, position: positions[4] });
    let (mut c, welcome) = carl.join_with(server.addr, hello.clone()).await;
    assert_eq!((welcome.start, welcome.resumed, welcome.missed), (positions[4], true, 0));
    assert_eq!(c.said().await.2, Seq(5));

    let forged = Position { seq: Seq(4), hash: ChainHash::new([7; 32]) };
    let beyond = Position { seq: Seq(99), hash: positions[10].hash };
    for (log, position) in [(log, forged), (log, beyond), (LogId::new([1; 16]), positions[4])] {
        hello.cursor = Some(Cursor { log, position });
        hello.backlog = 1;
        let (_client, welcome) = carl.other_run().join_with(server.addr, hello.clone()).await;
        assert_eq!((welcome.start, welcome.resumed), (positions[9], false));
        hello.run = RunId::random();
    }
    hello.cursor = None;
    hello.since = Some(Seq(6));
    hello.run = RunId::random();
    let (_, welcome) = carl.join_with(server.addr, hello).await;
    assert_eq!(welcome.start, positions[6]);
}

#[tokio::test]
async fn a_hundred_clients_racing_for_one_name_get_a_hundred_names() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &["--max-clients-per-ip", "200"]);
    let addr = server.addr;
    let joins: Vec<_> =
        (0..100).map(|_| tokio::spawn(async move { User::new("anna").join(addr).await })).collect();
    let mut names = HashSet::new();
    let mut clients = Vec::new();
    for join in joins {
        let (client, welcome) = join.await.unwrap();
        names.insert(welcome.name.to_string());
        clients.push(client);
    }
    assert_eq!(names.len(), 100);
    assert!(names.contains("anna") && names.contains("anna_100"), "no number is left out");
    assert_eq!(clients[0].users().await.len(), 100);
}

#[tokio::test]
async fn a_client_that_comes_back_takes_its_name_over_at_once() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &[]);
    let (anna, bobby) = (User::new("anna"), User::new("bobby"));
    let (mut b, _) = bobby.join(server.addr).await;
    let (mut old, _) = anna.join(server.addr).await;
    let (mut new, welcome) = anna.join(server.addr).await;
    assert_eq!(welcome.name.as_str(), "anna");
    assert_eq!(old.rest().await, [ServerMessage::refused(RefusedCode::TakenOver)]);
    new.post(1, "back").await;
    let before = b.find(changes_before_said).await;
    assert_eq!(before, 1, "nobody is told that anna left and came");
}

/// Returns the number of presence changes in a message, or `None` for a message of the lobby, at which counting ends.
/// Fails at a `left`.
fn changes_before_said(message: ServerMessage) -> Option<usize> {
    match message {
        ServerMessage::Presence { changes, .. } => {
            assert!(!changes.iter().any(|change| matches!(change, Change::Left(_))), "{changes:?}");
            None
        }
        ServerMessage::Said(_) => Some(1),
        _ => None,
    }
}

#[tokio::test]
async fn the_same_key_in_a_second_client_gets_the_next_number() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &[]);
    let anna = User::new("anna");
    let (mut first, _) = anna.join(server.addr).await;
    let reading = tokio::spawn(async move {
        // The old client answers the server's question whether it is still there.
        first.find(|m| matches!(m, ServerMessage::Presence { .. }).then_some(())).await;
        first
    });
    let (_second, welcome) = anna.other_run().join(server.addr).await;
    assert_eq!(welcome.name.as_str(), "anna_2");
    reading.await.unwrap();
}

#[tokio::test]
async fn a_silent_client_gives_its_name_to_a_new_one_of_the_same_key() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &[]);
    let anna = User::new("anna");
    // The old client stays connected, but reads and answers nothing: to the server it has lost its link.
    let (_lost, _) = anna.join(server.addr).await;
    let (_new, welcome) = anna.other_run().join(server.addr).await;
    assert_eq!(welcome.name.as_str(), "anna");
}

async fn introduced(client: &mut Client) -> hobnob_protocol::message::Introduction {
    client.find(|m| if let ServerMessage::Introduced(it) = m { Some(it) } else { None }).await
}

async fn pair(client: &mut Client, name: &str, session: Option<PairToken>) {
    let name = name.parse().unwrap();
    client.send(&ClientMessage::Pair { request: 3, name, session }).await;
}

/// The client's user agrees to the session about which it is asked next.
async fn consent(client: &mut Client, about: Option<PairToken>) {
    let question = |m| match m {
        ServerMessage::Asked { ask, session, .. } => Some((ask, session)),
        // The two users are introduced after this answer.
        ServerMessage::Introduced(_) => panic!("introduced before the answer"),
        _ => None,
    };
    let (ask, session) = client.find(question).await;
    assert_eq!(session, about);
    client.send(&ClientMessage::Consent { ask, answer: ConsentAnswer::Open }).await;
}

#[tokio::test]
async fn two_users_are_introduced_to_each_other() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &[]);
    let (anna, bobby) = (User::new("anna"), User::new("bobby"));
    let mut hello = anna.hello();
    hello.candidates = vec!["192.0.2.7:5000".parse().unwrap()];
    hello.port = Some(5000);
    let (mut a, _) = anna.join_with(server.addr, hello).await;
    let (mut b, _) = bobby.join(server.addr).await;
    pair(&mut a, "bobby", None).await;
    consent(&mut b, None).await;
    let (to_a, to_b) = (introduced(&mut a).await, introduced(&mut b).await);
    assert_eq!((to_a.request, to_b.request), (Some(3), None));
    assert_eq!((to_a.forked, to_b.forked, to_a.session), (true, false, to_b.session));
    assert_eq!((to_a.key, to_b.key), (bobby.identity.public(), anna.identity.public()));
    let candidates: Vec<_> = to_b.candidates.iter().map(ToString::to_string).collect();
    assert_eq!(candidates, ["192.0.2.7:5000", "127.0.0.1:5000"]);

    pair(&mut b, "anna", Some(to_b.session)).await;
    consent(&mut a, Some(to_b.session)).await;
    assert_eq!(introduced(&mut a).await.session, to_b.session);
    assert_eq!(introduced(&mut b).await.session, to_b.session);

    pair(&mut a, "nobody", None).await;
    a.find(|m| matches!(m, ServerMessage::NoSuchUser { request: 3, .. }).then_some(())).await;
    pair(&mut a, "anna", None).await;
    let yourself = ServerMessage::NoAnswer { request: 3, code: NoAnswerCode::Yourself };
    a.find(|m| (m == yourself).then_some(())).await;
}

#[tokio::test]
async fn forks_that_cross_make_one_session() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &[]);
    let (mut a, _) = User::new("anna").join(server.addr).await;
    let (mut b, _) = User::new("bobby").join(server.addr).await;
    pair(&mut a, "bobby", None).await;
    consent(&mut b, None).await;
    let first = introduced(&mut a).await;
    // Bobby has not read of it yet: his request comes as if both were made at once.
    pair(&mut b, "anna", None).await;
    let answer = b.find(|m| match m {
        ServerMessage::Introduced(it) if it.request.is_some() => Some(it),
        _ => None,
    });
    let answer = answer.await;
    assert_eq!((answer.session, answer.forked, first.forked), (first.session, false, true));
}

#[tokio::test]
async fn forks_that_cross_before_either_was_answered_make_one_session() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &[]);
    let (mut a, _) = User::new("anna").join(server.addr).await;
    let (mut b, _) = User::new("bobby").join(server.addr).await;
    pair(&mut a, "bobby", None).await;
    // Bobby has been asked, and forks as well instead of answering.
    let ask = b.find(|m| if let ServerMessage::Asked { ask, .. } = m { Some(ask) } else { None }).await;
    pair(&mut b, "anna", None).await;
    let (to_a, to_b) = (introduced(&mut a).await, introduced(&mut b).await);
    assert_eq!((to_a.session, to_a.forked, to_b.forked), (to_b.session, true, false));
    b.send(&ClientMessage::Consent { ask, answer: ConsentAnswer::Open }).await;
    b.send(&ClientMessage::Ping).await;
    let next = b.find(|m| matches!(m, ServerMessage::Introduced(_) | ServerMessage::Pong).then_some(m)).await;
    assert_eq!(next, ServerMessage::Pong, "nothing more comes of the answer");
}

#[tokio::test]
async fn history_comes_in_parts_that_follow_each_other() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &["--rate", "1000"]);
    let (mut a, welcome) = User::new("anna").join(server.addr).await;
    let bell = "\u{7}".repeat(3000);
    for id in 1..=300 {
        a.say(id, &bell).await;
    }
    while a.said().await.2 < Seq(300) {}
    a.send(&ClientMessage::History { request: 9, limit: 250, room: None, before: Some(Seq(291)) }).await;
    let mut position: Option<Position> = None;
    loop {
        let (after, messages, more) = a
            .find(|m| match m {
                ServerMessage::History { request: 9, after, messages, more } => Some((after, messages, more)),
                _ => None,
            })
            .await;
        let position = position.get_or_insert(after);
        assert_eq!(*position, after);
        messages.iter().for_each(|message| position.advance(message).unwrap());
        if !more {
            break;
        }
    }
    assert_eq!(position.unwrap().seq, Seq(290));
    assert_eq!(welcome.start.seq, Seq(0));
}

#[tokio::test]
async fn a_client_with_another_version_of_the_protocol_is_refused() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &[]);
    let anna = User::new("anna");
    let mut hello = anna.hello();
    hello.protocol = 99;
    let mut client = anna.ask(server.addr, hello).await;
    assert_eq!(client.rest().await, [ServerMessage::refused(RefusedCode::Protocol)]);
}
