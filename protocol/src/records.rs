//! Reads a TLS stream one record at a time, so that no byte after a record is taken off the stream together with the
//! record. A side needs this if it gives up the encryption of a connection after a certain message and goes on without
//! it (see [`crate::relay`]). The code that reads the decrypted bytes has to use `fill_buf`, because `read` would go on
//! to the next record if it had room. This file knows the five bytes before a record, and nothing of what is in it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many bytes stand before each record: its type, version and length.
const HEADER_BYTES: usize = 5;

/// How many bytes are handed on at most at once. A longer record comes in several pieces.
const CHUNK: usize = 4096;

/// Wraps a stream of TLS records so that no read goes beyond the end of a record.
#[derive(Debug)]
pub struct RecordByRecord<S> {
    stream: S,
    header: [u8; HEADER_BYTES],
    /// How many bytes of the next header were read.
    seen: usize,
    /// How many bytes of the current record are still to be read.
    left: usize,
}

impl<S> RecordByRecord<S> {
    /// Wraps `stream`, which must be at the beginning of a record.
    pub fn new(stream: S) -> Self {
        Self { stream, header: [0; HEADER_BYTES], seen: 0, left: 0 }
    }

    /// Returns the stream, whose next byte is the one after the last record that was read.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for RecordByRecord<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let within = self.left > 0;
        let most = if within { self.left } else { HEADER_BYTES - self.seen };
        let mut room = [0; CHUNK];
        let mut part = ReadBuf::new(&mut room[..most.min(CHUNK).min(buf.remaining())]);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut part))?;
        let read = part.filled();
        buf.put_slice(read);
        if within {
            self.left -= read.len();
            return Poll::Ready(Ok(()));
        }
        let (from, to) = (self.seen, self.seen + read.len());
        self.header[from..to].copy_from_slice(read);
        self.seen = to;
        if to == HEADER_BYTES {
            let [.., high, low] = self.header;
            (self.left, self.seen) = (usize::from(u16::from_be_bytes([high, low])), 0);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for RecordByRecord<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    fn record(length: usize) -> Vec<u8> {
        let mut record = vec![23, 3, 3];
        record.extend(u16::try_from(length).unwrap().to_be_bytes());
        record.extend(vec![7; length]);
        record
    }

    #[tokio::test]
    async fn reading_a_record_takes_no_byte_after_it_from_the_stream() {
        for lengths in [[3, 5000], [0, 1], [16_640, 4]] {
            let sent: Vec<u8> = lengths.into_iter().flat_map(record).chain(*b"rest").collect();
            let mut records = RecordByRecord::new(&sent[..]);
            for length in lengths {
                let (mut read, mut room) = (0, vec![0; 20_000]);
                while read < HEADER_BYTES + length {
                    read += records.read(&mut room).await.unwrap();
                }
                assert_eq!(read, HEADER_BYTES + length, "of {lengths:?}");
            }
            assert_eq!(records.into_inner(), b"rest");
        }
    }
}
