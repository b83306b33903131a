//! A person at a terminal: the prompt that is granted for one line at a time, and lines that were typed and not sent.
//! This file owns the rule that a line goes to the session that its prompt showed, or nowhere. It does not know what
//! lines mean.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use nu_ansi_term::Color;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::asked::Asked;
use super::counts::counts;
use crate::client::State;
use crate::config::preferences::Links;
use crate::repl::terminal::takes_links;
use crate::repl::{Draft, Edit, Grant, Prompt, ReplHandle, Said, Typed};
use crate::session::SessionId;
use crate::show::terminal::own::{self, To};
use crate::show::unsent::Unsent;

/// How long it takes at least to read that a command failed and to finish a line. A line that comes sooner was typed
/// ahead or pasted together with the command, and was meant for the user to whom the command was to lead.
pub(super) const TYPED_AHEAD: Duration = Duration::from_millis(150);

/// How long it takes at least to read a new prompt and type a line. If a line is complete sooner after the prompt fell
/// back to the lobby, it was typed for the session that ended.
const SETTLING: Duration = Duration::from_millis(700);

/// A second Ctrl-C within this time leaves.
const SECOND_INTERRUPT: Duration = Duration::from_secs(3);

/// A person at a terminal.
#[derive(Debug)]
pub(crate) struct TerminalInput {
    repl: Arc<ReplHandle>,
    typed: mpsc::Receiver<Typed>,
    color: bool,
    /// Whether a prompt or an external editor was granted and no answer has come back yet.
    prompted: bool,
    /// Whether an external editor has the terminal.
    lent: bool,
    /// The text with which the next prompt begins; `note` says why it came back.
    draft: Draft,
    note: Option<String>,
    /// The text with which the present prompt began.
    returned: String,
    /// A text that an operator kept from being said, and its session. It comes back into the editor if nothing else is
    /// typed there.
    given_back: Option<(String, SessionId)>,
    /// The unfinished lines of sessions that the user left while typing.
    drafts: HashMap<SessionId, Draft>,
    /// The session of the present prompt, if it is over and something was typed under its prompt.
    stale: Option<SessionId>,
    /// Until when finished lines are refused: the prompt has just fallen back to the lobby, and nobody can have read it
    /// and typed a line for it before this instant.
    settled: Option<Instant>,
    interrupted: Option<Instant>,
    asked: Option<Asked>,
    /// The sessions that are down and whose user was told that texts wait.
    waiting: HashSet<SessionId>,
    /// The session of the present prompt, and the counts that the prompt shows.
    shown: Option<(SessionId, String)>,
    /// Whether the lobby ends with this user's program.
    hosts: bool,
    /// Whether this user was asked whether to leave, because the lobby ends then.
    leaving: bool,
    /// Whether the terminal has sent a byte that is not UTF-8; U+FFFD stands in its place.
    bad_byte: bool,
    /// When the counts of the prompt were last looked at.
    counted: Instant,
}

impl TerminalInput {
    pub(super) fn new(repl: Arc<ReplHandle>, typed: mpsc::Receiver<Typed>, color: bool, hosts: bool) -> Self {
        Self {
            repl,
            typed,
            color,
            prompted: false,
            lent: false,
            draft: Draft::default(),
            note: None,
            returned: String::new(),
            given_back: None,
            drafts: HashMap::new(),
            stale: None,
            settled: None,
            interrupted: None,
            asked: None,
            waiting: HashSet::new(),
            shown: None,
            hosts,
            leaving: false,
            bad_byte: false,
            counted: Instant::now(),
        }
    }

    /// Returns the text with which the present prompt began.
    #[cfg(test)]
    pub(super) fn returned(&self) -> &str {
        &self.returned
    }

    /// Returns what the user does next. Cancel-safe.
    pub(super) async fn next(&mut self) -> Typed {
        self.typed.recv().await.unwrap_or(Typed::EndOfInput)
    }

    /// Returns when the counts in the prompt change by time alone.
    pub(super) fn deadline(&self, state: &State) -> Option<Instant> {
        state.ledger.next_slow(self.counted)
    }

    /// Grants the next line, unless one is granted already.
    pub(super) fn prompt(&mut self, state: &State) {
        self.counted = Instant::now();
        self.waiting.retain(|session| state.sessions.is_down(*session));
        if self.prompted {
            return self.refresh(state);
        }
        self.prompted = true;
        if let Some(Asked { session, to, .. }) = self.asked {
            return self.question(to.prompt(), session);
        }
        if self.leaving {
            return self.question("leave? [y/N] ", SessionId::LOBBY);
        }
        let session = self.stale.or(state.sessions.current()).unwrap_or(SessionId::LOBBY);
        if self.draft.is_empty() {
            self.draft = self.drafts.remove(&session).unwrap_or_default();
        }
        if let Some((text, _)) = self.given_back.take_if(|(_, of)| *of == session)
            && self.draft.is_empty()
        {
            self.keep_draft(text, "not sent");
        }
        let prompt = self.prompt_of(session, state);
        self.returned = format!("{}{}", self.draft.left, self.draft.right);
        self.repl.grant(Grant {
            prompt,
            session: Some(session),
            draft: std::mem::take(&mut self.draft),
            note: self.note.take(),
            question: false,
            // If nobody hears the session any more, what is typed there does not stay on the screen as if it was said.
            said: to(session, state).map(|to| self.said(to, state)),
        });
    }

