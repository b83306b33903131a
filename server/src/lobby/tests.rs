//! Tests of the lobby with connections that only record what they are told.

mod rooms;
mod stored_here;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use hobnob_order::{LocalStream, MemoryStream, Mischief, StreamIdentity};
use hobnob_protocol::away::AwayText;
use hobnob_protocol::chain::{LogId, Position, Seq};
use hobnob_protocol::identity::Identity;
use hobnob_protocol::ids::{PairToken, RunId};
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{
    BanRow, Change, ConsentAnswer, Introduction, NoAnswerCode, NotAcceptedCode, NotJoinedCode, OperatorRow,
    RefusedCode, RoomSummary,
};
use hobnob_protocol::room::RoomName;
use hobnob_protocol::text::Text;
use tokio::sync::{Semaphore, watch};

use super::*;
use crate::decide::roster::Present;
use crate::decide::{Newcomer, Posts, RoomId, RoomView};
use crate::log::{AppendedHere, Batch, Contents, Later, LogError, MemoryLog, OpenedRoom, Stretch};

/// What becomes of the batches that a [`MoodyLog`] is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Stores,
    /// Nothing is stored, and the error says so.
    Refuses,
    /// Nothing is stored, and the error does not say so.
    Dies,
    /// The batch is stored, and the answer is an error that does not say so.
    StoresAndDies,
}

/// A log with changing moods, which stores a batch only when it has a permit.
struct MoodyLog {
    inner: Arc<MemoryLog>,
    /// What the log held when it was opened.
    contents: Contents,
    mood: Arc<Mutex<Mood>>,
    /// One permit for each batch that may be stored.
    leave: Arc<Semaphore>,
    /// How many batches were stored in the lobby's thread, and how long each takes there.
    here: AtomicU64,
    takes: Mutex<Duration>,
}

impl MoodyLog {
    fn is(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }
}

impl LobbyLog for MoodyLog {
    fn contents(&self) -> &Contents {
        &self.contents
    }
    fn append(&self, batch: Batch) -> Later<'static, ()> {
        let (inner, mood, leave) = (Arc::clone(&self.inner), Arc::clone(&self.mood), Arc::clone(&self.leave));
        Box::pin(async move {
            leave.acquire().await.unwrap().forget();
            let mood = *mood.lock().unwrap();
            match mood {
                Mood::Stores => inner.append(batch).await,
                Mood::Refuses => Err(LogError::Write("disk full".to_owned())),
                Mood::Dies => Err(LogError::Closed),
                Mood::StoresAndDies => {
                    inner.append(batch).await?;
                    Err(LogError::Closed)
                }
            }
        })
    }
    fn append_here(&self, batch: Batch) -> AppendedHere {
        std::thread::sleep(*self.takes.lock().unwrap()); // The disk takes this long; nothing waits for it to pass.
        self.here.fetch_add(1, Ordering::SeqCst);
        match self.inner.append(batch).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(stored) => AppendedHere::Done(stored),
            Poll::Pending => panic!("it is stored at once"),
        }
    }
    fn read(&self, after: Seq, limit: usize, max_bytes: usize) -> Later<'_, Stretch> {
        self.inner.read(after, limit, max_bytes)
    }
    fn rooms(&self) -> Vec<OpenedRoom> {
        self.inner.rooms()
    }

    fn read_room(&self, room: LogId, after: Seq, limit: usize, max_bytes: usize) -> Later<'_, Stretch> {
        self.inner.read_room(room, after, limit, max_bytes)
    }

    fn posts(&self) -> Posts {
        self.inner.posts()
    }
    fn subscribe(&self) -> watch::Receiver<Position> {
        self.inner.subscribe()
    }
    fn first(&self) -> Seq {
        self.inner.first()
    }
}

/// A memory that remembers nothing, because nobody reads later here.
struct Forgetful;

impl Memory for Forgetful {
    fn prepare(&self, _chunk: &Chunk) {}
    fn remember(&self, _chunks: &[Arc<Chunk>]) {}
}

impl RoomMemory for Forgetful {
    fn open(&self, _room: LogId, _head: Position) {}
    fn remember(&self, _room: LogId, _chunks: &[Arc<Chunk>]) {}
    fn close(&self, _room: LogId) {}
}

/// How many introductions a [`Recorder`] takes.
const INTRODUCTIONS: u64 = 20;

/// A connection that hands on what it is told.
struct Recorder {
    told: mpsc::UnboundedSender<Told>,
    /// What was said and is not sent yet.
    unsent: Mutex<Vec<Told>>,
    introductions: AtomicU64,
    /// How many more introductions it takes.
    room: u64,
}

