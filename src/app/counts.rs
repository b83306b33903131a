//! What a prompt at a terminal says besides its session: what is unread elsewhere, what is not answered yet, and the
//! words that are compared. It knows nothing of the editor.

use tokio::time::Instant;

use crate::client::State;
use crate::session::SessionId;

/// How many sessions with unread messages a prompt counts.
const COUNTED: usize = 3;

/// The largest number of unread messages that a prompt shows exactly.
const MOST_COUNTED: u64 = 99;

/// Returns the additions in the prompt of `session`: `, verified`; the words that are compared; ` (1:3)` for three
/// unread messages in session 1, ` (1:3!)` if some of them name this user; ` … 2` for two texts that have not been
/// answered for in a while.
pub(super) fn counts(session: SessionId, state: &State, now: Instant) -> String {
    let verified =
        if state.sessions.peer(session).is_some_and(|peer| peer.verified) { ", verified" } else { "" };
    let unread = format!("{verified}{}{}", compared(session, state), unread(session, state));
    match state.ledger.slow(now) {
        0 => unread,
        slow => format!("{unread} … {slow}"),
    }
}

/// Returns the words that are compared with another user, so that they stay on the screen until both have answered: the
/// words of this session, or else of the first session that has some.
fn compared(session: SessionId, state: &State) -> String {
    if let Some(words) = state.verifications.words(session) {
        return format!(" [{words}]");
    }
    match state.verifications.first_words() {
        Some((other, words)) => format!(" [{other}: {words}]"),
        None => String::new(),
    }
}

fn unread(session: SessionId, state: &State) -> String {
    let mut rows = state.sessions.rows();
    rows.retain(|row| row.unread > 0 && !row.current && row.id != session);
    let has_more = rows.len() > COUNTED;
    if has_more {
        // Strangers may open many sessions. Those of others are counted before theirs.
        rows.sort_by_key(|row| state.strangers.is_unanswered(row.id));
        rows.truncate(COUNTED);
        rows.sort_by_key(|row| row.id);
    }
    let unread: Vec<String> = rows
        .iter()
        .map(|row| {
            let (count, more) =
                if row.unread > MOST_COUNTED { (MOST_COUNTED, "+") } else { (row.unread, "") };
            let named = if row.mentions > 0 { "!" } else { "" };
            format!("{}:{count}{more}{named}", row.id)
        })
        .collect();
    match unread.is_empty() {
        true => String::new(),
        false => format!(" ({}{})", unread.join(" "), if has_more { " …" } else { "" }),
    }
}
