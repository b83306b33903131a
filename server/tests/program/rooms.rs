//! Rooms, with the real program and the protocol as it is on the wire.

use hobnob_protocol::chain::{LobbyMessage, LogId, Position, Seq};
use hobnob_protocol::codec;
use hobnob_protocol::content::{Act, Content, ShortText};
use hobnob_protocol::message::{
    Change, ClientMessage, Cursor, JoinRoom, JoinedRoom, NoAnswerCode, NotAcceptedCode, NotJoinedCode,
    RoomCursor, RoomSummary, ServerMessage,
};
use hobnob_protocol::room::RoomName;
use hobnob_protocol::text::Text;
use tempfile::tempdir;

use crate::hostile::assert_serves;
use crate::stage::{Client, ServerProcess, User};

fn room(name: &str) -> RoomName {
    name.parse().unwrap()
}

impl Client {
    pub(crate) async fn join_room(&mut self, name: &str) -> JoinedRoom {
        let join = JoinRoom { request: 1, room: room(name), cursor: None, since: None, backlog: 20 };
        self.send(&ClientMessage::Join(join)).await;
        self.joined().await
    }

    async fn joined(&mut self) -> JoinedRoom {
        self.find(|message| if let ServerMessage::Joined(joined) = message { Some(joined) } else { None })
            .await
    }

    pub(crate) async fn say_in(&mut self, name: &str, id: u64, text: &str) {
        let text = Text::new(text).unwrap();
        self.send(&ClientMessage::Say { id, room: Some(room(name)), text }).await;
    }

    /// Returns the next messages of a room after `position`; moves `position` past them.
    pub(crate) async fn said_in(&mut self, name: &str, position: &mut Position) -> Vec<LobbyMessage> {
        let said = self
            .find(|message| match message {
                ServerMessage::Said(said) if said.room() == Some(&room(name)) => Some(said),
                _ => None,
            })
            .await;
        position.advance_over(&said).unwrap()
    }

    /// Returns everything that is said until this client's own text in the lobby comes back, which it says now. Each
    /// text comes with its room.
    async fn said_until(&mut self, id: u64) -> Vec<(Option<String>, String)> {
        self.say(id, "the end").await;
        let (mut all, mut ended) = (Vec::new(), false);
        while !ended {
            let said = self.find(|m| if let ServerMessage::Said(said) = m { Some(said) } else { None }).await;
            let room = said.room().map(ToString::to_string);
            for (_, _, words) in said.iter() {
                let text = words.content.text().map_or("", |text| text.as_str()).to_owned();
                ended |= room.is_none() && text == "the end" && words.id == id;
                all.push((room.clone(), text));
            }
        }
        all
    }
}

#[tokio::test]
async fn texts_of_the_lobby_and_of_each_room_reach_only_those_who_are_there() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &[]);
    let users = ["anna", "bobby", "carol"].map(User::new);
    let mut clients = Vec::new();
    for user in &users {
        clients.push(user.join(server.addr).await.0);
    }
    let [a, b, c] = &mut clients[..] else { unreachable!("there are three") };
    a.join_room("dev").await;
    b.join_room("dev").await;
    b.join_room("ops").await;
    c.join_room("ops").await;
    for id in 1..=30 {
        a.say_in("dev", 3 * id, &format!("dev {id}")).await;
        b.say_in("ops", 3 * id, &format!("ops {id}")).await;
        c.say(3 * id, &format!("lobby {id}")).await;
        // A client that is not in the room cannot speak there either.
        a.say_in("ops", 3 * id + 1, "not in it").await;
        c.say_in("dev", 3 * id + 1, "not in it").await;
    }
    let texts = |of: &str| (1..=30).map(|id| format!("{of} {id}")).collect::<Vec<_>>();
    // When the later text of another client has come back, a client's own text has come back as well.
    for (client, rooms) in [(a, vec!["dev"]), (b, vec!["dev", "ops"]), (c, vec!["ops"])] {
        let mut heard = Vec::new();
        let of = |heard: &[(Option<String>, String)], room: Option<&str>| -> Vec<String> {
            let in_room = heard.iter().filter(|(told, _)| told.as_deref() == room);
            in_room.map(|(_, text)| text.clone()).filter(|text| text != "the end").collect()
        };
        let mut id = 1000;
        while of(&heard, None).len() < 30 || rooms.iter().any(|room| of(&heard, Some(room)).len() < 30) {
            id += 1;
            heard.extend(client.said_until(id).await);
        }
        assert_eq!(of(&heard, None), texts("lobby"));
        for room in ["dev", "ops"] {
            let expected = if rooms.contains(&room) { texts(room) } else { Vec::new() };
            assert_eq!(of(&heard, Some(room)), expected);
        }
    }
}

