//! Answers to `history` over a log that takes its time: they are read in turns.

use super::*;
use crate::decide::Posts;
use crate::log::{Batch, Contents, Later, OpenedRoom};

/// A log whose answers take some time, and which counts how many readers wait for an answer.
struct SlowLog {
    log: Arc<MemoryLog>,
    /// The log that already holds messages, as after a restart.
    contents: Contents,
    asked: AtomicUsize,
    most: AtomicUsize,
}

impl SlowLog {
    fn over(log: Arc<MemoryLog>) -> Self {
        let contents = Contents { head: *log.subscribe().borrow(), ..log.contents().clone() };
        Self { log, contents, asked: AtomicUsize::default(), most: AtomicUsize::default() }
    }
}

impl LobbyLog for SlowLog {
    fn contents(&self) -> &Contents {
        &self.contents
    }

    fn append(&self, batch: Batch) -> Later<'static, ()> {
        self.log.append(batch)
    }

    fn read(&self, after: Seq, limit: usize, max_bytes: usize) -> Later<'_, Stretch> {
        Box::pin(async move {
            // A look-up of one position needs no turn and is answered at once.
            if limit == 1 {
                return self.log.read(after, limit, max_bytes).await;
            }
            let asked = 1 + self.asked.fetch_add(1, Ordering::Relaxed);
            self.most.fetch_max(asked, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(10)).await; // in paused time
            self.asked.fetch_sub(1, Ordering::Relaxed);
            self.log.read(after, limit, max_bytes).await
        })
    }

    fn rooms(&self) -> Vec<OpenedRoom> {
        self.log.rooms()
    }

    fn read_room(&self, room: LogId, after: Seq, limit: usize, max_bytes: usize) -> Later<'_, Stretch> {
        self.log.read_room(room, after, limit, max_bytes)
    }

    fn posts(&self) -> Posts {
        self.log.posts()
    }

    fn subscribe(&self) -> watch::Receiver<Position> {
        self.log.subscribe()
    }

    fn first(&self) -> Seq {
        self.log.first()
    }
}

/// Reads answers to `history` until `answers` of them have ended. Returns how many parts they had and how many messages
/// were in them.
async fn parts_of(client: &mut Client, answers: usize) -> (usize, usize) {
    let (mut ended, mut parts, mut read) = (0, 0, 0);
    while ended < answers {
        if let ServerMessage::History { messages, more, .. } = client.next().await.unwrap() {
            (parts, read) = (parts + 1, read + messages.len());
            ended += usize::from(!more);
        }
    }
    (parts, read)
}

#[tokio::test(start_paused = true)]
async fn answers_to_history_are_read_in_turns_so_that_a_long_one_does_not_hold_up_short_ones() {
    let log = Arc::new(MemoryLog::new(100_000));
    let before = World::over(Arc::clone(&log) as _);
    let (mut anna, start) = before.join("anna", 1 << 20).await;
    for id in 1..=1000 {
        anna.say(id, &format!("word {id}")).await;
    }
    anna.follow(start, 1000).await;
    drop(before);

    let slow = Arc::new(SlowLog::over(log));
    let world = World::over(Arc::clone(&slow) as _);
    let (mut anna, _) = world.join("anna", 1 << 20).await;
    let mut greedy = Vec::new();
    for number in 0..10 {
        let (mut client, _) = world.join(&format!("greedy{number}"), 1 << 20).await;
        for request in 0..8 {
            client.send(&ClientMessage::History { request, limit: 1000, room: None, before: None }).await;
        }
        greedy.push(tokio::spawn(async move { parts_of(&mut client, 8).await }));
    }
    // A client that reads everything counts as one of them.
    let mut hello = hello("greedy10");
    hello.since = Some(Seq(0));
    let mut client = world.ask_with(hello, 1 << 20).await;
    let following = tokio::spawn(async move {
        let ServerMessage::Welcome(welcome) = client.next().await.unwrap() else { panic!("not welcomed") };
        client.follow(welcome.start, 1000).await;
    });
    let (mut bobby, _) = world.join("bobby", 1 << 20).await;
    let began = Instant::now();
    bobby.send(&ClientMessage::History { request: 1, limit: 20, room: None, before: None }).await;
    assert_eq!(parts_of(&mut bobby, 1).await, (1, 20));
    let took = began.elapsed();
    assert!(
        took <= Duration::from_millis(10 * 12),
        "behind each of ten once, not behind all they ask: {took:?}"
    );

    // A client that speaks does not wait for any of these answers.
    let began = Instant::now();
    bobby.say(1, "quickly").await;
    while !matches!(anna.next().await.unwrap(), ServerMessage::Said(_)) {}
    assert!(began.elapsed() < Duration::from_millis(10), "{:?}", began.elapsed());
    for reading in greedy {
        let (parts, read) = reading.await.unwrap();
        assert!(parts >= 8 * 8 && read == 8000, "{parts} {read}");
    }
    following.await.unwrap();
    assert_eq!(slow.most.load(Ordering::Relaxed), 1, "parts read at once");
}
