//! How a replayed event is shown: as plain lines on a pipe, and at a terminal as the rows that were on the screen then.
//! This file owns what has to be remembered of earlier events for that; it reads no file.

use std::collections::HashMap;
use std::time::Duration;

use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use nu_ansi_term::Color;
use tokio::time::Instant;

use crate::commands;
use crate::input::line::{self, Habit, Line, Source};
use crate::screen::folding::Folding;
use crate::session::{Mode, SessionId};
use crate::show::Notice;
use crate::show::harmless::harmless;
use crate::show::human::{Human, Shown};
use crate::show::terminal::TerminalForm;
use crate::show::terminal::own::To;
use crate::timestamp::Timestamp;

/// The form in which a record is shown.
pub(super) enum Look {
    /// Plain lines of text.
    Plain(Human),
    /// Rows of a terminal.
    Terminal(Box<Rows>),
}

/// A terminal on which the recorded events are shown, with its own clock.
pub(super) struct Rows {
    folding: Folding,
    columns: usize,
    /// The moment that stands for the time of the first event, and the time of the first event.
    begin: (Instant, Option<Timestamp>),
    now: Instant,
}

impl Look {
    /// Makes the form for a terminal with this many columns.
    pub(super) fn terminal(form: TerminalForm, columns: usize) -> Self {
        let now = Instant::now();
        Self::Terminal(Box::new(Rows { folding: Folding::new(form), columns, begin: (now, None), now }))
    }

    fn show(&mut self, notice: &Notice) -> String {
        match self {
            Self::Plain(human) => text(human.show(notice)),
            Self::Terminal(rows) => {
                let (gathered, shown) = rows.folding.show(notice, rows.columns, rows.now);
                text(gathered) + &text(shown)
            }
        }
    }

    fn typed(&self, prompt: &str, color: Color, typed: &str) -> String {
        match self {
            Self::Plain(_) => format!("{prompt}{}\n", harmless(typed, "    ")),
            Self::Terminal(rows) => rows.folding.form.typed(prompt, color, typed),
        }
    }

    /// Moves the clock to the time when the next event was recorded. Returns what had to be shown in the meantime.
    fn pass(&mut self, recorded: Option<Timestamp>) -> String {
        let Self::Terminal(rows) = self else { return String::new() };
        if let Some(recorded) = recorded {
            let (begin, first) = (rows.begin.0, *rows.begin.1.get_or_insert(recorded));
            let since = Duration::from_millis(recorded.0.saturating_sub(first.0));
            // If the clock of the recorded run was put back, the clock of the replay is not.
            rows.now = begin.checked_add(since).unwrap_or(rows.now).max(rows.now);
        }
        let mut passed = String::new();
        // Each line is shown at the time when it was due, because gathering for the next line begins at that time.
        while let Some(due) = rows.folding.deadline().filter(|due| *due <= rows.now) {
            passed.push_str(&text(rows.folding.due(rows.columns, due)));
        }
        passed
    }
}

/// Shows recorded events one after another.
pub(super) struct Replay {
    look: Look,
    /// For each private session, which side asked for it and the name of the other user.
    peers: HashMap<SessionId, (Mode, String)>,
    /// For each session with a room, the room.
    rooms: HashMap<SessionId, RoomName>,
    /// Whether the run was at a terminal. What was sent was then already shown when it was typed.
    at_terminal: bool,
    /// The texts that commands were to say in private, each with the name of the receiver as it was typed.
    alone: Vec<(String, String)>,
}

impl Replay {
    /// Starts before the first event.
    pub(super) fn new(look: Look) -> Self {
        Self { look, peers: HashMap::new(), rooms: HashMap::new(), at_terminal: false, alone: Vec::new() }
    }

