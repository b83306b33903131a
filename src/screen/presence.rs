//! Gathers comings and goings. The first one is shown at once, and those within the next two seconds are shown in one
//! line. While users come and go without end, there are fewer and longer lines. This is plain data: it is told the time
//! and knows nothing of screens.

use std::collections::HashMap;
use std::time::Duration;

use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use tokio::time::Instant;

use crate::show::room;
use crate::show::saying::listed;

/// How long comings and goings are gathered for one line.
const WINDOW: Duration = Duration::from_secs(2);

/// How many lines are shown at the pace of [`WINDOW`], and how often one more is shown after that. So somebody who
/// joins and leaves for days, with one name or with ever new ones, cannot fill the screen.
const LINES_AT_ONCE: u32 = 10;
const ONE_LINE_IN: Duration = Duration::from_secs(30);

/// How many names are gathered. A server with default settings has fewer clients.
const MOST: usize = 20_000;

/// What one user did since the last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move {
    /// The user came and is still there.
    Joined,
    /// The user was there before and has left.
    Left,
    /// The user came and left again.
    Passed,
    /// The user left and came back.
    Returned,
}

/// A user, and the room where the user came or went; `None` for the lobby.
type Who = (Option<RoomName>, UserName);

/// Gathers comings and goings in the lobby and in rooms.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    until: Option<Instant>,
    /// When as many lines as ever may be shown at once again.
    freely_at: Option<Instant>,
    order: Vec<Who>,
    moves: HashMap<Who, Move>,
}

impl Presence {
    /// Notes that a user came or went in the lobby or in a room. Returns true if this has to be shown at once.
    pub(crate) fn note(
        &mut self,
        room: Option<&RoomName>,
        name: &UserName,
        joined: bool,
        now: Instant,
    ) -> bool {
        if self.until.is_none() {
            let next = self.next_line_at(now);
            if next <= now {
                self.begin_window(now);
                return true;
            }
            self.until = Some(next);
        }
        let who = (room.cloned(), name.clone());
        let next = match (self.moves.get(&who), joined) {
            (None | Some(Move::Joined), true) => Move::Joined,
            (None | Some(Move::Left), false) => Move::Left,
            (Some(Move::Joined | Move::Passed), false) => Move::Passed,
            (Some(Move::Left | Move::Returned), true) => Move::Returned,
            (Some(Move::Passed), true) => Move::Joined,
            (Some(Move::Returned), false) => Move::Left,
        };
        if self.moves.len() < MOST && self.moves.insert(who.clone(), next).is_none() {
            self.order.push(who);
        }
        false
    }

    /// Whether something that the user did there was not shown yet.
    #[must_use]
    pub(crate) fn holds(&self, room: Option<&RoomName>, name: &UserName) -> bool {
        !self.moves.is_empty() && self.moves.contains_key(&(room.cloned(), name.clone()))
    }

