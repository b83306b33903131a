//! Does what operators decided: tells clients that are sent out or not let in why, and answers what operators ask. This
//! file decides nothing.

use std::sync::Arc;

use hobnob_protocol::chain::Position;
use hobnob_protocol::content::ActTarget;
use hobnob_protocol::key::Fingerprint;
use hobnob_protocol::message::{
    NoAnswerCode, OperatorRow, Refused, RefusedCode, RestraintRow, ServerMessage,
};
use hobnob_protocol::name::UserName;

use super::{Admitted, Ending, Lobby, Seat};
use crate::decide::ConnectionId;
use crate::decide::rules::Sentence;

impl Lobby {
    /// Returns what a client that is let in is told.
    pub(super) fn admitted(&self, id: ConnectionId, name: Arc<UserName>, head: Position) -> Admitted {
        let rules = self.machine.rules();
        let is_operator =
            self.machine.roster().member(id).is_some_and(|member| rules.is_operator(&member.key));
        Admitted { name, head, topic: rules.topic().cloned(), is_operator, servers: self.machine.addresses() }
    }

    /// An operator sent a client out. That the client has left is proposed when its connection has ended.
    pub(super) fn sent_out(&mut self, id: ConnectionId, why: Refused) {
        let roster = self.machine.roster();
        if let Some(key) = roster.member(id).map(|member| member.key) {
            // This is done on every server, whichever of them the user is connected to, because each server relays for
            // all users of the lobby.
            let is_here = roster.those(|member| member.key == key).into_iter().any(|other| other != id);
            // The relay learns from the rules which keys are banned and until when, so only a kicked key is noted here.
            let may_go_on = is_here || why.code != RefusedCode::Kicked;
            self.kept_out.sent_out(key, may_go_on);
        }
        if let Some(seat) = self.seats.get(&id) {
            self.metrics.sent_out.inc();
            seat.outlet.end(Ending::now(ServerMessage::Refused(why)));
        }
    }

    /// A newcomer is not let in.
    pub(super) fn not_admitted(&mut self, id: ConnectionId, why: Refused) {
        self.give_back_new_name(id);
        if let Some(seat) = self.seats.remove(&id) {
            self.metrics.turned_away.inc();
            seat.outlet.end(Ending::now(ServerMessage::Refused(why)));
        }
    }

    /// Answers who and what is banned. Only operators get the answer, because it contains addresses.
    pub(super) fn bans(&self, from: ConnectionId, request: u32) {
        if let Some(seat) = self.seat_of_operator(from, request) {
            let bans = self.machine.rules().bans().into_iter();
            seat.outlet
                .bans(request, bans.filter_map(|ban| row(&ban.what, ban.name, ban.sentence)).collect());
        }
    }

    /// Answers who is muted. Only operators get the answer, as with bans.
    pub(super) fn mutes(&self, from: ConnectionId, request: u32) {
        if let Some(seat) = self.seat_of_operator(from, request) {
            let mutes = self.machine.rules().mutes().into_iter();
            let rows = mutes.filter_map(|muted| row(&muted.fingerprint, muted.name, muted.sentence));
            seat.outlet.mutes(request, rows.collect());
        }
    }

    /// Returns the seat of an operator. Anybody else who asks such a question is told that he is none.
    fn seat_of_operator(&self, from: ConnectionId, request: u32) -> Option<&Seat> {
        let (seat, member) = (self.seats.get(&from)?, self.machine.roster().member(from)?);
        if self.machine.rules().is_operator(&member.key) {
            return Some(seat);
        }
        seat.outlet.tell(&ServerMessage::NoAnswer { request, code: NoAnswerCode::NotOperator });
        None
    }

    /// Answers who the operators are. Operators who are here are named by the names they have here.
    pub(super) fn ops(&self, from: ConnectionId, request: u32) {
        let Some(seat) = self.seats.get(&from) else { return };
        let (rules, roster) = (self.machine.rules(), self.machine.roster());
        let here = roster.those(|member| rules.is_operator(&member.key));
        let here = here.iter().filter_map(|id| roster.member(*id));
        let here: Vec<_> = here.map(|member| (member.key.fingerprint(), &member.name)).collect();
        let name = |fingerprint: &Fingerprint| {
            let found = here.iter().find(|(other, _)| other == fingerprint);
            found.map(|(_, name)| UserName::clone(name))
        };
        let ops = rules.operators().into_iter().map(|row| OperatorRow {
            name: name(&row.fingerprint).or(row.name),
            fingerprint: row.fingerprint,
            file: row.in_file,
        });
        seat.outlet.ops(request, ops.collect());
    }
}

/// Makes a row of the answer that lists the bans or the mutes.
fn row(what: &impl ToString, name: Option<UserName>, sentence: Sentence) -> Option<RestraintRow> {
    let what = ActTarget::new(what.to_string()).ok()?;
    let Sentence { by, at, until, reason } = sentence;
    Some(RestraintRow { what, name, by, at, until, reason })
}