    /// Returns what a recorded notice looked like.
    pub(super) fn notice(&mut self, notice: &Notice, recorded: Option<Timestamp>) -> String {
        let passed = self.look.pass(recorded);
        match notice {
            // At a terminal, what was sent was on the screen as a typed line. For a run on a pipe it is shown as well.
            Notice::Sent { session, text, .. } if self.at_terminal => {
                return passed + &self.said_alone(*session, text, recorded);
            }
            Notice::Sent { session, text, .. } => {
                return passed + &self.line(*session, text, Some(text), recorded);
            }
            Notice::Unsent { text, .. } => self.alone.retain(|(_, said)| said != text),
            Notice::Welcome { .. } => {
                self.peers.clear();
                self.rooms.clear();
                self.alone.clear();
                self.at_terminal = false;
            }
            Notice::Forking { session, peer } => {
                self.peers.insert(*session, (Mode::A, peer.to_string()));
            }
            Notice::Opened { session, peer, mode, .. } => {
                self.peers.insert(*session, (*mode, peer.to_string()));
            }
            Notice::RoomOpened(opened) => {
                self.rooms.insert(opened.session, opened.room.clone());
            }
            _ => {}
        }
        passed + &self.look.show(notice)
    }

    /// Returns what a typed line looked like, and the text in its place if it `said` one.
    pub(super) fn typed(
        &mut self,
        session: SessionId,
        text: &str,
        said: Option<&str>,
        recorded: Option<Timestamp>,
    ) -> String {
        self.at_terminal = true;
        let source = commands::words();
        let said_alone = match line::parse(text, Source::Terminal(&source)) {
            Line::Command(call) => commands::said_alone(call.word, call.args),
            Line::Slash(call, Habit::Same(word)) => commands::said_alone(&word, call.args),
            _ => None,
        };
        self.alone.extend(said_alone.map(|(name, text)| (name.to_owned(), text.to_owned())));
        self.look.pass(recorded) + &self.line(session, text, said, recorded)
    }

    /// Returns the row that showed a text when it was sent, because it was typed behind a command.
    fn said_alone(&mut self, session: SessionId, text: &str, recorded: Option<Timestamp>) -> String {
        let (Look::Terminal(rows), Some((mode, peer))) = (&self.look, self.peers.get(&session)) else {
            return String::new();
        };
        let named = |name: &str| name.parse::<UserName>().ok();
        let is_peer = |name: &str| named(name).is_some_and(|name| Some(name) == named(peer));
        let place = self.alone.iter().position(|(name, said)| said == text && is_peer(name));
        let Some(place) = place else { return String::new() };
        self.alone.remove(place);
        rows.folding.form.said(To::Peer(*mode, peer), text, recorded).unwrap_or_default()
    }

    /// Returns what is still to be shown at the end of the record.
    pub(super) fn rest(&mut self) -> String {
        match &mut self.look {
            Look::Plain(_) => String::new(),
            Look::Terminal(rows) => text(rows.folding.gathered(rows.columns)),
        }
    }

    fn line(
        &self,
        session: SessionId,
        text: &str,
        said: Option<&str>,
        recorded: Option<Timestamp>,
    ) -> String {
        let to = match (self.peers.get(&session), self.rooms.get(&session)) {
            (Some((mode, peer)), _) => Some(To::Peer(*mode, peer)),
            (None, Some(room)) => Some(To::Room(room)),
            (None, None) if session == SessionId::LOBBY => Some(To::Lobby),
            (None, None) => None,
        };
        if let (Look::Terminal(rows), Some(said)) = (&self.look, said)
            && let Some(said) = rows.folding.form.said(to.unwrap_or(To::Lobby), said, recorded)
        {
            return said;
        }
        let (prompt, color) =
            to.map_or_else(|| (session.to_string(), Color::Magenta), |to| to.prompt(session));
        self.look.typed(&format!("{prompt}> "), color, text)
    }
}

fn text(shown: Shown) -> String {
    match shown {
        Shown::Out(text) | Shown::Err(text) => text,
        Shown::Nothing => String::new(),
    }
}
