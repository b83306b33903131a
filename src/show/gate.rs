//! The gate that every notice passes before a person is shown it, at a terminal, on a pipe or in a replay. Afterwards
//! no character in any of its fields acts on a terminal. Each field is named here, so a notice with a new field does
//! not compile until the field passes, too. This file does not know how a notice is laid out. (`--json` does not use
//! the gate, because JSON escapes hostile characters.)

use std::borrow::Cow;

use hobnob_protocol::key::{Fingerprint, PublicKey};
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;

use super::harmless::{harmless, harmless_line};
use super::kept::KeptMessage;
use super::operators::{ActTold, OperatorTold, RestraintTold};
use super::{
    ClosedReason, ErrorCode, Failure, HelpRow, Message, MessageKind, Mode, Notice, RequestAnswer, RoomClosed,
    RoomOpened, RoomRow,
};
use crate::input::request::RequestId;
use crate::session::path::Path;
use crate::session::verification::{EndedBy, Outcome};
use crate::session::{LinkState, SessionId, SessionRow};
use crate::timestamp::Timestamp;

/// Returns `notice` with nothing in it that could act on a terminal. Texts that may have several lines keep them;
/// everything else is one line.
pub(super) fn passed(notice: &Notice) -> Notice {
    let mut notice = notice.clone();
    notice.pass();
    notice
}

/// A part of a notice.
trait Pass {
    /// Makes the part harmless.
    fn pass(&mut self);
}

/// Lets fields pass according to their types, so that the author of a new field cannot choose wrongly.
macro_rules! pass {
    ($($field:ident)*) => {{ $( $field.pass(); )* }};
}

/// These types cannot hold anything hostile: they are numbers and choices, or were checked when they were made.
macro_rules! harmless_by_type {
    ($($kind:ty)*) => { $( impl Pass for $kind { fn pass(&mut self) {} } )* };
}

harmless_by_type!(bool u32 u64 SessionId Timestamp Mode LinkState ClosedReason MessageKind ErrorCode);
harmless_by_type!(UserName RoomName Fingerprint PublicKey Outcome EndedBy Path);
// These have only numbers and names of rooms.
harmless_by_type!(RoomOpened RoomClosed);

impl Pass for String {
    fn pass(&mut self) {
        if let Cow::Owned(line) = harmless_line(self) {
            *self = line;
        }
    }
}

impl Pass for Cow<'static, str> {
    fn pass(&mut self) {
        let mut line = std::mem::take(self).into_owned();
        line.pass();
        *self = Cow::Owned(line);
    }
}

impl<T: Pass> Pass for Option<T> {
    fn pass(&mut self) {
        self.iter_mut().for_each(T::pass);
    }
}

impl<T: Pass> Pass for Vec<T> {
    fn pass(&mut self) {
        self.iter_mut().for_each(T::pass);
    }
}

/// Makes a text harmless that may have several lines.
fn pass_lines(text: &mut String) {
    if let Cow::Owned(lines) = harmless(text, "") {
        *text = lines;
    }
}

impl Pass for RequestId {
    fn pass(&mut self) {
        let mut id = self.0.to_string();
        id.pass();
        self.0 = serde_json::Value::String(id);
    }
}

impl Pass for Message {
    fn pass(&mut self) {
        let Self { session, kind, room, from, text, at, seq, replayed, mode, ignored, key } = self;
        pass_lines(text);
        pass!(session kind room from at seq replayed mode ignored key);
    }
}

impl Pass for KeptMessage {
    fn pass(&mut self) {
        let Self { kind, room, peer, from, text, at, seq, key, words } = self;
        pass_lines(text);
        pass!(kind room peer from at seq key words);
    }
}

impl Pass for HelpRow {
    fn pass(&mut self) {
        let Self { name, aliases, usage, about, group, examples, own } = self;
        pass!(name aliases usage about group examples own);
    }
}

