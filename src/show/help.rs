//! The rows of `\help`.

use serde::{Deserialize, Serialize};

/// One command as `\help` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelpRow {
    /// The word after the backslash.
    pub name: String,
    /// Shorter words for it.
    pub aliases: Vec<String>,
    /// How the command is written.
    pub usage: String,
    /// What the command does.
    pub about: String,
    /// The group of commands to which it belongs.
    #[serde(default)]
    pub group: String,
    /// Example lines, if help was asked for this command alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
    /// Whether it is one of the user's own programs, and not one of hobnob's commands.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
}

impl HelpRow {
    /// Returns the heading above its group of commands.
    #[must_use]
    pub fn heading(&self) -> &str {
        if self.own { "commands of your own" } else { &self.group }
    }
}
