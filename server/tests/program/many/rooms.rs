//! Rooms across servers: each room has one log, on whichever servers its members are.

use hobnob_protocol::chain::Seq;
use hobnob_protocol::message::{Change, ClientMessage, ServerMessage};

use super::{Lobby, joined, told_of};
use crate::stage::{Client, User};

/// Waits until this member of the room is told of that change.
async fn told_in(client: &mut Client, name: &str, change: &Change) {
    let of_room = |message| match message {
        ServerMessage::Presence { room: Some(room), changes } if room.as_str() == name => {
            changes.contains(change).then_some(())
        }
        _ => None,
    };
    client.find(of_room).await;
}

#[tokio::test]
async fn a_room_has_the_same_log_on_all_servers_and_a_new_server_has_it() {
    let Some(lobby) = Lobby::over(1) else { return };
    let (one, other) = (lobby.server("one"), lobby.server("other"));
    let (anna, bobby, carol) = (User::new("anna"), User::new("bobby"), User::new("carol"));
    let (mut a, _) = anna.join(one.addr).await;
    let (mut b, _) = bobby.join(other.addr).await;
    let (mut c, _) = carol.join(other.addr).await;
    told_of(&mut a, &joined("carol")).await;
    let at_a = a.join_room("dev").await;
    let at_b = b.join_room("dev").await;
    assert_eq!((at_a.log, at_a.head), (at_b.log, at_b.head));
    assert_eq!((at_a.users, at_b.users), (1, 2));
    told_in(&mut a, "dev", &joined("bobby")).await;
    let (mut place_a, mut place_b) = (at_a.start, at_b.start);
    for id in 1..=10 {
        let speaker = if id % 2 == 0 { &mut a } else { &mut b };
        speaker.say_in("dev", id, &format!("word {id}")).await;
        let (here, there) = (a.said_in("dev", &mut place_a).await, b.said_in("dev", &mut place_b).await);
        assert_eq!(here, there);
        assert_eq!(place_a.seq, Seq(id));
    }
    // A client that is not in the room gets nothing of it.
    c.say(1, "in the lobby").await;
    assert_eq!(c.said().await.1, "in the lobby");

    let third = lobby.server("third");
    let (mut d, _) = User::new("dora").join(third.addr).await;
    let at_d = d.join_room("dev").await;
    assert_eq!((at_d.log, at_d.head, at_d.users), (at_a.log, place_a, 3));
    let mut place_d = at_d.start;
    let mut heard = Vec::new();
    while heard.len() < 10 {
        heard.extend(d.said_in("dev", &mut place_d).await);
    }
    assert_eq!(place_d, place_a);
    told_in(&mut a, "dev", &joined("dora")).await;

    // A server that comes back goes on in the room as well.
    third.signal("-TERM");
    assert!(third.wait().0.success());
    a.say_in("dev", 20, "meanwhile").await;
    a.said_in("dev", &mut place_a).await;
    let third = lobby.server("third");
    let (mut d, _) = User::new("emil").join(third.addr).await;
    assert_eq!(d.join_room("dev").await.head, place_a);
    d.say_in("dev", 1, "and on").await;
    assert_eq!(a.said_in("dev", &mut place_a).await[0].content.text().unwrap().as_str(), "and on");
    a.send(&ClientMessage::Leave).await;
}
