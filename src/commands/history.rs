//! `\history [N]`: what was said in the current session, as much of it as is kept.

use hobnob_protocol::MAX_HISTORY_REQUEST;
use hobnob_protocol::message::ClientMessage;

use super::{Argument, Command, CommandError, Group, Progress, Traits, usage};
use crate::client::State;
use crate::client::questions::{Question, Stretch};
use crate::session::{LinkState, SessionId};
use crate::show::{ErrorCode, Notice};

/// Messages shown when no number is given.
const DEFAULT_COUNT: u32 = 20;

pub(super) const HISTORY: Command = Command {
    name: "history",
    aliases: &["hist"],
    usage: "\\history [N]",
    about: "the last N messages here (default 20)",
    argument: Argument::Text,
    optional: true,
    group: Group::Reading,
    examples: &["\\hist", "\\hist 100"],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let count = match args {
        "" => DEFAULT_COUNT,
        number => number.parse().ok().filter(|count| *count > 0).ok_or_else(|| usage(&HISTORY))?,
    };
    let Some(session) = state.sessions.current() else {
        return Err(CommandError::new(
            ErrorCode::NoSuchSession,
            "no session is current: \\lobby or \\sw N first",
        ));
    };
    if session == SessionId::LOBBY && state.sessions.lobby_state() == LinkState::Up {
        return Ok(Progress::Answer(ask(state, count)));
    }
    if !state.show_recent(session, count as usize) {
        let text = "older messages of this session are not at hand";
        state.emit(Notice::say(text));
    }
    Ok(Progress::Done)
}

/// Asks the server for the newest `count` messages: up to as many as one question may ask for, whatever
/// their numbers are; for more, one part after the other from the oldest on, so that none has to be kept
/// until the others are there.
fn ask(state: &mut State, count: u32) -> u32 {
    let until = state.head;
    let mut rest = Stretch { after: until.saturating_sub(u64::from(count)), until };
    let (limit, before) = match count > MAX_HISTORY_REQUEST {
        true => rest.take_part().map_or((1, None), |(limit, before)| (limit, Some(before))),
        false => {
            rest.after = until;
            (count, None)
        }
    };
    let question = Question::History { place: None, messages: Vec::new(), rest };
    state.ask(question, HISTORY.name, |request| ClientMessage::History { request, limit, before })
}
