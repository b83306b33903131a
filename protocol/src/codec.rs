//! Frames messages on a stream of bytes: one JSON object on each line. This file owns the framing, its size limit and
//! its errors; it knows nothing of what the messages mean.
//!
//! [`LineBuffer`] does the framing alone, for code that reads from the stream itself. [`MessageReader`] reads from an
//! `AsyncRead`. Both are cancel-safe: bytes that were read stay in the buffer.

use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::fast_path::is_plain;

/// How many bytes are read at once. A TLS record is never longer.
const READ_CHUNK: usize = 16 * 1024;

/// Why no message could be read from a stream.
#[derive(Debug, Error)]
pub enum CodecError {
    /// The stream could not be read, for this reason.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// More than `limit` bytes arrived without a newline.
    #[error("a line of more than {limit} bytes")]
    LineTooLong {
        /// The limit in bytes, newline included.
        limit: usize,
    },
    /// A line arrived that is not a message.
    #[error("not a message: {0}")]
    NotAMessage(serde_json::Error),
    /// The stream ended in the middle of a line.
    #[error("the link ended inside a line")]
    CutLine,
}

impl From<serde_json::Error> for CodecError {
    fn from(err: serde_json::Error) -> Self {
        Self::NotAMessage(err)
    }
}

/// Takes bytes as they arrive and hands out whole lines.
#[derive(Debug)]
pub struct LineBuffer {
    bytes: BytesMut,
    /// How many bytes at the front were already searched for a newline.
    searched: usize,
    limit: usize,
}

impl LineBuffer {
    /// Makes an empty buffer for lines of up to `limit` bytes, newline included.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { bytes: BytesMut::new(), searched: 0, limit }
    }

    /// Changes the limit for the lines that are taken from the buffer from now on.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Appends bytes that were read from the stream.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns the buffer with room for `READ_CHUNK` more bytes, so that a reader can append to it directly.
    pub fn spare(&mut self) -> &mut BytesMut {
        self.bytes.reserve(READ_CHUNK);
        &mut self.bytes
    }

    /// Whether the buffer holds no bytes, neither whole lines nor the beginning of one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Frees the memory of an empty buffer. Links call this because most of them are idle most of the time.
    pub fn release(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = BytesMut::new();
            self.searched = 0;
        }
    }

    /// Returns the next whole line without its newline, or `None` if no whole line has arrived. Lines of blanks only
    /// are skipped.
    ///
    /// # Errors
    /// Fails with [`CodecError::LineTooLong`]; after that nothing more can be read from the link.
    pub fn next_line(&mut self) -> Result<Option<Bytes>, CodecError> {
        loop {
            match self.next_line_or_blank()? {
                Some(line) if line.is_empty() => {}
                line => return Ok(line),
            }
        }
    }

    /// Does the same, but returns a line of blanks only as an empty line, for a reader that counts the lines.
    ///
    /// # Errors
    /// Fails as [`next_line`](Self::next_line) does.
    pub fn next_line_or_blank(&mut self) -> Result<Option<Bytes>, CodecError> {
        let Some(offset) = memchr::memchr(b'\n', &self.bytes[self.searched..]) else {
            self.searched = self.bytes.len();
            return if self.bytes.len() >= self.limit { Err(self.too_long()) } else { Ok(None) };
        };
        let end = self.searched + offset;
        self.searched = 0;
        if end >= self.limit {
            return Err(self.too_long());
        }
        let mut line = self.bytes.split_to(end + 1).freeze();
        line.truncate(end);
        if line.iter().all(u8::is_ascii_whitespace) {
            line.clear();
        }
        Ok(Some(line))
    }

    /// Returns the next message, or `None` if no whole line has arrived.
    ///
    /// # Errors
    /// Fails if the line is too long or is not a message. After a line that is not a message, the next line can be
    /// read.
    pub fn next_message<T: DeserializeOwned>(&mut self) -> Result<Option<T>, CodecError> {
        match self.next_line()? {
            Some(line) => Ok(Some(serde_json::from_slice(&line)?)),
            None => Ok(None),
        }
    }

    fn too_long(&self) -> CodecError {
        CodecError::LineTooLong { limit: self.limit }
    }
}

/// Reads messages from a stream.
#[derive(Debug)]
pub struct MessageReader<R> {
    stream: R,
    lines: LineBuffer,
}

impl<R: AsyncRead + Unpin> MessageReader<R> {
    /// Makes a reader of lines of up to `limit` bytes, newline included, from `stream`.
    pub fn new(stream: R, limit: usize) -> Self {
        Self { stream, lines: LineBuffer::new(limit) }
    }

    /// Changes the limit for the lines that are read from now on.
    pub fn set_limit(&mut self, limit: usize) {
        self.lines.set_limit(limit);
    }

    /// Waits for the next message. Returns `None` if the other side closed the stream after a whole line. Cancel-safe.
    ///
    /// # Errors
    /// Fails if the stream fails, if it ends in the middle of a line, and if a line is not a message.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, CodecError> {
        loop {
            if let Some(message) = self.lines.next_message()? {
                return Ok(Some(message));
            }
            if self.stream.read_buf(self.lines.spare()).await? == 0 {
                return if self.lines.is_empty() { Ok(None) } else { Err(CodecError::CutLine) };
            }
        }
    }

    /// Returns a message that has already arrived completely. This never reads from the stream.
    ///
    /// # Errors
    /// Fails if a line has arrived that is not a message.
    pub fn next_buffered<T: DeserializeOwned>(&mut self) -> Result<Option<T>, CodecError> {
        self.lines.next_message()
    }
}

