//! Operators of a lobby on several servers. A user whom the file of one server lists is an operator on all of them.
//! What he does holds on all of them, also on a server that is started again and on a new one.

use std::net::{Ipv4Addr, SocketAddr};

use hobnob_protocol::content::{Act, ActKind, ActTarget, ShortText};
use hobnob_protocol::message::{ClientMessage, NotAcceptedCode, RefusedCode, ServerMessage};
use tokio::net::TcpSocket;

use super::{Lobby, joined, told_of};
use crate::stage::{Client, User};

fn plain(kind: &str) -> Act {
    Act { kind: ActKind::new(kind).unwrap(), name: None, target: None, until: None, text: None }
}

pub(super) async fn act(
    client: &mut Client,
    id: u64,
    kind: &str,
    (name, target): (Option<&str>, Option<&str>),
) {
    let name = name.map(|name| name.parse().unwrap());
    let target = target.map(|target| ActTarget::new(target).unwrap());
    let act = Act { name, target, ..plain(kind) };
    client.send(&ClientMessage::Act { id, room: None, act, lasts: None }).await;
}

/// Reads until an act of this kind was done.
pub(super) async fn is_done(client: &mut Client, kind: &str) {
    while client.message().await.content.act().is_none_or(|act| act.kind.as_str() != kind) {}
}

/// Whether a user who comes from a banned address is let in.
pub(super) async fn is_let_in(server: SocketAddr) -> bool {
    let user = User::new("raider");
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 1, 7), 0))).unwrap();
    let Ok(stream) = socket.connect(server).await else { return false };
    let Some(mut client) = user.try_over(stream).await else { return false };
    client.try_send(&ClientMessage::Hello(user.hello())).await;
    matches!(client.next().await, Some(ServerMessage::Welcome(_)))
}

#[tokio::test]
async fn the_acts_of_an_operator_on_one_server_hold_on_all() {
    let Some(lobby) = Lobby::over(1) else { return };
    let (boss, bobby, guest) = (User::new("boss"), User::new("bobby"), User::new("guest"));
    let file = lobby.data_dir("operators");
    std::fs::write(&file, boss.identity.public().fingerprint().to_string()).unwrap();
    let one = lobby.server_with("one", &["--operators", file.to_str().unwrap()]);
    // A second server whose settings name nobody leaves the list as it is.
    let other = lobby.server("other");
    let (mut g, welcome) = guest.join(one.addr).await;
    assert!(!welcome.operator);
    let (mut b, _) = bobby.join(one.addr).await;
    assert!(is_let_in(one.addr).await && is_let_in(other.addr).await);
    let (mut o, welcome) = boss.join(other.addr).await;
    assert!(welcome.operator, "whom one server's file lists is an operator on the other");
    told_of(&mut g, &joined("boss")).await;
    act(&mut g, 1, "kick", (Some("bobby"), None)).await;
    let not_operator = g.find(|message| matches!(message, ServerMessage::NotAccepted(_)).then_some(()));
    not_operator.await;
    act(&mut o, 1, "kick", (Some("bobby"), None)).await;
    let sent_out = b.find(|message| match message {
        ServerMessage::Refused(refused) => Some(refused.code),
        _ => None,
    });
    assert_eq!(sent_out.await, RefusedCode::Kicked);
    act(&mut o, 2, "ban", (None, Some("127.0.1.0/24"))).await;
    is_done(&mut g, "ban").await;
    is_done(&mut o, "ban").await;
    assert!(!is_let_in(one.addr).await && !is_let_in(other.addr).await);
    other.signal("-TERM");
    assert!(other.wait().0.success());
    let (other, third) = (lobby.server("other"), lobby.server("third"));
    for server in [other.addr, third.addr] {
        assert!(
            !is_let_in(server).await,
            "the ban holds on a server that was started again and on a new one"
        );
        let (_, welcome) = boss.other_run().join(server).await;
        assert!(welcome.operator);
    }
}

/// Waits for the answer to an act or a text that is refused, and returns the reason.
async fn refused(client: &mut Client) -> NotAcceptedCode {
    client
        .find(|message| match message {
            ServerMessage::NotAccepted(refused) => Some(refused.code),
            _ => None,
        })
        .await
}

/// Asks to join as a user who is not let in, and returns the reason.
async fn why_not_let_in(user: &User, server: SocketAddr) -> RefusedCode {
    let mut client = user.ask(server, user.hello()).await;
    match client.next().await {
        Some(ServerMessage::Refused(refused)) => refused.code,
        other => panic!("{} was not refused but {other:?}", user.name),
    }
}

/// Returns the operators, and whether each stands in the file.
async fn ops(client: &mut Client) -> Vec<(String, bool)> {
    client.send(&ClientMessage::Ops { request: 9 }).await;
    let rows = client.find(|message| match message {
        ServerMessage::Ops { ops, .. } => Some(ops),
        _ => None,
    });
    rows.await.into_iter().map(|row| (row.fingerprint.to_string(), row.file)).collect()
}

/// Returns who is muted, and by whom.
async fn mutes(client: &mut Client) -> Vec<(String, String)> {
    client.send(&ClientMessage::Mutes { request: 10 }).await;
    let rows = client.find(|message| match message {
        ServerMessage::Mutes { mutes, more: false, .. } => Some(mutes),
        _ => None,
    });
    rows.await.into_iter().map(|row| (row.what.as_str().to_owned(), row.by.to_string())).collect()
}

