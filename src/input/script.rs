//! Reads lines from a pipe. A thread reads standard input line by line. This file owns what counts as one line;
//! [`crate::input::line`] owns what a line means.

use std::io::{self, BufRead, BufReader, Read};

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::input::invisible::{from_first_visible, without_mark};
use crate::input::line::{continues, is_led_by_backslash};

/// How many lines are read before the app takes them.
const READ_AHEAD: usize = 64;

/// How many bytes of one line are kept: enough for a request with the longest text, if each byte of it is written as
/// six. The rest of a longer line is only counted, so that an error can say how long the line was.
const MAX_LINE: usize = 128 * 1024;

/// One line of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptLine {
    /// A line, or several lines that are joined by backslashes at their ends, without the last newline. It may begin
    /// with a byte-order mark.
    Line(String),
    /// A line whose first visible character is a brace, so that it is a request.
    Request(String),
    /// A line that is not UTF-8.
    NotUtf8 {
        /// The number of the line in the input, counted from 1.
        line: u64,
        /// Whether the first visible character is a backslash, so that the line was meant as a command.
        command: bool,
    },
    /// A line that is far longer than any message may be.
    TooLong {
        /// The length of the line in bytes.
        bytes: u64,
        /// Whether the first visible character is a backslash, so that the line was meant as a command.
        command: bool,
    },
    /// Standard input cannot be read any further; the text is the error of the operating system.
    Failed(String),
}

/// Starts a thread that reads standard input. The channel closes when the input ends. A line is read only when
/// the channel has room for it, so every line that was read is in the channel. If `requests` is true, a line
/// that begins with `{` is a request; otherwise it is a text like any other. Invisible characters before the brace make
/// no difference. If they did, the line would be a text, and everybody would read what was meant for one user.
///
/// # Errors
/// Fails if the thread cannot be started.
pub fn start(requests: bool) -> io::Result<mpsc::Receiver<ScriptLine>> {
    let (tx, rx) = mpsc::channel(READ_AHEAD);
    let runtime = Handle::current();
    std::thread::Builder::new().name("script".to_owned()).spawn(move || {
        let mut lines = Lines::new(BufReader::new(io::stdin()), requests);
        // There is no more room when the app has ended, or takes no more lines.
        while let Ok(room) = runtime.block_on(tx.reserve()) {
            let Some(line) = lines.next_line() else { return };
            room.send(line);
        }
    })?;
    Ok(rx)
}

struct Lines<R> {
    input: R,
    requests: bool,
    number: u64,
    ended: bool,
}

enum Raw {
    Line(Vec<u8>),
    TooLong { bytes: u64, begin: Vec<u8> },
}

impl<R: BufRead> Lines<R> {
    fn new(input: R, requests: bool) -> Self {
        Self { input, requests, number: 0, ended: false }
    }

    /// Returns the next line together with the lines that continue it, or `None` at the end of the input.
    fn next_line(&mut self) -> Option<ScriptLine> {
        let mut joined: Option<String> = None;
        loop {
            // A line that continues a text is never a command, whatever it begins with.
            let is_command =
                |bytes: &[u8]| joined.is_none() && is_led_by_backslash(&String::from_utf8_lossy(bytes));
            let line = match self.next_raw() {
                Ok(Some(Raw::Line(bytes))) => match String::from_utf8(bytes) {
                    Ok(line) => line,
                    Err(err) => {
                        let command = is_command(err.as_bytes());
                        return Some(ScriptLine::NotUtf8 { line: self.number, command });
                    }
                },
                Ok(Some(Raw::TooLong { bytes, begin })) => {
                    return Some(ScriptLine::TooLong { bytes, command: is_command(&begin) });
                }
                Ok(None) => return joined.map(ScriptLine::Line),
                Err(err) => {
                    self.ended = true;
                    return Some(ScriptLine::Failed(err.to_string()));
                }
            };
            let text = match joined.take() {
                // If several files were joined, there may be a byte-order mark in the middle too.
                Some(before) => before + "\n" + without_mark(&line),
                // A request ends with its line, even if its last character is a backslash.
                None if self.requests && from_first_visible(&line).starts_with('{') => {
                    return Some(ScriptLine::Request(line));
                }
                None => line,
            };
            if !continues(&text) || text.len() > MAX_LINE {
                return Some(ScriptLine::Line(text));
            }
            joined = Some(text[..text.len() - 1].to_owned());
        }
    }

