//! Rooms over a network and a store that are broken by a seed. Clients that speak the protocol themselves talk in the
//! lobby and in two of three rooms each. In the end every text is once in the log for which it was meant, in its order,
//! and each client has seen the whole of the logs that it reads and nothing of the others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use hobnob::lobby::connect::{self, ConnectError, Connection, Dial};
use hobnob_protocol::chain::{LobbyMessage, LogId, Position, Seq};
use hobnob_protocol::codec::encode;
use hobnob_protocol::identity::Identity;
use hobnob_protocol::ids::RunId;
use hobnob_protocol::message::{
    ClientMessage, Cursor, Hello, JoinRoom, JoinedRoom, NotAccepted, NotAcceptedCode, RoomCursor,
    ServerMessage,
};
use hobnob_protocol::room::RoomName;
use hobnob_protocol::text::Text;
use hobnob_protocol::{HANDSHAKE_TIMEOUT, LOBBY_DEAD_AFTER, LOBBY_PING_AFTER, PROTOCOL_VERSION};
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::chance::Chance;
use crate::network::{Path, pass};
use crate::store::Disk;

const ROOMS: [&str; 3] = ["dev", "ops", "random"];

/// How far a log was read.
struct Reader {
    log: LogId,
    position: Position,
    /// The first message that the reader could see.
    first: Seq,
    seen: Vec<LobbyMessage>,
    /// Whether the server has said, on this link, from where the log goes on.
    is_up: bool,
}

/// A client in the lobby and in rooms, and what it said and was told.
pub(crate) struct Member {
    identity: Identity,
    run: RunId,
    name: String,
    rooms: Vec<RoomName>,
    /// One reader for each room; the key `None` stands for the lobby.
    readers: BTreeMap<Option<RoomName>, Reader>,
    said: BTreeMap<u64, (Option<RoomName>, String)>,
    /// The texts that have no answer yet, and whether each was sent on this link.
    waiting: BTreeMap<u64, bool>,
    sent: BTreeMap<u64, Seq>,
    refused: BTreeSet<u64>,
    pub(crate) losses: u64,
}

type Link = Connection<DuplexStream>;

impl Member {
    pub(crate) fn new(number: usize) -> Self {
        let rooms = [number, number + 1].map(|room| ROOMS[room % ROOMS.len()].parse().unwrap());
        Self {
            identity: Identity::generate().unwrap(),
            run: RunId::random(),
            name: format!("c{number}"),
            rooms: rooms.to_vec(),
            readers: BTreeMap::new(),
            said: BTreeMap::new(),
            waiting: BTreeMap::new(),
            sent: BTreeMap::new(),
            refused: BTreeSet::new(),
            losses: 0,
        }
    }

    /// Says `count` texts, and listens until `enough` is cancelled.
    pub(crate) async fn live(
        mut self,
        path: Path,
        count: u64,
        mut chance: Chance,
        enough: CancellationToken,
    ) -> Self {
        while !enough.is_cancelled() {
            let hello = self.hello();
            let joining = async {
                let stream = path.dial("the lobby").await?;
                connect::join(("the lobby", stream), &self.identity, None, hello).await
            };
            match timeout(HANDSHAKE_TIMEOUT, joining).await.unwrap_or(Err(ConnectError::Timeout)) {
                Ok(link) => {
                    self.over(link, count, &mut chance, &enough).await;
                    self.losses += 1;
                }
                Err(_) => pass(Duration::from_secs(1)).await,
            }
        }
        self
    }

    fn hello(&mut self) -> Hello {
        let mut rooms = Vec::new();
        let mut cursor = None;
        for (room, reader) in &mut self.readers {
            let at = Cursor { log: reader.log, position: reader.position };
            reader.is_up = false;
            match room {
                Some(room) => rooms.push(RoomCursor { room: room.clone(), cursor: at }),
                None => cursor = Some(at),
            }
        }
        self.waiting.values_mut().for_each(|sent| *sent = false);
        Hello {
            protocol: PROTOCOL_VERSION,
            agent: String::new(),
            name: self.name.parse().unwrap(),
            run: self.run,
            candidates: Vec::new(),
            port: None,
            cursor,
            since: None,
            backlog: 0,
            rooms,
        }
    }

