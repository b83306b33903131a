//! `\history [N]`: what was said in the current session.

use hobnob_protocol::MAX_HISTORY_REQUEST;
use hobnob_protocol::message::ClientMessage;

use super::{Argument, Command, CommandError, Group, Progress, Traits, usage};
use crate::client::State;
use crate::client::questions::Question;
use crate::session::{LinkState, SessionId};
use crate::show::ErrorCode;

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
        let limit = count.min(MAX_HISTORY_REQUEST);
        let question = Question::History { place: None, messages: Vec::new() };
        let request = state.ask(question, HISTORY.name, |request| ClientMessage::History {
            request,
            limit,
            before: None,
        });
        return Ok(Progress::Answer(request));
    }
    state.show_recent(session, count as usize);
    Ok(Progress::Done)
}
