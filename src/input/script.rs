//! Lines from a pipe: a thread that reads standard input whole line by whole line. Owns what counts
//! as a line; what a line means is [`crate::input::line`]'s.

use std::io::{self, BufRead, BufReader, Read};

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::input::invisible::{from_first_visible, without_mark};
use crate::input::line::{continues, is_led_by_backslash};

/// Lines read ahead of the app.
const READ_AHEAD: usize = 64;

/// The most of one line that is kept, in bytes: a request with the longest text, each byte written as
/// six. Longer lines are counted, to say how long they were.
const MAX_LINE: usize = 128 * 1024;

/// One line of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptLine {
    /// A line, or several joined by trailing backslashes, without the last newline. A
    /// byte-order mark may stand at its start.
    Line(String),
    /// A line whose first visible character is a brace: a request.
    Request(String),
    /// A line that is not UTF-8, by its number in the input.
    NotUtf8 {
        /// Counted from 1.
        line: u64,
        /// Whether a backslash leads it: it was meant as a command.
        command: bool,
    },
    /// A line far longer than any message may be.
    TooLong {
        /// Its length in bytes.
        bytes: u64,
        /// Whether a backslash leads it: it was meant as a command.
        command: bool,
    },
    /// Standard input cannot be read any more.
    Failed(String),
}

/// Reads standard input from a thread of its own; the channel closes at its end. A line is read when there is room for
/// it, so that every line that was read is in the channel. With `requests` a
/// line that begins with `{` is one, otherwise it is a text like any other. What is invisible before
/// the brace changes nothing: as a text, the line would say to all what was for one.
///
/// # Errors
/// When the system gives no thread.
pub fn start(requests: bool) -> io::Result<mpsc::Receiver<ScriptLine>> {
    let (tx, rx) = mpsc::channel(READ_AHEAD);
    let runtime = Handle::current();
    std::thread::Builder::new().name("script".to_owned()).spawn(move || {
        let mut lines = Lines::new(BufReader::new(io::stdin()), requests);
        // The app has ended, or takes no more, when there is no room for a line to come.
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

    /// The next line with its continuations; `None` at the end.
    fn next_line(&mut self) -> Option<ScriptLine> {
        let mut joined: Option<String> = None;
        loop {
            // What goes on from a text is no command, whatever it begins with.
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
                // Files that were joined have a byte-order mark in the middle, too.
                Some(before) => before + "\n" + without_mark(&line),
                // A request ends with its line, whatever its last character is.
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
            // A line of a file written on Windows.
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        Ok(Some(Raw::Line(bytes)))
    }

    /// Reads over the rest of a line; gives its length without the newline.
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
    fn lines_end_in_newlines_of_either_kind_or_not_at_all() {
        check(b"a\nb\r\n\nc", &[line("a"), line("b"), line(""), line("c")]);
        check(b"", &[]);
    }

    #[test]
    fn a_trailing_backslash_joins_lines_but_not_commands() {
        check(b"one\\\ntwo\\\nthree\nfour\n", &[line("one\ntwo\nthree"), line("four")]);
        check(b"\\ss\\\nx\n", &[line("\\ss\\"), line("x")]);
        check(b"one\\", &[line("one")]);
    }

    #[test]
    fn a_line_that_is_not_utf8_is_named_and_the_next_one_read() {
        let bad = |line, command| ScriptLine::NotUtf8 { line, command };
        check(b"a\n\xff\xfe\nb\n", &[line("a"), bad(2, false), line("b")]);
        // A name in Latin-1: what follows was meant for whom it names.
        check(b"\\fork Andr\xe9\nsecret\n", &[bad(1, true), line("secret")]);
        check(b"a\\\n\\fork \xe9\nb\n", &[bad(2, false), line("b")]);
        // The byte-order mark of UTF-16, which the shell of Windows writes, and half of that of UTF-8.
        check(b"\xff\xfe\\\0f\0\n\0s\0", &[bad(1, true), line("\0s\0")]);
        check(b"\xef\xbb\\fork bobby\nsecret", &[bad(1, true), line("secret")]);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_line_that_goes_on() {
        check(b"\xef\xbb\xbfone\\\n\xef\xbb\xbftwo\n", &[line("\u{feff}one\ntwo")]);
        check(b"\xef\xbb\xbf\\ss\\\r\nx", &[line("\u{feff}\\ss\\"), line("x")]);
    }

    #[test]
    fn two_backslashes_at_the_end_join_nothing() {
        check(b"C:\\\\\nnext\n", &[line("C:\\\\"), line("next")]);
    }

    #[test]
    fn a_line_that_begins_with_a_brace_is_a_request_only_where_there_are_any() {
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
    fn an_endless_line_is_counted_not_kept() {
        let mut input = vec![b'x'; 1_000_000];
        input.extend_from_slice(b"\nnext");
        check(&input, &[ScriptLine::TooLong { bytes: 1_000_000, command: false }, line("next")]);
        input[0] = b'\\';
        check(&input, &[ScriptLine::TooLong { bytes: 1_000_000, command: true }, line("next")]);
    }
}
