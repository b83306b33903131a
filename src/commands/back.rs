//! `\back`: tells that this user is there again.

use hobnob_protocol::message::ClientMessage;

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::session::LinkState;
use crate::show::saying;

pub(super) const BACK: Command = Command {
    name: "back",
    aliases: &[],
    usage: "\\back",
    about: "here again",
    argument: Argument::None,
    optional: false,
    group: Group::Talking,
    examples: &[],
    traits: Traits::NONE,
    run,
};

#[expect(clippy::unnecessary_wraps, reason = "every command has this signature")]
fn run(state: &mut State, _args: &str) -> Result<Progress, CommandError> {
    let saying = match state.user.away.take() {
        Some(_) => saying::User::Back,
        None => saying::User::WasNotAway,
    };
    if state.sessions.lobby_state() == LinkState::Up {
        state.lobby.ask(ClientMessage::Back);
    }
    state.emit(saying.into());
    Ok(Progress::Done)
}
