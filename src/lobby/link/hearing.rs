//! What the link hears: each message of the server becomes an event for the app, or the reason why the connection is
//! given up. This file knows nothing of how the connection came about.

use hobnob_protocol::chain::LobbyMessage;
use hobnob_protocol::codec::CodecError;
use hobnob_protocol::message::{NotAccepted, NotAcceptedCode, Refused, RefusedCode, ServerMessage};
use hobnob_protocol::room::RoomName;
use hobnob_protocol::said::Said;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::{End, Link, Queues};
use crate::lobby::connect::{self, Dial};
use crate::lobby::event::{LobbyEvent, ServerAnswer};
use crate::lobby::sequence::{Heard, ReadPosition};

impl<D: Dial> Link<D> {
    pub(super) async fn hear(
        &mut self,
        message: Result<Option<ServerMessage>, CodecError>,
        queues: &mut Queues,
    ) -> Result<(), End> {
        let message = match message {
            Ok(Some(message)) => message,
            Ok(None) => return Err(self.lost("the server closed the link")),
            Err(CodecError::NotAMessage(err)) => {
                warn!(%err, "the server sent something that is no message");
                return Err(self.lost("the server sent something that is no message"));
            }
            Err(err) => return Err(self.lost(&err.to_string())),
        };
        let event = match message {
            ServerMessage::Said(said) => return self.said(&said, queues).await,
            ServerMessage::Ping if std::mem::take(&mut self.introduced) => LobbyEvent::IntroductionAsked,
            ServerMessage::Ping => {
                self.pongs.asked();
                return Ok(());
            }
            ServerMessage::Refused(Refused { code: RefusedCode::TakenOver, .. }) => {
                return Err(self.lost("another client of this user took the name over"));
            }
            ServerMessage::Refused(refused) if is_sent_out(refused.code) => {
                return Err(End::SentOut(refused));
            }
            ServerMessage::Refused(Refused { code, .. }) => {
                let reason = connect::refusal(code);
                queues.events.send(LobbyEvent::Refused { reason }).await.map_err(|_| End::AppGone)?;
                return Err(self.lost(reason));
            }
            ServerMessage::Bad { reason } => {
                warn!(reason, "the server could not read what this client sent");
                return Err(self.lost("the server could not read what this client sent"));
            }
            other => match self.event_of(other) {
                Some(event) => event,
                None => return Ok(()),
            },
        };
        queues.events.send(event).await.map_err(|_| End::AppGone)
    }

