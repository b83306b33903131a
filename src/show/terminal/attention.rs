//! What a message sends to a terminal apart from its text, so that a person who is not looking notices.

use super::super::harmless::harmless_line;
use super::super::{Message, MessageKind, room};
use super::TerminalForm;
use crate::config::preferences::Notify;

/// How many characters of a message a desktop notification shows.
const SHOWN: usize = 120;

impl TerminalForm {
    /// Returns the bell, or the sequence of a desktop notification. Neither moves the cursor.
    #[must_use]
    pub fn attention(&self, message: &Message) -> String {
        let place = match message.kind {
            MessageKind::Lobby | MessageKind::Room => format!("in {}", room::place(message.room.as_ref())),
            MessageKind::Peer => "in private".to_owned(),
        };
        let from = message.from.as_str();
        let text: String = harmless_line(&message.text).chars().take(SHOWN).collect();
        match self.preferences.notify {
            Notify::Off => String::new(),
            Notify::Bell => "\x07".to_owned(),
            Notify::Osc9 => format!("\x1b]9;{from} {place}: {text}\x07"),
            // A semicolon would begin another field.
            Notify::Osc777 => {
                format!("\x1b]777;notify;{from} {place};{}\x07", text.replace(';', ","))
            }
        }
    }
}
