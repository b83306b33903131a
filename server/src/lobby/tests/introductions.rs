//! Private sessions: the other user is asked first, and then both are introduced to each other.

use hobnob_protocol::ids::PairToken;

use super::*;

/// Asks for an introduction, and does not wait for what becomes of it.
async fn ask_for(stage: &Stage, asker: &Guest, request: u32, name: &str) {
    let name = name.parse().unwrap();
    stage.send(LobbyCommand::Pair { from: asker.id, request, name, session: None, read: 0 }).await;
}

/// Returns what became of a question for an introduction to `other`, who agrees. Whatever else `other` is told goes
/// into `told`.
async fn pair(
    stage: &Stage,
    [asker, other]: [&mut Guest; 2],
    request: u32,
    name: &str,
    told: &mut Vec<ServerMessage>,
) -> ServerMessage {
    ask_for(stage, asker, request, name).await;
    loop {
        tokio::select! {
            biased;
            answer = asker.answer() => match answer {
                // It was the fork of another user.
                Told::Line(ServerMessage::Introduced(Introduction { request: None, .. })) => {}
                Told::Line(answer) => return answer,
                other => panic!("{other:?}"),
            },
            question = other.answer() => match question {
                Told::Line(ServerMessage::Asked { ask, .. }) => stage.consent(other, ask, ConsentAnswer::Open).await,
                Told::Line(line) => told.push(line),
                other => panic!("{other:?}"),
            }
        }
    }
}

fn no_answer(request: u32, code: NoAnswerCode) -> Told {
    Told::Line(ServerMessage::NoAnswer { request, code })
}

fn busy(request: u32) -> ServerMessage {
    ServerMessage::NoAnswer { request, code: NoAnswerCode::Busy }
}

/// Returns the number of the next question that somebody is asked.
async fn asked(guest: &mut Guest) -> u64 {
    match guest.answer().await {
        Told::Line(ServerMessage::Asked { ask, .. }) => ask,
        other => panic!("{other:?}"),
    }
}

