//! The words that a person may mean as commands, as the grammar asks for them. This file does not know which words there
//! are.

/// The meaning of `/WORD` for users of other chat programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Habit {
    /// It means the same as hobnob's command with this name.
    Same(String),
    /// hobnob does this in another way, which the text describes.
    Other(String),
}

/// The words that users of other chat programs may mean as commands, for the use of the grammar.
pub trait Vocabulary {
    /// Returns what `/word` means in other chat programs, or `None` if it is only a text.
    fn habit(&self, word: &str) -> Option<Habit>;

    /// Whether `word` is a command of hobnob that says something to one user alone, or opens a private session.
    fn is_private(&self, _word: &str) -> bool {
        false
    }
}
