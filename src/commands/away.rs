//! `\away [TEXT]`: tells users who ask that this user is not there, and why.

use hobnob_protocol::away::AwayText;
use hobnob_protocol::message::ClientMessage;

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::session::LinkState;
use crate::show::failing::Worded;
use crate::show::{ErrorCode, saying};

pub(super) const AWAY: Command = Command {
    name: "away",
    aliases: &[],
    usage: "\\away [TEXT]",
    about: "not there; \\users marks it, \\whois tells TEXT",
    argument: Argument::Text,
    optional: true,
    group: Group::Talking,
    examples: &["\\away", "\\away lunch until one"],
    traits: Traits { heard_by_many: true, ..Traits::NONE },
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let text = AwayText::new(args).map_err(|err| Worded::new(ErrorCode::TooLong, err))?;
    state.user.away = Some(text.clone());
    // While the lobby is down this cannot be told; it is told when the lobby is back.
    if state.sessions.lobby_state() == LinkState::Up {
        state.lobby.ask(ClientMessage::Away { text });
    }
    state.emit(saying::User::Away.into());
    Ok(Progress::Done)
}
