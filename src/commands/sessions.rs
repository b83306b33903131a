//! `\sessions`: lists the sessions.

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::show::Notice;

pub(super) const SESSIONS: Command = Command {
    name: "sessions",
    aliases: &["ss"],
    usage: "\\sessions",
    about: "all sessions, * the current one; unread, state",
    argument: Argument::None,
    optional: false,
    group: Group::Sessions,
    examples: &[],
    traits: Traits::NONE,
    run,
};

#[expect(clippy::unnecessary_wraps, reason = "every command has this signature")]
fn run(state: &mut State, _args: &str) -> Result<Progress, CommandError> {
    let sessions = state.sessions.rows();
    state.emit(Notice::Sessions { sessions });
    Ok(Progress::Done)
}
