//! Rooms over pipes that are too small: each member can read each room's log, however little the pipe takes.

use hobnob_protocol::message::{Cursor, JoinRoom, JoinedRoom, NotJoinedCode, RoomCursor};
use hobnob_protocol::room::RoomName;

use super::*;

fn room(name: &str) -> RoomName {
    name.parse().unwrap()
}

impl Client {
    async fn ask_for(&mut self, name: &str, backlog: u64) {
        let join = JoinRoom { request: 5, room: room(name), cursor: None, since: None, backlog };
        self.send(&ClientMessage::Join(join)).await;
    }

    async fn joined(&mut self) -> JoinedRoom {
        loop {
            match self.next().await.unwrap() {
                ServerMessage::Joined(joined) => return joined,
                ServerMessage::Said(_) | ServerMessage::Presence { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    async fn join_room(&mut self, name: &str, backlog: u64) -> JoinedRoom {
        self.ask_for(name, backlog).await;
        self.joined().await
    }

    async fn say_in(&mut self, name: &str, id: u64, text: &str) {
        let text = Text::new(text).unwrap();
        self.send(&ClientMessage::Say { id, room: Some(room(name)), text }).await;
    }

    /// Reads the log of a room, message by message, until the message `end`. Besides, only messages of the lobby and
    /// presence may come.
    async fn follow_room(&mut self, name: &str, mut position: Position, end: u64) -> Position {
        while position.seq < Seq(end) {
            match self.next().await.unwrap() {
                ServerMessage::Said(said) if said.room() == Some(&room(name)) => {
                    drop(position.advance_over(&said).unwrap());
                }
                ServerMessage::Said(said) => assert_eq!(said.room(), None),
                ServerMessage::Presence { .. } | ServerMessage::PresenceSkipped { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        position
    }
}

#[tokio::test]
async fn a_conversation_in_a_room_crosses_a_pipe_of_sixty_four_bytes() {
    let world = World::new();
    let (mut anna, _) = world.join("anna", 64).await;
    let (mut bobby, _) = world.join("bobby", 64).await;
    let start = anna.join_room("dev", 0).await.start;
    assert_eq!(bobby.join_room("dev", 0).await.start, start);
    let talking = tokio::spawn(async move {
        for id in 1..=100 {
            anna.say_in("dev", id, &format!("word {id}")).await;
        }
        anna.follow_room("dev", start, 100).await;
    });
    bobby.follow_room("dev", start, 100).await;
    talking.await.unwrap();
}

#[tokio::test]
async fn a_reader_that_fell_far_behind_in_two_rooms_gets_every_message_of_both_once() {
    let world = World::new();
    let (mut slow, _) = world.join("slow", 2048).await;
    let (mut anna, _) = world.join("anna", 64 * 1024).await;
    let mut starts = Vec::new();
    for name in ["dev", "ops"] {
        slow.join_room(name, 0).await;
        starts.push(anna.join_room(name, 0).await.start);
    }
    let text = "x".repeat(16 * 1024);
    let mut ids = 0;
    for round in 1..=30 {
        for (name, position) in ["dev", "ops"].into_iter().zip(&mut starts) {
            ids += 1;
            anna.say_in(name, ids, &text).await;
            let start = *position;
            *position = anna.follow_room_only(name, start, round).await;
        }
    }
    let ends = starts;
    let mut positions = ["dev", "ops"].map(|name| Position::start(&world.log_of(name)));
    // The messages of the two rooms come mixed, but those of each room come in their order.
    while positions != ends[..] {
        match slow.next().await.unwrap() {
            ServerMessage::Said(said) => {
                let at = usize::from(said.room() == Some(&room("ops")));
                positions[at].advance_over(&said).unwrap();
            }
            ServerMessage::Presence { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(world.shared.metrics.log_reads.get() > 0);
    // From then on both rooms are written to directly.
    anna.say_in("ops", ids + 1, "now").await;
    slow.follow_room("ops", ends[1], 31).await;
}

impl Client {
    /// Reads the log of a room as `follow_room` does, but messages of another room may come, too.
    async fn follow_room_only(&mut self, name: &str, mut position: Position, end: u64) -> Position {
        while position.seq < Seq(end) {
            if let ServerMessage::Said(said) = self.next().await.unwrap()
                && said.room() == Some(&room(name))
            {
                position.advance_over(&said).unwrap();
            }
        }
        position
    }
}

impl World {
    fn log_of(&self, name: &str) -> LogId {
        let rooms = self.shared.log.rooms();
        rooms.iter().find(|it| it.kept.id.name == room(name)).unwrap().kept.id.log
    }
}

#[tokio::test]
async fn a_client_that_comes_back_reads_on_in_each_of_its_rooms() {
    let world = World::new();
    let (mut anna, _) = world.join("anna", 64 * 1024).await;
    let start = anna.join_room("dev", 0).await.start;
    for id in 1..=10 {
        anna.say_in("dev", id, "word").await;
    }
    let mut position = start;
    let mut positions = vec![start];
    for end in 1..=10 {
        while position.seq < Seq(end) {
            if let ServerMessage::Said(said) = anna.next().await.unwrap() {
                for message in position.advance_over(&said).unwrap() {
                    positions.push(Position { seq: message.seq, hash: message.hash });
                }
            }
        }
    }
    let log = world.log_of("dev");
    let cursor = |position| Cursor { log, position };
    let elsewhere = Cursor { log: LogId::new([1; 16]), position: positions[3] };
    for (cursor, start, resumed) in
        [(cursor(positions[4]), positions[4], true), (elsewhere, positions[10], false)]
    {
        let mut hello = hello("bobby");
        hello.rooms = vec![
            RoomCursor { room: room("DEV"), cursor },
            RoomCursor { room: room("new"), cursor: elsewhere },
        ];
        let mut bobby = world.ask_with(hello, 4096).await;
        assert!(matches!(bobby.next().await, Some(ServerMessage::Welcome(_))));
        let joined = bobby.joined().await;
        assert_eq!((joined.room.as_str(), joined.request), ("dev", None));
        assert_eq!(
            (joined.start, joined.head, joined.resumed, joined.missed),
            (start, positions[10], resumed, 0)
        );
        let new = bobby.joined().await;
        assert_eq!((new.room.as_str(), new.head.seq, new.resumed), ("new", Seq(0), false));
    }
}

#[tokio::test]
async fn the_backlog_and_the_history_of_a_room_come_from_its_own_log() {
    let world = World::new();
    let (mut anna, lobby) = world.join("anna", 64 * 1024).await;
    let start = anna.join_room("dev", 0).await.start;
    for id in 1..=200 {
        anna.say_in("dev", id, "word").await;
    }
    anna.follow_room("dev", start, 200).await;
    anna.say(201, "in the lobby").await;
    anna.follow(lobby, 1).await;
    let (mut bobby, _) = world.join("bobby", 4096).await;
    // These are more messages than the memory of a room holds hashes for.
    let joined = bobby.join_room("dev", 150).await;
    assert_eq!((joined.start.seq, joined.head.seq, joined.users), (Seq(50), Seq(200), 2));
    bobby.follow_room("dev", joined.start, 200).await;
    let again = bobby.join_room("dev", 150).await;
    assert_eq!(again.start.seq, Seq(200), "nothing comes twice");

    let history = |room| ClientMessage::History { request: 9, limit: 3, room, before: None };
    bobby.send(&history(Some(room("dev")))).await;
    let ServerMessage::History { after, messages, more, .. } = bobby.next().await.unwrap() else { panic!() };
    assert_eq!((after.seq, messages.len(), more), (Seq(197), 3, false));
    bobby.send(&history(Some(room("ops")))).await;
    let code = NoAnswerCode::NotInRoom;
    assert_eq!(bobby.next().await, Some(ServerMessage::NoAnswer { request: 9, code }));
    bobby.send(&history(None)).await;
    let ServerMessage::History { messages, .. } = bobby.next().await.unwrap() else { panic!() };
    assert_eq!(messages.len(), 1);
    // A room in which nothing was said has an empty history.
    bobby.join_room("quiet", 20).await;
    bobby.send(&history(Some(room("quiet")))).await;
    let ServerMessage::History { messages, .. } = bobby.next().await.unwrap() else { panic!() };
    assert!(messages.is_empty());
}

#[tokio::test]
async fn rooms_are_listed_in_parts_sorted_by_name() {
    let world = World::new();
    let mut clients = Vec::new();
    for client in 0..20 {
        let (mut anna, _) = world.join(&format!("user{client}"), 64 * 1024).await;
        for n in 0..5 {
            anna.join_room(&format!("room{:03}", client * 5 + n), 0).await;
        }
        clients.push(anna);
    }
    let anna = &mut clients[0];
    anna.send(&ClientMessage::Rooms { request: 3 }).await;
    let (mut names, mut parts) = (Vec::new(), Vec::new());
    loop {
        match anna.next().await.unwrap() {
            ServerMessage::Rooms { request: 3, rooms, more } => {
                parts.push(rooms.len());
                names.extend(rooms.into_iter().map(|room| room.name));
                if !more {
                    break;
                }
            }
            ServerMessage::Presence { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(parts, [40, 40, 20]);
    assert!(names.is_sorted());
}

#[tokio::test]
async fn joins_above_the_queue_are_answered_busy() {
    let world = World::new();
    let (mut anna, _) = world.join("anna", 1024 * 1024).await;
    anna.join_room("dev", 0).await;
    let join = JoinRoom { request: 5, room: room("dev"), cursor: None, since: None, backlog: 0 };
    // The connection's task reads all of them before the lobby answers the first.
    anna.writer.write_all(&codec::encode(&ClientMessage::Join(join)).repeat(200)).await.unwrap();
    anna.writer.flush().await.unwrap();
    let (mut joined, mut codes) = (0, Vec::new());
    while joined + codes.len() < 200 {
        match anna.next().await.unwrap() {
            ServerMessage::Joined(_) => joined += 1,
            ServerMessage::NotJoined { request: Some(5), code, .. } => codes.push(code),
            ServerMessage::Presence { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(!codes.is_empty() && codes.iter().all(|code| *code == NotJoinedCode::Busy), "{codes:?}");
}

#[tokio::test]
async fn more_joins_than_a_key_may_have_rooms_are_refused_at_once() {
    let world = World::new();
    let (mut anna, _) = world.join("anna", 1024 * 1024).await;
    for n in 0..200 {
        anna.ask_for(&format!("room{n}"), 0).await;
    }
    let (mut joined, mut refused) = (0, 0);
    while joined + refused < 200 {
        match anna.next().await.unwrap() {
            ServerMessage::Joined(_) => joined += 1,
            ServerMessage::NotJoined { request: Some(5), .. } => refused += 1,
            ServerMessage::Presence { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(joined, 5, "a key makes as many in an hour");
}

#[tokio::test]
async fn a_room_that_is_left_while_it_is_being_joined_stays_left() {
    let world = World::new();
    let (mut anna, _) = world.join("anna", 64 * 1024).await;
    let (mut bobby, _) = world.join("bobby", 64 * 1024).await;
    anna.join_room("dev", 0).await;
    for round in 0..20 {
        bobby.ask_for("dev", 0).await;
        bobby.send(&ClientMessage::Part { room: room("dev") }).await;
        bobby.joined().await;
        anna.say_in("dev", 2 * round + 1, "not for bobby").await;
        anna.say(2 * round + 2, "for both").await;
        loop {
            match bobby.next().await.unwrap() {
                ServerMessage::Said(said) if said.room().is_none() => break,
                ServerMessage::Presence { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn presence_that_a_client_does_not_read_is_left_out_for_each_room_by_itself() {
    let mut outgoing = Outgoing::default();
    let line = Bytes::from(vec![b'x'; 1024]);
    for name in ["dev", "ops"] {
        for _ in 0..1000 {
            outgoing.push_presence(Some(&room(name)), std::slice::from_ref(&line));
        }
    }
    let mut out = Vec::new();
    outgoing.take_control(usize::MAX, &mut out);
    let skipped = |name| codec::encode(&ServerMessage::PresenceSkipped { room: Some(room(name)) });
    assert_eq!(out[out.len() - 2..], [skipped("dev"), skipped("ops")]);
}

#[tokio::test]
async fn a_client_that_is_behind_in_the_lobby_still_gets_what_is_said_in_its_rooms() {
    let world = World::new();
    let (mut slow, _) = world.join("slow", 2048).await;
    let (mut anna, start) = world.join("anna", 64 * 1024).await;
    slow.join_room("dev", 0).await;
    let room_start = anna.join_room("dev", 0).await.start;
    let text = "x".repeat(16 * 1024);
    let mut position = start;
    for id in 1..=100 {
        anna.say(id, &text).await;
        anna.follow(position, id).await;
        position = world.shared.recent.lock().unwrap().position(Seq(id)).unwrap();
    }
    anna.say_in("dev", 101, "a word").await;
    anna.follow_room("dev", room_start, 1).await;
    let mut heard = Seq(0);
    loop {
        match slow.next().await.unwrap() {
            ServerMessage::Said(said) if said.room().is_some() => break,
            ServerMessage::Said(said) => heard = said.last(),
            ServerMessage::Presence { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(heard < Seq(100), "{heard}");
}

#[tokio::test]
async fn a_client_is_told_how_many_messages_of_a_room_it_misses_because_they_are_no_longer_kept() {
    let world = World::over(Arc::new(MemoryLog::new(8)));
    let (mut slow, _) = world.join("slow", 2048).await;
    let (mut anna, _) = world.join("anna", 64 * 1024).await;
    let start = slow.join_room("dev", 0).await.start;
    let mut position = anna.join_room("dev", 0).await.start;
    let text = "x".repeat(16 * 1024);
    for id in 1..=60 {
        anna.say_in("dev", id, &text).await;
        position = anna.follow_room("dev", position, id).await;
    }
    let (mut at, mut missed, mut heard) = (start, 0, 0);
    while at.seq < Seq(60) {
        match slow.next().await.unwrap() {
            ServerMessage::Said(said) if said.room() == Some(&room("dev")) => {
                heard += at.advance_over(&said).unwrap().len() as u64;
            }
            ServerMessage::Skipped { room: Some(told), missed: some, after } => {
                assert_eq!((told, after.seq.0), (room("dev"), at.seq.0 + some));
                (missed, at) = (missed + some, after);
            }
            ServerMessage::Presence { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((at, heard + missed), (position, 60));
    assert!(missed > 0);
}
