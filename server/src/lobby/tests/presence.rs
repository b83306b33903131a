//! Who is here: what users are told of those who come and leave, who is away, and who keeps a name that two clients
//! want.

use hobnob_protocol::away::AwayText;
use hobnob_protocol::message::RefusedCode;

use super::*;
use crate::lobby::tell_presence::PRESENCE_INTERVAL;

#[tokio::test(start_paused = true)]
async fn a_question_that_comes_after_an_away_is_answered_with_the_away_in_effect() {
    let stage = Stage::new();
    let mut anna = stage.join(1, "anna", 1, 1).await;
    stage.log.leave.forget_permits(1000);
    stage.say(&anna, 1, "word").await;
    let away = AwayText::new("lunch").unwrap();
    stage.send(LobbyCommand::Users { from: anna.id, request: 0, room: None }).await;
    assert_eq!(anna.next().await, Told::Users(1), "the text is being stored");
    stage.send(LobbyCommand::Away { from: anna.id, away: Some(away.clone()) }).await;
    let name = "anna".parse().unwrap();
    stage.send(LobbyCommand::Whois { from: anna.id, request: 1, name }).await;
    stage.log.leave.add_permits(1000);
    loop {
        match anna.answer().await {
            Told::Said(1, _) => {}
            Told::Line(ServerMessage::Whois { away: told, .. }) => {
                assert_eq!(told, Some(away));
                break;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rival_that_is_alive_keeps_its_name_and_one_that_is_not_loses_it() {
    let stage = Stage::new();
    let mut first = stage.join(1, "anna", 1, 1).await;
    let mut second = stage.ask(2, "anna", 1, 2).await;
    assert_eq!(first.next().await, Told::Probe);
    stage.send(LobbyCommand::Alive(first.id)).await;
    assert_eq!(second.welcome().await.name.as_str(), "anna_2");

    let asked = Instant::now();
    tokio::time::advance(Duration::from_secs(60)).await;
    let mut third = stage.ask(3, "anna", 1, 3).await;
    assert_eq!(third.welcome().await.name.as_str(), "anna");
    assert!(asked.elapsed() >= Duration::from_secs(62), "it had its time to answer");
    loop {
        match first.next().await {
            Told::End(last) => {
                assert_eq!(last, Some(ServerMessage::refused(RefusedCode::TakenOver)));
                break;
            }
            Told::Line(ServerMessage::Presence { .. }) | Told::Probe => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rival_that_leaves_while_it_is_asked_frees_its_name() {
    let stage = Stage::new();
    let first = stage.join(1, "anna", 1, 1).await;
    let mut second = stage.ask(2, "anna", 1, 2).await;
    stage.send(LobbyCommand::Leave(first.id)).await;
    assert_eq!(second.welcome().await.name.as_str(), "anna");
}

#[tokio::test(start_paused = true)]
async fn presence_is_told_at_once_and_then_gathered_and_nobody_is_told_of_himself() {
    let stage = Stage::new();
    let mut anna = stage.join(1, "anna", 1, 1).await;
    let started = Instant::now();
    let mut bobby = stage.join(2, "bobby", 2, 1).await;
    let joined = |names: &[&str]| ServerMessage::Presence {
        room: None,
        changes: names.iter().map(|name| Change::Joined(name.parse().unwrap())).collect(),
    };
    let _carl = stage.join(3, "carl", 3, 1).await;
    let _dora = stage.join(4, "dora", 4, 1).await;
    let mut heard = Vec::new();
    while heard.len() < 3 {
        match anna.line().await {
            ServerMessage::Presence { changes, .. } => heard.extend(changes),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ServerMessage::Presence { room: None, changes: heard }, joined(&["bobby", "carl", "dora"]));
    assert!(started.elapsed() <= PRESENCE_INTERVAL * 3);
    assert_eq!(bobby.line().await, joined(&["carl", "dora"]));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_and_goes_all_the_time_causes_few_changes_and_no_writes() {
    let stage = Stage::new();
    let mut anna = stage.join(1, "anna", 1, 1).await;
    let mut carl = stage.join(2, "carl", 2, 1).await;
    stage.send(LobbyCommand::Leave(carl.id)).await;
    let batches = 1000 - stage.log.leave.available_permits();
    let started = Instant::now();
    for id in 3..1003 {
        carl = stage.join(id, "carl", 2, 1).await;
        stage.send(LobbyCommand::Leave(carl.id)).await;
    }
    tokio::time::sleep(PRESENCE_INTERVAL * 3).await; // in paused time: all of it is told by then
    stage.say(&anna, 1, "peace").await;
    let mut changes = 0;
    loop {
        match anna.next().await {
            Told::Line(ServerMessage::Presence { changes: told, .. }) => changes += told.len(),
            Told::Said(..) => break,
            other => panic!("{other:?}"),
        }
    }
    // In one interval a client can be seen to come and to leave once, whatever it does in between.
    let intervals = started.elapsed().as_millis() / PRESENCE_INTERVAL.as_millis() + 2;
    assert!(changes as u128 <= 2 * intervals, "{changes} changes in {intervals} intervals");
    let written = 1000 - stage.log.leave.available_permits() - batches;
    assert!(written <= 3, "{written} batches were written");
}

#[tokio::test(start_paused = true)]
async fn a_user_is_seen_to_come_before_he_speaks() {
    let stage = Stage::new();
    let mut anna = stage.join(1, "anna", 1, 1).await;
    let _bobby = stage.join(2, "bobby", 2, 1).await;
    // This is within the interval after bobby's arrival, in which changes gather.
    let carl = stage.join(3, "carl", 3, 1).await;
    stage.say(&carl, 1, "here").await;
    let mut seen = Vec::new();
    loop {
        match anna.next().await {
            Told::Line(ServerMessage::Presence { changes, .. }) => seen.extend(changes),
            Told::Said(..) => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(seen.contains(&Change::Joined("carl".parse().unwrap())), "{seen:?}");
}
