//! Texts that a client sends a second time, in one batch, after its batch failed, or on its next connection.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_text_sent_again_is_stored_once() {
    let stage = Stage::new();
    let anna = stage.join(1, "anna", 1, 1).await;
    stage.log.leave.forget_permits(1000);
    stage.say(&anna, 1, "one").await;
    stage.say(&anna, 2, "two").await;
    // The link breaks. The client comes back while both texts are being stored, and sends them again.
    let mut again = stage.ask(2, "anna", 1, 1).await;
    stage.log.leave.add_permits(1000);
    let welcome = again.welcome().await;
    assert_eq!(
        (welcome.name.as_str(), welcome.head.seq),
        ("anna", Seq(2)),
        "decided after what it said before"
    );
    for (id, text) in [(1, "one"), (2, "two"), (3, "three")] {
        stage.say(&again, id, text).await;
    }
    let answers = [again.answer().await, again.answer().await, again.answer().await];
    for id in 1..=2 {
        let accepted = Told::Line(ServerMessage::Accepted { id, seq: Seq(id) });
        assert!(answers.contains(&accepted), "{answers:?}");
    }
    assert!(answers.contains(&Told::Said(3, Seq(3))), "{answers:?}");
}

#[tokio::test(start_paused = true)]
async fn a_different_text_under_an_id_that_is_stored_is_refused() {
    let stage = Stage::new();
    let mut anna = stage.join(1, "anna", 1, 1).await;
    stage.say(&anna, 5, "five").await;
    assert_eq!(anna.said().await, (5, Seq(1)));
    let refused = |id| Told::Line(ServerMessage::not_accepted(id, NotAcceptedCode::Id));
    stage.say(&anna, 5, "another").await;
    assert_eq!(anna.answer().await, refused(5));
    stage.say(&anna, 4, "an id that does not grow").await;
    assert_eq!(anna.answer().await, refused(4));
    stage.say(&anna, 5, "five").await;
    assert_eq!(anna.answer().await, Told::Line(ServerMessage::Accepted { id: 5, seq: Seq(1) }));
}

#[tokio::test(start_paused = true)]
async fn a_text_that_was_said_twice_in_a_batch_that_fails_is_refused_twice() {
    let stage = Stage::new();
    let mut anna = stage.join(1, "anna", 1, 1).await;
    stage.log.leave.forget_permits(1000);
    stage.log.is(Mood::Refuses);
    for id in [1, 2, 2] {
        stage.say(&anna, id, "word").await;
    }
    stage.log.leave.add_permits(1000);
    for id in [1, 2, 2] {
        assert_eq!(anna.line().await, ServerMessage::not_accepted(id, NotAcceptedCode::Store));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_the_old_connection_is_not_sent_to_the_new_one() {
    let stage = Stage::new();
    let anna = stage.join(1, "anna", 1, 1).await;
    stage.log.leave.forget_permits(1000);
    stage.log.is(Mood::Refuses);
    stage.say(&anna, 1, "one").await;
    // The client is back, and has not sent the text again yet when its batch fails. If it were told now, it would drop
    // the text, which is on its way and may still be stored.
    let mut again = stage.ask(2, "anna", 1, 1).await;
    stage.log.leave.add_permits(1000);
    assert_eq!(again.welcome().await.head.seq, Seq(0));
    stage.log.is(Mood::Stores);
    stage.say(&again, 1, "one").await;
    assert_eq!(again.said().await, (1, Seq(1)));
}

#[tokio::test(start_paused = true)]
async fn texts_sent_again_after_a_failure_that_their_author_did_not_hear_of_keep_their_order() {
    let stage = Stage::new();
    let mut anna = stage.join(1, "anna", 1, 1).await;
    stage.log.is(Mood::Refuses);
    for id in 1..=50 {
        stage.say(&anna, id, "word").await;
        // The link is broken already: the client reads none of these.
        assert!(matches!(anna.line().await, ServerMessage::NotAccepted(_)));
    }
    stage.send(LobbyCommand::Leave(anna.id)).await;
    stage.log.is(Mood::Stores);
    let mut again = stage.join(2, "anna", 1, 1).await;
    // These are sent again, together with ten new texts.
    for id in 1..=60 {
        stage.say(&again, id, "word").await;
    }
    for id in 1..=60 {
        assert_eq!(again.said().await, (id, Seq(id)));
    }
}