fn fingerprint(user: &User) -> String {
    user.identity.public().fingerprint().to_string()
}

#[tokio::test]
async fn each_thing_an_operator_does_counts_on_both_servers_and_after_both_were_started_again() {
    let Some(lobby) = Lobby::over(1) else { return };
    let users = ["boss", "anna", "bobby", "carl", "newcomer", "another"].map(User::new);
    let [boss, anna, bobby, carl, newcomer, another] = &users;
    let file = lobby.data_dir("operators");
    std::fs::write(&file, fingerprint(boss)).unwrap();
    let with_file = ["--operators", file.to_str().unwrap()];
    let (one, other) = (lobby.server_with("one", &with_file), lobby.server("other"));
    let (mut o, _) = boss.join(one.addr).await;
    let (mut a, _) = anna.join(other.addr).await;
    let (mut b, _) = bobby.join(other.addr).await;
    let (mut c, _) = carl.join(other.addr).await;
    c.say(1, "spam").await;
    // A user without a name here would be kept out of a banned key's network, whatever other rules say.
    for user in [newcomer, another] {
        user.join(other.addr).await;
    }
    act(&mut o, 1, "mute", (Some("anna"), None)).await;
    is_done(&mut a, "mute").await;
    a.say(1, "do you hear me?").await;
    assert_eq!(refused(&mut a).await, NotAcceptedCode::Muted);
    act(&mut o, 2, "op", (Some("bobby"), None)).await;
    act(&mut o, 3, "ban", (Some("carl"), None)).await;
    act(&mut o, 4, "admit", (None, Some(&fingerprint(anna)))).await;
    act(&mut o, 5, "lock", (None, None)).await;
    let topic = Act { text: Some(ShortText::new("tea and bread").unwrap()), ..plain("topic") };
    o.send(&ClientMessage::Act { id: 6, room: None, act: topic, lasts: None }).await;
    is_done(&mut b, "topic").await;
    is_done(&mut o, "topic").await;
    for server in [one, other] {
        server.signal("-TERM");
        assert!(server.wait().0.success());
    }
    drop((o, a, b, c));

    let (one, other) = (lobby.server_with("one", &with_file), lobby.server("other"));
    for server in [one.addr, other.addr] {
        assert_eq!(why_not_let_in(carl, server).await, RefusedCode::Banned);
        assert_eq!(why_not_let_in(newcomer, server).await, RefusedCode::Locked);
    }
    let (mut a, welcome) = anna.other_run().join(one.addr).await;
    assert_eq!(welcome.topic.as_ref().map(|topic| topic.as_str()), Some("tea and bread"));
    a.say(1, "and now?").await;
    assert_eq!(refused(&mut a).await, NotAcceptedCode::Muted);
    // A user whom an operator named is an operator at the other server, too, and takes everything back there.
    let (mut b, welcome) = bobby.other_run().join(other.addr).await;
    assert!(welcome.operator);
    let expected = [(fingerprint(boss), true), (fingerprint(bobby), false)];
    assert_eq!(ops(&mut b).await, expected);
    assert_eq!(ops(&mut a).await, expected);
    assert_eq!(mutes(&mut b).await, [(fingerprint(anna), "boss".to_owned())]);
    act(&mut b, 1, "kick", (Some("boss"), None)).await;
    assert!(matches!(refused(&mut b).await, NotAcceptedCode::NoSuchUser | NotAcceptedCode::Protected));
    act(&mut b, 2, "unmute", (Some("anna"), None)).await;
    act(&mut b, 3, "unban", (None, Some(&fingerprint(carl)))).await;
    act(&mut b, 4, "admit", (None, Some(&fingerprint(newcomer)))).await;
    is_done(&mut a, "admit").await;
    a.post(2, "at last").await;
    let _newcomer = newcomer.other_run().join(one.addr).await;
    assert_eq!(why_not_let_in(another, one.addr).await, RefusedCode::Locked);
    act(&mut b, 5, "unlock", (None, None)).await;
    act(&mut b, 6, "slow", (None, Some("600"))).await;
    is_done(&mut a, "slow").await;
    let _another = another.other_run().join(one.addr).await;
    let (mut c, _) = carl.other_run().join(one.addr).await;
    c.say(1, "once").await;
    c.say(2, "and again").await;
    assert_eq!(refused(&mut c).await, NotAcceptedCode::Slow);
    // When the list of one server is read again, it counts on both.
    std::fs::write(&file, fingerprint(anna)).unwrap();
    one.signal("-HUP");
    let (mut o, _) = boss.other_run().join(other.addr).await;
    let expected = [(fingerprint(anna), true), (fingerprint(bobby), false)];
    while ops(&mut o).await != expected {}
    act(&mut o, 1, "slow", (None, Some("0"))).await;
    assert_eq!(refused(&mut o).await, NotAcceptedCode::NotOperator);
    act(&mut a, 3, "deop", (Some("bobby"), None)).await;
    is_done(&mut b, "deop").await;
    act(&mut b, 7, "unlock", (None, None)).await;
    assert_eq!(refused(&mut b).await, NotAcceptedCode::NotOperator);
    assert_eq!(ops(&mut o).await, [(fingerprint(anna), true)]);
}
