//! Talking, names and presence across servers; a new server, and one that comes back.

use hobnob_protocol::chain::Seq;
use hobnob_protocol::message::{
    ClientMessage, ConsentAnswer, Hello, Introduction, NoAnswerCode, ServerMessage,
};

use super::{Lobby, hello_again, joined, left, told_of};
use crate::stage::{Client, User, output, run_to_end};

#[tokio::test]
async fn users_on_two_servers_talk_in_one_lobby() {
    let Some(lobby) = Lobby::over(1) else { return };
    let (one, other) = (lobby.server("one"), lobby.server("other"));
    let (anna, bobby) = (User::new("anna"), User::new("bobby"));
    let (mut a, welcome) = anna.join(one.addr).await;
    let (mut b, elsewhere) = bobby.join(other.addr).await;
    assert_eq!(welcome.log, elsewhere.log);
    told_of(&mut a, &joined("bobby")).await;
    for id in 1..=20 {
        let (speaker, listener) = if id % 2 == 0 { (&mut a, &mut b) } else { (&mut b, &mut a) };
        speaker.say(id, &format!("word {id}")).await;
        let (own, heard) = (speaker.message().await, listener.message().await);
        assert_eq!((own.seq, own.hash, own.at), (Seq(id), heard.hash, heard.at));
        assert_eq!(own, heard);
    }
    assert_eq!(a.users().await, ["anna", "bobby"]);
    assert_eq!(b.users().await, ["anna", "bobby"]);
    b.send(&ClientMessage::Whois { request: 3, name: "anna".parse().unwrap() }).await;
    let whois = b
        .find(|message| match message {
            ServerMessage::Whois { request: 3, key, .. } => Some(key),
            _ => None,
        })
        .await;
    assert_eq!(whois, anna.identity.public());
    b.send(&ClientMessage::Leave).await;
    told_of(&mut a, &left("bobby")).await;
}

#[tokio::test]
async fn a_name_belongs_to_one_key_on_all_servers_even_when_two_want_it_at_once() {
    let Some(lobby) = Lobby::over(1) else { return };
    let room = ["--max-clients-per-ip", "10000"];
    let (one, other) = (lobby.server_with("one", &room), lobby.server_with("other", &room));
    let rounds = std::env::var("HOBNOB_NAME_ROUNDS").map_or(150, |rounds| rounds.parse().unwrap());
    for round in 0..rounds {
        let name = format!("name{round}");
        let (first, second) = (User::new(&name), User::new(&name));
        let ((_a, here), (_b, there)) = tokio::join!(first.join(one.addr), second.join(other.addr));
        let mut names = [here.name.to_string(), there.name.to_string()];
        names.sort();
        assert_eq!(names, [name.clone(), format!("{name}_2")]);
    }
}

#[tokio::test]
async fn a_second_client_of_a_user_on_another_server_gets_a_number_only_while_the_first_is_there() {
    let Some(lobby) = Lobby::over(1) else { return };
    let (one, other) = (lobby.server("one"), lobby.server("other"));
    let anna = User::new("anna");
    let (mut first, _) = anna.join(one.addr).await;
    let pings = tokio::spawn(async move { while first.next().await.is_some() {} });
    let (_second, welcome) = anna.other_run().join(other.addr).await;
    assert_eq!(welcome.name.as_str(), "anna_2", "the first one answers");
    pings.abort();
    let gone = pings.await;
    assert!(gone.is_err_and(|err| err.is_cancelled()));
}

#[tokio::test]
async fn a_client_that_comes_back_on_another_server_reads_on_from_its_cursor() {
    let Some(lobby) = Lobby::over(1) else { return };
    let (one, other) = (lobby.server("one"), lobby.server("other"));
    let (anna, bobby) = (User::new("anna"), User::new("bobby"));
    let (mut a, welcome) = anna.join(one.addr).await;
    let (mut b, _) = bobby.join(other.addr).await;
    a.post(1, "one").await;
    b.post(1, "two").await;
    a.message().await;
    a.say(2, "three").await;
    let last = a.message().await;
    // Its link breaks, and it comes back at once on the other server. It sends again what got no answer.
    let (mut again, resumed) = anna.join_with(other.addr, hello_again(&anna, &welcome, &last)).await;
    assert!(resumed.resumed);
    assert_eq!((resumed.name.as_str(), resumed.start.seq), ("anna", last.seq));
    again.say(2, "three").await;
    assert_eq!(again.answer().await, Some((2, last.seq)));
    again.say(3, "four").await;
    assert_eq!(again.answer().await, Some((3, Seq(last.seq.0 + 1))));
    assert_eq!(a.rest().await.len(), 1, "its old connection is told that it was taken over");
    assert_eq!(b.users().await, ["anna", "bobby"]);
}

