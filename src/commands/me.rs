//! `\me ACTION`: says what one does, as `* NAME ACTION`.

use hobnob_protocol::name::Text;

use super::{Argument, Command, CommandError, Group, Progress};
use crate::client::State;
use crate::input::aliases;
use crate::show::ErrorCode;

pub(super) const ME: Command = Command {
    name: "me",
    aliases: &[],
    usage: "\\me ACTION",
    about: "say what you do: \"* anna waves\"",
    argument: Argument::Text,
    optional: false,
    group: Group::Talking,
    examples: &["\\me waves"],
    run,
};

/// For callers that have no line to expand: a typed one is a text before it comes here, so that it
/// goes to the session its prompt showed.
fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let Some(session) = state.sessions.current() else {
        let text = "no session is current: \\lobby, \\sw or \\fork first; nothing was said";
        return Err(CommandError::new(ErrorCode::NoSuchSession, text));
    };
    let text = Text::new(aliases::action(&state.me.name, args))
        .map_err(|err| CommandError::new(ErrorCode::TooLong, err.to_string()))?;
    state.say(session, text, None);
    Ok(Progress::Done)
}
