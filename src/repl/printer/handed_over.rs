//! A line that the editor has handed over to the app. Only the app knows whether the line says a text, and which, so it
//! tells what stays of the line on the screen. Until then the line stands there as it was typed, the next one is not
//! begun, and what is printed appears above it. This file writes nothing, and does not know what a line means.

use super::{Job, Phase, SharedTerminal, State, Stays};

impl SharedTerminal {
    /// Notes that a line is handed over, and that the app is to tell what stays of it.
    pub(in crate::repl) fn handed_over(&self) {
        self.answered_in(Phase::HandedOver);
    }

    /// Tells what stays of the line that was handed over. Only the first word on each line counts.
    pub(in crate::repl) fn let_stay(&self, stays: Stays) {
        let mut state = self.lock();
        if state.phase == Phase::HandedOver {
            state.stays.get_or_insert(stays);
        }
        self.changed.notify_all();
    }

    /// Returns what stays of the line that was handed over, and plays the editor that has finished it.
    #[cfg(test)]
    pub(in crate::repl) fn stays(&self) -> Option<Stays> {
        let mut state = self.lock();
        state.phase = Phase::Idle;
        state.stays.take()
    }
}

impl State {
    /// Returns what the editor's thread has to do with the line that was handed over; `None` if it has to wait for the
    /// app. An app that begins something else, or ends, has nothing to tell of the line.
    pub(super) fn job_for_handed_over(&mut self) -> Option<Job> {
        let goes_on = self.closing || self.grant.is_some() || self.edit.is_some();
        let stays = self.stays.take().or_else(|| goes_on.then_some(Stays::AsTyped));
        let Some(stays) = stays else { return self.backlog.take_portion().map(Job::WriteAbove) };
        self.phase = Phase::Idle;
        Some(Job::Finish(stays))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Grant, Prompt};
    use super::*;
    use crate::repl::AsSaid;

    /// A terminal with a line that was handed over.
    fn handed_over() -> SharedTerminal {
        let terminal = SharedTerminal::new();
        terminal.grant(Grant::default());
        assert!(matches!(terminal.next_job(), Job::Read(_)));
        terminal.handed_over();
        terminal
    }

    #[test]
    fn what_is_printed_before_the_line_is_judged_appears_above_it_and_the_rest_below() {
        let terminal = handed_over();
        terminal.print("before".to_owned());
        assert!(matches!(terminal.next_job(), Job::WriteAbove(text) if text == "before\n"));
        let said =
            Stays::AsSaid(AsSaid { before: Prompt::plain("anna: "), text: "hello".to_owned(), links: false });
        terminal.let_stay(said.clone());
        terminal.let_stay(Stays::AsTyped);
        terminal.print("after".to_owned());
        terminal.grant(Grant::default());
        assert!(matches!(terminal.next_job(), Job::Finish(stays) if stays == said));
        assert!(matches!(terminal.next_job(), Job::Read(_)));
        // There is no line to which this could belong.
        terminal.let_stay(said);
        assert_eq!(terminal.lock().stays, None);
    }

    #[test]
    fn a_line_of_which_the_app_tells_nothing_stays_as_it_was_typed() {
        let cases: [fn(&SharedTerminal); 2] = [|it| it.grant(Grant::default()), SharedTerminal::close];
        for goes_on in cases {
            let terminal = handed_over();
            goes_on(&terminal);
            assert!(matches!(terminal.next_job(), Job::Finish(Stays::AsTyped)));
        }
    }

    #[test]
    fn a_line_that_was_handed_over_is_not_given_up_and_neither_is_the_next_one() {
        let terminal = handed_over();
        terminal.cancel();
        terminal.grant(Grant::default());
        assert!(matches!(terminal.next_job(), Job::Finish(Stays::AsTyped)));
        assert!(matches!(terminal.next_job(), Job::Read(_)));
        assert!(!terminal.interrupted(), "the next line was given up");
    }
}
