//! One link that carries the lobby and rooms, against the test's own server, over pipes: which rooms each hello names,
//! from where each log is read on, and what is written where.

use hobnob_protocol::chain::{ChainHash, LobbyMessage, LogId, Position, Seq, link};
use hobnob_protocol::codec::{MessageReader, encode};
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{
    ClientMessage, Cursor, Hello, JoinRoom, JoinedRoom, NotAccepted, NotAcceptedCode, NotJoinedCode,
    RoomCursor, ServerMessage, Welcome,
};
use hobnob_protocol::room::RoomName;
use hobnob_protocol::said::SaidWriter;
use hobnob_protocol::text::Text;
use hobnob_protocol::{MAX_LINE_BYTES, PROTOCOL_VERSION};
use tokio::io::{AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio_rustls::server::TlsStream;

use super::connect::Dial;
use super::event::LobbyEvent;
use super::event_queue::LobbyEvents;
use super::handle::LobbyHandle;
use super::link::start_over;
use super::sequence::Resumed;
use super::tests::{acceptor, config};

/// The lobby's log, and the log of the room tea.
const LOBBY: LogId = LogId::new([1; 16]);
const TEA: LogId = LogId::new([2; 16]);

/// Makes one more connection for each dial.
struct Pipes(mpsc::UnboundedSender<DuplexStream>);

impl Dial for Pipes {
    type Stream = DuplexStream;

    async fn dial(&self, _address: &str) -> std::io::Result<DuplexStream> {
        let (near, far) = tokio::io::duplex(4096);
        self.0.send(far).map_err(|_| std::io::ErrorKind::ConnectionRefused)?;
        Ok(near)
    }
}

/// The server's side of all connections.
struct Server {
    identity: hobnob_protocol::identity::Identity,
    connections: mpsc::UnboundedReceiver<DuplexStream>,
}

/// The server's end of one connection.
struct Connection {
    hello: Hello,
    reader: MessageReader<ReadHalf<TlsStream<DuplexStream>>>,
    writer: WriteHalf<TlsStream<DuplexStream>>,
}

impl Server {
    async fn accept(&mut self) -> Connection {
        let stream = self.connections.recv().await.unwrap();
        let stream = acceptor(&self.identity).accept(stream).await.unwrap();
        let (reader, writer) = tokio::io::split(stream);
        let mut reader = MessageReader::new(reader, MAX_LINE_BYTES);
        let Some(ClientMessage::Hello(hello)) = reader.next().await.unwrap() else { panic!("no hello") };
        let mut connection = Connection { hello, reader, writer };
        let at = Position::start(&LOBBY);
        let welcome = Welcome {
            protocol: PROTOCOL_VERSION,
            name: "anna".parse().unwrap(),
            log: LOBBY,
            head: at,
            start: at,
            missed: 0,
            resumed: true,
            observed: [192, 0, 2, 1].into(),
            servers: Vec::new(),
            topic: None,
            motd: None,
            operator: false,
        };
        connection.tell(ServerMessage::Welcome(welcome)).await;
        connection
    }
}

impl Connection {
    async fn tell(&mut self, message: ServerMessage) {
        self.writer.write_all(&encode(&message)).await.unwrap();
        self.writer.flush().await.unwrap();
    }

    async fn hear(&mut self) -> ClientMessage {
        self.reader.next().await.unwrap().unwrap()
    }

    /// Sends these numbers of a log, which is that of a room or the lobby's.
    async fn say(&mut self, room: Option<&str>, log: LogId, numbers: std::ops::RangeInclusive<u64>) {
        let mut writer = SaidWriter::of(room.map(name));
        for message in &messages(log)[*numbers.start() as usize - 1..*numbers.end() as usize] {
            assert!(writer.push(message));
        }
        let (line, _) = writer.finish().unwrap();
        self.writer.write_all(&line).await.unwrap();
        self.writer.flush().await.unwrap();
    }

    /// Waits until the client has read everything before this.
    async fn is_read(&mut self) {
        self.tell(ServerMessage::Ping).await;
        assert_eq!(self.hear().await, ClientMessage::Pong);
    }
}

fn name(text: &str) -> RoomName {
    text.parse().unwrap()
}

/// Returns the first ten messages of a log.
fn messages(log: LogId) -> Vec<LobbyMessage> {
    let mut hash = Position::start(&log).hash;
    let one = |seq| {
        let mut message = LobbyMessage {
            seq: Seq(seq),
            at: seq,
            name: "bobby".parse().unwrap(),
            key: PublicKey::new([9; 32]),
            run: RunId::new([9; 8]),
            id: seq,
            content: Text::new(format!("{seq} of {log}")).unwrap().into(),
            hash,
        };
        message.hash = link(&hash, &message);
        hash = message.hash;
        message
    };
    (1..=10).map(one).collect()
}

/// Returns the position after this many messages of a log.
fn after(log: LogId, count: usize) -> Position {
    count.checked_sub(1).map_or(Position::start(&log), |last| {
        let message = &messages(log)[last];
        Position { seq: message.seq, hash: message.hash }
    })
}

fn joined(request: Option<u32>, start: usize, head: usize) -> ServerMessage {
    let (head, start) = (after(TEA, head), after(TEA, start));
    let (room, log, missed, resumed) = (name("tea"), TEA, 0, true);
    ServerMessage::Joined(JoinedRoom {
        request,
        room,
        log,
        head,
        start,
        missed,
        resumed,
        topic: None,
        users: 2,
    })
}

fn join(request: u32) -> JoinRoom {
    JoinRoom { request, room: name("tea"), cursor: None, since: None, backlog: 20 }
}

/// Starts a client in the lobby, whose first hello named these rooms.
async fn started(rooms: Vec<RoomCursor>) -> (LobbyHandle, LobbyEvents, Server, Connection) {
    let (dialled, connections) = mpsc::unbounded_channel();
    let identity = hobnob_protocol::identity::Identity::generate().unwrap();
    let mut server = Server { identity, connections };
    let config = super::link::LobbyConfig { rooms, ..config() };
    let (started, connection) = tokio::join!(start_over(Pipes(dialled), config), server.accept());
    let (handle, events, _) = started.unwrap();
    (handle, events, server, connection)
}

async fn hears(events: &mut LobbyEvents, room: Option<&str>, seq: u64) {
    match events.recv().await {
        Some(LobbyEvent::Said { room: heard, message, .. }) => {
            assert_eq!((heard, message.seq), (room.map(name), Seq(seq)));
        }
        other => panic!("{other:?}"),
    }
}

fn says(id: u64, room: Option<&str>, text: &str) -> ClientMessage {
    ClientMessage::Say { id, room: room.map(name), text: Text::new(text).unwrap() }
}

fn say(handle: &LobbyHandle, id: u64, room: Option<&str>, text: &str) {
    assert!(handle.say(id, room.map(name), Text::new(text).unwrap()));
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_link_the_room_and_the_lobby_are_read_on_from_their_own_cursors() {
    let (handle, mut events, mut server, mut connection) = started(Vec::new()).await;
    assert_eq!(connection.hello.rooms, []);
    handle.join(join(1));
    say(&handle, 1, Some("tea"), "behind the question");
    assert_eq!(connection.hear().await, ClientMessage::Join(join(1)));
    assert_eq!(connection.hear().await, says(1, Some("tea"), "behind the question"));
    connection.tell(joined(Some(1), 0, 0)).await;
    let Some(LobbyEvent::RoomJoined { resumed: Resumed::After { missed: 0 }, .. }) = events.recv().await
    else {
        panic!("not joined")
    };
    connection.say(Some("TEA"), TEA, 1..=3).await;
    connection.say(None, LOBBY, 1..=1).await;
    for seq in 1..=3 {
        hears(&mut events, Some("tea"), seq).await;
    }
    hears(&mut events, None, 1).await;
    drop(connection);
    assert!(matches!(events.recv().await, Some(LobbyEvent::Down { .. })));
    let mut connection = server.accept().await;
    let cursor = Cursor { log: TEA, position: after(TEA, 3) };
    assert_eq!(connection.hello.rooms, [RoomCursor { room: name("tea"), cursor }]);
    assert_eq!(connection.hello.cursor, Some(Cursor { log: LOBBY, position: after(LOBBY, 1) }));
    assert!(matches!(events.recv().await, Some(LobbyEvent::Up(_))));
    connection.tell(joined(None, 3, 5)).await;
    connection.say(Some("tea"), TEA, 3..=5).await;
    assert!(matches!(events.recv().await, Some(LobbyEvent::RoomJoined { .. })));
    hears(&mut events, Some("tea"), 4).await;
    hears(&mut events, Some("tea"), 5).await;
    assert_eq!(
        connection.hear().await,
        says(1, Some("tea"), "behind the question"),
        "the text was not acknowledged before"
    );
}

#[tokio::test(start_paused = true)]
async fn rooms_of_an_earlier_run_are_in_the_first_hello_and_their_texts_wait_for_the_answer() {
    let cursor = Cursor { log: TEA, position: after(TEA, 4) };
    let rooms = vec![RoomCursor { room: name("tea"), cursor }];
    let (handle, mut events, _server, mut connection) = started(rooms.clone()).await;
    assert_eq!(connection.hello.rooms, rooms);
    say(&handle, 1, Some("tea"), "first");
    say(&handle, 2, None, "second");
    connection.is_read().await;
    connection.tell(joined(None, 4, 6)).await;
    assert_eq!(
        connection.hear().await,
        says(1, Some("tea"), "first"),
        "the text goes out only when the room is joined"
    );
    assert_eq!(connection.hear().await, says(2, None, "second"));
    connection.say(Some("tea"), TEA, 5..=6).await;
    assert!(matches!(events.recv().await, Some(LobbyEvent::RoomJoined { .. })));
    hears(&mut events, Some("tea"), 5).await;
    hears(&mut events, Some("tea"), 6).await;
}

#[tokio::test(start_paused = true)]
async fn messages_about_a_room_that_was_not_joined_are_ignored() {
    let (handle, mut events, _server, mut connection) = started(Vec::new()).await;
    connection.tell(joined(None, 0, 0)).await;
    connection.tell(joined(Some(7), 0, 0)).await;
    connection.say(Some("tea"), TEA, 1..=2).await;
    connection.tell(ServerMessage::PresenceSkipped { room: Some(name("tea")) }).await;
    let skipped = ServerMessage::Skipped { room: Some(name("tea")), missed: 1, after: after(TEA, 5) };
    connection.tell(skipped).await;
    let code = NotJoinedCode::Full;
    connection.tell(ServerMessage::NotJoined { request: None, room: name("tea"), code }).await;
    connection.say(None, LOBBY, 1..=1).await;
    hears(&mut events, None, 1).await;
    // The client asks for the room and gives it up, so the answer comes too late.
    handle.join(join(1));
    handle.part(name("tea"));
    assert_eq!(connection.hear().await, ClientMessage::Join(join(1)));
    assert_eq!(connection.hear().await, ClientMessage::Part { room: name("tea") });
    connection.tell(joined(Some(1), 0, 2)).await;
    connection.say(Some("tea"), TEA, 1..=2).await;
    connection.say(None, LOBBY, 2..=2).await;
    hears(&mut events, None, 2).await;
}

#[tokio::test(start_paused = true)]
async fn waiting_texts_of_a_room_are_not_written_if_it_is_left_or_not_rejoined() {
    let (handle, mut events, mut server, mut connection) = started(Vec::new()).await;
    handle.join(join(1));
    assert_eq!(connection.hear().await, ClientMessage::Join(join(1)));
    connection.tell(joined(Some(1), 0, 0)).await;
    assert!(matches!(events.recv().await, Some(LobbyEvent::RoomJoined { .. })));
    drop(connection);
    assert!(matches!(events.recv().await, Some(LobbyEvent::Down { .. })));
    say(&handle, 1, Some("tea"), "never said");
    say(&handle, 2, None, "to all");
    let mut connection = server.accept().await;
    assert!(matches!(events.recv().await, Some(LobbyEvent::Up(_))));
    let code = NotJoinedCode::Full;
    connection.tell(ServerMessage::NotJoined { request: None, room: name("tea"), code }).await;
    assert!(matches!(events.recv().await, Some(LobbyEvent::RoomNotJoined { request: None, .. })));
    assert_eq!(connection.hear().await, says(2, None, "to all"));
    // The room is left while the link is down: no later hello names it, and nothing waits there.
    handle.join(join(2));
    assert_eq!(connection.hear().await, ClientMessage::Join(join(2)));
    connection.tell(joined(Some(2), 0, 0)).await;
    assert!(matches!(events.recv().await, Some(LobbyEvent::RoomJoined { .. })));
    drop(connection);
    assert!(matches!(events.recv().await, Some(LobbyEvent::Down { .. })));
    say(&handle, 3, Some("tea"), "never said");
    handle.part(name("tea"));
    let mut connection = server.accept().await;
    assert_eq!(connection.hello.rooms, []);
    assert_eq!(connection.hear().await, says(2, None, "to all"));
    connection.is_read().await;
}

#[tokio::test(start_paused = true)]
async fn a_text_that_is_refused_in_a_room_is_reported_once() {
    let (handle, mut events, _server, mut connection) = started(Vec::new()).await;
    say(&handle, 1, Some("tea"), "x");
    assert_eq!(connection.hear().await, says(1, Some("tea"), "x"));
    for _ in 0..2 {
        connection.tell(ServerMessage::not_accepted(1, NotAcceptedCode::NotInRoom)).await;
    }
    connection.say(None, LOBBY, 1..=1).await;
    assert!(matches!(events.recv().await, Some(LobbyEvent::NotAccepted(NotAccepted { id: 1, .. }))));
    hears(&mut events, None, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_gap_in_a_room_makes_the_link_read_again_from_before_the_gap() {
    let (handle, mut events, mut server, mut connection) = started(Vec::new()).await;
    handle.join(join(1));
    assert_eq!(connection.hear().await, ClientMessage::Join(join(1)));
    connection.tell(joined(Some(1), 0, 0)).await;
    assert!(matches!(events.recv().await, Some(LobbyEvent::RoomJoined { .. })));
    connection.say(Some("tea"), TEA, 1..=1).await;
    hears(&mut events, Some("tea"), 1).await;
    connection.say(Some("tea"), TEA, 4..=4).await;
    assert!(matches!(events.recv().await, Some(LobbyEvent::Down { .. })));
    let connection = server.accept().await;
    assert_eq!(connection.hello.rooms[0].cursor.position, after(TEA, 1));
}

#[tokio::test(start_paused = true)]
async fn a_changed_message_of_a_room_is_reported_with_the_room() {
    let (handle, mut events, _server, mut connection) = started(Vec::new()).await;
    handle.join(join(1));
    assert_eq!(connection.hear().await, ClientMessage::Join(join(1)));
    connection.tell(joined(Some(1), 0, 0)).await;
    assert!(matches!(events.recv().await, Some(LobbyEvent::RoomJoined { .. })));
    let mut forged = messages(TEA).remove(0);
    forged.hash = ChainHash::new([0; 32]);
    let mut writer = SaidWriter::of(Some(name("tea")));
    assert!(writer.push(&forged));
    let (line, _) = writer.finish().unwrap();
    connection.writer.write_all(&line).await.unwrap();
    connection.writer.flush().await.unwrap();
    let Some(LobbyEvent::Broken { room, .. }) = events.recv().await else {
        panic!("the change was not found")
    };
    assert_eq!(room, Some(name("tea")));
}