    fn question(&mut self, prompt: &str, session: SessionId) {
        self.shown = None;
        self.repl.grant(Grant {
            prompt: self.painted(prompt, Color::Yellow),
            session: Some(session),
            question: true,
            ..Grant::default()
        });
    }

    /// Shows new counts in the present prompt; what is typed stays.
    fn refresh(&mut self, state: &State) {
        let Some((session, before)) = &self.shown else { return };
        if *before != counts(*session, state, self.counted) {
            let prompt = self.prompt_of(*session, state);
            self.repl.set_prompt(prompt);
        }
    }

    /// Whether the lobby ends when this user leaves.
    pub(super) fn hosts(&self) -> bool {
        self.hosts
    }

    /// Whether this user is to be asked before the lobby that he hosts ends with him.
    pub(super) fn asks_before_leaving(&mut self) -> bool {
        // The user was already asked, and answered with the same command again.
        let asks = self.hosts && !std::mem::take(&mut self.leaving);
        self.answered();
        asks
    }

    /// Asks whether to leave.
    pub(super) fn ask_to_leave(&mut self) {
        self.leaving = true;
    }

    /// Whether what was typed is the answer to the question whether to leave. The question is then answered.
    pub(super) fn take_leaving(&mut self) -> bool {
        std::mem::take(&mut self.leaving)
    }

    /// Notes that what was typed under the prompt of a session that is over has been dealt with.
    pub(super) fn leave_ended(&mut self) {
        self.stale = None;
    }

