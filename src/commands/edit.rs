//! `\edit [TEXT]`: opens an external editor to write the next text.

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::show::failing;

pub(crate) const EDIT: Command = Command {
    name: "edit",
    aliases: &[],
    usage: "\\edit [TEXT]",
    about: "write the next message in your editor ($EDITOR)",
    argument: Argument::Text,
    optional: true,
    group: Group::Talking,
    examples: &["\\edit", "\\edit Dear all,"],
    traits: Traits { of_session: true, ..Traits::NONE },
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    if !state.screen.is_terminal() {
        return Err(failing::Input::NoTerminalToEdit.into());
    }
    state.user.wants_editor = Some(args.to_owned());
    Ok(Progress::Done)
}