/// Appends `message` to `out` as one line.
///
/// # Panics
/// Never for the messages of this crate, because they always serialize to JSON.
pub fn encode_into<T: Serialize>(message: &T, out: &mut BytesMut) {
    serde_json::to_writer(out.writer(), message).expect("a message of this protocol is JSON");
    out.put_u8(b'\n');
}

/// Appends `text` to `out` as a JSON string. Nearly every text has nothing to escape. [`is_plain`] finds that out for
/// many bytes at a time, while serde looks at each byte by itself, so a plain text is copied without serde.
///
/// # Panics
/// Never, because any text serializes to JSON.
pub fn encode_text_into(text: &str, out: &mut BytesMut) {
    if is_plain(text.as_bytes()) {
        out.reserve(text.len() + 2);
        out.put_u8(b'"');
        out.put_slice(text.as_bytes());
        out.put_u8(b'"');
    } else {
        serde_json::to_writer(out.writer(), text).expect("a text is JSON");
    }
}

/// Returns `message` as one line, newline included.
pub fn encode<T: Serialize>(message: &T) -> Bytes {
    let mut out = BytesMut::with_capacity(256);
    encode_into(message, &mut out);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::message::ClientMessage;
    use crate::text::Text;

    #[tokio::test]
    async fn messages_are_read_from_a_stream_that_holds_eight_bytes() {
        let (mut near, far) = tokio::io::duplex(8);
        let sent: Vec<ClientMessage> = (0..50)
            .map(|id| ClientMessage::Say { id, room: None, text: Text::new(format!("word {id}\n")).unwrap() })
            .collect();
        let lines: Vec<Bytes> = sent.iter().map(encode).collect();
        let writer = tokio::spawn(async move {
            for line in lines {
                near.write_all(&line).await.unwrap();
            }
        });
        let mut reader = MessageReader::new(far, 1024);
        for message in sent {
            assert_eq!(reader.next::<ClientMessage>().await.unwrap(), Some(message));
        }
        writer.await.unwrap();
        assert_eq!(reader.next::<ClientMessage>().await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_stream_that_ends_inside_a_line_is_an_error() {
        let mut reader = MessageReader::new(&b"{\"type\":\"ping\"}\n{\"ty"[..], 1024);
        assert_eq!(reader.next::<ClientMessage>().await.unwrap(), Some(ClientMessage::Ping));
        assert!(matches!(reader.next::<ClientMessage>().await, Err(CodecError::CutLine)));
    }

    #[test]
    fn a_line_over_the_limit_is_refused_with_and_without_its_newline() {
        let mut lines = LineBuffer::new(8);
        lines.extend(b"1234567\n");
        assert_eq!(lines.next_line().unwrap().unwrap(), &b"1234567"[..]);
        lines.extend(b"12345678\n");
        assert!(matches!(lines.next_line(), Err(CodecError::LineTooLong { limit: 8 })));
        let mut lines = LineBuffer::new(8);
        lines.extend(b"12345678");
        assert!(lines.next_line().is_err());
    }

    #[test]
    fn a_bad_line_leaves_the_next_one_readable() {
        let mut lines = LineBuffer::new(100);
        lines.extend(b"zz\n\xff\xfe\n\r\n\n{\"type\":\"pong\"}\r\n");
        assert!(lines.next_message::<ClientMessage>().is_err());
        assert!(lines.next_message::<ClientMessage>().is_err());
        assert_eq!(lines.next_message().unwrap(), Some(ClientMessage::Pong));
        assert!(lines.is_empty());
    }

    #[test]
    fn a_text_is_written_as_serde_writes_it() {
        let long = "y".repeat(1000);
        for text in [
            "",
            "plain",
            "ünïcode 🦀",
            "\u{7f}",
            "a\"b",
            "a\\b",
            "a\nb",
            "\u{1b}[0m",
            &long,
            &format!("{long}\0"),
        ] {
            let mut out = BytesMut::new();
            encode_text_into(text, &mut out);
            assert_eq!(out, serde_json::to_string(text).unwrap());
        }
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_the_pieces_in_which_they_arrive(
            texts in prop::collection::vec("\\PC{1,40}", 0..20),
            cuts in prop::collection::vec(1_usize..30, 1..50),
        ) {
            let sent: Vec<ClientMessage> = texts.iter().enumerate()
                .map(|(id, text)| ClientMessage::Say { id: id as u64, room: None, text: Text::new(text.as_str()).unwrap() })
                .collect();
            let mut bytes = BytesMut::new();
            for message in &sent {
                encode_into(message, &mut bytes);
            }
            let mut lines = LineBuffer::new(4096);
            let mut got = Vec::new();
            let mut cuts = cuts.iter().cycle();
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let (chunk, after) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
                lines.extend(chunk);
                rest = after;
                while let Some(message) = lines.next_message::<ClientMessage>().unwrap() {
                    got.push(message);
                }
            }
            prop_assert_eq!(got, sent);
        }

        #[test]
        fn reading_any_bytes_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut lines = LineBuffer::new(64);
            lines.extend(&bytes);
            for _ in 0..=bytes.len() {
                match lines.next_message::<ClientMessage>() {
                    Ok(None) | Err(CodecError::LineTooLong { .. }) => break,
                    Ok(Some(_)) | Err(_) => {}
                }
            }
        }
    }
}