async fn introduction(guest: &mut Guest) -> Introduction {
    match guest.answer().await {
        Told::Line(ServerMessage::Introduced(introduction)) => introduction,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_told_of_a_user_before_he_agrees_to_a_session() {
    let stage = Stage::new();
    let (mut anna, mut bobby) = (stage.join(1, "anna", 1, 1).await, stage.join(2, "bobby", 2, 1).await);
    for (request, answer, code) in [
        (1, ConsentAnswer::Declined, NoAnswerCode::Declined),
        (2, ConsentAnswer::Busy, NoAnswerCode::Busy),
        (3, ConsentAnswer::Other, NoAnswerCode::Declined),
    ] {
        ask_for(&stage, &anna, request, "bobby").await;
        let question = bobby.answer().await;
        let Told::Line(ServerMessage::Asked { ask, name, key, session: None }) = question else {
            panic!("{question:?}")
        };
        assert_eq!((name.as_str(), key), ("anna", PublicKey::new([1; 32])));
        stage.consent(&bobby, ask, answer).await;
        assert_eq!(anna.answer().await, no_answer(request, code));
        // An answer that comes again, or from another user, opens nothing.
        stage.consent(&bobby, ask, ConsentAnswer::Open).await;
    }
    ask_for(&stage, &anna, 4, "bobby").await;
    let ask = asked(&mut bobby).await;
    stage.consent(&anna, ask, ConsentAnswer::Open).await;
    stage.consent(&bobby, ask + 1, ConsentAnswer::Open).await;
    stage.consent(&bobby, ask, ConsentAnswer::Asking).await;
    assert_eq!(anna.answer().await, Told::Line(ServerMessage::Asking { request: 4 }));
    stage.consent(&bobby, ask, ConsentAnswer::Open).await;
    let (to_anna, to_bobby) = (introduction(&mut anna).await, introduction(&mut bobby).await);
    assert_eq!(to_anna.session, to_bobby.session);
    assert_eq!((to_anna.request, to_anna.forked, to_bobby.forked), (Some(4), true, false));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_answer_is_silent_and_a_user_who_does_not_decide_has_declined() {
    let stage = Stage::new();
    let (mut anna, mut bobby) = (stage.join(1, "anna", 1, 1).await, stage.join(2, "bobby", 2, 1).await);
    let started = Instant::now();
    ask_for(&stage, &anna, 1, "bobby").await;
    assert_eq!(anna.answer().await, no_answer(1, NoAnswerCode::Silent));
    assert_eq!(started.elapsed().as_secs(), 10);
    let late = asked(&mut bobby).await;
    stage.consent(&bobby, late, ConsentAnswer::Open).await;
    ask_for(&stage, &anna, 2, "bobby").await;
    let ask = asked(&mut bobby).await;
    // It does not matter how often the client says so.
    for _ in 0..10 {
        stage.consent(&bobby, ask, ConsentAnswer::Asking).await;
    }
    assert_eq!(anna.answer().await, Told::Line(ServerMessage::Asking { request: 2 }));
    assert_eq!(anna.answer().await, no_answer(2, NoAnswerCode::Declined));
    assert_eq!(started.elapsed().as_secs(), 10 + 130);
    // When a client leaves, that counts as silence at once; nobody has to wait for it.
    ask_for(&stage, &anna, 3, "bobby").await;
    asked(&mut bobby).await;
    stage.send(LobbyCommand::Leave(bobby.id)).await;
    assert_eq!(anna.answer().await, no_answer(3, NoAnswerCode::Silent));
    assert_eq!(started.elapsed().as_secs(), 10 + 130);
}

#[tokio::test(start_paused = true)]
async fn two_users_who_fork_each_other_have_both_consented_and_share_one_session() {
    let stage = Stage::new();
    let (mut anna, mut bobby) = (stage.join(1, "anna", 1, 1).await, stage.join(2, "bobby", 2, 1).await);
    ask_for(&stage, &anna, 1, "bobby").await;
    let ask = asked(&mut bobby).await;
    stage.consent(&bobby, ask, ConsentAnswer::Asking).await;
    assert_eq!(anna.answer().await, Told::Line(ServerMessage::Asking { request: 1 }));
    ask_for(&stage, &bobby, 7, "anna").await;
    let (to_anna, to_bobby) = (introduction(&mut anna).await, introduction(&mut bobby).await);
    assert_eq!(to_anna.session, to_bobby.session);
    assert_eq!((to_anna.request, to_bobby.request), (Some(1), Some(7)));
    assert!(to_anna.forked && !to_bobby.forked);
    // His answer to her question comes too late, and a further wish is a new one.
    stage.consent(&bobby, ask, ConsentAnswer::Open).await;
    ask_for(&stage, &bobby, 8, "anna").await;
    asked(&mut anna).await;
}

#[tokio::test(start_paused = true)]
async fn a_question_for_fresh_addresses_names_the_session() {
    let stage = Stage::new();
    let (mut anna, mut bobby) = (stage.join(1, "anna", 1, 1).await, stage.join(2, "bobby", 2, 1).await);
    let session = Some(PairToken::new([5; 16]));
    let name = "bobby".parse().unwrap();
    stage.send(LobbyCommand::Pair { from: anna.id, request: 1, name, session, read: 0 }).await;
    let question = bobby.answer().await;
    let Told::Line(ServerMessage::Asked { ask, session: about, .. }) = question else {
        panic!("{question:?}")
    };
    assert_eq!(about, session);
    stage.consent(&bobby, ask, ConsentAnswer::Open).await;
    assert_eq!(Some(introduction(&mut anna).await.session), session);
    assert_eq!(Some(introduction(&mut bobby).await.session), session);
}

#[tokio::test(start_paused = true)]
async fn a_user_who_is_asked_for_too_often_is_left_alone_and_the_asker_is_told() {
    let stage = Stage::new();
    let mut bobby = stage.join(1, "bobby", 1, 1).await;
    let mut anna = stage.join(2, "anna", 2, 1).await;
    let (mut introduced, mut told) = (0, Vec::new());
    for request in 0..500 {
        match pair(&stage, [&mut anna, &mut bobby], request, "bobby", &mut told).await {
            ServerMessage::Introduced(_) => introduced += 1,
            other => assert_eq!(other, busy(request)),
        }
    }
    assert_eq!(introduced, 16);
    stage.send(LobbyCommand::Users { from: bobby.id, request: 1, room: None }).await;
    while let Told::Line(line) = bobby.answer().await {
        told.push(line);
    }
    assert!(told.iter().all(|line| matches!(line, ServerMessage::Introduced(_))), "{told:?}");
    assert_eq!(told.len(), introduced, "then the answer to its question");
    tokio::time::advance(Duration::from_secs(5)).await;
    let again = pair(&stage, [&mut anna, &mut bobby], 500, "bobby", &mut told).await;
    assert!(matches!(again, ServerMessage::Introduced(_)));
}

#[tokio::test(start_paused = true)]
async fn an_asker_is_told_when_too_much_waits_for_the_other_user_and_no_session_is_made() {
    let stage = Stage::new();
    let mut bobby = stage.join(1, "bobby", 1, 1).await;
    let mut told = Vec::new();
    for asker in 0..INTRODUCTIONS {
        let mut guest = stage.join(10 + asker, &format!("guest{asker}"), 10 + asker as u8, 1).await;
        let answer = pair(&stage, [&mut guest, &mut bobby], 1, "bobby", &mut told).await;
        assert!(matches!(answer, ServerMessage::Introduced(_)));
    }
    let mut anna = stage.join(2, "anna", 2, 1).await;
    assert_eq!(pair(&stage, [&mut anna, &mut bobby], 1, "bobby", &mut told).await, busy(1));
    // A later fork by bobby is no answer to anna's: it makes his own session.
    let back = pair(&stage, [&mut bobby, &mut anna], 2, "anna", &mut told).await;
    assert!(matches!(back, ServerMessage::Introduced(Introduction { forked: true, request: Some(2), .. })));
    stage.say(&bobby, 1, "still here").await;
    assert_eq!(bobby.said().await.0, 1);
}