#[derive(Debug, PartialEq)]
enum Told {
    In(Admitted),
    InRoom(RoomView),
    LeftRoom(RoomName),
    /// A message of a room: its number in the author's run and its number in the log.
    SaidIn(RoomName, u64, Seq),
    Line(ServerMessage),
    /// A message of the lobby: its number in the author's run and its number in the log.
    Said(u64, Seq),
    Users(usize),
    Probe,
    End(Option<ServerMessage>),
}

impl Recorder {
    fn note(&self, told: Told) {
        assert!(self.unsent.lock().unwrap().is_empty(), "it goes out before anything else is told");
        let _gone = self.told.send(told);
    }
}

impl Outlet for Recorder {
    fn let_in(&self, admitted: Admitted) {
        self.note(Told::In(admitted));
    }
    fn said(&self, chunk: &Chunk) {
        let mut unsent = self.unsent.lock().unwrap();
        assert!(unsent.is_empty(), "each chunk goes out before the next");
        unsent.extend(chunk.messages().iter().map(|message| match chunk.room() {
            Some(room) => Told::SaidIn(room.name.clone(), message.id, message.seq),
            None => Told::Said(message.id, message.seq),
        }));
    }
    fn send(&self) {
        for told in self.unsent.lock().unwrap().drain(..) {
            let _gone = self.told.send(told);
        }
    }
    fn tell(&self, fact: &ServerMessage) {
        self.note(Told::Line(fact.clone()));
    }
    fn presence(&self, news: &News, from: usize) {
        let changes = news.changes()[news.passed_over(from)..].to_vec();
        if !changes.is_empty() {
            self.note(Told::Line(ServerMessage::Presence { room: news.room().cloned(), changes }));
        }
    }
    fn users(&self, _request: u32, present: Present) {
        self.note(Told::Users(present.names.len()));
    }
    fn rooms(&self, request: u32, rooms: Arc<[RoomSummary]>) {
        let rooms = rooms.to_vec();
        self.note(Told::Line(ServerMessage::Rooms { request, rooms, more: false }));
    }
    fn bans(&self, request: u32, bans: Vec<BanRow>) {
        self.note(Told::Line(ServerMessage::Bans { request, bans, more: false }));
    }
    fn ops(&self, request: u32, ops: Vec<OperatorRow>) {
        self.note(Told::Line(ServerMessage::Ops { request, ops, more: false }));
    }
    fn in_room(&self, view: RoomView) {
        self.note(Told::InRoom(view));
    }
    fn not_in_room(&self, room: &RoomName, code: NotJoinedCode) {
        self.note(Told::Line(ServerMessage::NotJoined { request: None, room: room.clone(), code }));
    }
    fn left_room(&self, room: &RoomId) {
        self.note(Told::LeftRoom(room.name.clone()));
    }
    fn introduce(&self, introduction: Introduction) -> Option<u64> {
        if self.introductions.load(Ordering::SeqCst) >= self.room {
            return None;
        }
        self.note(Told::Line(ServerMessage::Introduced(introduction)));
        Some(self.introductions.fetch_add(1, Ordering::SeqCst) + 1)
    }
    fn ask(&self, question: &ServerMessage) -> bool {
        self.note(Told::Line(question.clone()));
        true
    }
    fn probe(&self) {
        self.note(Told::Probe);
    }
    fn end(&self, ending: Ending) {
        self.note(Told::End(ending.last));
    }
}

struct Stage {
    handle: LobbyHandle,
    log: Arc<MoodyLog>,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<Result<(), LobbyFault>>,
}

/// A user in a test.
struct Guest {
    id: ConnectionId,
    told: mpsc::UnboundedReceiver<Told>,
}

impl Stage {
    fn new() -> Self {
        Self::over(Arc::new(LocalStream::new(StreamIdentity([0; 16]), wall_clock)))
    }

    /// Makes a lobby over this order.
    fn over(stream: Arc<dyn OrderedStream<Proposals>>) -> Self {
        Self::start(Arc::new(MemoryLog::new(1000)), stream, Arc::new(wall_clock))
    }

    /// Makes a lobby on what `inner` holds, on a computer whose clock shows `shown`.
    fn at(inner: &Arc<MemoryLog>, shown: u64) -> Self {
        let stream = Arc::new(LocalStream::new(StreamIdentity([0; 16]), move || shown));
        Self::start(Arc::clone(inner), stream, Arc::new(move || shown))
    }