#[tokio::test]
async fn a_new_server_and_one_that_comes_back_have_every_message() {
    let Some(lobby) = Lobby::over(1) else { return };
    let one = lobby.server("one");
    let anna = User::new("anna");
    let (mut a, _) = anna.join(one.addr).await;
    for id in 1..=50 {
        a.post(id, &format!("word {id}")).await;
    }
    let other = lobby.server("other");
    let bobby = User::new("bobby");
    let mut hello = bobby.hello();
    hello.backlog = 50;
    let (mut b, welcome) = bobby.join_with(other.addr, hello.clone()).await;
    assert_eq!(welcome.head.seq, Seq(50));
    for id in 1..=50 {
        assert_eq!(b.said().await.1, format!("word {id}"));
    }
    // One server is stopped in order, the other is killed; both go on from where they were.
    other.signal("-TERM");
    assert!(other.wait().0.success());
    a.post(51, "meanwhile").await;
    let other = lobby.server("other");
    let (mut b, welcome) = bobby.join_with(other.addr, hello.clone()).await;
    assert_eq!((welcome.name.as_str(), welcome.head.seq), ("bobby", Seq(51)));
    one.kill();
    b.post(1, "while one is down").await;
    let one = lobby.server("one");
    let (mut c, welcome) = User::new("carl").join_with(one.addr, hello_of("carl", 2)).await;
    assert_eq!(welcome.head.seq, Seq(52));
    assert_eq!([c.said().await.1, c.said().await.1], ["meanwhile", "while one is down"]);
}

/// Waits until a client is introduced to another user. Before that it agrees to every session about which it is asked.
async fn told_and_open(client: &mut Client) -> Introduction {
    loop {
        let ask = client.find(|message| match message {
            ServerMessage::Asked { ask, .. } => Some(Err(ask)),
            ServerMessage::Introduced(told) => Some(Ok(told)),
            ServerMessage::NoAnswer { code, .. } => panic!("no session: {code:?}"),
            _ => None,
        });
        match ask.await {
            Ok(told) => return told,
            Err(ask) => client.send(&ClientMessage::Consent { ask, answer: ConsentAnswer::Open }).await,
        }
    }
}

/// Anna and bobby are on two servers, in this order or the other. Checks what each is told when one of them or both
/// fork.
async fn introduced(lobby: &Lobby, both: bool) {
    let (one, other) = (lobby.server("one"), lobby.server("other"));
    let (anna, bobby) = (User::new("anna"), User::new("bobby"));
    let with_port = |user: &User, port| Hello { port: Some(port), ..user.hello() };
    let (mut a, _) = anna.join_with(one.addr, with_port(&anna, 5001)).await;
    let (mut b, _) = bobby.join_with(other.addr, with_port(&bobby, 5002)).await;
    told_of(&mut a, &joined("bobby")).await;
    let fork = |name: &str| ClientMessage::Pair { request: 4, name: name.parse().unwrap(), session: None };
    a.send(&fork("bobby")).await;
    if both {
        b.send(&fork("anna")).await;
    }
    let (at_a, at_b) = tokio::join!(told_and_open(&mut a), told_and_open(&mut b));
    assert_eq!(at_a.session, at_b.session, "one session for both");
    assert_ne!(at_a.forked, at_b.forked);
    assert_eq!((at_a.key, at_b.key), (bobby.identity.public(), anna.identity.public()));
    let ends_with =
        |told: &Introduction, port: &str| told.candidates.iter().any(|at| at.as_str().ends_with(port));
    assert!(ends_with(&at_a, ":5002") && ends_with(&at_b, ":5001"), "{at_a:?} {at_b:?}");
    if !both {
        assert!(at_a.forked && at_a.request == Some(4) && at_b.request.is_none());
        // Bobby has read of the fork, which his client shows by a pong, so his own fork makes another session.
        b.users().await;
        b.send(&fork("anna")).await;
        let (again, _) = tokio::join!(told_and_open(&mut b), told_and_open(&mut a));
        assert!(again.forked && again.session != at_a.session);
    }
}

#[tokio::test]
async fn users_on_two_servers_are_introduced_to_each_other() {
    // Which of the two servers decides depends on the keys; this is repeated so often that each server decides at least
    // once.
    for _ in 0..4 {
        let Some(lobby) = Lobby::over(1) else { return };
        introduced(&lobby, false).await;
    }
}

#[tokio::test]
async fn forks_that_cross_on_two_servers_are_one_session() {
    for _ in 0..6 {
        let Some(lobby) = Lobby::over(1) else { return };
        introduced(&lobby, true).await;
    }
}