impl Pass for SessionRow {
    fn pass(&mut self) {
        let Self { id, kind, peer, room, mode, state, path, verified, current, unread, mentions } = self;
        pass!(id kind peer room mode state path verified current unread mentions);
    }
}

impl Pass for RoomRow {
    fn pass(&mut self) {
        let Self { name, users, topic } = self;
        pass!(name users topic);
    }
}

impl Pass for ActTold {
    fn pass(&mut self) {
        let Self { seq, kind, by, name, target, until, reason, replayed } = self;
        pass!(seq kind by name target until reason replayed);
    }
}

impl Pass for RestraintTold {
    fn pass(&mut self) {
        let Self { what, name, by, at, until, reason } = self;
        pass!(what name by at until reason);
    }
}

impl Pass for OperatorTold {
    fn pass(&mut self) {
        let Self { name, fingerprint, file, hosts } = self;
        pass!(name fingerprint file hosts);
    }
}

impl Pass for RequestAnswer {
    fn pass(&mut self) {
        let Self { id, ok, seq, code, text } = self;
        pass!(id ok seq code text);
    }
}

impl Pass for Failure {
    fn pass(&mut self) {
        let Self { code, text, command } = self;
        pass!(code text command);
    }
}

impl Pass for Notice {
    fn pass(&mut self) {
        match self {
            Self::Welcome { name, server, hosted, session, fingerprint, key_exchange } => {
                pass!(name server hosted session fingerprint key_exchange);
            }
            Self::Message(message) => message.pass(),
            Self::Kept(kept) => kept.pass(),
            Self::Missed { session, room, count, mentions, from, since } => {
                pass!(session room count mentions from since);
            }
            // Everything except the room is a number or a choice.
            Self::Unread { session: _, room, count: None | Some((_, _)), is_over: _, reads_on: _ } => {
                room.pass()
            }
            Self::Sent { session, text, seq } => {
                pass_lines(text);
                pass!(session seq);
            }
            Self::Unsent { session, text, reason } => {
                pass_lines(text);
                pass!(session reason);
            }
            Self::Joined { name, session, room, ignored } | Self::Left { name, session, room, ignored } => {
                pass!(name session room ignored);
            }
            Self::Users { session, room, names, away } => pass!(session room names away),
            Self::Forking { session, peer } => pass!(session peer),
            Self::Opened { session, peer, mode, path, fingerprint, key_exchange, verified } => {
                pass!(session peer mode path fingerprint key_exchange verified);
            }
            Self::Asked { peer, fingerprint } => pass!(peer fingerprint),
            Self::Verify { session, peer, words, outcome, ended_by } => {
                pass!(session peer words outcome ended_by);
            }
            Self::Path { session, path } => pass!(session path),
            Self::Closed { session, peer, reason } => pass!(session peer reason),
            Self::Sessions { sessions } => sessions.pass(),
            Self::Switched { session } => session.pass(),
            Self::Link { session, state, for_good } => pass!(session state for_good),
            Self::Whois { name, fingerprint, since, trusted, own, seen_first, verified, away } => {
                pass!(name fingerprint since trusted own seen_first verified away);
            }
            Self::Rooms { rooms } => rooms.pass(),
            Self::Topic { session, room, text, by } => pass!(session room text by),
            Self::Motd { text } => pass_lines(text),
            Self::Act(act) => act.pass(),
            Self::Bans { bans } => bans.pass(),
            Self::Mutes { mutes } => mutes.pass(),
            Self::Ops { ops } => ops.pass(),
            Self::RoomOpened(opened) => opened.pass(),
            Self::RoomClosed(closed) => closed.pass(),
            Self::Help { commands } => commands.pass(),
            Self::Notice { text } => pass_lines(text),
            Self::Answer(answer) => answer.pass(),
            Self::Error(failure) => failure.pass(),
        }
    }
}

#[cfg(test)]
mod tests;