    fn start(inner: Arc<MemoryLog>, stream: Arc<dyn OrderedStream<Proposals>>, clock: Clock) -> Self {
        Self::start_in(false, inner, stream, clock)
    }

    /// Makes a lobby that may wait for the disk itself.
    fn with_a_thread() -> Self {
        let stream = Arc::new(LocalStream::new(StreamIdentity([0; 16]), wall_clock));
        Self::start_in(true, Arc::new(MemoryLog::new(1000)), stream, Arc::new(wall_clock))
    }

    fn start_in(
        has_thread: bool,
        inner: Arc<MemoryLog>,
        stream: Arc<dyn OrderedStream<Proposals>>,
        clock: Clock,
    ) -> Self {
        let head = *inner.subscribe().borrow();
        let contents = Contents { head, names: inner.names(), ..inner.contents().clone() };
        let last_at = newest_time(&inner);
        let log = Arc::new(MoodyLog {
            inner,
            contents,
            mood: Arc::new(Mutex::new(Mood::Stores)),
            leave: Arc::new(Semaphore::new(1000)),
            here: AtomicU64::new(0),
            takes: Mutex::default(),
        });
        let (handle, lobby) = lobby(LobbyParts {
            stream,
            server: ServerId(0),
            sharing: None,
            ids: Arc::default(),
            advertised: Vec::new(),
            log: Arc::clone(&log) as _,
            memory: Arc::new(Forgetful),
            room_memory: Arc::new(Forgetful),
            max_rooms: 3,
            banned: Arc::default(),
            kept_out: Arc::default(),
            metrics: Arc::new(Metrics::new()),
            tokens: Tokens::of(&Identity::generate().unwrap()),
            max_clients: 100,
            name_ttl_days: 90,
            new_names_per_network: 100,
            clock,
            last_at,
        });
        let lobby = if has_thread { lobby.on_its_own_thread() } else { lobby };
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(lobby.run(shutdown.clone()));
        Self { handle, log, shutdown, task }
    }

    async fn send(&self, command: LobbyCommand) {
        self.handle.send(command).await.unwrap();
    }

    /// Asks to join as the user with the key `key`, in the client's run `run`.
    async fn ask(&self, id: u64, name: &str, key: u8, run: u8) -> Guest {
        self.ask_from("192.0.2.1".parse().unwrap(), id, name, key, run).await
    }

    async fn ask_from(&self, ip: std::net::IpAddr, id: u64, name: &str, key: u8, run: u8) -> Guest {
        let (sender, told) = mpsc::unbounded_channel();
        let newcomer = Newcomer {
            wish: name.parse().unwrap(),
            key: PublicKey::new([key; 32]),
            run: RunId::new([run; 8]),
            candidates: Vec::new(),
        };
        let id = ConnectionId(id);
        let outlet = Arc::new(Recorder {
            told: sender,
            unsent: Mutex::default(),
            introductions: AtomicU64::new(0),
            room: INTRODUCTIONS,
        });
        let join = Join { id, outlet, newcomer, network: Network::of(ip) };
        self.send(LobbyCommand::Join(Box::new(join))).await;
        Guest { id, told }
    }

    async fn join(&self, id: u64, name: &str, key: u8, run: u8) -> Guest {
        let mut guest = self.ask(id, name, key, run).await;
        guest.welcome().await;
        guest
    }

    async fn consent(&self, guest: &Guest, ask: u64, answer: ConsentAnswer) {
        self.send(LobbyCommand::Consent { from: guest.id, ask, answer }).await;
    }

    async fn say(&self, guest: &Guest, id: u64, text: &str) {
        self.send(LobbyCommand::Say {
            from: guest.id,
            id,
            room: None,
            content: Text::new(text).unwrap().into(),
        })
        .await;
    }
}

impl Guest {
    async fn next(&mut self) -> Told {
        self.told.recv().await.unwrap()
    }

    async fn line(&mut self) -> ServerMessage {
        match self.next().await {
            Told::Line(message) => message,
            other => panic!("{other:?}"),
        }
    }

    /// Returns the next thing told that is not presence; presence comes whenever there is time for it.
    async fn answer(&mut self) -> Told {
        loop {
            match self.next().await {
                Told::Line(ServerMessage::Presence { .. }) => {}
                answer => return answer,
            }
        }
    }

    async fn welcome(&mut self) -> Admitted {
        match self.next().await {
            Told::In(admitted) => admitted,
            other => panic!("{other:?}"),
        }
    }