    /// Uses one link until it is lost.
    async fn over(&mut self, mut link: Link, count: u64, chance: &mut Chance, enough: &CancellationToken) {
        let welcome = &link.welcome;
        assert!(welcome.resumed && welcome.missed == 0, "{welcome:?}");
        self.begin(None, welcome.log, welcome.start, true);
        let new: Vec<RoomName> = self
            .rooms
            .iter()
            .filter(|room| !self.readers.contains_key(&Some((*room).clone())))
            .cloned()
            .collect();
        let joins = new.into_iter().map(|room| {
            ClientMessage::Join(JoinRoom { request: 1, room, cursor: None, since: None, backlog: 0 })
        });
        if send(&mut link, joins.collect()).await.is_none() {
            return;
        }
        let (mut heard, mut due) = (Instant::now(), Instant::now());
        loop {
            if Instant::now() >= due && (self.said.len() as u64) < count {
                (0..1 + chance.below(6)).for_each(|_| self.say(chance));
                due = Instant::now() + chance.span(Duration::from_secs(4));
            }
            let outbox = self.outbox();
            if send(&mut link, outbox).await.is_none() {
                return;
            }
            let next = tokio::select! {
                next = timeout(Duration::from_secs(2), link.reader.next()) => next,
                () = enough.cancelled() => return,
            };
            let answer = match next {
                Ok(Ok(Some(message))) => {
                    heard = Instant::now();
                    self.hear(message)
                }
                Ok(_) => return,
                Err(_) if heard.elapsed() >= LOBBY_DEAD_AFTER => return,
                Err(_) => (heard.elapsed() >= LOBBY_PING_AFTER).then_some(ClientMessage::Ping),
            };
            if send(&mut link, answer.into_iter().collect()).await.is_none() {
                return;
            }
        }
    }

    fn say(&mut self, chance: &mut Chance) {
        let id = self.said.len() as u64 + 1;
        let room = match chance.below(3) {
            0 => None,
            n => Some(self.rooms[n as usize - 1].clone()),
        };
        let text = format!("{} {id} {}", self.name, "x".repeat(chance.below(300) as usize));
        self.said.insert(id, (room, text));
        self.waiting.insert(id, false);
    }

    /// Returns what is to be sent now: for each log the texts that have no answer, in their order, if the server has
    /// already said from where it goes on.
    fn outbox(&mut self) -> Vec<ClientMessage> {
        let mut messages = Vec::new();
        for (id, sent) in self.waiting.iter_mut().filter(|(_, sent)| !**sent) {
            let (room, text) = &self.said[id];
            if self.readers.get(room).is_some_and(|reader| reader.is_up) {
                *sent = true;
                let text = Text::new(text.as_str()).unwrap();
                messages.push(ClientMessage::Say { id: *id, room: room.clone(), text });
            }
        }
        messages
    }

    fn begin(&mut self, room: Option<RoomName>, log: LogId, start: Position, resumed: bool) {
        let first = start.seq.next();
        let new = || Reader { log, position: start, first, seen: Vec::new(), is_up: true };
        let reader = self.readers.entry(room).or_insert_with(new);
        if !resumed {
            // A room may only be lost if nothing was said in it.
            assert_eq!(reader.position.seq, Seq(0), "a room in which something was said has another log");
            (reader.log, reader.position, reader.first) = (log, start, start.seq.next());
        }
        assert_eq!((reader.log, reader.position), (log, start));
        reader.is_up = true;
    }

