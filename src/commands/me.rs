//! `\me ACTION`: says what this user does, as `* NAME ACTION`.

use hobnob_protocol::name::UserName;
use hobnob_protocol::text::Text;

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::show::failing::Worded;
use crate::show::{ErrorCode, failing};

pub(super) const ME: Command = Command {
    name: "me",
    aliases: &[],
    usage: "\\me ACTION",
    about: "say what you do: \"* anna waves\"",
    argument: Argument::Said,
    optional: false,
    group: Group::Talking,
    examples: &["\\me waves"],
    traits: Traits { heard_by_many: true, says: Some(action), ..Traits::NONE },
    run,
};

/// Called only when there is no typed line. A typed `\me` is replaced by the text that it stands for before it comes
/// here, so that it goes to the session that its prompt showed.
fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let Some(session) = state.sessions.current() else {
        return Err(failing::Sessions::NowhereToSay.into());
    };
    let text = Text::new(action(&state.me.name, args)).map_err(|err| Worded::new(ErrorCode::TooLong, err))?;
    state.say(session, text, None);
    Ok(Progress::Done)
}

/// Returns the text that `\me ARGS` says.
fn action(own: &UserName, args: &str) -> String {
    format!("* {own} {args}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_said_in_the_name_of_its_author() {
        assert_eq!(action(&"anna".parse().unwrap(), "waves"), "* anna waves");
    }
}
