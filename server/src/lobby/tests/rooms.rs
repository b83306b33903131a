//! What members are told of rooms: messages, who comes and leaves, and what becomes of both when a batch cannot be
//! stored.

use hobnob_protocol::content::{Act, ShortText};

use super::*;

fn room(name: &str) -> RoomName {
    name.parse().unwrap()
}

impl Stage {
    async fn join_room(&self, guest: &mut Guest, name: &str) -> RoomView {
        self.send(LobbyCommand::JoinRoom { from: guest.id, room: room(name) }).await;
        guest.in_room().await
    }

    async fn say_in(&self, guest: &Guest, name: &str, id: u64, text: &str) {
        let content = Text::new(text).unwrap().into();
        self.send(LobbyCommand::Say { from: guest.id, id, room: Some(room(name)), content }).await;
    }
}

impl Guest {
    async fn in_room(&mut self) -> RoomView {
        match self.answer().await {
            Told::InRoom(view) => view,
            other => panic!("{other:?}"),
        }
    }

    /// Returns the next changes of presence in a room.
    async fn presence_in(&mut self, name: &str) -> Vec<Change> {
        loop {
            match self.line().await {
                ServerMessage::Presence { room: Some(told), changes } => {
                    assert_eq!(told, room(name));
                    return changes;
                }
                ServerMessage::Presence { room: None, .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Checks that nothing of rooms was told up to now.
    fn heard_nothing_of_rooms(&mut self) {
        while let Ok(told) = self.told.try_recv() {
            let of_lobby = matches!(
                told,
                Told::Said(..) | Told::Line(ServerMessage::Presence { room: None, .. }) | Told::Probe
            );
            assert!(of_lobby, "{told:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn messages_of_a_room_reach_only_its_members() {
    let stage = Stage::new();
    let mut anna = stage.join(1, "anna", 1, 1).await;
    let mut bobby = stage.join(2, "bobby", 2, 1).await;
    let mut carol = stage.join(3, "carol", 3, 1).await;
    assert_eq!(stage.join_room(&mut anna, "dev").await.users, 1);
    let view = stage.join_room(&mut bobby, "DEV").await;
    assert_eq!((view.users, view.id.name.as_str(), view.head.seq), (2, "dev", Seq(0)));
    assert_eq!(anna.presence_in("dev").await, [Change::Joined("bobby".parse().unwrap())]);

    stage.say_in(&anna, "dev", 1, "for those in here").await;
    stage.say(&anna, 2, "for all").await;
    for guest in [&mut anna, &mut bobby] {
        let mut heard = [guest.answer().await, guest.answer().await];
        heard.sort_by_key(|told| matches!(told, Told::Said(..)));
        assert_eq!(heard, [Told::SaidIn(room("dev"), 1, Seq(1)), Told::Said(2, Seq(1))]);
    }
    assert_eq!(carol.said().await, (2, Seq(1)));
    stage.say_in(&carol, "dev", 1, "not in it").await;
    assert_eq!(carol.answer().await, Told::Line(ServerMessage::not_accepted(1, NotAcceptedCode::NotInRoom)));

    stage.send(LobbyCommand::Part { from: bobby.id, room: room("dev") }).await;
    assert_eq!(bobby.answer().await, Told::LeftRoom(room("dev")));
    assert_eq!(anna.presence_in("dev").await, [Change::Left("bobby".parse().unwrap())]);
    stage.say_in(&anna, "dev", 3, "alone").await;
    assert_eq!(anna.answer().await, Told::SaidIn(room("dev"), 3, Seq(2)));
    stage.say(&anna, 4, "after that").await;
    assert_eq!(bobby.said().await, (4, Seq(2)), "nothing of the room came before it");
    carol.heard_nothing_of_rooms();
}

#[tokio::test(start_paused = true)]
async fn a_user_who_leaves_and_comes_back_is_in_no_room_and_others_are_told() {
    let stage = Stage::new();
    let mut anna = stage.join(1, "anna", 1, 1).await;
    let mut bobby = stage.join(2, "bobby", 2, 1).await;
    stage.join_room(&mut anna, "dev").await;
    stage.join_room(&mut bobby, "dev").await;
    anna.presence_in("dev").await;
    // The same run takes over on a new link.
    let mut again = stage.ask(3, "bobby", 2, 1).await;
    again.welcome().await;
    assert_eq!(anna.presence_in("dev").await, [Change::Left("bobby".parse().unwrap())]);
    stage.say_in(&again, "dev", 1, "too soon").await;
    let refused = ServerMessage::not_accepted(1, NotAcceptedCode::NotInRoom);
    assert_eq!(again.answer().await, Told::Line(refused));
    stage.join_room(&mut again, "dev").await;
    assert_eq!(anna.presence_in("dev").await, [Change::Joined("bobby".parse().unwrap())]);
    stage.send(LobbyCommand::Leave(again.id)).await;
    assert_eq!(anna.presence_in("dev").await, [Change::Left("bobby".parse().unwrap())]);
}

#[tokio::test(start_paused = true)]
async fn texts_in_rooms_are_taken_back_when_they_cannot_be_stored() {
    let stage = Stage::new();
    let mut anna = stage.join(1, "anna", 1, 1).await;
    let mut bobby = stage.join(2, "bobby", 2, 1).await;
    stage.join_room(&mut anna, "dev").await;
    stage.join_room(&mut bobby, "dev").await;
    anna.presence_in("dev").await;
    stage.log.is(Mood::Refuses);
    stage.say_in(&anna, "dev", 1, "lost").await;
    let topic = Act::topic(Some(ShortText::new("lost, too").unwrap()));
    let act = LobbyCommand::Say { from: anna.id, id: 2, room: Some(room("dev")), content: topic.into() };
    stage.send(act).await;
    for id in [1, 2] {
        let refused = ServerMessage::not_accepted(id, NotAcceptedCode::Store);
        assert_eq!(anna.answer().await, Told::Line(refused));
    }
    stage.log.is(Mood::Stores);
    stage.say_in(&anna, "dev", 3, "kept").await;
    for guest in [&mut anna, &mut bobby] {
        assert_eq!(guest.answer().await, Told::SaidIn(room("dev"), 3, Seq(1)));
    }
    stage.send(LobbyCommand::Rooms { from: anna.id, request: 7 }).await;
    let rooms = vec![RoomSummary { name: room("dev"), users: 2, topic: None }];
    assert_eq!(anna.answer().await, Told::Line(ServerMessage::Rooms { request: 7, rooms, more: false }));
}

#[tokio::test(start_paused = true)]
async fn rooms_in_which_something_was_said_are_there_after_a_restart_and_others_are_not() {
    let log = Arc::new(MemoryLog::new(1000));
    let now = wall_clock();
    let stage = Stage::at(&log, now);
    let mut anna = stage.join(1, "anna", 1, 1).await;
    stage.join_room(&mut anna, "dev").await;
    stage.join_room(&mut anna, "quiet").await;
    stage.say_in(&anna, "dev", 1, "kept").await;
    assert_eq!(anna.answer().await, Told::SaidIn(room("dev"), 1, Seq(1)));
    stage.shutdown.cancel();
    stage.task.await.unwrap().unwrap();

    let stage = Stage::at(&log, now);
    let mut anna = stage.join(1, "anna", 1, 1).await;
    let view = stage.join_room(&mut anna, "dev").await;
    assert_eq!(view.head.seq, Seq(1));
    stage.say_in(&anna, "dev", 1, "kept").await;
    assert_eq!(anna.answer().await, Told::Line(ServerMessage::Accepted { id: 1, seq: Seq(1) }));
    stage.say_in(&anna, "dev", 1, "another text").await;
    assert_eq!(anna.answer().await, Told::Line(ServerMessage::not_accepted(1, NotAcceptedCode::Id)));
    stage.send(LobbyCommand::Rooms { from: anna.id, request: 1 }).await;
    let rooms = vec![RoomSummary { name: room("dev"), users: 1, topic: None }];
    assert_eq!(anna.answer().await, Told::Line(ServerMessage::Rooms { request: 1, rooms, more: false }));
}

#[tokio::test(start_paused = true)]
async fn a_room_in_which_nobody_was_for_thirty_days_is_gone_and_so_is_its_log() {
    const DAY: u64 = 24 * 3600 * 1000;
    let log = Arc::new(MemoryLog::new(1000));
    let now = wall_clock();
    let stage = Stage::at(&log, now);
    let mut anna = stage.join(1, "anna", 1, 1).await;
    let view = stage.join_room(&mut anna, "dev").await;
    stage.say_in(&anna, "dev", 1, "kept").await;
    anna.answer().await;
    stage.shutdown.cancel();
    stage.task.await.unwrap().unwrap();
    // The server is started on each day, so that its clock is never taken for wrong.
    let mut days = 0;
    while log.read_room(view.id.log, Seq(0), 1, 1).await.is_ok() {
        days += 1;
        let stage = Stage::at(&log, now + days * DAY);
        stage.join(1, "anna", 1, 1).await;
        stage.shutdown.cancel();
        stage.task.await.unwrap().unwrap();
    }
    assert_eq!(days, 31, "the first on which it is more than thirty");
}

#[tokio::test(start_paused = true)]
async fn questions_after_a_join_are_answered_with_the_join_in_effect() {
    let stage = Stage::new();
    let mut anna = stage.join(1, "anna", 1, 1).await;
    stage.send(LobbyCommand::JoinRoom { from: anna.id, room: room("dev") }).await;
    stage.send(LobbyCommand::Users { from: anna.id, request: 1, room: Some(room("dev")) }).await;
    let heard = [anna.answer().await, anna.answer().await];
    assert!(heard.contains(&Told::Users(1)), "{heard:?}");
    stage.send(LobbyCommand::Users { from: anna.id, request: 2, room: Some(room("ops")) }).await;
    let code = NoAnswerCode::NotInRoom;
    assert_eq!(anna.answer().await, Told::Line(ServerMessage::NoAnswer { request: 2, code }));
}

#[tokio::test(start_paused = true)]
async fn there_are_no_more_rooms_than_the_settings_allow() {
    let stage = Stage::new();
    let mut anna = stage.join(1, "anna", 1, 1).await;
    for name in ["a", "b", "c"] {
        stage.join_room(&mut anna, name).await;
    }
    stage.send(LobbyCommand::JoinRoom { from: anna.id, room: room("d") }).await;
    let full = ServerMessage::NotJoined { request: None, room: room("d"), code: NotJoinedCode::Full };
    assert_eq!(anna.answer().await, Told::Line(full));
}

#[tokio::test(start_paused = true)]
async fn a_room_that_people_use_gives_way_to_nobody_after_a_start_although_their_words_are_no_longer_kept() {
    const DAY: u64 = 24 * 3600 * 1000;
    let log = Arc::new(MemoryLog::new(2));
    let mut run = 0;
    for day in [20_001, 20_003, 20_004] {
        let stage = Stage::at(&log, day * DAY);
        for (key, name, texts) in [(1, "anna", 1), (2, "bobby", 1), (3, "mallory", 5)] {
            run += 1;
            let mut guest = stage.join(u64::from(run), name, key, run).await;
            stage.join_room(&mut guest, "dev").await;
            for id in 1..=texts {
                stage.say_in(&guest, "dev", id, "word").await;
                guest.answer().await;
            }
            stage.send(LobbyCommand::Leave(guest.id)).await;
        }
        stage.shutdown.cancel();
        stage.task.await.unwrap().unwrap();
    }
    let stage = Stage::at(&log, 20_005 * DAY);
    let mut mallory = stage.join(99, "mallory", 3, 99).await;
    for name in ["a", "b"] {
        stage.join_room(&mut mallory, name).await;
    }
    stage.send(LobbyCommand::JoinRoom { from: mallory.id, room: room("c") }).await;
    let full = ServerMessage::NotJoined { request: None, room: room("c"), code: NotJoinedCode::Full };
    assert_eq!(mallory.answer().await, Told::Line(full));
}
