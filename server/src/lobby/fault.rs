//! Why a lobby cannot go on. Whoever runs it ends the server, whose clients find another one or wait for it.

use hobnob_order::{Place, StreamError};
use thiserror::Error;

use crate::log::LogError;

/// Why a lobby ended by itself.
#[derive(Debug, Error)]
pub(crate) enum LobbyFault {
    /// What follows in the order cannot be read.
    #[error("its order cannot be followed: {0}")]
    Order(StreamError),
    /// What stands in an order that others read as well has to be stored here, and cannot be.
    #[error("what stands in the order cannot be stored: {0}")]
    Store(LogError),
    /// Another server of this lobby has decided something else.
    #[error(
        "another server has decided something else up to place {} of the order: one of them does not tell the truth; \
         compare them with `hobnob-server verify`, and let the wrong one begin again with an empty data directory", .0.0
    )]
    Contradicted(Place),
}