    /// Returns the next message of the lobby: its number in the author's run and its number in the log.
    async fn said(&mut self) -> (u64, Seq) {
        match self.answer().await {
            Told::Said(id, seq) => (id, seq),
            other => panic!("{other:?}"),
        }
    }
}

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
async fn messages_that_the_log_holds_are_told_even_if_the_log_answered_with_an_error() {
    let stage = Stage::new();
    let mut anna = stage.join(1, "anna", 1, 1).await;
    stage.log.is(Mood::StoresAndDies);
    stage.say(&anna, 1, "stored").await;
    assert_eq!(anna.said().await, (1, Seq(1)));
}

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
async fn a_network_has_as_many_new_names_an_hour_as_it_may_have_clients_and_further_names_are_not_kept() {
    let stage = Stage::new();
    let kept = || stage.log.inner.names().len();
    let come_and_go = async |host: u16, id: u64, key: u8| {
        let ip = std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, host, 0, 0, 0, id as u16);
        let mut guest = stage.ask_from(ip.into(), id, &format!("guest{key}"), key, 1).await;
        guest.welcome().await;
        stage.send(LobbyCommand::Leave(guest.id)).await;
    };
    for n in 0..150 {
        come_and_go(1, n, n as u8).await;
    }
    assert_eq!(kept(), 100);
    // A user who has a name may come back as often as he likes, and uses up nothing.
    for n in 0..500 {
        come_and_go(2, 1000 + n, 7).await;
    }
    come_and_go(2, 2000, 200).await;
    assert_eq!(kept(), 101, "another network has its own");
    come_and_go(1, 2001, 120).await;
    assert_eq!(kept(), 101);
    tokio::time::advance(Duration::from_secs(36)).await;
    come_and_go(1, 2002, 120).await;
    assert_eq!(kept(), 102);
}

#[tokio::test(start_paused = true)]
async fn a_network_makes_as_many_rooms_an_hour_as_it_may_have_clients_whatever_keys_they_have() {
    let stage = Stage::new();
    let join = async |guest: &mut Guest, room: &RoomName| {
        stage.send(LobbyCommand::JoinRoom { from: guest.id, room: room.clone() }).await;
        match guest.answer().await {
            Told::InRoom(_) => true,
            Told::Line(ServerMessage::NotJoined { code: NotJoinedCode::TooSoon, .. }) => false,
            other => panic!("{other:?}"),
        }
    };
    let mut neighbour = stage.ask_from("2001:db8:0:1::1".parse().unwrap(), 50, "dora", 50, 1).await;
    neighbour.welcome().await;
    let kept: RoomName = "kept".parse().unwrap();
    assert!(join(&mut neighbour, &kept).await);
    let mut made = 0;
    for n in 0..21 {
        let mut guest =
            stage.ask_from("2001:db8::1".parse().unwrap(), n, &format!("guest{n}"), n as u8, 1).await;
        guest.welcome().await;
        for room in 0..5 {
            let room: RoomName = format!("room{n}_{room}").parse().unwrap();
            if join(&mut guest, &room).await {
                made += 1;
                // Nobody spoke there, so the room is gone when the client leaves.
                stage.send(LobbyCommand::Part { from: guest.id, room }).await;
                assert!(matches!(guest.answer().await, Told::LeftRoom(_)));
            }
        }
        assert!(join(&mut guest, &kept).await, "a room that is there may be joined");
    }
    assert_eq!(made, 100);
    let another: RoomName = "another".parse().unwrap();
    assert!(join(&mut neighbour, &another).await, "another network makes its own");
}

/// Returns the time of the newest message; 0 if there is none.
fn newest_time(log: &MemoryLog) -> u64 {
    let head = log.subscribe().borrow().seq;
    let mut read = log.read(Seq(head.0.saturating_sub(1)), 1, usize::MAX);
    match read.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(Ok(stretch)) => stretch.messages.last().map_or(0, |message| message.at),
        other => panic!("a log in memory answers at once: {other:?}"),
    }
}

const DAY: u64 = MILLIS_PER_DAY;
const TODAY: u64 = 1_795_000_000_000;
const IN_2080: u64 = 3_471_292_800_000;

/// One run of a server on a computer whose clock shows `clock`: the user with `key` comes, says a text and leaves, and
/// the server runs on for `hours`. Returns the time of the text.
async fn run_at(log: &Arc<MemoryLog>, clock: u64, hours: u64, name: &str, key: u8) -> u64 {
    let stage = Stage::at(log, clock);
    // Each run of the client has its own number.
    let run = log.subscribe().borrow().seq.0 as u8 + 1;
    let mut guest = stage.join(1, name, key, run).await;
    stage.say(&guest, 1, "here").await;
    guest.said().await;
    stage.send(LobbyCommand::Leave(guest.id)).await;
    tokio::time::sleep(Duration::from_secs(hours * 3600 + 120)).await; // in paused time
    stage.shutdown.cancel();
    stage.task.await.unwrap().unwrap();
    newest_time(log)
}

