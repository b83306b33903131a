//! `\missed`: shows what was said in the lobby and in rooms since this user was last there, a screen at a time, from
//! the first unread message on. The current session comes first, then the others. The mark moves along. `\missed
//! mentions` shows only the messages that name this user, with their neighbours; the mark stays.

use super::{Argument, Command, CommandError, Group, Progress, Traits, usage};
use crate::client::State;
use crate::client::mentions::{Left, Page, rows_of};
use crate::client::missed::Unread;
use crate::data::history::entry::Kept;
use crate::session::SessionId;
use crate::show::{Notice, failing, saying};

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
        group.into_iter().for_each(|message| state.emit(Notice::Message(message)));
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

fn all(state: &mut State) -> Result<Progress, CommandError> {
    let next = next(state).and_then(|(session, unread)| Some((session, unread, state.keeping.log(session)?)));
    let Some((session, unread, (server, log))) = next else {
        state.emit(saying::History::NothingMissed.into());
        return Ok(Progress::Done);
    };
    let (columns, rows) = state.screen.size();
    let room = rows.saturating_sub(ROWS_BESIDE).max(1);
    let numbers = (unread.next, unread.until);
    let kept = state.keeping.history.oldest_of_log(&server, &log, numbers, room);
    let kept = kept.map_err(failing::History::MissedUnreadable)?;
    let Some(first) = kept.first() else {
        state.unread.remove(&session);
        state.keeping.set_mark(session, Some(unread.until));
        state.emit(saying::History::MissedNotKept { count: unread.left() }.into());
        return Ok(Progress::Done);
    };
    if first.number > unread.next {
        let count = first.number - unread.next;
        state.emit(saying::History::OldestMissedNotKept { count }.into());
    }
    let read = show(state, session, kept, columns, room);
    state.keeping.set_mark(session, Some(read));
    let rest = Unread { next: read + 1, ..unread };
    let room = state.room_of(session);
    if rest.left() > 0 {
        state.unread.insert(session, rest);
        state.emit(saying::History::MoreMissed { room: room.as_ref(), count: rest.left() }.into());
        return Ok(Progress::Done);
    }
    state.unread.remove(&session);
    let next = self::next(state).map(|(session, _)| state.room_of(session));
    state.emit(saying::History::AllMissedShown { next: next.as_ref().map(Option::as_ref) }.into());
    Ok(Progress::Done)
}

/// Returns where to read on: in the current session, or else in the first session that has unread messages.
fn next(state: &State) -> Option<(SessionId, Unread)> {
    let of = |session: SessionId| state.unread.get(&session).map(|unread| (session, *unread));
    let current = state.sessions.current().and_then(of);
    current.or_else(|| state.unread.first_key_value().map(|(session, unread)| (*session, *unread)))
}

/// Shows as many messages as fit, but at least one. Returns the number of the last one.
fn show(state: &mut State, session: SessionId, kept: Vec<Kept>, columns: usize, room: usize) -> u64 {
    let (mut used, mut read) = (0, 0);
    for kept in kept {
        let message = state.logged_message_again(session, &kept);
        used += if message.ignored { 0 } else { rows_of(&message, columns) };
        if used > room && read > 0 {
            break;
        }
        read = kept.number;
        state.emit(Notice::Message(message));
    }
    read
}
