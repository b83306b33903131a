//! `\missed`: shows what was said in the lobby and in rooms since this user was last there, a screen at a time, from
//! the first unread message on. The current session comes first, then the others. The mark moves along. `\missed
//! mentions` shows only the messages that name this user, with their neighbours; the mark stays.

use super::{Argument, Command, CommandError, Group, Progress, Traits, usage};
use crate::client::State;
use crate::client::mentions::{Left, Page};
use crate::show::{failing, saying};

/// How many rows of the screen are needed for other things: the prompt, the sentence below the messages, and a line
/// with the day.
const ROWS_BESIDE: usize = 4;

/// How many rows are needed besides for the sentence that tells which messages name the user.
const ROWS_OF_MARK: usize = 1;

pub(super) const MISSED: Command = Command {
    name: "missed",
    aliases: &[],
    usage: "\\missed [mentions]",
    about: "what you missed, a screen at a time",
    argument: Argument::Text,
    optional: true,
    group: Group::Reading,
    examples: &["\\missed", "\\missed mentions"],
    traits: Traits { moves_no_mark: true, ..Traits::NONE },
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    if !state.keeping.history.is_on() {
        return Err(failing::History::NoMark.into());
    }
    match args {
        "" => all(state),
        part if "mentions".starts_with(part) => mentions(state),
        _ => Err(usage(&MISSED)),
    }
}

/// Shows messages that name this user, from all sessions one after another.
fn mentions(state: &mut State) -> Result<Progress, CommandError> {
    let (columns, rows) = state.screen.size();
    let mut page = Page::new(columns, rows.saturating_sub(ROWS_BESIDE + ROWS_OF_MARK).max(1));
    state.read_missed_mentions(&mut page).map_err(failing::History::MissedUnreadable)?;
    let is_terminal = state.screen.is_terminal();
    let has_neighbours = page.has_neighbours();
    let (shown, rest) = page.take();
    let is_empty = shown.is_empty();
    for (number, group) in shown.into_iter().enumerate() {
        if is_terminal && number > 0 {
            state.emit(saying::History::LeftOut.into());
        }
        group.into_iter().for_each(|message| state.show_old_message(message));
    }
    // On a pipe no message is marked; a program sees for itself which ones name its user.
    if is_terminal && has_neighbours {
        state.emit(saying::History::MentionsHaveNeighbours.into());
    }
    let has_more = state.unread.values().any(|unread| unread.left() > 0);
    state.emit(match (rest, is_empty) {
        (Left::Some(count), _) => saying::History::MoreMentions { count: Some(count) }.into(),
        (Left::NotCounted, _) => saying::History::MoreMentions { count: None }.into(),
        (Left::Nothing, false) => saying::History::AllMentionsShown { has_more }.into(),
        (Left::Nothing, true) => saying::History::NoMentionMissed { has_more }.into(),
    });
    Ok(Progress::Done)
}

/// Shows the next missed messages of the session in which they are read next.
fn all(state: &mut State) -> Result<Progress, CommandError> {
    let unreadable = failing::History::MissedUnreadable;
    let Some(session) = state.next_unread().map_err(unreadable)? else {
        state.emit(saying::History::NothingMissed.into());
        return Ok(Progress::Done);
    };
    let (columns, rows) = state.screen.size();
    let size = (columns, rows.saturating_sub(ROWS_BESIDE).max(1));
    let left = state.read_missed(session, size).map_err(unreadable)?;
    let room = state.room_of(session);
    let count = match left {
        Left::Some(count) => Some(count),
        Left::NotCounted => None,
        Left::Nothing => {
            let next = state.next_unread().map_err(unreadable)?.map(|session| state.room_of(session));
            state.emit(saying::History::AllMissedShown { next: next.as_ref().map(Option::as_ref) }.into());
            return Ok(Progress::Done);
        }
    };
    state.emit(saying::History::MoreMissed { room: room.as_ref(), count }.into());
    Ok(Progress::Done)
}
