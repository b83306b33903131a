//! `\forget NAME [--talk]`: forgets the pinned key of a user, and that sessions with this key are refused.

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::show::{failing, saying};

/// The word after the name that removes the kept private talk, too.
const TALK: &str = "--talk";

pub(super) const FORGET: Command = Command {
    name: "forget",
    aliases: &[],
    usage: "\\forget NAME",
    about: "unpin a key; --talk: your talk goes, too",
    argument: Argument::User,
    optional: false,
    group: Group::People,
    examples: &["\\forget bobby", "\\forget bobby --talk"],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let (name, with_talk) = match args.strip_suffix(TALK) {
        Some(name) if name.ends_with(char::is_whitespace) => (name.trim_end(), true),
        _ => (args, false),
    };
    let name = state.parse_name(name)?;
    let forgotten = state.trust.forget(&name);
    let pin = forgotten.map_err(|reason| failing::Private::NotForgotten { name: &name, reason })?;
    let key = pin.as_ref().map(|pin| pin.key).or_else(|| state.strangers.sent_away.forgotten(&name));
    let was_refused =
        state.strangers.sent_away.forgive(&name, key.as_ref()) || pin.as_ref().is_some_and(|pin| pin.refused);
    if let Some(key) = &key {
        state.knocks.forgive(key);
    }
    if let Some(pin) = &pin {
        state.strangers.sent_away.forgot(&name, pin.key);
        let fingerprint = pin.key.fingerprint();
        state.emit(saying::Private::Forgotten { name: &name, fingerprint }.into());
        state.sessions.unverify(&name);
    }
    if was_refused {
        state.emit(saying::Private::RefusedNoMore { name: &name }.into());
    }
    let has_talk = key.as_ref().is_some_and(|key| state.keeps_talk_with(key));
    let remover = format!("\\forget {name} {TALK}");
    match key.filter(|_| has_talk) {
        Some(key) if with_talk => {
            if !state.forget_talk_with(&key) {
                return Err(failing::Private::TalkNotRemoved(&name).into());
            }
            state.emit(saying::Private::TalkRemoved { name: &name }.into());
        }
        Some(_) if state.screen.is_terminal() => {
            state.emit(saying::Private::ShallTalkGo { name: &name }.into());
            state.user.wants_yes = Some(remover);
        }
        Some(_) => state.emit(saying::Private::TalkKept { name: &name, remover: &remover }.into()),
        None if pin.is_none() && !was_refused => {
            return Err(failing::Private::NothingToForget(&name).into());
        }
        None => {}
    }
    Ok(Progress::Done)
}
