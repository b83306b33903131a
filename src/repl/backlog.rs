//! What waits to be shown: a queue with a bound. Pure data, no thread and no terminal.
//!
//! At the bound the oldest text goes, is counted, and is spoken of once, where it would have stood:
//! whoever pours in ten thousand lines a second has scrolled them off the screen anyway.

use std::collections::VecDeque;

/// Lines that may wait. A terminal that is stopped (Ctrl-S, a suspended `ssh`) fills this.
const MAX_LINES: usize = 10_000;

/// Bytes that may wait: ten thousand lines of ordinary length, or far fewer of the longest.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Lines written at one go: enough that a flood costs little, few enough that a key struck
/// meanwhile is answered at once.
const CHUNK_LINES: usize = 200;

/// Bytes written at one go, for the same reason.
const CHUNK_BYTES: usize = 64 * 1024;

/// The cursor to the top, and nothing below it.
const EMPTY_SCREEN: &str = "\x1b[H\x1b[2J";

#[derive(Debug, Default)]
pub(super) struct Backlog {
    waiting: VecDeque<(String, usize)>,
    lines: usize,
    bytes: usize,
    skipped: u64,
}

impl Backlog {
    /// Queues `text`, one message; a newline is put at its end where there is none.
    pub(super) fn push(&mut self, mut text: String) {
        if !text.ends_with('\n') {
            text.push('\n');
        }
        let lines = text.bytes().filter(|&byte| byte == b'\n').count();
        self.lines += lines;
        self.bytes += text.len();
        self.waiting.push_back((text, lines));
        self.make_room();
    }

    /// Queues what shows no text: it has no line, and is not spoken of where it goes.
    pub(super) fn push_signal(&mut self, sequence: String) {
        self.bytes += sequence.len();
        self.waiting.push_back((sequence, 0));
        self.make_room();
    }

    fn make_room(&mut self) {
        while self.waiting.len() > 1 && (self.lines > MAX_LINES || self.bytes > MAX_BYTES) {
            let oldest = self.pop();
            self.skipped += u64::from(oldest.is_some_and(|(_, lines)| lines > 0));
        }
    }

    /// Forgets what waits; the next chunk empties the screen.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
        self.waiting.push_back((EMPTY_SCREEN.to_owned(), 0));
        self.bytes = EMPTY_SCREEN.len();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The next whole messages, as many as make one write; nothing when nothing waits.
    pub(super) fn take_chunk(&mut self) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let mut chunk = match std::mem::take(&mut self.skipped) {
            0 => String::new(),
            1 => "… 1 message skipped; \\history shows it\n".to_owned(),
            skipped => format!("… {skipped} messages skipped; \\history shows them\n"),
        };
        let mut lines = 0;
        while lines < CHUNK_LINES && chunk.len() < CHUNK_BYTES {
            let Some((text, more)) = self.pop() else { break };
            chunk.push_str(&text);
            lines += more;
        }
        Some(chunk)
    }

    fn pop(&mut self) -> Option<(String, usize)> {
        let (text, lines) = self.waiting.pop_front()?;
        self.lines -= lines;
        self.bytes -= text.len();
        Some((text, lines))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(backlog: &mut Backlog) -> String {
        std::iter::from_fn(|| backlog.take_chunk()).collect()
    }

    #[test]
    fn everything_comes_out_in_order_and_ends_with_a_newline() {
        let mut backlog = Backlog::default();
        for n in 0..1000 {
            backlog.push(format!("m{n}"));
        }
        let expected: String = (0..1000).map(|n| format!("m{n}\n")).collect();
        assert_eq!(drain(&mut backlog), expected);
        assert!(backlog.is_empty());
    }

    #[test]
    fn past_the_bound_the_oldest_go_and_are_counted_once() {
        let mut backlog = Backlog::default();
        for n in 0..MAX_LINES + 7 {
            backlog.push(format!("m{n}"));
        }
        let shown = drain(&mut backlog);
        assert!(shown.starts_with("… 7 messages skipped; \\history shows them\nm7\nm8\n"));
        assert_eq!(shown.matches("skipped").count(), 1);
        assert_eq!(shown.lines().count(), MAX_LINES + 1);
        assert_eq!((backlog.lines, backlog.bytes), (0, 0));
    }

    #[test]
    fn long_messages_are_bounded_in_bytes() {
        let mut backlog = Backlog::default();
        for _ in 0..1000 {
            backlog.push("x".repeat(16 * 1024));
        }
        assert!(backlog.bytes <= MAX_BYTES);
        assert!(drain(&mut backlog).starts_with("… 489 messages"));
    }

    #[test]
    fn what_shows_no_text_takes_no_line_and_is_bounded() {
        let mut backlog = Backlog::default();
        backlog.push_signal("\x07".to_owned());
        backlog.push("text".to_owned());
        assert_eq!(drain(&mut backlog), "\x07text\n");
        let long = "x".repeat(1024);
        (0..2 * MAX_BYTES / long.len()).for_each(|_| backlog.push_signal(long.clone()));
        assert!(backlog.bytes <= MAX_BYTES);
        assert!(!drain(&mut backlog).contains("skipped"));
    }
}
