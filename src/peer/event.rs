//! What a private session reports to the app. This file knows neither sockets nor the queue in which the reports wait.

use hobnob_protocol::text::Text;
use hobnob_protocol::verification::VerifyMessage;
use thiserror::Error;

use crate::session::link_id::LinkId;
use crate::session::path::Path;

/// Something happened in a private session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerEvent {
    /// The link on which it happened.
    pub link: LinkId,
    /// What happened on this link.
    pub kind: PeerEventKind,
}

/// What happened. `Left`, `Ended`, `Failed` and `Gone` are final: each session reports exactly one of these four, as
/// its last event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerEventKind {
    /// The link is up: for the first time, or again.
    Up {
        /// The key exchange, as TLS names it.
        key_exchange: String,
        /// The path of the texts.
        path: Path,
    },
    /// The texts take another path from now on; the link was up all the time.
    Moved {
        /// The path that the texts take now.
        path: Path,
    },
    /// The link is lost and being rebuilt.
    Down,
    /// The other side said a text. The app answers with [`PeerLinkHandle::shown`](super::PeerLinkHandle::shown).
    Said {
        /// The number of the text: 1, 2, 3 and so on, without a gap.
        number: u64,
        /// When the text was typed, in milliseconds since 1970-01-01 UTC.
        at: u64,
        /// What the other side said.
        text: Text,
    },
    /// The other user was shown this text.
    Delivered {
        /// The number that the app gave to the text.
        local_id: u64,
    },
    /// These texts were never acknowledged and will not be. This event comes before the final event.
    Undelivered {
        /// The numbers that the app gave to the texts, oldest first.
        local_ids: Vec<u64>,
    },
    /// The other side says something for the verification of keys; the same message may come again.
    Verify(VerifyMessage),
    /// The known addresses do not answer. The app may ask the lobby for newer ones.
    WantsIntroduction,
    /// The other side ended the session.
    Left,
    /// This side ended the session.
    Ended,
    /// The session never opened.
    Failed {
        /// Why the session did not open.
        reason: PeerFailure,
    },
    /// The link is lost for good.
    Gone {
        /// Why the link is not rebuilt any more.
        reason: GoneReason,
    },
}

/// Why a session never opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PeerFailure {
    /// None of the other side's addresses answered, and it did not dial this client.
    #[error("none of their addresses answers")]
    Unreachable,
    /// None of the addresses answered, and the other side did not come to the server's relay either.
    #[error(
        "none of their addresses answers, and they did not come to the server's relay; their path may be direct"
    )]
    NotMet,
    /// None of the addresses answered, and the server relays nothing.
    #[error("none of their addresses answers, and the server relays nothing (its --relay is off)")]
    RelayIsOff,
    /// None of the addresses answered, and this user's path is `direct`, so nothing is relayed.
    #[error("none of their addresses answers, and your path is direct: nothing goes through the server")]
    DirectOnly,
    /// This user's path is `relay`, and the server relays nothing.
    #[error("your path is relay, and the server relays nothing (its --relay is off)")]
    RelayOnlyIsOff,
    /// This user's path is `relay`, and the other side did not come to the server.
    #[error("your path is relay, and they did not come to the server's relay; their path may be direct")]
    RelayOnlyNotMet,
    /// This user's path is `relay`, and the server does not answer.
    #[error("your path is relay, and the server does not answer")]
    RelayOnlyAway,
    /// Somebody with another key answered at one of the addresses, and nobody with the right key at any of them.
    #[error("somebody with another key answers at their address")]
    WrongKey,
    /// The other side speaks another version of the protocol.
    #[error("they speak version {0} of the protocol")]
    Protocol(u32),
    /// The other side told addresses, but this client's filter lets none of them pass.
    #[error(
        "none of the addresses they tell is dialled from here: this client dials no host names of others, and \
         loopback, private and link-local addresses only where it reaches the lobby by such or is in their network"
    )]
    NotDialled,
    /// The other side had already ended the session, or did not know it.
    #[error("they do not take the session")]
    NotTaken,
}

/// Why a link is lost for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum GoneReason {
    /// The address that answered before refuses connections, so the other user's process has ended.
    #[error("their program has ended")]
    ProcessEnded,
    /// The other side was not heard for [`GONE_AFTER`](super::GONE_AFTER).
    #[error("nothing was heard of them for ten minutes")]
    Silence,
}
