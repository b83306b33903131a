//! Clients that are silent, take nothing, or let answers pile up: each is ended in time, and not by what others do.

use hobnob_protocol::message::{Change, RefusedCode};
use hobnob_protocol::{LOBBY_DEAD_AFTER, LOBBY_PING_AFTER};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_asked_for_a_sign_of_life_and_then_dropped() {
    let world = World::new();
    let (mut anna, _) = world.join("anna", 4096).await;
    let joined = Instant::now();
    assert_eq!(anna.next().await, Some(ServerMessage::Ping));
    assert!(joined.elapsed() >= LOBBY_PING_AFTER);
    anna.send(&ClientMessage::Pong).await;
    let answered = Instant::now();
    assert_eq!(anna.next().await, Some(ServerMessage::Ping));
    assert_eq!(anna.next().await, None);
    let silent = answered.elapsed();
    assert!(silent >= LOBBY_DEAD_AFTER && silent < LOBBY_DEAD_AFTER + LOBBY_PING_AFTER, "{silent:?}");
    anna.serving.await.unwrap();
}

/// Says more than any pipe here holds, and sends signs of life for `client` until the server evicts it.
async fn deafen(world: &World, client: &mut Client) {
    let (mut anna, _) = world.join("anna", 64 * 1024).await;
    anna.say(1, &"x".repeat(8192)).await;
    let started = Instant::now();
    let left = Change::Left("deaf".parse().unwrap());
    loop {
        // The client sends signs of life, so the server notices only by the write that makes no progress.
        client.writer.write_all(&codec::encode(&ClientMessage::Pong)).await.unwrap();
        anna.writer.write_all(&codec::encode(&ClientMessage::Pong)).await.unwrap();
        let waited = tokio::time::timeout(Duration::from_secs(1), anna.next()).await;
        if matches!(waited, Ok(Some(ServerMessage::Presence { changes, .. })) if changes.contains(&left)) {
            break;
        }
        assert!(started.elapsed() < WRITE_TIMEOUT + LOBBY_PING_AFTER + Duration::from_secs(2));
    }
    assert!(started.elapsed() >= WRITE_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_evicted_and_is_told_so_when_it_reads_again() {
    let world = World::new();
    let (mut deaf, _) = world.join("deaf", 512).await;
    deafen(&world, &mut deaf).await;
    assert!(!deaf.serving.is_finished());
    tokio::time::sleep(Duration::from_secs(60)).await; // Paused time: a while in which it may read again.
    let mut heard = Vec::new();
    while let Some(message) = deaf.next().await {
        heard.push(message);
    }
    assert_eq!(heard.pop(), Some(ServerMessage::refused(RefusedCode::NotReading)));
    assert!(heard.iter().any(|m| matches!(m, ServerMessage::Said(_))), "what was on its way: {heard:?}");
}

#[tokio::test(start_paused = true)]
async fn the_server_does_not_wait_for_ever_for_a_client_that_takes_nothing() {
    let world = World::new();
    let (mut deaf, _) = world.join("deaf", 512).await;
    deafen(&world, &mut deaf).await;
    let started = Instant::now();
    deaf.serving.await.unwrap();
    assert!(started.elapsed() <= Duration::from_secs(121));
    assert_eq!(world.shared.evicted.available_permits(), MAX_EVICTED);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_closed_without_an_explanation_when_too_many_others_wait() {
    let world = World::new();
    let others = Arc::clone(&world.shared.evicted).acquire_many_owned(MAX_EVICTED as u32).await.unwrap();
    let (mut deaf, _) = world.join("deaf", 512).await;
    deafen(&world, &mut deaf).await;
    let started = Instant::now();
    deaf.serving.await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(2));
    drop(others);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_lets_its_answers_pile_up_is_closed() {
    let world = World::new();
    let (mut client, _) = world.join("anna", 1024).await;
    let ping = codec::encode(&ClientMessage::Ping);
    let mut sent = 0;
    while client.writer.write_all(&ping).await.is_ok() && client.writer.flush().await.is_ok() {
        sent += 1;
        assert!(sent < 100_000, "its answers must be bounded");
    }
    client.serving.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_server_does_not_wait_for_ever_for_a_hello() {
    let world = World::new();
    let (near, far) = tokio::io::duplex(64);
    let started = Instant::now();
    serve(far, None, "192.0.2.1:5000".parse().unwrap(), Arc::clone(&world.shared)).await;
    assert!(started.elapsed() >= hobnob_protocol::HANDSHAKE_TIMEOUT);
    assert!(started.elapsed() < hobnob_protocol::HANDSHAKE_TIMEOUT * 2);
    drop(near);
}

#[tokio::test(start_paused = true)]
async fn others_cannot_cause_the_eviction_of_a_client_by_asking_for_introductions() {
    let world = World::new();
    // The client reads nothing for now, like one with a slow link.
    let (mut victim, start) = world.join("victim", 512).await;
    let named = |n: usize| format!("{}{n:02}:65535", "x".repeat(200)).parse().unwrap();
    for attacker in 0..20 {
        let mut hello = hello(&format!("stranger{attacker}"));
        hello.candidates = (0..31).map(named).collect();
        let mut stranger = world.ask_with(hello, 1 << 20).await;
        let pairs: Vec<u8> = (0..500)
            .flat_map(|request| {
                let pair = ClientMessage::Pair { request, name: "victim".parse().unwrap(), session: None };
                codec::encode(&pair).to_vec()
            })
            .collect();
        stranger.writer.write_all(&pairs).await.unwrap();
        stranger.writer.flush().await.unwrap();
        let mut answers = 0;
        // The first question waits for the victim, which reads nothing.
        while answers < 499 {
            let answer = stranger.next().await.expect("who asks is answered");
            if let ServerMessage::NoAnswer { code, .. } = answer {
                assert_eq!(code, hobnob_protocol::message::NoAnswerCode::Busy);
                answers += 1;
            }
        }
    }
    victim.say(1, "still here").await;
    let mut asked = 0;
    loop {
        match victim.next().await.expect("the victim stays") {
            ServerMessage::Asked { .. } => asked += 1,
            ServerMessage::Said(said) => {
                let mut position = start;
                position.advance_over(&said).unwrap();
                break;
            }
            ServerMessage::Ping | ServerMessage::Presence { .. } | ServerMessage::PresenceSkipped { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(asked, 20, "one question of each waits");
}
