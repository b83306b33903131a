//! What the machine makes of an act of an operator: whether it may be done, which number it gets in the lobby's log,
//! and which clients are sent out for it. What an act means and what the rules say is decided in `acts` and `rules`.

use std::sync::Arc;

use hobnob_protocol::content::Act;
use hobnob_protocol::message::{NotAcceptedCode, Refused, RefusedCode};

use super::Machine;
use crate::decide::acts::{self, Meant};
use crate::decide::effect::Effect;
use crate::decide::entry::ProposedAct;
use crate::decide::numbering::Numbered;
use crate::decide::rules::{Actor, Denied, Moderation};

impl Machine {
    /// An operator does something. An act that is sent twice is done once.
    pub(super) fn act(&mut self, proposed: &ProposedAct, out: &mut Vec<Effect>) {
        let ProposedAct { from, id, act, lasts } = proposed;
        let Some(author) = self.roster.member(*from).filter(|_| !self.rules.is_out(*from)) else { return };
        match self.lobby.known(author, *id) {
            Some(Numbered::Known(seq)) => return out.push(Effect::ActKnown { to: *from, id: *id, seq }),
            Some(_) => {
                let code = NotAcceptedCode::Id;
                return out.push(Effect::Refused { to: *from, id: *id, code });
            }
            None => {}
        }
        let (key, name) = (author.key, Arc::clone(&author.name));
        let meant = if self.rules.rules().is_operator(&key) {
            acts::meant(act, *lasts, &self.roster, self.rules.rules())
        } else {
            Err(Denied::NotOperator)
        };
        let by = Actor { name: &name, key: &key };
        let done = meant.and_then(|meant| self.rules.moderate(by, &meant.moderation).map(|()| meant));
        let meant = match done {
            Ok(meant) => meant,
            Err(denied) => return out.push(acts::denied_act(*from, *id, denied)),
        };
        let until = meant.moderation.term().and_then(|term| term.end_from(self.last_at));
        let Meant { moderation, name: whom, target } = meant;
        let done = Act { kind: act.kind.clone(), name: whom, target, until, text: act.text.clone() };
        let Some(author) = self.roster.member(*from) else { return };
        if let Numbered::New(message) = self.lobby.number(author, *id, &done.into(), self.last_at) {
            out.push(Effect::Said { from: *from, room: None, message });
        }
        let why = |code| Refused { code, by: Some((*name).clone()), reason: act.text.clone(), until };
        self.send_out(&moderation, why, out);
    }

    /// Sends out the clients whom the act concerns.
    fn send_out(&mut self, done: &Moderation, why: impl Fn(RefusedCode) -> Refused, out: &mut Vec<Effect>) {
        let (code, ids) = match done {
            Moderation::Kick { who, .. } => {
                let named = who.name.as_ref().and_then(|name| self.roster.named(name));
                (RefusedCode::Kicked, named.into_iter().collect())
            }
            Moderation::Ban { who, .. } => {
                (RefusedCode::Banned, self.roster.with_key(&who.fingerprint, who.key))
            }
            Moderation::BanAddress { range, .. } => {
                let rules = self.rules.rules();
                let ids = self.roster.those(|member| {
                    let is_from_there = member.network.is_some_and(|network| range.contains(network.ip()));
                    is_from_there && !rules.is_operator(&member.key)
                });
                (RefusedCode::Banned, ids)
            }
            _ => return,
        };
        for id in ids {
            if self.rules.send_out(id) {
                out.push(Effect::SentOut { id, why: Box::new(why(code)) });
            }
        }
    }
}
