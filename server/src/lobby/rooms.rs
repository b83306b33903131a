//! What clients are told of rooms: their messages, who came and went, and who is in them. This file does what was
//! decided; it decides nothing. A room exists here while a client that was told that it is in the room is still in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use hobnob_protocol::chain::LogId;
use hobnob_protocol::message::{NoAnswerCode, NotJoinedCode, ServerMessage};
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use tokio::task::yield_now;
use tokio::time::Instant;

use super::batch::RoomWords;
use super::fan_out::fan_out;
use super::presence::Presence;
use super::{FAN_OUT_SLICE, Lobby};
use crate::decide::roster::Present;
use crate::decide::{ConnectionId, Entry, Machine, RoomId, RoomView};
use crate::limits::allowance::{Allowance, Measure};
use crate::network::Network;

/// A room in which somebody is.
#[derive(Debug)]
struct Occupied {
    id: RoomId,
    /// The members, each with the position in `presence` at which it came.
    members: BTreeMap<ConnectionId, usize>,
    presence: Presence,
}

/// The rooms in which somebody is.
#[derive(Debug, Default)]
pub(super) struct OccupiedRooms {
    rooms: BTreeMap<RoomName, Occupied>,
    /// The rooms in which somebody came or went since their members were last told.
    changed: BTreeSet<RoomName>,
    /// The members of a room as they were told last: one list for everybody who asks, until something of it changes.
    shown: BTreeMap<RoomName, Present>,
}

impl OccupiedRooms {
    /// Returns the rooms in which clients of other servers are when this server starts. Nobody is told of that.
    pub(super) fn of(machine: &Machine, memory: &dyn RoomMemory) -> Self {
        let mut occupied = Self::default();
        for (id, head, members) in machine.rooms().occupied() {
            memory.open(id.log, head);
            let members = members.into_iter().map(|member| (member, 0)).collect();
            let (name, presence) = (id.name.clone(), Presence::default());
            occupied.rooms.insert(name, Occupied { id, members, presence });
        }
        occupied
    }

    /// Puts a client into a room; if it was not in it, that is to be announced. Returns true if nobody was in the room
    /// before.
    fn enter(&mut self, id: ConnectionId, name: &UserName, room: &RoomId) -> bool {
        let occupied = self.rooms.entry(room.name.clone()).or_insert_with(|| Occupied {
            id: room.clone(),
            members: BTreeMap::new(),
            presence: Presence::default(),
        });
        let is_first = occupied.members.is_empty();
        if !occupied.members.contains_key(&id) {
            occupied.presence.joined(name.clone());
            occupied.members.insert(id, occupied.presence.mark());
            self.changed.insert(room.name.clone());
        }
        is_first
    }

    /// Takes a client out of a room. Returns true if nobody is in the room any more.
    fn leave(&mut self, id: ConnectionId, name: &UserName, room: &RoomId) -> bool {
        let Some(occupied) = self.rooms.get_mut(&room.name).filter(|it| it.id.log == room.log) else {
            return false;
        };
        if occupied.members.remove(&id).is_some() {
            occupied.presence.left(name.clone());
            self.changed.insert(room.name.clone());
        }
        let is_empty = occupied.members.is_empty();
        if is_empty {
            self.rooms.remove(&room.name);
            self.changed.remove(&room.name);
        }
        is_empty
    }

    /// Whether all changes of presence in rooms were announced.
    pub(super) fn is_told(&self) -> bool {
        self.changed.is_empty()
    }

    /// Returns how many changes are to be announced.
    pub(super) fn changes(&self) -> usize {
        self.changed.iter().filter_map(|name| self.rooms.get(name)).map(|room| room.presence.mark()).sum()
    }

    /// Returns the members of a room.
    fn members(&self, name: &RoomName) -> Vec<ConnectionId> {
        self.rooms.get(name).map(|room| room.members.keys().copied().collect()).unwrap_or_default()
    }
}

/// In this time one network may make as many rooms as it may have clients. Keys cost nothing, so with a limit for each
/// key alone one computer could take all rooms within seconds.
const NEW_ROOMS_PERIOD: Duration = Duration::from_secs(3600);

/// For how many networks the new rooms are counted. When the limit is reached, a further network can make no room for
/// the moment.
const MAX_NETWORKS: usize = 64 * 1024;

/// Makes the count of rooms, of which the clients of each network may make so many.
pub(super) fn new_rooms(max_per_network: usize) -> Allowance<Network> {
    let burst = u32::try_from(max_per_network).unwrap_or(u32::MAX).max(1);
    let every = NEW_ROOMS_PERIOD / burst;
    Allowance::new(Measure { burst, every, buckets: MAX_NETWORKS, when_crowded: false })
}

impl Lobby {
    /// A client wants to join a room. The order decides that, but only this server knows whether the client's network
    /// has made too many rooms, as with names.
    pub(super) fn join_room(&mut self, from: ConnectionId, room: RoomName) {
        let network = self.machine.roster().member(from).and_then(|member| member.network);
        let is_new = !self.machine.rooms().is_there(&room);
        match network {
            Some(network) if is_new && !self.new_rooms.take(network, Instant::now()) => {
                if let Some(seat) = self.seats.get(&from) {
                    seat.outlet.not_in_room(&room, NotJoinedCode::TooSoon);
                }
            }
            _ => self.gathered.push(Entry::JoinRoom { from, room, log: LogId::random() }),
        }
    }

