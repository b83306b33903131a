//! What each message of a client leads to: a command for the lobby, an answer, or the end of the connection. This file
//! waits for nothing, and decides nothing that is the lobby's to decide.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hobnob_protocol::MAX_HISTORY_REQUEST;
use hobnob_protocol::chain::Seq;
use hobnob_protocol::content::Act;
use hobnob_protocol::message::{ClientMessage, NoAnswerCode, ServerMessage};
use hobnob_protocol::room::RoomName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::{Life, Next};
use crate::connection::Recent;
use crate::connection::outgoing::PartedAnswer;
use crate::connection::rooms::Asked;
use crate::decide::ProposedAct;
use crate::lobby::{LobbyCommand, Outlet};

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Life<'_, S> {
    pub(super) fn message(&mut self, message: ClientMessage) -> Next {
        let is_free = match message {
            ClientMessage::Pong => self.connection.pong(),
            ClientMessage::Leave => true,
            _ => false,
        };
        if !is_free {
            self.ready_at = self.pace.take(Instant::now());
        }
        let from = self.id;
        match message {
            ClientMessage::Say { id, room, text } => {
                Next::Ask(LobbyCommand::Say { from, id, room, content: text.into() })
            }
            ClientMessage::Act { id, room: None, act, lasts } => {
                Next::Ask(LobbyCommand::Act(Box::new(ProposedAct { from, id, act, lasts })))
            }
            ClientMessage::Bans { request } => Next::Ask(LobbyCommand::Bans { from, request }),
            ClientMessage::Mutes { request } => Next::Ask(LobbyCommand::Mutes { from, request }),
            ClientMessage::Ops { request } => Next::Ask(LobbyCommand::Ops { from, request }),
            ClientMessage::Act { id, room, act, .. } => {
                Next::Ask(LobbyCommand::Say { from, id, room, content: as_done(act).into() })
            }
            ClientMessage::Join(join) => self.join_room(join.into()),
            ClientMessage::Part { room } => Next::Ask(LobbyCommand::Part { from, room }),
            ClientMessage::Rooms { request } => Next::Ask(LobbyCommand::Rooms { from, request }),
            ClientMessage::Users { request, room } => Next::Ask(LobbyCommand::Users { from, request, room }),
            ClientMessage::Away { text } => Next::Ask(LobbyCommand::Away { from, away: Some(text) }),
            ClientMessage::Back => Next::Ask(LobbyCommand::Away { from, away: None }),
            ClientMessage::Whois { request, name } => Next::Ask(LobbyCommand::Whois { from, request, name }),
            ClientMessage::Pair { request, name, session } => {
                let read = self.connection.introductions_read();
                Next::Ask(LobbyCommand::Pair { from, request, name, session, read })
            }
            ClientMessage::History { request, limit, room, before } => {
                self.history(request, limit, room.as_ref(), before)
            }
            ClientMessage::Hello(_) => Next::Bad("hello came twice".to_owned()),
            ClientMessage::Ping => {
                self.connection.tell(&ServerMessage::Pong);
                Next::GoOn
            }
            ClientMessage::Leave => Next::Stop,
            ClientMessage::Consent { ask, answer } => Next::Ask(LobbyCommand::Consent { from, ask, answer }),
            ClientMessage::Pong | ClientMessage::Unknown => Next::GoOn,
        }
    }

    pub(super) fn join_room(&self, asked: Asked) -> Next {
        let room = asked.room.clone();
        match self.connection.ask_for_room(asked) {
            true => Next::Ask(LobbyCommand::JoinRoom { from: self.id, room }),
            false => Next::GoOn,
        }
    }

    fn history(&self, request: u32, limit: u32, room: Option<&RoomName>, before: Option<Seq>) -> Next {
        let (room, head) = match room.map(|room| self.connection.log_of_room(room)) {
            None => (None, lock(&self.shared.recent).head()),
            Some(Some((room, head))) => (Some(room.log), head),
            Some(None) => {
                let code = NoAnswerCode::NotInRoom;
                self.connection.tell(&ServerMessage::NoAnswer { request, code });
                return Next::GoOn;
            }
        };
        let until = before.map_or(head, |before| Seq(before.0.saturating_sub(1)).min(head));
        let after = Seq(until.0.saturating_sub(u64::from(limit.min(MAX_HISTORY_REQUEST))));
        self.connection.answer(PartedAnswer::History { request, room, after, until });
        Next::GoOn
    }
}

/// Returns an act in a room as it stands in the log: of a topic, only the text is kept.
fn as_done(act: Act) -> Act {
    if act.kind.is_topic() { Act::topic(act.text) } else { act }
}

fn lock(recent: &Mutex<Recent>) -> MutexGuard<'_, Recent> {
    recent.lock().unwrap_or_else(PoisonError::into_inner)
}
