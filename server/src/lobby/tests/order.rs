//! A lobby whose order misbehaves: it acknowledges late or never, hands a batch back twice, refuses it, or is replaced.

use hobnob_order::{MemoryStream, Mischief};

use super::*;

/// Returns a lobby whose order misbehaves from now on, and a user in it.
async fn over_an_order_that(mischief: Mischief) -> (MemoryStream<Proposals>, Stage, Guest) {
    let stream = MemoryStream::new(StreamIdentity([1; 16]));
    let stage = Stage::over(Arc::new(stream.clone()));
    let anna = stage.join(1, "anna", 1, 1).await;
    stream.plan(Some(mischief));
    (stream, stage, anna)
}

#[tokio::test(start_paused = true)]
async fn a_batch_whose_acknowledgement_is_lost_or_that_comes_twice_or_late_is_told_once() {
    for mischief in [Mischief::LoseAck, Mischief::StoreTwice, Mischief::StoreLater, Mischief::Stall] {
        let (stream, stage, mut anna) = over_an_order_that(mischief).await;
        stage.say(&anna, 1, "one").await;
        if mischief == Mischief::Stall {
            // Questions are answered meanwhile.
            stage.send(LobbyCommand::Users { from: anna.id, request: 1, room: None }).await;
            assert_eq!(anna.next().await, Told::Users(1));
            stream.go_on();
        }
        assert_eq!(anna.said().await, (1, Seq(1)), "{mischief:?}");
        stage.say(&anna, 2, "two").await;
        assert_eq!(anna.said().await, (2, Seq(2)), "{mischief:?}");
        stream.go_on();
        stage.say(&anna, 3, "three").await;
        assert_eq!(anna.said().await, (3, Seq(3)), "{mischief:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_the_order_refuses_is_refused_and_its_newcomers_come_in_nevertheless() {
    let (stream, stage, mut anna) = over_an_order_that(Mischief::Stall).await;
    stage.say(&anna, 1, "one").await;
    // When that is answered, the first batch is on its way.
    stage.send(LobbyCommand::Users { from: anna.id, request: 0, room: None }).await;
    assert_eq!(anna.next().await, Told::Users(1));
    stream.plan(Some(Mischief::Refuse));
    let mut bobby = stage.ask(2, "bobby", 2, 1).await;
    stage.say(&anna, 2, "two").await;
    stage.send(LobbyCommand::Users { from: anna.id, request: 1, room: None }).await;
    assert_eq!(anna.next().await, Told::Users(1));
    stream.go_on();
    assert_eq!(anna.said().await, (1, Seq(1)));
    assert_eq!(anna.line().await, ServerMessage::not_accepted(2, NotAcceptedCode::Store));
    assert_eq!(bobby.welcome().await.name.as_str(), "bobby");
}

#[tokio::test(start_paused = true)]
async fn an_order_that_cannot_be_followed_ends_the_lobby() {
    let stream = MemoryStream::new(StreamIdentity([1; 16]));
    let stage = Stage::over(Arc::new(stream.clone()));
    stage.join(1, "anna", 1, 1).await;
    stream.replace(StreamIdentity([2; 16]));
    let ended = stage.task.await.unwrap();
    assert!(matches!(ended, Err(LobbyFault::Order(hobnob_order::StreamError::Replaced))), "{ended:?}");
}
