//! Servers that are killed or frozen, and NATS without a majority.

use std::time::{Duration, Instant};

use hobnob_protocol::chain::Seq;
use hobnob_protocol::message::ServerMessage;

use super::{Lobby, hello_again, joined, left, told_of};
use crate::stage::User;

/// How long it may take until the users of a killed server are announced as having left.
const LEFT_WITHIN: Duration = Duration::from_secs(15);

#[tokio::test]
async fn the_users_of_a_killed_server_leave_or_come_back_on_another_server() {
    let Some(lobby) = Lobby::over(1) else { return };
    let (one, other) = (lobby.server("one"), lobby.server("other"));
    let (anna, bobby, carl) = (User::new("anna"), User::new("bobby"), User::new("carl"));
    let (mut a, _) = anna.join(one.addr).await;
    let (mut b, welcome) = bobby.join(other.addr).await;
    let (_c, _) = carl.join(other.addr).await;
    told_of(&mut a, &joined("carl")).await;
    b.say(1, "before").await;
    let last = b.message().await;
    other.kill();
    let killed = Instant::now();
    let (mut b, resumed) = bobby.join_with(one.addr, hello_again(&bobby, &welcome, &last)).await;
    assert!(resumed.resumed && resumed.name.as_str() == "bobby");
    b.say(2, "after").await;
    assert_eq!(b.message().await.seq, Seq(2));
    told_of(&mut a, &left("carl")).await;
    assert!(killed.elapsed() < LEFT_WITHIN, "{:?}", killed.elapsed());
    assert_eq!(a.users().await, ["anna", "bobby"]);
}

#[tokio::test]
async fn the_clients_of_a_frozen_server_leave_and_may_come_back_when_it_wakes() {
    let Some(lobby) = Lobby::over(1) else { return };
    let (one, other) = (lobby.server("one"), lobby.server("other"));
    let (anna, bobby) = (User::new("anna"), User::new("bobby"));
    let (mut a, _) = anna.join(one.addr).await;
    let (mut b, welcome) = bobby.join(other.addr).await;
    b.say(1, "before").await;
    let last = b.message().await;
    other.signal("-STOP");
    // This text is on its way into a server that does not read it any more.
    b.say(2, "into the ice").await;
    told_of(&mut a, &left("bobby")).await;
    other.signal("-CONT");
    let refused = |message: &ServerMessage| matches!(message, ServerMessage::NotAccepted { .. });
    let rest = b.rest().await;
    assert!(!rest.iter().any(refused), "it was on its way, and nobody knows: {rest:?}");
    let (mut b, resumed) = bobby.join_with(other.addr, hello_again(&bobby, &welcome, &last)).await;
    assert!(resumed.resumed);
    told_of(&mut a, &joined("bobby")).await;
    b.say(2, "into the ice").await;
    b.say(3, "after").await;
    // The server may have read the text a moment before it was frozen. Then the text comes again, and is accepted as
    // the same text.
    let mut seqs = Vec::new();
    let last = loop {
        match b.answer().await.unwrap() {
            (2, seq) => seqs.push(seq),
            (id, seq) => break (id, seq),
        }
    };
    seqs.dedup();
    assert_eq!((seqs, last), (vec![Seq(2)], (3, Seq(3))), "each text stands there once");
}

#[tokio::test]
async fn texts_wait_while_nats_is_gone_and_are_sent_once_when_it_is_back() {
    let Some(mut lobby) = Lobby::over(1) else { return };
    let (one, other) = (lobby.server("one"), lobby.server("other"));
    let (anna, bobby) = (User::new("anna"), User::new("bobby"));
    let (mut a, _) = anna.join(one.addr).await;
    let (mut b, _) = bobby.join(other.addr).await;
    a.post(1, "before").await;
    lobby.nodes.nodes[0].kill();
    for id in 2..=5 {
        a.say(id, &format!("meanwhile {id}")).await;
    }
    lobby.nodes.nodes[0].start_again();
    for seq in 2..=5 {
        assert_eq!(a.answer().await, Some((seq, Seq(seq))));
    }
    a.post(6, "after").await;
    let mut heard = Vec::new();
    while heard.last().is_none_or(|text| text != "after") {
        heard.push(b.said().await.1);
    }
    assert_eq!(heard, ["before", "meanwhile 2", "meanwhile 3", "meanwhile 4", "meanwhile 5", "after"]);
    assert_eq!(b.users().await, ["anna", "bobby"], "nobody was taken for gone");
}