    /// A client is in a room: the client and the others are told so, unless the client has gone meanwhile.
    pub(super) fn let_into_room(&mut self, id: ConnectionId, name: &UserName, view: RoomView) {
        let seat = self.seats.get(&id);
        if seat.is_some_and(|seat| seat.gone) {
            return;
        }
        if self.occupied.enter(id, name, &view.id) {
            // What is told from now on follows what is stored now, which may be more than was stored when the client
            // was let in.
            let head = self.machine.rooms().stored(&view.id).unwrap_or(view.head);
            self.room_memory.open(view.id.log, head);
        }
        // Without a seat it is the client of another server, and only the others are told.
        if let Some(seat) = seat {
            seat.outlet.in_room(view);
        }
        self.metrics.rooms.set(self.machine.rooms().len() as i64);
    }

    /// A client is no longer in a room.
    pub(super) fn let_out_of_room(&mut self, id: ConnectionId, name: &UserName, room: &RoomId) {
        if self.occupied.leave(id, name, room) {
            self.room_memory.close(room.log);
        }
        if let Some(seat) = self.seats.get(&id) {
            seat.outlet.left_room(room);
        }
        self.metrics.rooms.set(self.machine.rooms().len() as i64);
    }

    /// Messages of rooms are stored: they are kept in memory for those members who read them later.
    pub(super) fn remember_rooms(&self, rooms: &[RoomWords]) {
        for room in rooms {
            self.metrics.messages.inc_by(room.messages.len() as u64);
            self.room_memory.remember(room.id.log, &room.chunks);
        }
    }

    /// Sends messages of rooms to those who are in them.
    pub(super) async fn fan_out_rooms(&mut self, rooms: &[RoomWords]) {
        let mut told = 0;
        for room in rooms {
            let members = self.occupied.members(&room.id.name);
            for chunk in &room.chunks {
                let seats = members.iter().filter_map(|id| self.seats.get(id));
                fan_out(chunk, seats.map(|seat| &seat.outlet), &mut told).await;
            }
        }
    }

    /// Tells the members of each room who came and went.
    pub(super) async fn tell_room_presence(&mut self) {
        let mut told = 0;
        for name in std::mem::take(&mut self.occupied.changed) {
            let Some(room) = self.occupied.rooms.get_mut(&name) else { continue };
            let news = room.presence.take_of(&room.id.name);
            let marks: Vec<(ConnectionId, usize)> =
                room.members.iter_mut().map(|(id, mark)| (*id, std::mem::take(mark))).collect();
            for (id, mark) in marks {
                if let Some(seat) = self.seats.get(&id) {
                    seat.outlet.presence(&news, mark);
                }
                told += 1;
                if told % FAN_OUT_SLICE == 0 {
                    yield_now().await;
                }
            }
        }
    }

    /// Answers who is in a room. Only a client that is in the room gets the answer.
    pub(super) fn users_of_room(&mut self, from: ConnectionId, request: u32, room: &RoomName) {
        if !self.machine.rooms().is_in(from, room) {
            let code = NoAnswerCode::NotInRoom;
            return self.tell(from, &ServerMessage::NoAnswer { request, code });
        }
        let present = match self.occupied.shown.get(room) {
            Some(present) => present.clone(),
            None => self.present_in(room),
        };
        if let Some(seat) = self.seats.get(&from) {
            seat.outlet.users(request, present.clone());
        }
        self.occupied.shown.insert(room.clone(), present);
    }

    fn present_in(&self, room: &RoomName) -> Present {
        let roster = self.machine.roster();
        let members = self.machine.rooms().members(room);
        let entered = |id| roster.member(id).filter(|member| member.entered);
        let names: Arc<[Arc<UserName>]> = members
            .iter()
            .filter(|(_, id)| entered(*id).is_some())
            .map(|(name, _)| Arc::clone(name))
            .collect();
        let is_away = |id| entered(id).is_some_and(|member| member.away.is_some());
        let away = members.iter().filter(|(_, id)| is_away(*id)).map(|(name, _)| Arc::clone(name)).collect();
        Present { names, away }
    }

    /// Somebody came, went, or is away: the lists of members are made anew.
    pub(super) fn users_changed(&mut self) {
        self.occupied.shown.clear();
    }

    /// Answers which rooms there are.
    pub(super) fn list_rooms(&mut self, from: ConnectionId, request: u32) {
        let rooms = self.machine.rooms_mut().list();
        if let Some(seat) = self.seats.get(&from) {
            seat.outlet.rooms(request, rooms);
        }
    }
}

/// Keeps the newest messages of rooms for connections that read them later.
pub(crate) trait RoomMemory: Send + Sync {
    /// Somebody is in this room from now on; its newest message is `head`.
    fn open(&self, room: LogId, head: hobnob_protocol::chain::Position);
    /// These chunks are stored. They follow the chunks that were remembered before, without a gap. For a room in which
    /// nobody is, nothing is remembered.
    fn remember(&self, room: LogId, chunks: &[Arc<super::Chunk>]);
    /// Nobody is in this room any more.
    fn close(&self, room: LogId);
}
