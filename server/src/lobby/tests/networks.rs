//! How many names and rooms the clients of one network may make in an hour.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_network_has_as_many_new_names_an_hour_as_it_may_have_clients_and_further_names_are_not_kept() {
    let stage = Stage::new();
    let kept = || stage.log.inner.names().len();
    let come_and_go = async |host: u16, id: u64, key: u8| {
        let ip = std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, host, 0, 0, 0, id as u16);
        let mut guest = stage.ask_from(ip.into(), id, &format!("guest{key}"), key, 1).await;
        guest.welcome().await;
        stage.send(LobbyCommand::Leave(guest.id)).await;
    };
    for n in 0..150 {
        come_and_go(1, n, n as u8).await;
    }
    assert_eq!(kept(), 100);
    // A user who has a name may come back as often as he likes, and uses up nothing.
    for n in 0..500 {
        come_and_go(2, 1000 + n, 7).await;
    }
    come_and_go(2, 2000, 200).await;
    assert_eq!(kept(), 101, "another network has its own");
    come_and_go(1, 2001, 120).await;
    assert_eq!(kept(), 101);
    tokio::time::advance(Duration::from_secs(36)).await;
    come_and_go(1, 2002, 120).await;
    assert_eq!(kept(), 102);
}

#[tokio::test(start_paused = true)]
async fn a_network_makes_as_many_rooms_an_hour_as_it_may_have_clients_whatever_keys_they_have() {
    let stage = Stage::new();
    let join = async |guest: &mut Guest, room: &RoomName| {
        stage.send(LobbyCommand::JoinRoom { from: guest.id, room: room.clone() }).await;
        match guest.answer().await {
            Told::InRoom(_) => true,
            Told::Line(ServerMessage::NotJoined { code: NotJoinedCode::TooSoon, .. }) => false,
            other => panic!("{other:?}"),
        }
    };
    let mut neighbour = stage.ask_from("2001:db8:0:1::1".parse().unwrap(), 50, "dora", 50, 1).await;
    neighbour.welcome().await;
    let kept: RoomName = "kept".parse().unwrap();
    assert!(join(&mut neighbour, &kept).await);
    let mut made = 0;
    for n in 0..21 {
        let mut guest =
            stage.ask_from("2001:db8::1".parse().unwrap(), n, &format!("guest{n}"), n as u8, 1).await;
        guest.welcome().await;
        for room in 0..5 {
            let room: RoomName = format!("room{n}_{room}").parse().unwrap();
            if join(&mut guest, &room).await {
                made += 1;
                // Nobody spoke there, so the room is gone when the client leaves.
                stage.send(LobbyCommand::Part { from: guest.id, room }).await;
                assert!(matches!(guest.answer().await, Told::LeftRoom(_)));
            }
        }
        assert!(join(&mut guest, &kept).await, "a room that is there may be joined");
    }
    assert_eq!(made, 100);
    let another: RoomName = "another".parse().unwrap();
    assert!(join(&mut neighbour, &another).await, "another network makes its own");
}
