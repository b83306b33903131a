//! What a private session reports to the app. Knows nothing of sockets, nor of the queue it waits in.

use hobnob_protocol::name::Text;
use hobnob_protocol::verification::VerifyMessage;
use thiserror::Error;

use crate::session::link_id::LinkId;
use crate::session::path::Path;

/// Something happened in a private session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerEvent {
    /// On which link.
    pub link: LinkId,
    /// What.
    pub kind: PeerEventKind,
}

/// What happened. `Left`, `Ended`, `Failed` and `Gone` are final: each session reports exactly one of
/// them, last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerEventKind {
    /// The link is up: for the first time, or again.
    Up {
        /// The key exchange, as TLS names it.
        key_exchange: String,
        /// How the words travel.
        path: Path,
    },
    /// The words travel in another way from now on; the link was up all the time.
    Moved {
        /// In this one.
        path: Path,
    },
    /// The link is lost and being rebuilt.
    Down,
    /// The other said something. To be answered with
    /// [`PeerLinkHandle::shown`](super::PeerLinkHandle::shown).
    Said {
        /// Its number: 1, 2, 3 … without a gap.
        number: u64,
        /// When it was typed, in milliseconds since 1970-01-01 UTC.
        at: u64,
        /// What.
        text: Text,
    },
    /// The other was shown this text.
    Delivered {
        /// What the app called it.
        local_id: u64,
    },
    /// These texts were never acknowledged and will not be; comes before the final event.
    Undelivered {
        /// What the app called them, oldest first.
        local_ids: Vec<u64>,
    },
    /// The other says something for the verification of keys. It may say it again.
    Verify(VerifyMessage),
    /// The known addresses do not answer: the lobby may know better ones.
    WantsIntroduction,
    /// The other ended the session.
    Left,
    /// This side ended the session.
    Ended,
    /// The session never opened.
    Failed {
        /// Why.
        reason: PeerFailure,
    },
    /// The link is lost for good.
    Gone {
        /// Why.
        reason: GoneReason,
    },
}

/// Why a session never opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PeerFailure {
    /// None of its addresses answered, and it did not call.
    #[error("none of their addresses answers")]
    Unreachable,
    /// The same, and it did not come to the server either.
    #[error(
        "none of their addresses answers, and they did not come to the server's relay; their path may be direct"
    )]
    NotMet,
    /// The same, and the server relays nothing.
    #[error("none of their addresses answers, and the server relays nothing (its --relay is off)")]
    RelayIsOff,
    /// The same, and this user wants nothing relayed.
    #[error("none of their addresses answers, and your path is direct: nothing goes through the server")]
    DirectOnly,
    /// This user dials nobody, and the server relays nothing.
    #[error("your path is relay, and the server relays nothing (its --relay is off)")]
    RelayOnlyIsOff,
    /// This user dials nobody, and the other did not come to the server.
    #[error("your path is relay, and they did not come to the server's relay; their path may be direct")]
    RelayOnlyNotMet,
    /// This user dials nobody, and the server does not answer.
    #[error("your path is relay, and the server does not answer")]
    RelayOnlyAway,
    /// Somebody else answered at its address, and nobody with the right key anywhere.
    #[error("somebody with another key answers at their address")]
    WrongKey,
    /// It speaks another version of the protocol.
    #[error("they speak version {0} of the protocol")]
    Protocol(u32),
    /// Addresses were told, and this client dials none of them.
    #[error(
        "none of the addresses they tell is dialled from here: this client dials no host names of others, and \
         loopback, private and link-local addresses only where it reaches the lobby by such or is in their network"
    )]
    NotDialled,
    /// It had ended the session by then, or never knew of it.
    #[error("they do not take the session")]
    NotTaken,
}

/// Why a link is lost for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum GoneReason {
    /// The address that answered before refuses: the other's process has ended.
    #[error("their program has ended")]
    ProcessEnded,
    /// Nothing was heard for [`GONE_AFTER`](super::GONE_AFTER).
    #[error("nothing was heard of them for ten minutes")]
    Silence,
}
