//! A person at a terminal: the prompt that is granted for one line at a time, and lines that were typed and not sent.
//! This file owns the rule that a line goes to the session that its prompt showed, or nowhere. It does not know what
//! lines mean.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use nu_ansi_term::Color;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::asked::Asked;
use super::began_with::BeganWith;
use super::counts::counts;
use super::drafts::{Begun, Drafts};
use super::hearers;
use super::said_lines::SaidLines;
use crate::client::State;
use crate::repl::{Draft, Edit, EditorWords, Grant, Prompt, ReplHandle, Stays, Typed};
use crate::session::SessionId;
use crate::show::unsent::Unsent;

/// How long it takes at least to read that a command failed and to finish a line. A line that comes sooner was typed
/// ahead or pasted together with the command, and was meant for the user to whom the command was to lead.
pub(super) const TYPED_AHEAD: Duration = Duration::from_millis(150);

/// How long it takes at least to read a new prompt and type a line. If a line is complete sooner after the prompt fell
/// back to the lobby, it was typed for the session that ended.
pub(super) const SETTLING: Duration = Duration::from_millis(700);

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
    /// The texts with which the next prompts begin.
    drafts: Drafts,
    /// What the present line began with.
    pub(super) began: BeganWith,
    /// The lines whose texts may still be refused.
    said: SaidLines,
    /// The session of the present prompt, if it is over and something was typed under its prompt.
    stale: Option<SessionId>,
    /// Until when finished lines are refused: the prompt has just fallen back to the lobby, and nobody can have read it
    /// and typed a line for it before this instant.
    settled: Option<Instant>,
    interrupted: Option<Instant>,
    asked: Option<Asked>,
    /// The sessions that are down and whose user was told that texts wait.
    waiting: HashSet<SessionId>,
    /// The session of the present prompt, and the text and the colour of the prompt.
    shown: Option<(SessionId, (String, Color))>,
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
            drafts: Drafts::default(),
            began: BeganWith::default(),
            said: SaidLines::default(),
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
    pub(super) fn returned(&self) -> String {
        format!("{}{}", self.began.granted.left, self.began.granted.right)
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
        self.said.forget_answered(|id| state.ledger.is_open(id));
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
        let Begun { draft, note } = self.drafts.take(session);
        let prompt = self.prompt_of(session, state);
        self.began = BeganWith::of(draft.clone());
        self.repl.grant(Grant {
            prompt,
            session: Some(session),
            draft,
            note,
            question: false,
            is_judged: true,
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

    /// Shows new counts in the present prompt, and the state of its link; what is typed stays.
    fn refresh(&mut self, state: &State) {
        let Some((session, before)) = &self.shown else { return };
        if *before != self.look(*session, state) {
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

    /// Whether the text of a line may go to the session that its prompt showed. If not, the line is brought back by the
    /// Up key: in the editor it would begin the next line, and the next Enter would say both, to whomever that prompt
    /// shows. Only a text that was in the editor of this session before stays there.
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
        if !over && self.began.granted.is(line) {
            self.keep_draft(line.to_owned(), "not sent", session, state);
        } else {
            self.repl.bring_back(line.to_owned());
        }
        Err(if over { Unsent::SessionOfFinishedLineOver } else { Unsent::TypedTooEarly })
    }

    /// Whether a command was typed behind a text with which the line began. If so, the Up key brings the line back,
    /// and its author can say it all the same. What comes at once may have been meant for the user to whom the command
    /// was to lead.
    pub(super) fn refuses_command_behind(&mut self, line: &str, words: &EditorWords) -> bool {
        let refuses = self.began.has_command_behind(line, words);
        if refuses {
            self.repl.bring_back(line.to_owned());
            self.refuse_typed_ahead();
        }
        refuses
    }

    /// Tells what stays on the screen of the line that was typed. Only the first word on each line counts.
    pub(super) fn let_stay(&self, stays: Stays) {
        self.repl.let_stay(stays);
    }

    /// Returns the editor.
    #[cfg(test)]
    pub(super) fn editor(&self) -> &ReplHandle {
        &self.repl
    }

    /// Lets the Up key bring back a line that was typed and not said.
    pub(super) fn bring_back(&mut self, line: String) {
        self.repl.bring_back(line);
    }

    /// Notes that from now on U+FFFD may stand for a byte that is not UTF-8.
    pub(super) fn saw_bad_byte(&mut self) {
        self.bad_byte = true;
    }

    /// Whether a line contains a character that its author did not type.
    pub(super) fn is_spoilt(&self, line: &str) -> bool {
        // The answer to a question is not said.
        self.bad_byte && self.asked.is_none() && line.contains('\u{fffd}')
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
        if self.leaving {
            // What was typed was an answer, and the question is asked again.
            return;
        }
        let session = session.unwrap_or(SessionId::LOBBY);
        // The session of the question is over, so the line that the user was asked about becomes the draft.
        let draft = match self.asked.take() {
            Some(asked) => Draft::at_end(asked.text),
            None => draft,
        };
        self.stale = (!draft.is_empty()).then_some(session);
        if draft.is_empty() {
            self.settled = Some(Instant::now() + SETTLING);
        }
        self.drafts.keep(session, draft, None);
    }

    /// Keeps an unfinished line in its session, because the user went to another session.
    pub(super) fn left(&mut self, draft: Draft, session: SessionId) {
        self.answered();
        self.stale = None;
        let draft = match self.asked.take() {
            Some(asked) => Draft::at_end(asked.text),
            // What was typed was an answer, and the question is asked again.
            None if self.leaving => Draft::default(),
            None => draft,
        };
        self.drafts.keep(session, draft, None);
    }

    /// Returns the drafts of sessions that are over, so that the user can be told.
    pub(super) fn take_orphans(&mut self, state: &State) -> Vec<(SessionId, String)> {
        let stale = self.stale;
        self.drafts.take_orphans(|session| stale == Some(session) || state.sessions.contains(session))
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
        self.drafts.keep(session, Draft::at_end(text), None);
    }

    /// Whether an external editor has the terminal, so that Ctrl-C is meant for it.
    pub(super) fn is_lent(&self) -> bool {
        self.lent
    }

    /// Whether a text in `session` is the first one that waits since the link of the session went down.
    pub(super) fn is_first_to_wait(&mut self, session: SessionId, down: bool) -> bool {
        down && self.waiting.insert(session)
    }

    /// Makes the next prompt begin with a line of this session that was refused before it was said; `note` says why. If
    /// the session is over, its prompt stays as long as the line does.
    pub(super) fn keep_draft(&mut self, line: String, note: &str, session: SessionId, state: &State) {
        self.stale = (!state.sessions.contains(session)).then_some(session);
        self.drafts.keep(session, Draft::at_end(line), Some(note));
    }

    /// Notes that the text with this number was typed as `line`.
    pub(super) fn said(&mut self, id: u64, line: &str) {
        self.said.note(id, line);
    }

    /// Lets the Up key bring back a text that was not said now and may be said later. It is not put into the editor:
    /// whoever types on without looking would say both together.
    pub(super) fn give_back(&mut self, id: u64, text: &str) {
        self.repl.bring_back(self.said.take(id, text));
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
        let (text, color) = self.look(session, state);
        let prompt = self.painted(&text, color);
        self.shown = Some((session, (text, color)));
        prompt
    }

    /// Returns the text and the colour of the prompt of a session.
    fn look(&self, session: SessionId, state: &State) -> (String, Color) {
        let (prompt, color) = hearers::prompt(session, &state.sessions);
        (format!("{prompt}{}> ", counts(session, state, self.counted)), color)
    }

    fn painted(&self, raw: &str, color: Color) -> Prompt {
        match self.color {
            true => Prompt::styled(raw, &color.bold().paint(raw).to_string()),
            false => Prompt::plain(raw),
        }
    }
}
