//! A line about which its author is asked before anything happens.

use crate::session::SessionId;

/// A line that has an effect only if its author confirms it.
#[derive(Debug)]
pub(super) struct Asked {
    /// The line as it was typed.
    pub(super) text: String,
    /// The session in which the line is to be said, or was typed.
    pub(super) session: SessionId,
    /// What happens to the line after a yes.
    pub(super) to: AskedTo,
}

/// What happens to a line after a yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AskedTo {
    /// The line is said as a text.
    Send,
    /// The line is a command that removes something, and is carried out.
    Remove,
}

impl Asked {
    /// Returns the text that becomes a draft again if the question has no answer, which means no. A command that removes
    /// something never does: Enter alone would then mean yes.
    pub(super) fn unanswered(self) -> Option<String> {
        match self.to {
            AskedTo::Send => Some(self.text),
            AskedTo::Remove => None,
        }
    }
}

impl AskedTo {
    pub(super) const fn prompt(self) -> &'static str {
        match self {
            Self::Send => "send it? [y/N] ",
            Self::Remove => "remove it? [y/N] ",
        }
    }
}

/// Whether an answer means no. Other answers count as no, too, but may have been meant as something else.
pub(super) fn is_no(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "" | "n" | "no")
}

/// Whether an answer means yes. Enter alone does not.
pub(super) fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

/// Whether what was typed answers a question.
pub(super) fn is_answer(answer: &str) -> bool {
    is_yes(answer) || is_no(answer)
}