    fn hear(&mut self, message: ServerMessage) -> Option<ClientMessage> {
        match message {
            ServerMessage::Ping => return Some(ClientMessage::Pong),
            ServerMessage::Joined(JoinedRoom { room, log, start, missed, resumed, .. }) => {
                assert!(self.rooms.contains(&room), "in {room}, unasked");
                assert_eq!(missed, 0);
                let resumed = resumed && self.readers.get(&Some(room.clone())).is_none_or(|it| it.log == log);
                self.begin(Some(room), log, start, resumed);
            }
            ServerMessage::Said(said) => {
                let reader =
                    self.readers.get_mut(&said.room().cloned()).expect("nothing is heard of other rooms");
                assert!(reader.is_up, "a message came before the server said from where the log goes on");
                for message in reader.position.advance_over(&said).unwrap() {
                    let own = message.key == self.identity.public() && message.run == self.run;
                    if !own {
                        reader.seen.push(message);
                    } else if self.waiting.remove(&message.id).is_some() {
                        self.sent.insert(message.id, message.seq);
                    }
                }
            }
            ServerMessage::Accepted { id, seq } if self.waiting.remove(&id).is_some() => {
                self.sent.insert(id, seq);
            }
            ServerMessage::NotAccepted(NotAccepted { id, code, .. }) => {
                assert!(matches!(code, NotAcceptedCode::Store | NotAcceptedCode::Id), "{code:?}");
                if self.waiting.remove(&id).is_some() {
                    self.refused.insert(id);
                }
            }
            ServerMessage::Skipped { .. } | ServerMessage::Bad { .. } | ServerMessage::NotJoined { .. } => {
                panic!("{message:?}")
            }
            _ => {}
        }
        None
    }

    /// Compares what this client saw with everything that was ever stored. Returns how many messages were compared.
    pub(crate) fn balance(&self, disk: &Disk, fills: bool) -> usize {
        assert_eq!(self.waiting.len(), 0, "not every text has an answer");
        assert!(fills || self.refused.is_empty(), "a text was refused although the disk was never full");
        let mut all: BTreeMap<LogId, Vec<LobbyMessage>> = BTreeMap::new();
        for (room, message) in disk.in_rooms() {
            all.entry(room.log).or_default().push(message);
        }
        let lobby = self.readers[&None].log;
        all.insert(lobby, disk.everything());
        let mut checked = 0;
        let mut stored = BTreeSet::new();
        for (room, reader) in &self.readers {
            let log = all.remove(&reader.log).unwrap_or_default();
            checked += log.len();
            let is_own =
                |message: &&LobbyMessage| message.key == self.identity.public() && message.run == self.run;
            let (own, others): (Vec<&LobbyMessage>, Vec<&LobbyMessage>) = log.iter().partition(is_own);
            assert!(own.is_sorted_by(|before, after| before.id < after.id), "out of order in {room:?}");
            for message in own {
                let (meant, text) = &self.said[&message.id];
                assert_eq!(
                    meant, room,
                    "a text is stored in another log than the one for which it was meant"
                );
                assert_eq!(message.content.text().unwrap().as_str(), text);
                assert_eq!(
                    self.sent.get(&message.id),
                    Some(&message.seq),
                    "the author was told another number, or none"
                );
                assert!(stored.insert(message.id), "a text is stored twice");
            }
            let others: Vec<LobbyMessage> =
                others.into_iter().filter(|message| message.seq >= reader.first).cloned().collect();
            assert_eq!(reader.seen, others, "{} in {room:?}", self.name);
        }
        assert_eq!(stored.len(), self.sent.len(), "a text was acknowledged and is not stored");
        checked
    }
}

/// Sends these messages; returns `None` if the link takes nothing more.
async fn send(link: &mut Link, messages: Vec<ClientMessage>) -> Option<()> {
    let bytes: Vec<u8> = messages.iter().flat_map(encode).collect();
    let written = timeout(LOBBY_DEAD_AFTER, async {
        link.writer.write_all(&bytes).await?;
        link.writer.flush().await
    });
    written.await.ok()?.ok()
}

/// Makes `count` clients for a story of rooms.
pub(crate) fn members(count: u64) -> Vec<Member> {
    (0..count as usize).map(Member::new).collect()
}

/// Compares the books of all members. Returns how many messages were checked and how many links were lost.
pub(crate) fn close(disk: &Arc<Disk>, members: &[Member], fills: bool) -> (usize, u64) {
    let checked = members.iter().map(|member| member.balance(disk, fills)).sum();
    (checked, members.iter().map(|member| member.losses).sum())
}