    pub(super) fn event_of(&mut self, message: ServerMessage) -> Option<LobbyEvent> {
        Some(match message {
            ServerMessage::Accepted { id, seq } => {
                let room = self.outbox.settle(id)?.room;
                LobbyEvent::Sent { room, id, seq, message: None }
            }
            // The text is not at fault: the server is about to end, and the text goes out again on the next connection.
            ServerMessage::NotAccepted(NotAccepted { code: NotAcceptedCode::Closing, .. }) => return None,
            ServerMessage::NotAccepted(answer) => {
                self.outbox.settle(answer.id)?;
                LobbyEvent::NotAccepted(answer)
            }
            ServerMessage::Skipped { room, after, .. } => {
                let missed = self.position_in(room.as_ref())?.skipped(after)?;
                LobbyEvent::Skipped { room, missed }
            }
            ServerMessage::Joined(joined) => {
                let resumed = self.rooms.joined(&joined)?;
                LobbyEvent::RoomJoined { joined: Box::new(joined), resumed }
            }
            ServerMessage::NotJoined { request, room, code } => {
                if !self.rooms.not_joined(&room, request) {
                    return None;
                }
                self.outbox.drop_room(&room);
                LobbyEvent::RoomNotJoined { request, room, code }
            }
            ServerMessage::Presence { room, changes } => {
                self.position_in(room.as_ref())?;
                LobbyEvent::Presence { room, changes }
            }
            ServerMessage::PresenceSkipped { room } => {
                self.position_in(room.as_ref())?;
                LobbyEvent::PresenceSkipped { room }
            }
            ServerMessage::Rooms { request, rooms, more } => {
                LobbyEvent::Answer(ServerAnswer::Rooms { request, rooms, more })
            }
            ServerMessage::Bans { request, bans, more } => {
                LobbyEvent::Answer(ServerAnswer::Bans { request, bans, more })
            }
            ServerMessage::Mutes { request, mutes, more } => {
                LobbyEvent::Answer(ServerAnswer::Mutes { request, mutes, more })
            }
            ServerMessage::Ops { request, ops, more } => {
                LobbyEvent::Answer(ServerAnswer::Ops { request, ops, more })
            }
            ServerMessage::Users { request, names, away, more } => {
                LobbyEvent::Answer(ServerAnswer::Users { request, names, away, more })
            }
            ServerMessage::Whois { request, name, key, since, away } => {
                LobbyEvent::Answer(ServerAnswer::Whois { request, name, key, since, away })
            }
            ServerMessage::NoSuchUser { request, name } => {
                LobbyEvent::Answer(ServerAnswer::NoSuchUser { request, name })
            }
            ServerMessage::History { request, after, messages, more } => {
                LobbyEvent::Answer(ServerAnswer::History { request, after, messages, more })
            }
            ServerMessage::NoAnswer { request, code } => {
                LobbyEvent::Answer(ServerAnswer::NoAnswer { request, code })
            }
            ServerMessage::Asking { request } => LobbyEvent::Answer(ServerAnswer::Asking { request }),
            ServerMessage::Asked { ask, name, key, session } => {
                if !self.asked_rate.take(Instant::now()) {
                    debug!("a question for consent too many is ignored");
                    return None;
                }
                LobbyEvent::Asked { ask, name, key, session }
            }
            ServerMessage::Introduced(introduction) => {
                let is_unasked = introduction.request.is_none();
                if is_unasked && !self.introduction_rate.take(Instant::now()) {
                    self.introduced = false;
                    debug!("an introduction too many is passed over");
                    return None;
                }
                self.introduced = is_unasked;
                LobbyEvent::Introduced(introduction)
            }
            ServerMessage::Closing => LobbyEvent::Closing,
            _ => return None,
        })
    }

    /// Returns how far the log of a room or of the lobby was read. Returns `None` for a room that this client is not
    /// in; messages of that room are ignored.
    pub(super) fn position_in(&mut self, room: Option<&RoomName>) -> Option<&mut ReadPosition> {
        match room {
            None => Some(&mut self.read_position),
            Some(room) => self.rooms.read_position(room),
        }
    }

    /// Handles messages of a log: checks that they are the next ones, and finds out which of them are this run's own.
    pub(super) async fn said(&mut self, said: &Said, queues: &mut Queues) -> Result<(), End> {
        let room = said.room().cloned();
        let Some(position) = self.position_in(room.as_ref()) else { return Ok(()) };
        let messages = match position.hear(said) {
            Heard::Next(messages) => messages,
            Heard::Gap => return Err(self.lost("messages are missing; reading on from before them")),
            Heard::Broken(broken, messages) => {
                let event = LobbyEvent::Broken { room: room.clone(), broken };
                queues.events.send(event).await.map_err(|_| End::AppGone)?;
                messages
            }
        };
        for message in messages {
            if let Some(event) = self.said_one(room.clone(), message) {
                queues.events.send(event).await.map_err(|_| End::AppGone)?;
            }
        }
        Ok(())
    }

    pub(super) fn said_one(&mut self, room: Option<RoomName>, message: LobbyMessage) -> Option<LobbyEvent> {
        if message.key == self.config.identity.public() && message.run == self.config.run {
            self.outbox.settle(message.id)?;
            let (id, seq) = (message.id, message.seq);
            return Some(LobbyEvent::Sent { room, id, seq, message: Some(Box::new(message)) });
        }
        let replayed = self.position_in(room.as_ref())?.is_replayed(message.seq);
        Some(LobbyEvent::Said { room, message: Box::new(message), replayed })
    }
}

/// Whether an operator is the reason of a refusal, so that this client does not try again by itself. A lock does not
/// count, because it ends by itself.
pub(super) fn is_sent_out(code: RefusedCode) -> bool {
    matches!(code, RefusedCode::Kicked | RefusedCode::Banned)
}