    /// Whether the text of a line may go to the session that its prompt showed. If not, the line becomes the next
    /// draft, unless more may be typed ahead already; in that case the next Enter would say both.
    pub(super) fn accept(
        &mut self,
        line: &str,
        session: SessionId,
        state: &State,
    ) -> Result<(), Unsent<'static>> {
        self.leave_ended();
        let over = !state.sessions.contains(session);
        if !over && self.settled.is_none_or(|settled| Instant::now() >= settled) {
            self.settled = None;
            return Ok(());
        }
        self.settled = Some(Instant::now() + SETTLING);
        if over || line == self.returned {
            self.keep_draft(line.to_owned(), "not sent");
        }
        Err(if over { Unsent::SessionOverDraftKept } else { Unsent::TypedTooEarly })
    }

    /// Notes that from now on U+FFFD may stand for a byte that is not UTF-8.
    pub(super) fn saw_bad_byte(&mut self) {
        self.bad_byte = true;
    }

    /// Whether a line contains a character that its author did not type.
    pub(super) fn is_spoilt(&self, line: &str) -> bool {
        self.bad_byte && line.contains('\u{fffd}')
    }

    /// Asks the user to confirm a line.
    pub(super) fn ask(&mut self, asked: Asked) {
        self.answered();
        self.asked = Some(asked);
    }

    /// Returns the line that the user was asked about, now that the answer is there.
    pub(super) fn take_asked(&mut self) -> Option<Asked> {
        self.asked.take()
    }

    /// Refuses lines that are already finished, because a command that was to lead to a user has failed.
    pub(super) fn refuse_typed_ahead(&mut self) {
        self.settled = Some(Instant::now() + TYPED_AHEAD);
    }

    /// Handles the end of the current session while its prompt is out. If something has been typed, it stays under the
    /// old prompt; otherwise the lobby's prompt comes at once.
    pub(super) fn fall_back(&mut self) {
        self.settled = Some(Instant::now() + SETTLING);
        if self.prompted {
            self.repl.cancel();
        }
    }

    /// Notes that the present prompt has its answer.
    pub(super) fn answered(&mut self) {
        self.prompted = false;
        self.shown = None;
    }

    /// Takes the draft that the editor gave back when its prompt was cancelled.
    pub(super) fn cancelled(&mut self, draft: Draft, session: Option<SessionId>) {
        self.answered();
        if self.given_back.is_some() {
            // The session goes on; the prompt was cancelled only to begin with another text.
            self.draft = draft;
            return;
        }
        if self.leaving {
            // What was typed was an answer, and the question is asked again.
            return;
        }
        // The session of the question is over, so the line that the user was asked about becomes the draft.
        let draft = match self.asked.take() {
            Some(asked) => Draft::at_end(asked.text),
            None => draft,
        };
        self.stale = if draft.is_empty() { None } else { session };
        if draft.is_empty() {
            self.settled = Some(Instant::now() + SETTLING);
        }
        self.draft = draft;
    }

    /// Keeps an unfinished line in its session, because the user went to another session.
    pub(super) fn left(&mut self, draft: Draft, session: SessionId) {
        self.answered();
        self.stale = None;
        let draft = match self.asked.take() {
            Some(asked) => Draft::at_end(asked.text),
            None => draft,
        };
        if !draft.is_empty() {
            self.drafts.insert(session, draft);
        }
    }

    /// Returns the drafts of sessions that are over, so that the user can be told.
    pub(super) fn take_orphans(&mut self, state: &State) -> Vec<(SessionId, String)> {
        let orphans = self.drafts.extract_if(|session, _| !state.sessions.contains(*session));
        orphans.map(|(session, draft)| (session, draft.left + &draft.right)).collect()
    }

    /// Lends the terminal to an external editor, in place of the next prompt.
    pub(super) fn edit(&mut self, edit: Edit) {
        self.prompted = true;
        self.shown = None;
        self.lent = true;
        self.repl.edit(edit);
    }

    /// Takes the text of the external editor, which has ended.
    pub(super) fn edited(&mut self, text: String, session: SessionId, state: &State) {
        self.answered();
        self.lent = false;
        self.stale = (!state.sessions.contains(session) && !text.is_empty()).then_some(session);
        self.draft = Draft::at_end(text);
    }

    /// Whether an external editor has the terminal, so that Ctrl-C is meant for it.
    pub(super) fn is_lent(&self) -> bool {
        self.lent
    }

    /// Whether a text in `session` is the first one that waits since the link of the session went down.
    pub(super) fn is_first_to_wait(&mut self, session: SessionId, down: bool) -> bool {
        down && self.waiting.insert(session)
    }

    /// Makes the next prompt begin with this text; `note` says why the text came back.
    pub(super) fn keep_draft(&mut self, text: String, note: &str) {
        self.note = Some(note.to_owned());
        self.draft = Draft::at_end(text);
    }

    /// Gives back a text that was not said now and may be said later. The editor begins with it, unless something else
    /// has been typed by then.
    pub(super) fn give_back(&mut self, text: &str, session: SessionId) {
        // The text is given back as it would be typed, because without its escape it might be a command.
        let escape = text.chars().next().filter(|first| matches!(first, '\\' | '/'));
        let line: String = escape.into_iter().chain(text.chars()).collect();
        self.given_back = Some((line, session));
        if self.prompted && !self.lent && self.asked.is_none() && !self.leaving {
            self.repl.cancel();
        }
    }

    /// Handles Ctrl-C on an empty line. Returns true if it is the second one in a row.
    pub(super) fn interrupted(&mut self) -> bool {
        let now = Instant::now();
        let again = self.interrupted.is_some_and(|before| now - before < SECOND_INTERRUPT);
        self.interrupted = Some(now);
        again
    }

    /// Notes that something else was typed, so that the next Ctrl-C counts as a first one.
    pub(super) fn went_on(&mut self) {
        self.interrupted = None;
    }

    fn prompt_of(&mut self, session: SessionId, state: &State) -> Prompt {
        let counts = counts(session, state, self.counted);
        let over = || (format!("{session} (over)"), Color::Red);
        let (prompt, color) = to(session, state).map_or_else(over, |to| to.prompt(session));
        let prompt = self.painted(&format!("{prompt}{counts}> "), color);
        self.shown = Some((session, counts));
        prompt
    }

    /// Returns what stands before this user's own texts on the screen: the same as before the texts of others, and the
    /// receiver `to` if it is not the lobby. A line that is refused because it is finished too early does not look as
    /// if it was said.
    fn said(&self, to: To<'_>, state: &State) -> Said {
        let preferences = &state.user.preferences;
        let (raw, styled) = own::head(&state.me.name, to);
        let time = own::time_form(preferences.times);
        let links = match preferences.links {
            Links::Auto => takes_links(),
            Links::On => true,
            Links::Off => false,
        };
        let most_lines = preferences.paste_ask.into();
        let from = self.settled.map(Instant::into_std);
        Said { time, name: Prompt::styled(&raw, &styled), from, links, most_lines }
    }

    fn painted(&self, raw: &str, color: Color) -> Prompt {
        match self.color {
            true => Prompt::styled(raw, &color.bold().paint(raw).to_string()),
            false => Prompt::plain(raw),
        }
    }
}

/// Returns who hears what is said in a session; `None` if the session is over.
fn to(session: SessionId, state: &State) -> Option<To<'_>> {
    match (state.sessions.peer(session), state.sessions.room(session)) {
        (Some(peer), _) => Some(To::Peer(peer.mode, peer.peer.as_str())),
        (None, Some(room)) => Some(To::Room(&room.room)),
        (None, None) => (session == SessionId::LOBBY).then_some(To::Lobby),
    }
}
