//! What operators do: the acts that this user has the server do as an operator, and what is told of the acts of others.
//! The case that an operator sends this user out is in `lobby_end`. This file does not know how commands are written.

use hobnob_protocol::content::{Act, ActKind, ActTarget, ShortText};
use hobnob_protocol::message::{NotAcceptedCode, OperatorRow, RestraintRow};
use hobnob_protocol::name::UserName;

use crate::client::State;
use crate::client::command_error::CommandError;
use crate::client::questions::{Open, Question};
use crate::session::SessionId;
use crate::show::operators::{ActTold, OperatorTold, RestraintTold};
use crate::show::{Notice, failing, saying};
use crate::timestamp::Timestamp;

/// How many rows of one answer are taken; after that no more parts are waited for. This is more than a server keeps,
/// and a bound for a server that sends without end.
const MOST_ROWS: usize = 10_000;

/// What this user does as an operator.
#[derive(Debug)]
pub(crate) struct Doing {
    pub(crate) kind: &'static str,
    pub(crate) name: Option<UserName>,
    pub(crate) target: Option<ActTarget>,
    /// For how many seconds it holds; `None` for good.
    pub(crate) lasts: Option<u64>,
    pub(crate) reason: Option<ShortText>,
}

impl Doing {
    /// Makes an act of this kind that is about nobody, holds for good, and has no reason.
    pub(crate) fn of(kind: &'static str) -> Self {
        Self { kind, name: None, target: None, lasts: None, reason: None }
    }
}

impl State {
    /// Notes whether this user is an operator, as the server says. A person at a terminal is told once that he is one.
    pub(crate) fn operates(&mut self, is_operator: bool) {
        let was = std::mem::replace(&mut self.is_operator, is_operator);
        if is_operator && !was && self.screen.is_terminal() {
            self.emit(saying::Operators::YouAreOneHere.into());
        }
    }

    /// Does something as an operator, for a command. Returns the number of the act.
    ///
    /// # Errors
    /// Returns an error if the lobby is down or too many acts wait for it.
    pub(crate) fn operate(&mut self, doing: Doing, command: &'static str) -> Result<u64, CommandError> {
        self.require_lobby_up()?;
        let Doing { kind, name, target, lasts, reason } = doing;
        let kind = ActKind::new(kind).map_err(failing::Room::NoTopic)?;
        let act = Act { kind, name, target, until: None, text: reason };
        self.act_for(SessionId::LOBBY, act, lasts, command)
    }

    /// Handles an act of an operator, which is in the lobby's log with the number `seq`.
    pub(super) fn operator_acted(&mut self, by: UserName, seq: u64, act: &Act, replayed: bool) {
        let name = act.name.as_ref().map(UserName::visible);
        let told = ActTold {
            seq,
            kind: act.kind.as_str().to_owned(),
            by,
            name,
            target: act.target.as_ref().map(|target| target.as_str().to_owned()),
            until: act.until.map(Timestamp),
            reason: act.text.as_ref().map(|text| text.as_str().to_owned()),
            replayed,
        };
        self.emit(Notice::Act(told));
        let is_of_me = act.target.as_ref().map(ActTarget::as_str) == Some(&*self.me.fingerprint.to_string());
        match act.kind.as_str() {
            // A replayed act may have been taken back since; the welcome has told how things are now.
            _ if !is_of_me || replayed => {}
            "op" => {
                self.is_operator = true;
                self.emit(saying::Operators::YouAreOne.into());
            }
            "deop" | "ban" => self.is_operator = false,
            _ => {}
        }
    }

    /// Takes a part of the answer that lists the bans.
    pub(super) fn bans_listed(&mut self, request: u32, part: Vec<RestraintRow>, more: bool) {
        let Some(Open { question: Question::Bans(bans), .. }) = self.questions.get_mut(request) else {
            return;
        };
        bans.extend(part.into_iter().map(restraint));
        if more && bans.len() < MOST_ROWS {
            return self.questions.asked_on(request);
        }
        if let Some(Open { question: Question::Bans(bans), .. }) = self.questions.close(request) {
            self.emit(Notice::Bans { bans });
        }
    }

    /// Takes a part of the answer that lists the mutes.
    pub(super) fn mutes_listed(&mut self, request: u32, part: Vec<RestraintRow>, more: bool) {
        let Some(Open { question: Question::Mutes(mutes), .. }) = self.questions.get_mut(request) else {
            return;
        };
        mutes.extend(part.into_iter().map(restraint));
        if more && mutes.len() < MOST_ROWS {
            return self.questions.asked_on(request);
        }
        if let Some(Open { question: Question::Mutes(mutes), .. }) = self.questions.close(request) {
            self.emit(Notice::Mutes { mutes });
        }
    }

    /// Takes a part of the answer that lists the operators.
    pub(super) fn ops_listed(&mut self, request: u32, part: Vec<OperatorRow>, more: bool) {
        let Some(Open { question: Question::Ops(ops), .. }) = self.questions.get_mut(request) else { return };
        let me = &self.me;
        ops.extend(part.into_iter().map(|row| OperatorTold {
            name: row.name.as_ref().map(UserName::visible),
            hosts: me.hosts && row.file && row.fingerprint == me.fingerprint,
            fingerprint: row.fingerprint,
            file: row.file,
        }));
        if more && ops.len() < MOST_ROWS {
            return self.questions.asked_on(request);
        }
        if let Some(Open { question: Question::Ops(ops), .. }) = self.questions.close(request) {
            self.emit(Notice::Ops { ops });
        }
    }
}

/// Makes a row of the list of bans or of mutes.
fn restraint(row: RestraintRow) -> RestraintTold {
    RestraintTold {
        what: row.what.as_str().to_owned(),
        name: row.name.as_ref().map(UserName::visible),
        by: row.by.visible(),
        at: Timestamp(row.at),
        until: row.until.map(Timestamp),
        reason: row.reason.map(|reason| reason.as_str().to_owned()),
    }
}

/// Whether an operator is the reason why a text was not taken, so that it may be sent again later.
pub(crate) fn is_held_back(code: NotAcceptedCode) -> bool {
    matches!(code, NotAcceptedCode::Muted | NotAcceptedCode::Slow | NotAcceptedCode::Locked)
}