    /// Returns when the next line has to be shown.
    #[must_use]
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.until
    }

    /// Returns the line that has to be shown by now, if there is one. If there is, gathering begins again.
    pub(crate) fn due(&mut self, now: Instant) -> Option<String> {
        if self.until.is_none_or(|until| now < until) {
            return None;
        }
        let line = self.take();
        self.until = None;
        if line.is_some() {
            self.begin_window(now);
        }
        line
    }

    /// Notes that a line is shown now, and decides when the next one may be.
    fn begin_window(&mut self, now: Instant) {
        self.freely_at = Some(self.freely_at.map_or(now, |at| at.max(now)) + ONE_LINE_IN);
        self.until = Some(self.next_line_at(now).max(now + WINDOW));
    }

    /// Returns when one more line may be shown.
    fn next_line_at(&self, now: Instant) -> Instant {
        let full = ONE_LINE_IN * (LINES_AT_ONCE - 1);
        self.freely_at.and_then(|at| at.checked_sub(full)).map_or(now, |at| at.max(now))
    }

    /// Returns what was gathered so far as one line.
    pub(crate) fn take(&mut self) -> Option<String> {
        let moves = std::mem::take(&mut self.moves);
        let order = std::mem::take(&mut self.order);
        let mut rooms: Vec<&Option<RoomName>> = order.iter().map(|(room, _)| room).collect();
        rooms.sort();
        rooms.dedup();
        let parts: Vec<String> =
            rooms.into_iter().flat_map(|room| told(room.as_ref(), &order, &moves)).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// Returns what is said about one room or about the lobby.
fn told(room: Option<&RoomName>, order: &[Who], moves: &HashMap<Who, Move>) -> Vec<String> {
    let verbs = [
        (Move::Joined, "joined"),
        (Move::Left, "left"),
        (Move::Returned, "left and came back"),
        (Move::Passed, "came and left"),
    ];
    let place = room.map_or_else(String::new, |room| format!("{}: ", room::label(room)));
    let of_room = |who: &&Who| who.0.as_ref() == room;
    verbs
        .into_iter()
        .filter_map(|(kind, verb)| {
            let names: Vec<&str> = order
                .iter()
                .filter(of_room)
                .filter(|who| moves.get(*who) == Some(&kind))
                .map(|(_, name)| name.as_str())
                .collect();
            (!names.is_empty()).then(|| format!("{place}{} {verb}", listed(&names)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> UserName {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_coming_is_shown_at_once_and_the_others_in_one_line() {
        let mut presence = Presence::default();
        let start = Instant::now();
        assert!(presence.note(None, &name("anna"), true, start));
        for who in ["bobby", "carmen"] {
            assert!(!presence.note(None, &name(who), true, start));
        }
        presence.note(None, &name("anna"), false, start);
        assert_eq!(presence.due(start + WINDOW / 2), None);
        assert_eq!(presence.due(start + WINDOW).unwrap(), "bobby and carmen joined; anna left");
        // Nothing was gathered in the meantime, so the next coming or going is shown at once again.
        assert_eq!(presence.due(start + WINDOW * 2), None);
        assert_eq!(presence.deadline(), None);
        assert!(presence.note(None, &name("dora"), true, start + WINDOW * 2));
    }

    #[tokio::test(start_paused = true)]
    async fn users_who_come_and_go_for_an_hour_cost_a_line_every_half_minute() {
        for is_one_name in [true, false] {
            let (mut presence, start) = (Presence::default(), Instant::now());
            let (mut lines, mut named) = (0, 0);
            for second in 0..3600 {
                let now = start + Duration::from_secs(second);
                let number = if is_one_name { 0 } else { second / 2 };
                lines += u64::from(presence.note(None, &name(&format!("u{number}")), second % 2 == 0, now));
                if let Some(line) = presence.due(now) {
                    lines += 1;
                    named += usize::from(line.contains("u0"));
                }
            }
            let most = u64::from(LINES_AT_ONCE) + 3600 / ONE_LINE_IN.as_secs();
            assert!(lines <= most && (named > 100 || !is_one_name), "{lines} lines, {named} of them of u0");
            // After a pause, the next one is shown at once again.
            let later = start + Duration::from_secs(2 * 3600);
            presence.due(later);
            assert_eq!(presence.due(later + WINDOW), None);
            assert!(presence.note(None, &name("anna"), true, later + ONE_LINE_IN));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn comings_and_goings_of_one_user_are_combined_and_crowds_are_counted() {
        let mut presence = Presence::default();
        let now = Instant::now();
        presence.note(None, &name("first"), true, now);
        for n in 0..10 {
            presence.note(None, &name(&format!("u{n}")), true, now);
        }
        presence.note(None, &name("u9"), false, now);
        presence.note(None, &name("x"), false, now);
        presence.note(None, &name("x"), true, now);
        let line = presence.take().unwrap();
        assert_eq!(line, "u0, u1, u2, u3 and 5 others joined; x left and came back; u9 came and left");
    }

    #[tokio::test(start_paused = true)]
    async fn comings_and_goings_in_each_room_are_shown_separately() {
        let mut presence = Presence::default();
        let (now, tea) = (Instant::now(), "tea".parse().unwrap());
        presence.note(None, &name("first"), true, now);
        presence.note(Some(&tea), &name("anna"), true, now);
        presence.note(None, &name("bobby"), true, now);
        presence.note(Some(&tea), &name("bobby"), false, now);
        assert!(presence.holds(Some(&tea), &name("anna")) && !presence.holds(None, &name("anna")));
        assert_eq!(presence.take().unwrap(), "bobby joined; #tea: anna joined; #tea: bobby left");
    }
}