/// Waits until both clients have the answer to their `request`, and returns what each was told of the other up to then.
/// Both agree to every session about which they are asked, also after their own answer.
async fn told_until_both_are_answered([a, b]: [&mut Client; 2], request: u32) -> [Vec<Introduction>; 2] {
    let mut told = [Vec::new(), Vec::new()];
    let is_answered = |told: &Vec<Introduction>| told.iter().any(|told| told.request == Some(request));
    while !told.iter().all(is_answered) {
        tokio::select! {
            at_a = told_and_open(a) => told[0].push(at_a),
            at_b = told_and_open(b) => told[1].push(at_b),
        }
    }
    told
}

const ONE: &str = "one.example:43210";
const OTHER: &str = "other.example:43210";

/// Anna and bobby are on two servers, which have these options, and ask for each other at the same moment: twice for a
/// new session, then for the same session once more, as after a lost link. Returns the relays that the two are told,
/// and whether anna's key is the smaller one.
async fn relays_told(options: [&[&str]; 2]) -> Option<(Vec<String>, bool)> {
    let lobby = Lobby::over(1)?;
    let (one, other) = (lobby.server_with("one", options[0]), lobby.server_with("other", options[1]));
    let (anna, bobby) = (User::new("anna"), User::new("bobby"));
    let (mut a, _) = anna.join(one.addr).await;
    let (mut b, _) = bobby.join(other.addr).await;
    told_of(&mut a, &joined("bobby")).await;
    let relay = |told: &Introduction, own: &str| told.relay.as_ref().map_or(own, |at| at.as_str()).to_owned();
    let (mut session, mut relays) = (None, Vec::new());
    for request in [1, 2, 3] {
        let pair = |name: &str| ClientMessage::Pair { request, name: name.parse().unwrap(), session };
        let (of_a, of_b) = (pair("bobby"), pair("anna"));
        tokio::join!(a.send(&of_a), b.send(&of_b));
        let [to_a, to_b] = told_until_both_are_answered([&mut a, &mut b], request).await;
        session = (request == 2).then(|| to_a[to_a.len() - 1].session);
        relays.extend(to_a.iter().map(|told| relay(told, ONE)));
        relays.extend(to_b.iter().map(|told| relay(told, OTHER)));
    }
    Some((relays, anna.identity.public() < bobby.identity.public()))
}

#[tokio::test]
async fn users_on_two_servers_are_always_told_the_same_relay_whoever_asks_and_in_which_order() {
    // Which server decides depends on the keys, and which fork comes first on chance.
    for _ in 0..6 {
        let options = [&["--advertise", ONE][..], &["--advertise", OTHER][..]];
        let Some((told, anna_is_smaller)) = relays_told(options).await else { return };
        let expected = if anna_is_smaller { ONE } else { OTHER };
        assert!(told.iter().all(|relay| relay == expected), "{expected}: {told:?}");
    }
}

#[tokio::test]
async fn users_on_two_servers_are_told_the_server_that_relays_if_the_other_does_not() {
    for _ in 0..4 {
        let options = [&["--advertise", ONE, "--relay", "off"][..], &["--advertise", OTHER][..]];
        let Some((told, _)) = relays_told(options).await else { return };
        assert!(told.iter().all(|relay| relay == OTHER), "{told:?}");
    }
}

#[tokio::test]
async fn a_user_who_is_forked_from_another_server_is_asked_first_and_nothing_is_told_if_he_declines() {
    let Some(lobby) = Lobby::over(1) else { return };
    let (one, other) = (lobby.server("one"), lobby.server("other"));
    let (anna, bobby) = (User::new("anna"), User::new("bobby"));
    let (mut a, _) = anna.join(one.addr).await;
    let (mut b, _) = bobby.join(other.addr).await;
    told_of(&mut a, &joined("bobby")).await;
    for (request, answer, code) in
        [(1, ConsentAnswer::Declined, NoAnswerCode::Declined), (2, ConsentAnswer::Busy, NoAnswerCode::Busy)]
    {
        a.send(&ClientMessage::Pair { request, name: "bobby".parse().unwrap(), session: None }).await;
        let (ask, key) = b
            .find(|message| match message {
                ServerMessage::Asked { ask, key, session: None, .. } => Some((ask, key)),
                _ => None,
            })
            .await;
        assert_eq!(key, anna.identity.public());
        b.send(&ClientMessage::Consent { ask, answer: ConsentAnswer::Asking }).await;
        a.find(|message| (message == ServerMessage::Asking { request }).then_some(())).await;
        b.send(&ClientMessage::Consent { ask, answer }).await;
        let refused = a.find(|message| match message {
            ServerMessage::NoAnswer { request: of, code } => Some((of, code)),
            ServerMessage::Introduced(told) => panic!("introduced without consent: {told:?}"),
            _ => None,
        });
        assert_eq!(refused.await, (request, code));
        // A second answer does not count.
        b.send(&ClientMessage::Consent { ask, answer: ConsentAnswer::Open }).await;
    }
    for client in [&mut a, &mut b] {
        client.users().await;
        client.send(&ClientMessage::Leave).await;
        let rest = client.rest().await;
        assert!(!rest.iter().any(|message| matches!(message, ServerMessage::Introduced(_))), "{rest:?}");
    }
}

