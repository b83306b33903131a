//! The writing half of a connection to the server. This file knows bytes, and nothing of what they say.

use bytes::BytesMut;
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// The writing half: the bytes that wait, and whether some are still inside TLS.
pub(super) struct Sender<W> {
    pub(super) writer: W,
    pub(super) bytes: BytesMut,
    unflushed: bool,
}

impl<W: AsyncWrite + Unpin> Sender<W> {
    pub(super) fn new(writer: W) -> Self {
        Self { writer, bytes: BytesMut::new(), unflushed: false }
    }

    pub(super) fn has_work(&self) -> bool {
        self.unflushed || !self.bytes.is_empty()
    }

    /// Writes everything that waits. Cancel-safe: written bytes are removed from `bytes`, the others stay.
    pub(super) async fn push(&mut self) -> std::io::Result<()> {
        while !self.bytes.is_empty() {
            self.unflushed = true;
            self.writer.write_buf(&mut self.bytes).await?;
        }
        self.writer.flush().await?;
        self.unflushed = false;
        Ok(())
    }
}
