//! A person at a terminal: the prompt that is granted for one line at a time, and lines that were typed and not sent.
//! This file owns the rule that a line goes to the session that its prompt showed, or nowhere. It does not know what
//! lines mean.

use std::collections::HashSet;
use std::sync::Arc;

use nu_ansi_term::Color;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::asked::{Asked, is_answer};
use super::counts::counts;
use super::drafts::{Begun, Drafts};
use super::hearers;
use super::interrupts::Interrupts;
use super::said_lines::SaidLines;
use super::settling::Settling;
use crate::client::State;
use crate::input::line::Source;
use crate::input::typed_behind::{is_command_behind, is_command_behind_recalled};
use crate::repl::{Draft, Edit, EditorWords, Grant, Prompt, ReplHandle, Stays, Typed};
use crate::session::SessionId;
use crate::show::unsent::Unsent;

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
    /// The text with which the present prompt began.
    returned: Draft,
    /// The lines whose texts may still be refused.
    said: SaidLines,
    /// The session of the present prompt, if it is over and something was typed under its prompt.
    stale: Option<SessionId>,
    /// What nobody can have read yet.
    settling: Settling,
    interrupts: Interrupts,
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
            returned: Draft::default(),
            said: SaidLines::default(),
            stale: None,
            settling: Settling::default(),
            interrupts: Interrupts::default(),
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
        self.returned.text()
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
        self.returned = draft.clone();
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
        begun: Option<Instant>,
        session: SessionId,
        state: &State,
    ) -> Result<(), Unsent<'static>> {
        self.leave_ended();
        let over = !state.sessions.contains(session);
        if !over && !self.settling.refuses(begun) {
            return Ok(());
        }
        if over {
            self.settling.fell_back();
        } else {
            self.settling.refused();
        }
        if !over && self.returned.is(line) {
            self.keep_draft(line.to_owned(), "not sent", session, state);
        } else {
            self.repl.bring_back(line.to_owned());
        }
        Err(if over { Unsent::SessionOfFinishedLineOver } else { Unsent::TypedTooEarly })
    }

    /// Whether a command was typed behind the text with which the line began, or behind a text that the user `recalled`
    /// into it. If so, the Up key brings the line back, and its author can say it all the same. What comes at once may
    /// have been meant for the user to whom the command was to lead.
    pub(super) fn refuses_command_behind(
        &mut self,
        line: &str,
        recalled: &Draft,
        words: &EditorWords,
    ) -> bool {
        let refuses = is_command_behind(line, self.returned.halves(), Source::Terminal(words))
            || is_command_behind_recalled(line, recalled.halves(), words);
        if refuses {
            self.repl.bring_back(line.to_owned());
            self.settling.failed();
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

    /// Returns what the user cannot have read yet.
    pub(super) fn settling(&mut self) -> &mut Settling {
        &mut self.settling
    }

    /// Handles the end of the current session while its prompt is out. If something has been typed, it stays under the
    /// old prompt; otherwise the lobby's prompt comes at once.
    pub(super) fn fall_back(&mut self) {
        self.settling.fell_back();
        if self.prompted {
            self.repl.cancel();
        }
    }

    /// Notes that the present prompt has its answer.
    pub(super) fn answered(&mut self) {
        self.prompted = false;
        self.shown = None;
    }

    /// Takes the draft that the editor gave back when its prompt was cancelled. Returns whether a question is over to
    /// which nobody has answered yes.
    pub(super) fn cancelled(&mut self, draft: Draft, session: Option<SessionId>) -> bool {
        self.answered();
        if self.leaving {
            // What was typed was an answer, and the question is asked again.
            return false;
        }
        let session = session.unwrap_or(SessionId::LOBBY);
        let (draft, is_refused) = self.unanswered(draft);
        self.stale = (!draft.is_empty()).then_some(session);
        if draft.is_empty() {
            self.settling.fell_back();
        }
        self.drafts.keep(session, draft, None);
        is_refused
    }

    /// Keeps an unfinished line in its session, because the user went to another session. Returns whether a question is
    /// over to which nobody has answered yes.
    pub(super) fn left(&mut self, draft: Draft, session: SessionId) -> bool {
        self.answered();
        self.stale = None;
        // What was typed was an answer if the user is asked whether to leave, and that question is asked again.
        let (draft, is_refused) =
            if self.leaving { (Draft::default(), false) } else { self.unanswered(draft) };
        self.drafts.keep(session, draft, None);
        is_refused
    }

    /// Ends a question that has no answer, and returns the draft and whether something was to be removed. What was typed
    /// in place of an answer and is none is brought back.
    fn unanswered(&mut self, draft: Draft) -> (Draft, bool) {
        let Some(asked) = self.asked.take() else { return (draft, false) };
        if !draft.is_empty() && !is_answer(&draft.text()) {
            self.repl.bring_back(draft.text());
        }
        asked.unanswered().map_or((Draft::default(), true), |text| (Draft::at_end(text), false))
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

    /// Returns when Ctrl-C was pressed last.
    pub(super) fn interrupts(&mut self) -> &mut Interrupts {
        &mut self.interrupts
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