#[tokio::test]
async fn a_fork_of_a_user_whose_server_is_frozen_is_answered_in_time() {
    let Some(lobby) = Lobby::over(1) else { return };
    let (one, other) = (lobby.server("one"), lobby.server("other"));
    let (anna, bobby) = (User::new("anna"), User::new("bobby"));
    let (mut a, _) = anna.join(one.addr).await;
    let (_b, _) = bobby.join(other.addr).await;
    told_of(&mut a, &joined("bobby")).await;
    other.signal("-STOP");
    a.send(&ClientMessage::Pair { request: 4, name: "bobby".parse().unwrap(), session: None }).await;
    let code = a
        .find(|message| match message {
            ServerMessage::NoAnswer { request: 4, code } => Some(code),
            _ => None,
        })
        .await;
    assert_eq!(code, NoAnswerCode::Silent);
}

#[tokio::test]
async fn a_new_server_is_given_by_another_what_the_stream_no_longer_holds() {
    let Some(lobby) = Lobby::over(1) else { return };
    let one = lobby.server("one");
    let anna = User::new("anna");
    let (mut a, _) = anna.join(one.addr).await;
    for id in 1..=450 {
        a.say(id, &format!("word {id}")).await;
    }
    while a.message().await.seq < Seq(450) {}
    a.join_room("dev").await;
    for id in 451..=459 {
        a.say_in("dev", id, &format!("word {id}")).await;
    }
    let away = lobby.server("away");
    away.signal("-TERM");
    assert!(away.wait().0.success());
    a.post(460, "meanwhile").await;
    lobby.forget_all().await;

    let other = lobby.server("other");
    let stranger = User::new("anna");
    let hello = Hello { backlog: 451, ..stranger.hello() };
    let (mut b, welcome) = stranger.join_with(other.addr, hello).await;
    assert_eq!((welcome.name.as_str(), welcome.head.seq), ("anna_2", Seq(451)));
    for id in 1..=450 {
        assert_eq!(b.said().await.1, format!("word {id}"));
    }
    assert_eq!(b.said().await.1, "meanwhile");
    a.post(461, "and on").await;
    assert_eq!(b.said().await.1, "and on");
    let dev = b.join_room("dev").await;
    assert_eq!((dev.start.seq, dev.head.seq, dev.users), (Seq(0), Seq(9), 2));
    let (mut place, mut heard) = (dev.start, Vec::new());
    while heard.len() < 9 {
        heard.extend(b.said_in("dev", &mut place).await);
    }
    a.say_in("dev", 462, "and on here").await;
    b.said_in("dev", &mut place).await;
    assert_eq!(place.seq, Seq(10));
    assert_eq!(b.users().await, ["anna", "anna_2"]);
    let status = [&["status"], &lobby.options()[..]].concat();
    let told = output(&status, &lobby.data_dir("other"));
    for part in [
        "server: runs at 127.0.0.1:",
        " of the lobby); 2 servers",
        "1 of 1 nodes have all of the stream, led by n0",
    ] {
        assert!(told.contains(part), "{told}");
    }

    // A server that was away for too long has to begin anew; and when no other server is left that could give the
    // machine, a new server cannot begin.
    let refused = |dir: &str| {
        let all = [&["--listen", "127.0.0.1:0"], &lobby.options()[..]].concat();
        let (code, said) = run_to_end(&all, &lobby.data_dir(dir));
        assert_eq!(code, Some(1), "{said}");
        said
    };
    let said = refused("away");
    assert!(said.contains("away for too long"), "{said}");
    one.kill();
    other.kill();
    let dir = lobby.data_dir("new").join("server");
    super::make_private_folder(&dir);
    std::fs::copy(lobby.dir.path().join("server.key"), dir.join("server.key")).unwrap();
    let said = refused("new");
    assert!(said.contains("no other server tells"), "{said}");
}

fn hello_of(name: &str, backlog: u64) -> Hello {
    Hello { backlog, ..User::new(name).hello() }
}