/// Returns the dates of names, sorted by name.
fn dates(log: &MemoryLog) -> Vec<(String, u64)> {
    let mut dates: Vec<_> =
        log.names().iter().map(|binding| (binding.name.to_string(), binding.seen)).collect();
    dates.sort();
    dates
}

#[tokio::test(start_paused = true)]
async fn a_start_with_a_clock_far_ahead_frees_no_name_and_times_are_right_afterwards() {
    let log = Arc::new(MemoryLog::new(1000));
    run_at(&log, TODAY, 0, "anna", 1).await;
    run_at(&log, TODAY + DAY, 0, "bobby", 2).await;
    let before = dates(&log);
    // The server is started once with this clock, and again many times before somebody notices.
    for _ in 0..100 {
        assert_eq!(run_at(&log, IN_2080, 3, "carl", 3).await, IN_2080);
    }
    let after = dates(&log);
    assert_eq!(after[..2], before, "nobody who is away has lost a name");
    assert!(after[2].1 < TODAY + 10 * DAY, "nor is one kept until 2170: {after:?}");
    assert_eq!(run_at(&log, TODAY + 2 * DAY, 0, "anna", 1).await, TODAY + 2 * DAY);
}

#[tokio::test(start_paused = true)]
async fn a_start_with_a_clock_far_behind_moves_no_date_back_and_no_name_is_lost_later() {
    for (wrong, time) in [(0, TODAY), (TODAY - 200 * DAY, TODAY - 200 * DAY)] {
        let log = Arc::new(MemoryLog::new(1000));
        run_at(&log, TODAY, 0, "anna", 1).await;
        let before = dates(&log);
        assert_eq!(
            run_at(&log, wrong, 3, "anna", 1).await,
            time,
            "a clock that was never set is not followed"
        );
        assert_eq!(run_at(&log, wrong, 3, "bobby", 2).await, time);
        let after = dates(&log);
        assert_eq!(after[0], before[0]);
        run_at(&log, TODAY + DAY, 3, "carl", 3).await;
        let names: Vec<_> = dates(&log).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["anna", "bobby", "carl"], "all who came then have their names");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_forward_while_the_server_runs_frees_no_name() {
    let log = Arc::new(MemoryLog::new(1000));
    run_at(&log, TODAY, 0, "anna", 1).await;
    let shown = Arc::new(AtomicU64::new(TODAY));
    let clock = Arc::clone(&shown);
    let stream = Arc::new(LocalStream::new(StreamIdentity([0; 16]), || 0));
    let stage = Stage::start(Arc::clone(&log), stream, Arc::new(move || clock.load(Ordering::SeqCst)));
    let _bobby = stage.join(2, "bobby", 2, 1).await;
    shown.store(IN_2080, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(5 * 3600)).await; // in paused time
    assert_eq!(dates(&log).len(), 2);
    stage.shutdown.cancel();
    stage.task.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_name_is_free_when_its_user_was_absent_for_long_and_not_while_he_is_here() {
    let log = Arc::new(MemoryLog::new(1000));
    run_at(&log, TODAY, 0, "anna", 1).await;
    let began = Instant::now();
    let clock = move || TODAY + began.elapsed().as_millis() as u64;
    let stream = Arc::new(LocalStream::new(StreamIdentity([0; 16]), clock));
    let stage = Stage::start(Arc::clone(&log), stream, Arc::new(clock));
    stage.log.leave.add_permits(10_000);
    let bobby = stage.join(2, "bobby", 2, 1).await;
    stage.say(&bobby, 1, "here").await;
    tokio::time::sleep(Duration::from_secs(89 * 24 * 3600)).await; // in paused time
    assert_eq!(dates(&log).len(), 2);
    tokio::time::sleep(Duration::from_secs(2 * 24 * 3600)).await; // in paused time
    // The server is killed, and nobody is seen to leave.
    stage.task.abort();
    assert!(matches!(&dates(&log)[..], [(bobby, seen)] if bobby == "bobby" && *seen >= TODAY + 89 * DAY));
    run_at(&log, TODAY + 92 * DAY, 2, "carl", 3).await;
    assert_eq!(dates(&log).len(), 2);
}

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
