//! The queue of text that waits to be shown, with a limit. It is plain data and uses neither a thread nor a terminal.
//!
//! When the limit is reached, the oldest messages are dropped and counted. One line says how many there were, in the
//! place where they would have been. If ten thousand lines arrive in a second, they would be scrolled off the screen
//! anyway.
//!
//! A receipt that waits here is given when everything that was queued before it was written or dropped. A text that was
//! dropped is named by the line that counts the dropped ones, so it is acknowledged with that line.

use std::collections::VecDeque;

use crate::peer::Receipt;

/// How many lines may wait. The queue fills up while the terminal is stopped (Ctrl-S, a suspended `ssh`).
const MAX_LINES: usize = 10_000;

/// How many bytes may wait: ten thousand lines of usual length, or far fewer very long ones.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// How many lines are written at once. There are enough of them that a flood costs little, and so few that a key that
/// is pressed meanwhile is handled without a noticeable delay.
const PORTION_LINES: usize = 200;

/// How many bytes are written at once, for the same reason.
const PORTION_BYTES: usize = 64 * 1024;

/// How many receipts may wait: as many as the texts that a peer says before it waits for the first of them.
const MAX_RECEIPTS: usize = 1000;

/// The sequence that moves the cursor to the top and clears the screen.
const EMPTY_SCREEN: &str = "\x1b[H\x1b[2J";

#[derive(Debug, Default)]
pub(super) struct Backlog {
    waiting: VecDeque<(String, usize)>,
    lines: usize,
    bytes: usize,
    skipped: u64,
    /// How many messages and sequences were queued, and how many of them were taken or dropped.
    queued: u64,
    gone: u64,
    /// Whether the last portion is still being written.
    is_writing: bool,
    /// What is to be given, and when: when as many were written or dropped.
    receipts: VecDeque<(u64, Receipt)>,
}

impl Backlog {
    /// Queues the text of one message. A newline is added at its end if there is none.
    pub(super) fn push(&mut self, mut text: String) {
        if !text.ends_with('\n') {
            text.push('\n');
        }
        let lines = text.bytes().filter(|&byte| byte == b'\n').count();
        self.lines += lines;
        self.bytes += text.len();
        self.add(text, lines);
    }

    /// Queues a sequence that shows no text. It does not count as a line, and is not mentioned if it has to be dropped.
    pub(super) fn push_signal(&mut self, sequence: String) {
        self.bytes += sequence.len();
        self.add(sequence, 0);
    }

    fn add(&mut self, text: String, lines: usize) {
        self.queued += 1;
        self.waiting.push_back((text, lines));
        self.make_room();
    }

    /// Queues a receipt. Returns it if it is due at once, because nothing is left to be written. If too many wait, one
    /// that a later one of the same session covers gives way, or else the oldest one, whose text then counts as not
    /// shown.
    pub(super) fn push_receipt(&mut self, receipt: Receipt) -> Option<Receipt> {
        if self.is_empty() && !self.is_writing {
            return Some(receipt);
        }
        self.receipts.push_back((self.queued, receipt));
        if self.receipts.len() > MAX_RECEIPTS {
            let is_covered = |index: usize| {
                let mut later = self.receipts.range(index + 1..);
                later.any(|(_, later)| self.receipts[index].1.is_covered_by(later))
            };
            let gives_way = (0..self.receipts.len()).find(|&index| is_covered(index)).unwrap_or_default();
            self.receipts.remove(gives_way);
        }
        None
    }

    /// Notes that the last portion was written. Returns the receipts that are due, which may be given if the terminal has
    /// taken the portion.
    pub(super) fn written(&mut self) -> Vec<Receipt> {
        self.is_writing = false;
        let due = self.receipts.iter().take_while(|(after, _)| *after <= self.gone).count();
        self.receipts.drain(..due).map(|(_, receipt)| receipt).collect()
    }

    fn make_room(&mut self) {
        while self.waiting.len() > 1 && (self.lines > MAX_LINES || self.bytes > MAX_BYTES) {
            let oldest = self.pop();
            self.skipped += u64::from(oldest.is_some_and(|(_, lines)| lines > 0));
        }
    }