#[tokio::test]
async fn the_members_of_a_room_are_told_who_comes_and_goes_and_lists_show_it() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &[]);
    let (mut a, _) = User::new("anna").join(server.addr).await;
    let (mut b, _) = User::new("bobby").join(server.addr).await;
    let joined = a.join_room("Dev").await;
    assert_eq!((joined.room.as_str(), joined.users, joined.head.seq), ("Dev", 1, Seq(0)));
    assert_eq!(b.join_room("dev").await.users, 2);
    let came = |message| match message {
        ServerMessage::Presence { room: Some(room), changes } => Some((room.to_string(), changes)),
        _ => None,
    };
    let bobby = || "bobby".parse().unwrap();
    assert_eq!(a.find(came).await, ("Dev".to_owned(), vec![Change::Joined(bobby())]));

    let mut position = joined.start;
    let act = Act::topic(Some(ShortText::new("the release").unwrap()));
    b.send(&ClientMessage::Act { id: 1, room: Some(room("dev")), act: act.clone(), lasts: None }).await;
    let messages = a.said_in("dev", &mut position).await;
    assert_eq!(messages[0].content, Content::from(act.clone()));
    let (mut c, welcome) = User::new("carol").join(server.addr).await;
    assert_eq!(welcome.topic, None);
    c.send(&ClientMessage::Act { id: 1, room: None, act, lasts: None }).await;
    let refused = ServerMessage::not_accepted(1, NotAcceptedCode::NotOperator);
    c.find(|message| (message == refused).then_some(())).await;
    c.send(&ClientMessage::Rooms { request: 3 }).await;
    let list = c.find(|m| if let ServerMessage::Rooms { rooms, .. } = m { Some(rooms) } else { None }).await;
    let topic = ShortText::new("the release").ok();
    assert_eq!(list, [RoomSummary { name: room("dev"), users: 2, topic: topic.clone() }]);
    assert_eq!(c.join_room("dev").await.topic, topic);
    let users = |request, room| ClientMessage::Users { request, room };
    c.send(&users(4, Some(room("dev")))).await;
    let names = c
        .find(|m| if let ServerMessage::Users { request: 4, names, .. } = m { Some(names) } else { None })
        .await;
    assert_eq!(names.iter().map(ToString::to_string).collect::<Vec<_>>(), ["anna", "bobby", "carol"]);
    c.send(&users(5, Some(room("ops")))).await;
    let code = NoAnswerCode::NotInRoom;
    c.find(|m| (m == ServerMessage::NoAnswer { request: 5, code }).then_some(())).await;

    b.send(&ClientMessage::Part { room: room("dev") }).await;
    let left = |name: &str| vec![Change::Left(name.parse().unwrap())];
    loop {
        let (_, changes) = a.find(came).await;
        if changes.contains(&Change::Left(bobby())) {
            break;
        }
    }
    c.send(&ClientMessage::Leave).await;
    assert_eq!(a.find(came).await.1, left("carol"));
}

#[tokio::test]
async fn a_room_survives_a_kill_and_its_members_read_on() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &[]);
    let (anna, bobby) = (User::new("anna"), User::new("bobby"));
    let (mut a, _) = anna.join(server.addr).await;
    let (mut b, _) = bobby.join(server.addr).await;
    let joined = a.join_room("dev").await;
    b.join_room("dev").await;
    a.join_room("quiet").await;
    let (mut of_anna, mut of_bobby) = (joined.start, joined.start);
    for id in 1..=20 {
        a.say_in("dev", id, &format!("word {id}")).await;
    }
    while of_anna.seq < Seq(20) {
        a.said_in("dev", &mut of_anna).await;
    }
    while of_bobby.seq < Seq(1) {
        b.said_in("dev", &mut of_bobby).await;
    }
    drop((a, b));
    server.kill();

    let server = ServerProcess::start(dir.path(), &[]);
    for (user, mut position) in [(&anna, of_anna), (&bobby, of_bobby)] {
        let mut hello = user.hello();
        let cursor = Cursor { log: joined.log, position };
        hello.rooms =
            vec![RoomCursor { room: room("dev"), cursor }, RoomCursor { room: room("quiet"), cursor }];
        let (mut client, _) = user.join_with(server.addr, hello).await;
        let again = client.joined().await;
        assert_eq!((again.log, again.head.seq, again.resumed), (joined.log, Seq(20), true));
        assert_eq!(again.start, position);
        let mut texts = Vec::new();
        while position.seq < Seq(20) {
            texts.extend(client.said_in("dev", &mut position).await);
        }
        let numbers: Vec<u64> = texts.iter().map(|message| message.seq.0).collect();
        assert_eq!(numbers, (again.start.seq.0 + 1..=20).collect::<Vec<_>>());
        let quiet = client.joined().await;
        assert_eq!((quiet.room.as_str(), quiet.head.seq, quiet.resumed), ("quiet", Seq(0), false));
        if user.name == "anna" {
            // It sends again what got no answer, under the same number.
            client.say_in("dev", 20, "word 20").await;
            let accepted = ServerMessage::Accepted { id: 20, seq: Seq(20) };
            client.find(|message| (message == accepted).then_some(())).await;
        }
    }
}

