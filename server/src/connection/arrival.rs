//! From which position a newcomer reads on, in the lobby and in each room. The position is looked up only when the
//! lobby has let the newcomer in: by then everything that the newcomer's cursor may name is in the log. This file reads
//! the log and changes nothing.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use hobnob_protocol::chain::{LogId, Position, Seq};
use hobnob_protocol::message::{Cursor, Hello, JoinedRoom, RoomCursor, Welcome};
use hobnob_protocol::{MAX_HISTORY_REQUEST, PROTOCOL_VERSION};

use super::Recent;
use crate::decide::RoomView;
use crate::lobby::Admitted;
use crate::log::{LobbyLog, LogError};

/// The greatest number of messages that a newcomer may get from before it came.
const MAX_BACKLOG: u64 = MAX_HISTORY_REQUEST as u64;

/// From which position a client wants to read on in one log: after a cursor, after a number, or with a backlog. The
/// first of these that the client gives counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begin {
    cursor: Option<Cursor>,
    since: Option<Seq>,
    backlog: u64,
}

impl Begin {
    /// Begins after `cursor`, or after the message `since`, or with so many of the newest messages.
    pub(super) fn new(cursor: Option<Cursor>, since: Option<Seq>, backlog: u64) -> Self {
        Self { cursor, since, backlog: backlog.min(MAX_BACKLOG) }
    }
}

/// What is remembered of a hello until its client is let in.
#[derive(Debug)]
pub(super) struct Arrival {
    begin: Begin,
    observed: IpAddr,
    /// The rooms that the client was in before and joins again.
    pub(super) rooms: Vec<RoomCursor>,
}

/// The position from which a client reads on.
struct Start {
    /// The position before the first message that the client is sent.
    position: Position,
    /// How many messages after the client's cursor are no longer kept.
    missed: u64,
    /// Whether the client goes on from what it has read already.
    resumed: bool,
}

impl Arrival {
    /// Keeps of `hello` what is needed when its client is let in. The server saw that client at the address `observed`.
    pub(super) fn new(hello: &Hello, observed: IpAddr) -> Self {
        let begin = Begin::new(hello.cursor, hello.since, hello.backlog);
        Self { begin, observed, rooms: hello.rooms.clone() }
    }

    /// Returns the answer to a client that is let in.
    pub(super) async fn welcome(
        &self,
        log: &dyn LobbyLog,
        recent: &Mutex<Recent>,
        admitted: &Admitted,
    ) -> Welcome {
        let lobby = OneLog { log, id: log.contents().log, room: None, recent: Some(recent) };
        let Start { position, missed, resumed } = lobby.start(&self.begin, admitted.head).await;
        Welcome {
            protocol: PROTOCOL_VERSION,
            name: (*admitted.name).clone(),
            log: log.contents().log,
            head: admitted.head,
            start: position,
            missed,
            resumed,
            observed: self.observed,
            servers: admitted.servers.clone(),
            topic: admitted.topic.clone(),
            motd: None,
            operator: admitted.is_operator,
        }
    }
}

/// Returns the answer to a client that joins a room; it says from which position the client reads on there.
pub(super) async fn in_room(
    log: &dyn LobbyLog,
    recent: Option<&Mutex<Recent>>,
    view: &RoomView,
    begin: &Begin,
    request: Option<u32>,
) -> JoinedRoom {
    let room = view.id.log;
    let of_room = OneLog { log, id: room, room: Some(room), recent };
    let Start { position, missed, resumed } = of_room.start(begin, view.head).await;
    JoinedRoom {
        request,
        room: view.id.name.clone(),
        log: room,
        head: view.head,
        start: position,
        missed,
        resumed,
        topic: view.topic.clone(),
        users: view.users,
    }
}

/// One log, the lobby's or a room's.
struct OneLog<'a> {
    log: &'a dyn LobbyLog,
    id: LogId,
    /// The log of a room; `None` for the lobby.
    room: Option<LogId>,
    recent: Option<&'a Mutex<Recent>>,
}

impl OneLog<'_> {
    async fn start(&self, begin: &Begin, head: Position) -> Start {
        let found = match (&begin.cursor, begin.since) {
            (Some(cursor), _) => self.resume(cursor, head).await,
            (None, Some(since)) => self.after(since, head).await.map(|position| Some((position, 0))),
            (None, None) => return self.newest(begin, head, true).await,
        };
        match found {
            Ok(Some((position, missed))) => Start { position, missed, resumed: true },
            Ok(None) => self.newest(begin, head, false).await,
            Err(err) => {
                tracing::warn!(%err, "cannot check from where a client reads on");
                self.newest(begin, head, false).await
            }
        }
    }

    /// Returns the position before the newest messages up to `head`, as many as the client wants.
    async fn newest(&self, begin: &Begin, head: Position, resumed: bool) -> Start {
        let start = |position| Start { position, missed: 0, resumed };
        let wanted = Seq(head.seq.0.saturating_sub(begin.backlog));
        let seq = match self.room {
            None => wanted.max(Seq(self.log.first().0.saturating_sub(1))).min(head.seq),
            Some(_) => wanted,
        };
        let remembered = self
            .recent
            .and_then(|recent| recent.lock().unwrap_or_else(PoisonError::into_inner).position(seq));
        match (remembered, self.room) {
            (Some(position), _) => start(position),
            (None, None) => start(head),
            (None, Some(_)) => start(self.after(seq, head).await.unwrap_or(head)),
        }
    }

    /// Returns the position from which a client with `cursor` reads on, and how many messages after the cursor are no
    /// longer kept, or `None` when the cursor is no position of this log up to `head`.
    async fn resume(&self, cursor: &Cursor, head: Position) -> Result<Option<(Position, u64)>, LogError> {
        if cursor.log != self.id || cursor.position.seq > head.seq {
            return Ok(None);
        }
        let position = self.after(cursor.position.seq, head).await?;
        if position.seq > cursor.position.seq {
            return Ok(Some((position, position.seq.0 - cursor.position.seq.0)));
        }
        Ok((position == cursor.position).then_some((position, 0)))
    }

    /// Returns the position after message `seq`, or after a later message when `seq` is no longer kept; never a later
    /// position than `head`.
    async fn after(&self, seq: Seq, head: Position) -> Result<Position, LogError> {
        if seq >= head.seq {
            return Ok(head);
        }
        let read = match self.room {
            Some(room) => self.log.read_room(room, seq, 1, 0),
            None => self.log.read(seq, 1, 0),
        };
        Ok(read.await?.after)
    }
}
