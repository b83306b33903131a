//! What a connection does in rooms: it puts joins to the lobby, tells the client the answers, and takes what the lobby
//! brings from each room. How far the client has read in each room is in [`rooms`](super::rooms).

use std::sync::{Arc, Mutex};

use hobnob_protocol::chain::Seq;
use hobnob_protocol::codec;
use hobnob_protocol::message::{JoinedRoom, NotJoinedCode, ServerMessage};
use hobnob_protocol::room::RoomName;
use tokio::io::{AsyncRead, AsyncWrite};

use super::arrival::Begin;
use super::recent::Recent;
use super::rooms::{Asked, Brought};
use super::{Connection, Inner};
use crate::decide::{RoomId, RoomView};
use crate::lobby::Chunk;

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Notes a join that is to be put to the lobby. When too many joins wait already, the client is told so, and the
    /// answer is false.
    pub(super) fn ask_for_room(&self, asked: Asked) -> bool {
        let refused = self.change(|inner| {
            let Err(Asked { room, request, .. }) = inner.rooms.get_or_insert_default().ask(asked) else {
                return Ok(false);
            };
            let code = NotJoinedCode::Busy;
            inner.outgoing.push(codec::encode(&ServerMessage::NotJoined { request, room, code }))?;
            Ok(true)
        });
        refused == Some(false)
    }

    /// Returns the number up to which the client was sent messages in a room that it is in already.
    pub(super) fn sent_up_to(&self, room: &RoomId) -> Option<Seq> {
        self.lock().rooms.as_ref().and_then(|rooms| rooms.sent_up_to(room))
    }

    /// Tells the client that it is in a room. From now on it is sent what is said there.
    pub(super) fn joined(&self, mut joined: JoinedRoom, recent: Option<Arc<Mutex<Recent>>>) {
        self.change(|inner| {
            let Some(rooms) = &mut inner.rooms else { return Ok(()) };
            let Some(asked) = rooms.arrived(joined.start.seq, recent) else { return Ok(()) };
            joined.request = asked.request;
            inner.outgoing.push(codec::encode(&ServerMessage::Joined(joined)))
        });
        // The task then sends what follows that position.
        self.lock().waker.wake_by_ref();
    }

    /// Returns the log of a room that the client is in, and the number of the room's newest message.
    pub(super) fn log_of_room(&self, room: &RoomName) -> Option<(RoomId, Seq)> {
        self.lock().rooms.as_ref().and_then(|rooms| rooms.log_of(room))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Inner<S> {
    /// Returns the next room that the lobby let the client into and of which the client was not told yet.
    pub(super) fn next_arrival(&mut self, taking: bool) -> Option<Box<(RoomView, Begin)>> {
        let rooms = self.rooms.as_mut().filter(|_| taking && self.ending.is_none())?;
        rooms.next_arrival().map(Box::new)
    }

    /// Takes a chunk of a room straight from the lobby; true when the chunk is written.
    pub(super) fn said_in_room(&mut self, room: &RoomId, chunk: &Chunk) -> bool {
        let writable = self.wire.blocked_since().is_none();
        let brought =
            self.rooms.as_mut().map_or(Brought::Nothing, |rooms| rooms.brought(room, chunk, writable));
        match brought {
            Brought::Write => self.seal_chunk(chunk),
            Brought::Later => self.waker.wake_by_ref(),
            Brought::Nothing => {}
        }
        brought == Brought::Write
    }
}
