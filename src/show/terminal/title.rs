//! The title of the terminal: the lobby's address, whether it is down, and how much is unread. This file owns the words of the title, and
//! which terminals accept one. The editor sends the sequences that set the title and restore the old one.

use super::super::harmless::harmless_line;
use super::{TerminalForm, links};

/// How many characters of the lobby's address the title shows.
const SHOWN: usize = 80;

/// The largest number of unread messages that the title shows exactly.
const MOST_COUNTED: u64 = 99;

/// Terminals, by the beginning of `TERM`, that accept a title and no links. Other terminals might show the title as
/// text.
const TAKE_TITLES_ALONE: [&str; 2] = ["rxvt", "screen"];

/// Whether a terminal of this name accepts a title.
#[must_use]
pub fn is_taken_by(term: &str) -> bool {
    links::are_taken_by(term) || TAKE_TITLES_ALONE.iter().any(|name| term.starts_with(name))
}

impl TerminalForm {
    /// Returns the title when this much is unread; `None` if no title is wanted or accepted, or if the lobby is not
    /// known yet. A lobby that `is_down` is named as such.
    #[must_use]
    pub fn title(&self, unread: u64, is_down: bool) -> Option<String> {
        let server = self.server.as_ref().filter(|_| self.preferences.title && self.takes_titles)?;
        let lobby: String = harmless_line(server).chars().take(SHOWN).collect();
        let state = if is_down { " (down)" } else { "" };
        Some(match unread {
            0 => format!("hobnob: {lobby}{state}"),
            1..=MOST_COUNTED => format!("({unread}) hobnob: {lobby}{state}"),
            _ => format!("({MOST_COUNTED}+) hobnob: {lobby}{state}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Notice;
    use super::*;
    use crate::config::preferences::Preferences;

    fn form(server: &str) -> TerminalForm {
        let preferences = Preferences { title: true, ..Preferences::default() };
        let mut form =
            TerminalForm::new(false, jiff::tz::TimeZone::UTC, preferences, jiff::Timestamp::UNIX_EPOCH);
        form.takes_titles = true;
        let welcome = serde_json::json!({"event": "welcome", "name": "anna", "server": server, "hosted": false,
            "session": 0, "key_exchange": "X25519",
            "fingerprint": "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"});
        let welcome: Notice = serde_json::from_value(welcome).unwrap();
        form.show(&welcome, 80);
        form
    }

    #[test]
    fn the_title_tells_the_lobby_and_the_unread_count_if_it_is_wanted_and_supported() {
        let mut form = form("tea.example:43210");
        let titles = [0, 1, 99, 100].map(|unread| form.title(unread, false).unwrap());
        let lobby = "hobnob: tea.example:43210";
        assert_eq!(titles, ["", "(1) ", "(99) ", "(99+) "].map(|count| format!("{count}{lobby}")));
        assert_eq!(form.title(3, true).unwrap(), format!("(3) {lobby} (down)"));
        form.preferences.title = false;
        assert_eq!(form.title(1, false), None);
        form.preferences.title = true;
        form.takes_titles = false;
        assert_eq!(form.title(1, true), None);
    }

    #[test]
    fn a_title_contains_no_control_characters_and_has_a_bounded_length() {
        for hostile in ["a\u{1b}\\b\u{7}c\nd\u{9c}", &"x".repeat(10_000)] {
            let title = form(hostile).title(1, true).unwrap();
            assert!(!title.chars().any(char::is_control), "{title:?}");
            assert!(title.chars().count() <= SHOWN + 20);
        }
    }

    #[test]
    fn terminals_that_would_show_a_title_as_text_get_none() {
        assert!(["xterm-256color", "tmux-256color", "screen"].into_iter().all(is_taken_by));
        assert!(!["linux", "vt100", "dumb", ""].into_iter().any(is_taken_by));
    }
}
