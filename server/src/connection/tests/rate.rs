//! How fast a client is read: every line counts, also one that means nothing.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use hobnob_protocol::MAX_ROOMS_OF_A_KEY;
use hobnob_protocol::message::{Cursor, RoomCursor};

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
async fn what_comes_before_the_hello_is_bounded_in_lines_and_in_bytes() {
    let long = format!("{{\"type\":\"later\",\"x\":\"{}\"}}\n", "x".repeat(MAX_HELLO_BYTES / 2));
    for (line, count, is_welcome) in [
        ("{\"type\":\"pong\"}\n", 16, true),
        ("{\"type\":\"pong\"}\n", 17, false),
        ("\n", 17, false),
        (&*long, 1, true),
        (&*long, 2, false),
    ] {
        let world = world();
        let mut anna = world.connect(64 * 1024).await;
        anna.send_lines(line, count).await;
        anna.send(&ClientMessage::Hello(hello("anna"))).await;
        match anna.next().await {
            Some(ServerMessage::Welcome(_)) => assert!(is_welcome, "{count} of {line:?}"),
            Some(ServerMessage::Bad { reason }) => {
                assert!(!is_welcome, "{count} of {line:?}");
                assert_eq!(reason, "too much comes before hello");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_before_the_hello_takes_from_the_rate_of_the_key_over_all_its_connections() {
    let (world, anna) = (world(), Identity::generate().unwrap());
    let start = Instant::now();
    for _ in 0..FLOOD / 10 {
        let mut client = world.connect_as(&anna, 64 * 1024).await;
        client.send_lines("{\"type\":\"ping\"}\n", 10).await;
        for _ in 0..10 {
            assert_eq!(client.next().await, Some(ServerMessage::Pong));
        }
    }
    let took = start.elapsed();
    assert!((9..12).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_key_owes_more_than_an_arrival_may_take_is_let_in_later() {
    let (mut world, anna) = (World::new(), Identity::generate().unwrap());
    Arc::get_mut(&mut world.shared).unwrap().paces = Paces::new(1, 100, CLIENTS);
    let mut first = world.connect_as(&anna, 1024 * 1024).await;
    first.send(&ClientMessage::Hello(hello("anna"))).await;
    assert!(matches!(first.next().await, Some(ServerMessage::Welcome(_))));
    // At one line a second, this line of 31 begun 4 KiB owes some twenty seconds.
    let long = format!("{{\"type\":\"later\",\"x\":\"{}\"}}\n", "x".repeat(30 * 4096));
    first.send_lines(&long, 1).await;
    tokio::time::sleep(Duration::from_secs(1)).await; // Time is paused: it passes when the line has been read.
    let start = Instant::now();
    let mut second = world.connect_as(&anna, 64 * 1024).await;
    second.send(&ClientMessage::Hello(hello("anna"))).await;
    assert!(matches!(second.next().await, Some(ServerMessage::Welcome(_))));
    assert!(
        start.elapsed() > hobnob_protocol::HANDSHAKE_TIMEOUT,
        "it waited longer than an arrival may take"
    );
}

#[tokio::test(start_paused = true)]
async fn each_room_in_a_hello_counts_as_a_join() {
    let (world, anna) = (world(), Identity::generate().unwrap());
    let room = RoomCursor {
        room: "dev".parse().unwrap(),
        cursor: Cursor { log: LogId::new([9; 16]), position: Position::start(&LogId::new([9; 16])) },
    };
    let mut took = Vec::new();
    for _ in 0..3 {
        let start = Instant::now();
        let mut client = world.connect_as(&anna, 64 * 1024).await;
        let rooms = vec![room.clone(); MAX_ROOMS_OF_A_KEY];
        client.send(&ClientMessage::Hello(Hello { rooms, ..hello("anna") })).await;
        let mut joined = 0;
        while joined < MAX_ROOMS_OF_A_KEY {
            joined += usize::from(matches!(client.next().await.unwrap(), ServerMessage::Joined(_)));
        }
        took.push(start.elapsed());
    }
    assert!(took[0] < Duration::from_secs(1), "all rooms are within what is saved up: {took:?}");
    assert!((5..9).contains(&took[2].as_secs()), "64 rooms at ten a second: {took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_long_line_counts_as_several_and_a_long_text_as_one() {
    let world = world();
    let (mut anna, _) = world.join("anna", 1024 * 1024).await;
    // Each line has 31 begun 4 KiB.
    let long = format!("{{\"type\":\"later\",\"x\":\"{}\"}}\n", "x".repeat(30 * 4096));
    anna.send_lines(&long, 6).await;
    let took = anna.round_trip().await;
    assert!((8..12).contains(&took.as_secs()), "{took:?}");
    let (mut bobby, mut position) = world.join("bobby", 1024 * 1024).await;
    let start = Instant::now();
    for id in 1..=50 {
        bobby.say(id, &"x".repeat(16 * 1024)).await;
        bobby.follow(position, id).await;
        position = world.shared.recent.lock().unwrap().position(Seq(id)).unwrap();
    }
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn other_connections_have_their_turn_after_a_long_line() {
    let world = World::new();
    let (near, far) = tokio::io::duplex(64 * 1024);
    let connection = world.shared.connection(far, None).unwrap();
    let (config, _) = client_config(&Identity::generate().unwrap(), KeyPolicy::Any, LOBBY_ALPN);
    let connect = TlsConnector::from(config).connect(server_name(), near);
    let (client, opened) = tokio::join!(connect, poll_fn(|cx| connection.poll_handshake(cx)));
    opened.unwrap();
    let mut client = client.unwrap();
    let long = format!("{{\"type\":\"later\",\"x\":\"{}\"}}\n", "x".repeat(5000));
    for (line, gives_way) in [("{\"type\":\"later\"}\n", false), (&*long, true)] {
        client.write_all(line.repeat(2).as_bytes()).await.unwrap();
        client.flush().await.unwrap();
        let event = poll_fn(|cx| connection.poll_event(cx, true)).await;
        assert!(matches!(event, Event::Line { .. }), "{event:?}");
        let waits = poll_fn(|cx| Poll::Ready(connection.poll_event(cx, true).is_pending())).await;
        assert_eq!(waits, gives_way);
        if gives_way {
            let event = poll_fn(|cx| connection.poll_event(cx, true)).await;
            assert!(matches!(event, Event::Line { .. }), "{event:?}");
        }
    }
}
