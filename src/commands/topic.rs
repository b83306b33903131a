//! `\topic [TEXT]`: shows or sets the topic of the current room or the lobby. Everybody can read it. In a room
//! everybody can set it; in the lobby only operators can.

use hobnob_protocol::content::{Act, ShortText};

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::show::failing;

pub(super) const TOPIC: Command = Command {
    name: "topic",
    aliases: &[],
    usage: "\\topic [TEXT]",
    about: "what this room is about; with TEXT, say so",
    argument: Argument::Text,
    optional: true,
    group: Group::Sessions,
    examples: &["\\topic", "\\topic Green tea, mostly"],
    traits: Traits { of_session: true, heard_by_many: true, ..Traits::NONE },
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let session = state.require_in_lobby()?;
    if args.is_empty() {
        state.show_topic(session);
        return Ok(Progress::Done);
    }
    if state.sessions.current().is_none() {
        // A script whose `\\join` has failed means the room, not the lobby.
        return Err(failing::Sessions::NoTopicSet.into());
    }
    state.require_lobby_up()?;
    let text = ShortText::new(args).map_err(failing::Room::NoTopic)?;
    Ok(Progress::Acted(state.act(session, Act::topic(Some(text)), TOPIC.name)?))
}
