//! The answer to a text that was said before under the same id. This file owns the comparison with the text in the log:
//! the same text is accepted. A different text is refused, because otherwise its author would take it for stored. It
//! decides nothing about the log.

use std::sync::Arc;

use hobnob_protocol::chain::{LogId, Seq};
use hobnob_protocol::content::Content;
use hobnob_protocol::message::{NotAcceptedCode, ServerMessage};

use super::Lobby;
use super::outcome::not_accepted;
use crate::decide::{ConnectionId, RoomId};
use crate::log::LobbyLog;

/// How many comparisons may be under way at once. After a lost link each client sends again the texts without an
/// answer, mostly only a few. When the limit is reached, the answer is that the text is stored, without a comparison.
pub(super) const MAX_COMPARISONS: usize = 1024;

impl Lobby {
    /// Answers a text that the log has already, under the number `seq`.
    pub(super) fn said_again(
        &self,
        to: ConnectionId,
        id: u64,
        room: Option<RoomId>,
        seq: Seq,
        content: Content,
    ) {
        let Some(seat) = self.seats.get(&to) else { return };
        let accepted = ServerMessage::Accepted { id, seq };
        let Ok(permit) = Arc::clone(&self.comparisons).try_acquire_owned() else {
            return seat.outlet.tell(&accepted);
        };
        let (outlet, log) = (Arc::clone(&seat.outlet), Arc::clone(&self.log));
        tokio::spawn(async move {
            let room = room.map(|room| room.log);
            let answer = match is_another(&*log, room, seq, &content).await {
                true => not_accepted(id, NotAcceptedCode::Id),
                false => accepted,
            };
            outlet.tell(&answer);
            drop(permit);
        });
    }
}

/// Whether message `seq` of a log is kept and has different content. A message that is no longer kept, or cannot be
/// read now, counts as the same: an id that is used twice is a mistake in a client, and rare.
async fn is_another(log: &dyn LobbyLog, room: Option<LogId>, seq: Seq, content: &Content) -> bool {
    let before = Seq(seq.0.saturating_sub(1));
    let read = match room {
        Some(room) => log.read_room(room, before, 1, 0),
        None => log.read(before, 1, 0),
    };
    match read.await {
        Ok(stretch) => {
            stretch.messages.iter().any(|message| message.seq == seq && message.content != *content)
        }
        Err(err) => {
            tracing::warn!(%err, "cannot compare a text that was said again");
            false
        }
    }
}