#[tokio::test]
async fn clients_are_told_of_the_limits_of_rooms() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &["--rooms", "6"]);
    let (mut a, _) = User::new("anna").join(server.addr).await;
    let (mut b, _) = User::new("bobby").join(server.addr).await;
    let not_joined = |message| match message {
        ServerMessage::NotJoined { code, .. } => Some(code),
        _ => None,
    };
    for name in ["a", "b", "c", "d", "e"] {
        a.join_room(name).await;
    }
    let join = |name| {
        ClientMessage::Join(JoinRoom { request: 1, room: room(name), cursor: None, since: None, backlog: 0 })
    };
    a.send(&join("f")).await;
    assert_eq!(a.find(not_joined).await, NotJoinedCode::TooSoon);
    b.join_room("f").await;
    b.send(&join("g")).await;
    assert_eq!(b.find(not_joined).await, NotJoinedCode::Full);
    b.send(&ClientMessage::Part { room: room("f") }).await;
    b.join_room("g").await;
    let mut hello = User::new("carol").hello();
    let log = LogId::new([7; 16]);
    let cursor = Cursor { log, position: Position::start(&log) };
    hello.rooms = (0..65).map(|n| RoomCursor { room: room(&format!("r{n}")), cursor }).collect();
    let mut c = User::new("carol").ask(server.addr, hello).await;
    assert!(matches!(c.rest().await[..], [ServerMessage::Bad { .. }]));
}

#[tokio::test]
async fn a_client_that_joins_leaves_and_asks_without_reading_disturbs_nobody() {
    let dir = tempdir().unwrap();
    let mut server = ServerProcess::start(dir.path(), &[]);
    let (mut a, _) = User::new("anna").join(server.addr).await;
    let (mut b, _) = User::new("bobby").join(server.addr).await;
    let mut position = a.join_room("dev").await.start;
    b.join_room("dev").await;
    let mut flood = Vec::new();
    for n in 0..90 {
        let room = room(["dev", "ops", "one", "two", "three", "four"][n % 6]);
        let join = JoinRoom { request: 1, room: room.clone(), cursor: None, since: None, backlog: 1000 };
        for message in [
            ClientMessage::Join(join),
            ClientMessage::Rooms { request: 2 },
            ClientMessage::Users { request: 3, room: Some(room.clone()) },
            ClientMessage::History { request: 4, limit: 1000, room: Some(room.clone()), before: None },
            ClientMessage::Part { room },
        ] {
            flood.extend_from_slice(&codec::encode(&message));
        }
    }
    let (mut mallory, _) = User::new("mallory").join(server.addr).await;
    mallory.send_bytes(&flood).await;
    for id in 1..=50 {
        b.say_in("dev", id, "word").await;
        while position.seq < Seq(id) {
            a.said_in("dev", &mut position).await;
        }
    }
    mallory.send(&ClientMessage::Leave).await;
    mallory.rest().await;
    a.send(&ClientMessage::Users { request: 9, room: Some(room("dev")) }).await;
    let names = a
        .find(|m| if let ServerMessage::Users { request: 9, names, .. } = m { Some(names) } else { None })
        .await;
    assert_eq!(names.iter().map(ToString::to_string).collect::<Vec<_>>(), ["anna", "bobby"]);
    assert_serves(&mut server).await;
}