    fn next_raw(&mut self) -> io::Result<Option<Raw>> {
        if self.ended {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        let read = (&mut self.input).take(MAX_LINE as u64 + 1).read_until(b'\n', &mut bytes)?;
        if read == 0 {
            self.ended = true;
            return Ok(None);
        }
        self.number += 1;
        if bytes.last() != Some(&b'\n') && bytes.len() > MAX_LINE {
            let rest = self.skip_line()?;
            return Ok(Some(Raw::TooLong { bytes: bytes.len() as u64 + rest, begin: bytes }));
        }
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            // Lines of a file that was written on Windows end with `\r\n`.
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        Ok(Some(Raw::Line(bytes)))
    }

    /// Skips the rest of a line, and returns its length without the newline.
    fn skip_line(&mut self) -> io::Result<u64> {
        let mut skipped = 0;
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(skipped);
            }
            match buffer.iter().position(|&byte| byte == b'\n') {
                Some(end) => {
                    self.input.consume(end + 1);
                    return Ok(skipped + end as u64);
                }
                None => {
                    let len = buffer.len();
                    skipped += len as u64;
                    self.input.consume(len);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &[u8], expected: &[ScriptLine]) {
        let mut lines = Lines::new(input, false);
        let got: Vec<ScriptLine> = std::iter::from_fn(|| lines.next_line()).collect();
        assert_eq!(got, expected);
    }

    fn line(text: &str) -> ScriptLine {
        ScriptLine::Line(text.to_owned())
    }

    #[test]
    fn lines_may_end_with_either_newline_or_with_the_input() {
        check(b"a\nb\r\n\nc", &[line("a"), line("b"), line(""), line("c")]);
        check(b"", &[]);
    }

    #[test]
    fn a_backslash_at_the_end_joins_lines_of_a_text_but_not_of_a_command() {
        check(b"one\\\ntwo\\\nthree\nfour\n", &[line("one\ntwo\nthree"), line("four")]);
        check(b"\\ss\\\nx\n", &[line("\\ss\\"), line("x")]);
        check(b"one\\", &[line("one")]);
    }

    #[test]
    fn a_line_that_is_not_utf8_is_reported_and_the_next_one_is_read() {
        let bad = |line, command| ScriptLine::NotUtf8 { line, command };
        check(b"a\n\xff\xfe\nb\n", &[line("a"), bad(2, false), line("b")]);
        // The command names a user in Latin-1. The next line was meant for that user.
        check(b"\\fork Andr\xe9\nsecret\n", &[bad(1, true), line("secret")]);
        check(b"a\\\n\\fork \xe9\nb\n", &[bad(2, false), line("b")]);
        // The input is UTF-16 with its byte-order mark, as the shell of Windows writes it, and then UTF-8 with half a
        // byte-order mark.
        check(b"\xff\xfe\\\0f\0\n\0s\0", &[bad(1, true), line("\0s\0")]);
        check(b"\xef\xbb\\fork bobby\nsecret", &[bad(1, true), line("secret")]);
    }

    #[test]
    fn a_byte_order_mark_is_removed_from_a_continued_line() {
        check(b"\xef\xbb\xbfone\\\n\xef\xbb\xbftwo\n", &[line("\u{feff}one\ntwo")]);
        check(b"\xef\xbb\xbf\\ss\\\r\nx", &[line("\u{feff}\\ss\\"), line("x")]);
    }

    #[test]
    fn a_line_that_ends_with_two_backslashes_is_not_joined() {
        check(b"C:\\\\\nnext\n", &[line("C:\\\\"), line("next")]);
    }

    #[test]
    fn a_line_that_begins_with_a_brace_is_a_request_only_if_requests_are_on() {
        let input = b"\xef\xbb\xbf{\"say\":1}\\\nnext\\\n{x\n".as_slice();
        let lines = |requests| {
            let mut lines = Lines::new(input, requests);
            std::iter::from_fn(move || lines.next_line()).collect::<Vec<_>>()
        };
        let request = ScriptLine::Request("\u{feff}{\"say\":1}\\".to_owned());
        assert_eq!(lines(true), [request, line("next\n{x")]);
        assert_eq!(lines(false), [line("\u{feff}{\"say\":1}\nnext\n{x")]);
    }

    #[test]
    fn only_the_size_of_a_line_that_is_far_too_long_is_kept() {
        let mut input = vec![b'x'; 1_000_000];
        input.extend_from_slice(b"\nnext");
        check(&input, &[ScriptLine::TooLong { bytes: 1_000_000, command: false }, line("next")]);
        input[0] = b'\\';
        check(&input, &[ScriptLine::TooLong { bytes: 1_000_000, command: true }, line("next")]);
    }
}
