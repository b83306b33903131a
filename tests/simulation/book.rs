//! The book of all effects, which checks whether they add up: each text has at most one number, no name is held by two
//! users, and only users who are in the lobby or room speak there.

use std::collections::{BTreeMap, BTreeSet};

use hobnob_order::ServerId;
use hobnob_protocol::chain::{LobbyMessage, LogId, Position};
use hobnob_protocol::name::UserName;
use hobnob_server::decide::{ConnectionId, Effect, NameBinding, Party, RoomId};

/// All effects so far, and the check whether they add up.
#[derive(Default)]
pub(crate) struct Book {
    texts: Texts,
    here: BTreeMap<ConnectionId, UserName>,
    names: BTreeMap<UserName, NameBinding>,
    pub(crate) head: Option<Position>,
    last_at: u64,
    over: BTreeSet<ServerId>,
    rooms: BTreeMap<LogId, RoomPage>,
}

/// The effects in one room.
struct RoomPage {
    id: RoomId,
    head: Position,
    members: BTreeSet<ConnectionId>,
    texts: Texts,
}

impl RoomPage {
    fn new(id: &RoomId) -> Self {
        let (head, members) = (Position::start(&id.log), BTreeSet::new());
        Self { id: id.clone(), head, members, texts: Texts::default() }
    }
}

/// The texts of one log, each by its author and its number in the author's run.
#[derive(Default)]
struct Texts {
    all: BTreeSet<(Party, u64)>,
    last: BTreeMap<Party, u64>,
}

impl Texts {
    fn note(&mut self, message: &LobbyMessage) {
        let author = (message.key, message.run);
        assert!(self.all.insert((author, message.id)), "a text has two numbers");
        assert!(
            self.last.insert(author, message.id).is_none_or(|last| last < message.id),
            "the texts of an author are out of order"
        );
    }
}

impl Book {
    pub(crate) fn beginning(start: Position) -> Self {
        Self { head: Some(start), ..Self::default() }
    }

    pub(crate) fn note(&mut self, effect: &Effect) {
        match effect {
            Effect::Said { from, room: None, message } => self.said(*from, message),
            Effect::Said { from, room: Some(room), message } => self.said_in(*from, room, message),
            Effect::Accepted { room: None, seq, .. } => {
                assert!(self.head.is_some_and(|head| *seq <= head.seq));
            }
            Effect::Accepted { room: Some(room), seq, .. } => assert!(*seq <= self.rooms[&room.log].head.seq),
            Effect::InRoom { id, name, view, is_new } => {
                assert_eq!(self.here.get(id), Some(&**name), "a user in a room is not in the lobby");
                let other = |page: &&RoomPage| page.id.name == view.id.name && page.id.log != view.id.log;
                assert!(self.rooms.values().find(other).is_none(), "there are two rooms with one name");
                let page = self.rooms.entry(view.id.log).or_insert_with(|| RoomPage::new(&view.id));
                assert_eq!(page.members.insert(*id), *is_new);
                assert_eq!((page.head, page.members.len()), (view.head, view.users as usize));
            }
            Effect::LeftRoom { id, name, room } => {
                assert_eq!(
                    self.here.get(id),
                    Some(&**name),
                    "a user left a room after he had left the lobby"
                );
                let page = self.rooms.get_mut(&room.log).expect("it was joined");
                assert!(page.members.remove(id));
                if page.members.is_empty() && page.head.seq.0 == 0 {
                    self.rooms.remove(&room.log);
                }
            }
            Effect::RoomSeen(kept) => assert!(self.rooms[&kept.id.log].head.seq.0 > 0),
            Effect::RoomGone(room) => {
                assert!(self.rooms.remove(&room.log).expect("it was there").members.is_empty());
            }
            Effect::Joined { id, name, head, .. } => {
                assert_eq!(self.head, Some(*head));
                assert!(!self.here.values().any(|other| *other == **name), "{name} is here twice");
                assert_eq!(self.here.insert(*id, (**name).clone()), None);
            }
            Effect::Left { id, name } => {
                assert_eq!(self.here.remove(id).as_ref(), Some(&**name));
                assert!(
                    self.rooms.values().all(|page| !page.members.contains(id)),
                    "a user who left the lobby is still in a room"
                );
            }
            Effect::TakenOver { id } => assert!(self.here.contains_key(id)),
            Effect::Bound { binding, is_new } => {
                let before = self.names.insert(binding.name.clone(), binding.clone());
                assert_eq!(before.is_none(), *is_new);
                assert!(
                    before.as_ref().is_none_or(|before| before.seen <= binding.seen),
                    "the date of a name went back"
                );
                assert!(
                    before.is_none_or(|before| before.key == binding.key),
                    "a name that is bound got another key"
                );
            }
            Effect::Freed(name) => {
                assert!(self.names.remove(name).is_some());
                assert!(!self.here.values().any(|other| other == name), "{name} is in use");
            }
            Effect::ActKnown { seq, .. } => assert!(self.head.is_some_and(|head| *seq <= head.seq)),
            Effect::SentOut { id, .. } => {
                assert!(self.here.contains_key(id), "a user who is sent out is not in the lobby")
            }
            Effect::NotAdmitted { id, .. } => {
                assert!(!self.here.contains_key(id), "a user who is not let in is in the lobby")
            }
            Effect::Ended(server) => assert!(self.over.insert(*server), "a life ended twice"),
            Effect::Contradicted(place) => panic!("contradicted at {place:?}"),
            Effect::Refused { .. }
            | Effect::NoNameLeft { .. }
            | Effect::NotInRoom { .. }
            | Effect::NotSaid { .. }
            | Effect::Rules(_) => {}
        }
    }

    pub(crate) fn head_of(&self, room: &RoomId) -> Position {
        self.rooms.get(&room.log).map_or(Position::start(&room.log), |page| page.head)
    }

    fn said_in(&mut self, from: ConnectionId, room: &RoomId, message: &LobbyMessage) {
        self.has_author_here(from, message);
        let page = self.rooms.get_mut(&room.log).expect("it was joined");
        assert!(page.members.contains(&from), "the author is not in the room");
        page.texts.note(message);
        page.head.advance(message).expect("the chain holds");
    }

    fn said(&mut self, from: ConnectionId, message: &LobbyMessage) {
        assert!(!self.over.contains(&from.server()), "an entry of a life that is over was decided");
        self.has_author_here(from, message);
        self.texts.note(message);
        assert!(message.at >= self.last_at, "the time of the messages goes back");
        self.last_at = message.at;
        self.head.as_mut().expect("it begins somewhere").advance(message).expect("the chain holds");
    }

    fn has_author_here(&self, from: ConnectionId, message: &LobbyMessage) {
        let name = self.here.get(&from);
        assert_eq!(name, Some(&message.name), "the author is not in the lobby under this name");
    }
}
