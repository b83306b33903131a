//! How a line comes about: when its first key was pressed, and which text a key put into it as a whole. This is plain
//! data, which is told of each key before the key has its effect; it knows neither the terminal nor what a line means.

use rustyline::{KeyCode, KeyEvent, Modifiers};
use tokio::time::Instant;

use super::prompt::{Draft, Typing};

/// What is known of a line that is being typed.
#[derive(Debug, Default)]
pub(super) struct Keyed {
    typing: Typing,
    /// The line before a key that recalls a text, until the next key shows what has become of it.
    recalls: Option<Draft>,
}

impl Keyed {
    /// Notes that a key is pressed while this is in the line. While the user `searches`, the line is a query, and any key
    /// may put what was found in its place.
    pub(super) fn note(&mut self, key: KeyEvent, line: Draft, searches: bool, now: Instant) {
        if let Some(before) = self.recalls.take()
            && before.text() != line.text()
        {
            self.typing.recalled = line.clone();
        }
        if self.typing.begun.is_none() || line.is_empty() && !searches {
            self.typing.begun = Some(now);
        }
        if searches || recalls(key) {
            self.recalls = Some(line);
        }
    }

    /// Returns what is known of the line, which is finished.
    pub(super) fn take(&mut self) -> Typing {
        std::mem::take(self).typing
    }
}

/// Whether this key may put a whole text into the line: one that was typed before, or one that was cut or cleared.
fn recalls(key: KeyEvent) -> bool {
    matches!(
        key,
        KeyEvent(KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown, Modifiers::NONE)
            | KeyEvent(KeyCode::Char('P' | 'N' | 'Y' | '_'), Modifiers::CTRL)
            | KeyEvent(KeyCode::Char('<' | '>' | 'y' | 'Y'), Modifiers::ALT)
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const UP: KeyEvent = KeyEvent(KeyCode::Up, Modifiers::NONE);
    const ENTER: KeyEvent = KeyEvent(KeyCode::Enter, Modifiers::NONE);
    const ESCAPE: KeyEvent = KeyEvent(KeyCode::Esc, Modifiers::NONE);

    fn keyed(keys: &[(KeyEvent, &str)]) -> Typing {
        let mut keyed = Keyed::default();
        for (key, line) in keys {
            keyed.note(*key, Draft::at_end(*line), false, Instant::now());
        }
        keyed.take()
    }

    #[test]
    fn a_text_that_a_key_recalls_is_known_until_the_end_of_the_line() {
        let recalled = |keys: &[(KeyEvent, &str)]| keyed(keys).recalled.text();
        let a = KeyEvent::from('a');
        assert_eq!(recalled(&[(UP, ""), (ENTER, "old")]), "old");
        assert_eq!(recalled(&[(UP, ""), (UP, "old"), (a, "older"), (ENTER, "oldera")]), "older");
        assert_eq!(recalled(&[(a, ""), (ENTER, "a")]), "");
        let alt = KeyEvent(KeyCode::Char('<'), Modifiers::ALT);
        let yank = KeyEvent(KeyCode::Char('Y'), Modifiers::CTRL);
        assert_eq!(recalled(&[(alt, ""), (ENTER, "oldest")]), "oldest");
        assert_eq!(recalled(&[(a, ""), (yank, "a"), (ENTER, "acut")]), "acut");
        // This key has changed nothing, so the text is the user's own.
        assert_eq!(recalled(&[(a, ""), (UP, "a"), (ENTER, "a")]), "");
    }

    #[test]
    fn what_a_search_has_found_is_recalled() {
        let mut keyed = Keyed::default();
        for (key, line, searches) in
            [(KeyEvent::from('o'), "", true), (ENTER, "o", true), (ENTER, "found", false)]
        {
            keyed.note(key, Draft::at_end(line), searches, Instant::now());
        }
        assert_eq!(keyed.take().recalled.text(), "found");
    }

    #[test]
    fn a_line_is_begun_by_the_key_that_ends_its_emptiness() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut keyed = Keyed::default();
        keyed.note(KeyEvent::from('a'), Draft::default(), false, at(1));
        keyed.note(KeyEvent::from('b'), Draft::at_end("a"), false, at(2));
        // A query that is empty begins no line.
        keyed.note(ESCAPE, Draft::default(), true, at(3));
        assert_eq!(keyed.take().begun, Some(at(1)));
        keyed.note(KeyEvent::from('a'), Draft::default(), false, at(4));
        keyed.note(KeyEvent::from('b'), Draft::default(), false, at(5));
        assert_eq!(keyed.take().begun, Some(at(5)));
        // Under a draft, the first key counts.
        keyed.note(KeyEvent::from('a'), Draft::at_end("a draft"), false, at(6));
        keyed.note(ENTER, Draft::at_end("a drafta"), false, at(7));
        assert_eq!(keyed.take().begun, Some(at(6)));
    }
}