    /// Drops everything that waits. The next portion clears the screen.
    pub(super) fn clear(&mut self) {
        self.gone = self.queued;
        self.waiting.clear();
        (self.lines, self.bytes, self.skipped) = (0, 0, 0);
        self.push_signal(EMPTY_SCREEN.to_owned());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Returns the next messages as one text, as many as are written at once; `None` if nothing waits. Messages are not
    /// split.
    pub(super) fn take_portion(&mut self) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let mut portion = match std::mem::take(&mut self.skipped) {
            0 => String::new(),
            1 => "… 1 message skipped; \\history shows it\n".to_owned(),
            skipped => format!("… {skipped} messages skipped; \\history shows them\n"),
        };
        let mut lines = 0;
        while lines < PORTION_LINES && portion.len() < PORTION_BYTES {
            let Some((text, more)) = self.pop() else { break };
            portion.push_str(&text);
            lines += more;
        }
        self.is_writing = true;
        Some(portion)
    }

    fn pop(&mut self) -> Option<(String, usize)> {
        let (text, lines) = self.waiting.pop_front()?;
        self.gone += 1;
        self.lines -= lines;
        self.bytes -= text.len();
        Some((text, lines))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(backlog: &mut Backlog) -> String {
        std::iter::from_fn(|| backlog.take_portion()).collect()
    }

    #[test]
    fn messages_come_out_in_order_and_each_ends_with_a_newline() {
        let mut backlog = Backlog::default();
        for n in 0..1000 {
            backlog.push(format!("m{n}"));
        }
        let expected: String = (0..1000).map(|n| format!("m{n}\n")).collect();
        assert_eq!(drain(&mut backlog), expected);
        assert!(backlog.is_empty());
    }

    #[test]
    fn beyond_the_limit_the_oldest_messages_are_dropped_and_counted() {
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
    fn a_receipt_is_due_when_everything_before_it_was_written() {
        let mut backlog = Backlog::default();
        let (receipts, shown) = Receipt::of_first_texts(3);
        let [first, second, third] = <[Receipt; 3]>::try_from(receipts).unwrap();
        assert!(backlog.push_receipt(first).is_some(), "nothing is to be written");
        (0..PORTION_LINES).for_each(|n| backlog.push(format!("m{n}")));
        assert!(backlog.push_receipt(second).is_none());
        backlog.push("last".to_owned());
        assert!(backlog.written().is_empty(), "nothing was taken yet");
        backlog.take_portion().unwrap();
        assert!(backlog.push_receipt(third).is_none());
        backlog.written().into_iter().for_each(Receipt::give);
        assert_eq!(shown(), 2);
        assert_eq!(backlog.take_portion().unwrap(), "last\n");
        assert_eq!(shown(), 2, "it is being written");
        backlog.written().into_iter().for_each(Receipt::give);
        assert_eq!(shown(), 3);
    }

    #[test]
    fn the_receipts_of_texts_that_were_dropped_are_due_with_the_line_that_counts_them() {
        for clears in [false, true] {
            let mut backlog = Backlog::default();
            let (receipts, shown) = Receipt::of_first_texts(1);
            backlog.push("text".to_owned());
            receipts.into_iter().for_each(|receipt| assert!(backlog.push_receipt(receipt).is_none()));
            match clears {
                true => backlog.clear(),
                false => (0..MAX_LINES).for_each(|n| backlog.push(format!("m{n}"))),
            }
            assert!(!backlog.take_portion().unwrap().contains("text"));
            backlog.written().into_iter().for_each(Receipt::give);
            assert_eq!(shown(), 1);
        }
    }

    #[test]
    fn the_receipts_that_wait_are_limited_and_the_last_one_of_each_session_stays() {
        let mut backlog = Backlog::default();
        let (quiet, quiet_shown) = Receipt::of_first_texts(1);
        let (loud, loud_shown) = Receipt::of_first_texts(3 * MAX_RECEIPTS as u64);
        for receipt in quiet.into_iter().chain(loud) {
            backlog.push("text".to_owned());
            backlog.push_receipt(receipt);
        }
        assert_eq!(backlog.receipts.len(), MAX_RECEIPTS);
        drain(&mut backlog);
        backlog.written().into_iter().for_each(Receipt::give);
        assert_eq!((quiet_shown(), loud_shown()), (1, 3 * MAX_RECEIPTS as u64));
    }

    #[test]
    fn the_bytes_of_waiting_messages_are_limited() {
        let mut backlog = Backlog::default();
        for _ in 0..1000 {
            backlog.push("x".repeat(16 * 1024));
        }
        assert!(backlog.bytes <= MAX_BYTES);
        assert!(drain(&mut backlog).starts_with("… 489 messages"));
    }

    #[test]
    fn sequences_without_text_count_only_as_bytes() {
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
