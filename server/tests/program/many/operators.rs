//! Operators of a lobby on several servers: whom one server's file lists is an operator on all of them, and what he does
//! holds on all of them, also on one that is started again and on one that comes new.

use std::net::{Ipv4Addr, SocketAddr};

use hobnob_protocol::content::{Act, ActKind, ActTarget};
use hobnob_protocol::message::{ClientMessage, RefusedCode, ServerMessage};
use tokio::net::TcpSocket;

use super::{Lobby, joined, told_of};
use crate::stage::{Client, User};

pub(super) async fn act(
    client: &mut Client,
    id: u64,
    kind: &str,
    (name, target): (Option<&str>, Option<&str>),
) {
    let name = name.map(|name| name.parse().unwrap());
    let target = target.map(|target| ActTarget::new(target).unwrap());
    let act = Act { kind: ActKind::new(kind).unwrap(), name, target, until: None, text: None };
    client.send(&ClientMessage::Act { id, room: None, act, lasts: None }).await;
}

/// Reads on until that was done.
pub(super) async fn is_done(client: &mut Client, kind: &str) {
    while client.message().await.content.act().is_none_or(|act| act.kind.as_str() != kind) {}
}

/// Whether somebody who comes from a banned address is let in.
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
async fn what_an_operator_does_on_one_server_holds_on_all() {
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
