//! Why a lobby cannot go on. The server then ends, and its clients find another server or wait until this one is back.

use hobnob_order::{Place, StreamError};
use thiserror::Error;

use super::catch_up::BEGIN_AGAIN;
use crate::log::LogError;

/// Why a lobby ended by itself.
#[derive(Debug, Error)]
pub(crate) enum LobbyFault {
    /// The order cannot be followed any further.
    #[error("its order cannot be followed: {0}")]
    Order(StreamError),
    /// What is in an order that other servers read as well has to be stored here, but cannot be stored.
    #[error("what stands in the order cannot be stored: {0}")]
    Store(LogError),
    /// Another server of this lobby has decided something else.
    #[error(
        "another server has decided something else up to place {} of the order: one of the two is wrong. Start both \
         again: a server that has read something else than the stream holds now says so, and does not start. If both \
         go on and this comes again, let one of them begin again: {BEGIN_AGAIN}", .0.0
    )]
    Contradicted(Place),
}
