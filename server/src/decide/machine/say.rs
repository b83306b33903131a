//! What the machine makes of a text or a topic: who may say it where, and which number it gets in its log. It asks
//! the rules of operators who may speak, and does not carry out what operators do.

use hobnob_protocol::chain::LobbyMessage;
use hobnob_protocol::content::Content;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::NotAcceptedCode;
use hobnob_protocol::room::RoomName;

use super::Machine;
use crate::decide::acts;
use crate::decide::effect::Effect;
use crate::decide::entry::ConnectionId;
use crate::decide::numbering::Numbered;

/// The connection of a message that was kept from a single server: its author is not connected.
const NOBODY: ConnectionId = ConnectionId(0);

impl Machine {
    /// Gives a text a number in its log. A text that is sent twice gets one number. A text gets none after a later text
    /// of the same run has one.
    pub(super) fn say(
        &mut self,
        from: ConnectionId,
        id: u64,
        room: Option<&RoomName>,
        content: &Content,
        out: &mut Vec<Effect>,
    ) {
        let Some(author) = self.roster.member(from).filter(|_| !self.rules.is_out(from)) else { return };
        if let Err(code) = self.may_say(from, room, content) {
            return out.push(Effect::Refused { to: from, id, code });
        }
        let key = author.key;
        // A text that was said before these rules were made keeps its number.
        let is_known = || self.is_known(from, id, room);
        let named_since = || self.roster.named_since(&key);
        if let Err(why) = self.rules.rules().lets_speak(&key, named_since)
            && !is_known()
        {
            return out.push(acts::not_said(from, id, why));
        }
        let counts = |key: &PublicKey| !self.rules.rules().is_banned(key);
        let (room, numbered) = match room {
            None => (None, self.lobby.number(author, id, content, self.last_at)),
            Some(room) => match self.rooms.number(room, author, id, content, self.last_at, counts) {
                Some((room, numbered)) => (Some(room), numbered),
                None => return,
            },
        };
        let is_new = matches!(numbered, Numbered::New(_));
        out.push(match numbered {
            Numbered::New(message) => Effect::Said { from, room, message },
            Numbered::Known(seq) => Effect::Accepted { to: from, id, room, seq, content: content.clone() },
            Numbered::TooLate => Effect::Refused { to: from, id, code: NotAcceptedCode::Id },
        });
        if is_new {
            let spoke = self.roster.speaks(from).into_iter();
            out.extend(spoke.map(|binding| Effect::Bound { binding, is_new: false }));
        }
    }

    /// Only those who are in a room may speak there, and only they set its topic. No other act is done in a room.
    fn may_say(
        &self,
        from: ConnectionId,
        room: Option<&RoomName>,
        content: &Content,
    ) -> Result<(), NotAcceptedCode> {
        if room.is_some_and(|room| !self.rooms.is_in(from, room)) {
            return Err(NotAcceptedCode::NotInRoom);
        }
        match content.act() {
            // What operators do is done in the lobby, and holds in all rooms.
            Some(act) if room.is_some() && !act.kind.is_topic() => Err(NotAcceptedCode::BadAct),
            Some(_) if room.is_none() => Err(NotAcceptedCode::NotOperator),
            _ => Ok(()),
        }
    }

    /// A message from before the lobby had several servers has its number already. It is taken only if it follows
    /// directly on the newest message.
    pub(super) fn keep(&mut self, message: &LobbyMessage, out: &mut Vec<Effect>) {
        if self.lobby.keep(message) {
            self.last_at = self.last_at.max(message.at);
            out.push(Effect::Said { from: NOBODY, room: None, message: message.clone() });
        }
    }
}
