//! How fast a client is read: every line counts, also one that means nothing.

use std::time::Duration;

use super::*;

/// How many lines a second are read in these tests. Ten times as many may be saved up.
const RATE: u32 = 10;

/// Ten seconds' worth more than may be saved up.
const FLOOD: usize = 20 * RATE as usize;

/// How many clients one network may have in these tests, and so how many times the rate the network has.
const CLIENTS: usize = 20;

fn world() -> World {
    let mut world = World::new();
    Arc::get_mut(&mut world.shared).unwrap().paces = Paces::new(RATE, 100, CLIENTS);
    world
}

impl World {
    /// A client with this key joins, sends this many lines, is answered after them, and disconnects. Returns how long
    /// that took.
    async fn come_and_flood(&self, identity: &Identity, lines: usize) -> Duration {
        let mut client = self.connect_as(identity, 64 * 1024).await;
        client.send(&ClientMessage::Hello(hello("anna"))).await;
        assert!(matches!(client.next().await, Some(ServerMessage::Welcome(_))));
        let start = Instant::now();
        client.send_lines("{\"type\":\"later\"}\n", lines).await;
        client.round_trip().await;
        start.elapsed()
    }
}

impl Client {
    /// Returns how long the server takes to answer a ping, which comes after everything that was sent before.
    async fn round_trip(&mut self) -> Duration {
        let start = Instant::now();
        self.send(&ClientMessage::Ping).await;
        loop {
            match self.next().await.unwrap() {
                ServerMessage::Pong => return start.elapsed(),
                ServerMessage::Ping | ServerMessage::Presence { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_lines_that_mean_nothing_is_read_at_the_rate() {
    for line in ["{\"type\":\"pong\"}\n", "\n", " \r\n", "{\"type\":\"later\"}\n"] {
        let world = world();
        let (mut anna, _) = world.join("anna", 64 * 1024).await;
        assert!(anna.round_trip().await < Duration::from_secs(1));
        anna.send_lines(line, FLOOD).await;
        let took = anna.round_trip().await;
        assert!((9..12).contains(&took.as_secs()), "{line:?} {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_disconnects_and_comes_back_has_the_rate_that_it_had_left() {
    let (world, anna) = (world(), Identity::generate().unwrap());
    let mut took = Duration::ZERO;
    for _ in 0..4 {
        took += world.come_and_flood(&anna, FLOOD / 4).await;
    }
    assert!((9..12).contains(&took.as_secs()), "{took:?}");
    let bobby = world.come_and_flood(&Identity::generate().unwrap(), FLOOD / 4).await;
    assert!(bobby < Duration::from_secs(1), "another key has its own rate: {bobby:?}");
}

#[tokio::test(start_paused = true)]
async fn the_connections_of_one_key_share_its_rate() {
    let (world, anna) = (world(), Identity::generate().unwrap());
    let flood = || world.come_and_flood(&anna, FLOOD / 4);
    let start = Instant::now();
    tokio::join!(flood(), flood(), flood(), flood());
    let took = start.elapsed();
    assert!((9..12).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn new_keys_give_a_network_no_more_than_the_rate_of_the_clients_that_it_may_have() {
    let world = world();
    let mut took = Duration::ZERO;
    // Each key stays within what it has saved up. The network has saved up a second's worth.
    let rounds = 10 * CLIENTS * RATE as usize / (FLOOD / 4);
    for _ in 0..rounds {
        took += world.come_and_flood(&Identity::generate().unwrap(), FLOOD / 4).await;
    }
    assert!((8..12).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_flood_before_the_hello_is_read_at_the_rate_too() {
    for (count, is_welcome) in [(FLOOD / 4, true), (2 * FLOOD, false)] {
        for line in ["{\"type\":\"pong\"}\n", "\n"] {
            let world = world();
            let mut anna = world.connect(64 * 1024).await;
            anna.send_lines(line, count).await;
            anna.send(&ClientMessage::Hello(hello("anna"))).await;
            let answer = anna.next().await;
            assert_eq!(matches!(answer, Some(ServerMessage::Welcome(_))), is_welcome, "{line:?} {answer:?}");
        }
    }
}
