//! What authors and others are told when a batch is stored, when it fails, and when nobody knows whether it was stored;
//! and what is still stored when the lobby closes.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_authors_of_a_batch_that_cannot_be_stored_are_told_and_the_lobby_goes_on() {
    let stage = Stage::new();
    let mut anna = stage.join(1, "anna", 1, 1).await;
    stage.log.is(Mood::Refuses);
    stage.say(&anna, 1, "lost").await;
    let failed = ServerMessage::not_accepted(1, NotAcceptedCode::Store);
    assert_eq!(anna.line().await, failed);
    // A newcomer is let in although its name could not be stored.
    let mut bobby = stage.ask(2, "bobby", 2, 1).await;
    assert_eq!(bobby.welcome().await.name.as_str(), "bobby");

    stage.log.is(Mood::Stores);
    stage.say(&anna, 2, "kept").await;
    assert_eq!(anna.said().await, (2, Seq(1)), "the number was not used up");
    assert_eq!(bobby.said().await, (2, Seq(1)));
    let names: Vec<_> = stage.log.inner.names().iter().map(|binding| binding.name.to_string()).collect();
    assert!(names.contains(&"bobby".to_owned()), "the name was stored with a later batch: {names:?}");
    // The text that failed stays refused, because a later text is stored.
    stage.say(&anna, 1, "lost").await;
    assert_eq!(anna.line().await, ServerMessage::not_accepted(1, NotAcceptedCode::Id));
}

#[tokio::test(start_paused = true)]
async fn a_log_that_refuses_the_rules_is_asked_again_after_a_pause_and_the_lobby_goes_on() {
    let stage = Stage::new();
    let mut anna = stage.join(1, "anna", 1, 1).await;
    stage.log.is(Mood::Refuses);
    let permits = || stage.log.leave.available_permits();
    let before = permits();
    stage.send(LobbyCommand::Operators(vec![PublicKey::new([7; 32]).fingerprint()])).await;
    tokio::time::sleep(Duration::from_secs(10)).await; // Time is paused: the lobby does what is due meanwhile.
    let asked = before - permits();
    assert!((5..=15).contains(&asked), "{asked} times in ten seconds");
    stage.send(LobbyCommand::Users { from: anna.id, request: 1, room: None }).await;
    assert_eq!(anna.next().await, Told::Users(1));
    stage.log.is(Mood::Stores);
    tokio::time::sleep(Duration::from_secs(2)).await; // Time is paused: the rules are stored meanwhile.
    let before = permits();
    tokio::time::sleep(Duration::from_secs(10)).await; // Time is paused: nothing is left to be stored.
    assert_eq!(permits(), before);
}

#[tokio::test(start_paused = true)]
async fn texts_that_come_while_a_batch_is_being_stored_make_the_next_batch() {
    let stage = Stage::new();
    let mut anna = stage.join(1, "anna", 1, 1).await;
    stage.log.leave.forget_permits(1000);
    for id in 1..=50 {
        stage.say(&anna, id, "word").await;
    }
    // Questions are answered meanwhile.
    stage.send(LobbyCommand::Users { from: anna.id, request: 1, room: None }).await;
    assert_eq!(anna.next().await, Told::Users(1));
    stage.log.leave.add_permits(2);
    for id in 1..=50 {
        assert_eq!(anna.said().await, (id, Seq(id)));
    }
}

#[tokio::test(start_paused = true)]
async fn no_author_is_told_that_a_text_was_refused_when_it_may_have_been_stored() {
    let stage = Stage::new();
    let mut anna = stage.join(1, "anna", 1, 1).await;
    stage.log.is(Mood::Dies);
    stage.say(&anna, 1, "perhaps").await;
    assert_eq!(anna.next().await, Told::End(None), "its link ends, so that there is a next one");
    stage.send(LobbyCommand::Leave(anna.id)).await;
    stage.log.is(Mood::Stores);
    let mut again = stage.join(2, "anna", 1, 1).await;
    stage.say(&again, 1, "perhaps").await;
    assert_eq!(again.said().await, (1, Seq(1)));
}

#[tokio::test(start_paused = true)]
async fn no_text_overtakes_one_of_which_it_is_not_known_whether_it_was_stored() {
    let stage = Stage::new();
    let mut anna = stage.join(1, "anna", 1, 1).await;
    stage.log.leave.forget_permits(1000);
    stage.log.is(Mood::Dies);
    stage.say(&anna, 1, "perhaps").await;
    // This one waits while the first is being stored.
    stage.say(&anna, 2, "later").await;
    stage.send(LobbyCommand::Users { from: anna.id, request: 1, room: None }).await;
    assert_eq!(anna.next().await, Told::Users(1));
    stage.log.leave.add_permits(1);
    assert_eq!(anna.next().await, Told::End(None));
    // And this one was on its way when the link ended.
    stage.say(&anna, 3, "latest").await;
    stage.send(LobbyCommand::Leave(anna.id)).await;
    stage.log.is(Mood::Stores);
    stage.log.leave.add_permits(100);
    let mut again = stage.join(2, "anna", 1, 1).await;
    for id in 1..=3 {
        stage.say(&again, id, "again").await;
        assert_eq!(again.said().await, (id, Seq(id)));
    }
}

#[tokio::test(start_paused = true)]
async fn messages_that_the_log_holds_are_told_even_if_the_log_answered_with_an_error() {
    let stage = Stage::new();
    let mut anna = stage.join(1, "anna", 1, 1).await;
    stage.log.is(Mood::StoresAndDies);
    stage.say(&anna, 1, "stored").await;
    assert_eq!(anna.said().await, (1, Seq(1)));
}

#[tokio::test(start_paused = true)]
async fn closing_stores_accepted_texts_and_tells_everybody() {
    let stage = Stage::new();
    let mut anna = stage.join(1, "anna", 1, 1).await;
    for id in 1..=20 {
        stage.say(&anna, id, "last words").await;
    }
    stage.shutdown.cancel();
    for id in 1..=20 {
        assert_eq!(anna.said().await, (id, Seq(id)));
    }
    assert_eq!(anna.next().await, Told::End(Some(ServerMessage::Closing)));
    stage.task.await.unwrap().unwrap();
    assert!(stage.handle.send(LobbyCommand::Leave(anna.id)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn closing_stores_at_once_what_the_log_has_just_refused() {
    let stage = Stage::new();
    let anna = stage.join(1, "anna", 1, 1).await;
    stage.log.is(Mood::Refuses);
    let mut bobby = stage.ask(2, "bobby", 2, 1).await;
    bobby.welcome().await;
    // Another batch is refused as the lobby closes.
    stage.log.leave.forget_permits(1000);
    stage.say(&anna, 1, "lost").await;
    stage.send(LobbyCommand::Users { from: bobby.id, request: 1, room: None }).await;
    while bobby.answer().await != Told::Users(2) {}
    stage.shutdown.cancel();
    stage.log.leave.add_permits(1);
    stage.log.is(Mood::Stores);
    stage.log.leave.add_permits(1000);
    stage.task.await.unwrap().unwrap();
    let names: Vec<_> = stage.log.inner.names().iter().map(|binding| binding.name.to_string()).collect();
    assert!(names.contains(&"bobby".to_owned()), "{names:?}");
}
