//! How fast a client is read: every line counts, also one that means nothing.

use std::time::Duration;

use super::*;

/// How many lines a second are read in these tests. Ten times as many may be saved up.
const RATE: u32 = 10;

/// Ten seconds' worth more than may be saved up.
const FLOOD: usize = 20 * RATE as usize;

fn world() -> World {
    let mut world = World::new();
    Arc::get_mut(&mut world.shared).unwrap().rate = RATE;
    world
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
