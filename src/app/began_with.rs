//! The texts that stood in a line before its end was typed. A command that is typed behind one of them is no part of it.
//! This file does not know how a text came into the line.

use crate::input::line::Source;
use crate::input::typed_behind::is_command_behind;
use crate::repl::{Draft, EditorWords};

/// What the present line began with.
#[derive(Debug, Default)]
pub(super) struct BeganWith {
    /// The text with which its prompt began.
    pub(super) granted: Draft,
    /// The text that a key has brought into it last, such as Up.
    pub(super) brought: Draft,
}

impl BeganWith {
    /// Returns what a line whose prompt begins with this text began with.
    pub(super) fn of(granted: Draft) -> Self {
        Self { granted, brought: Draft::default() }
    }

    /// Whether the line consists of one of these texts and a command that was typed behind it.
    pub(super) fn has_command_behind(&self, line: &str, words: &EditorWords) -> bool {
        let source = Source::Terminal(words);
        [&self.granted, &self.brought].iter().any(|it| is_command_behind(line, (&it.left, &it.right), source))
    }
}
