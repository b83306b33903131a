//! The reasons messages give. A reason that this build does not know is one all the same.

use serde::{Deserialize, Serialize};

/// Why a client was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedCode {
    /// The server speaks another version of the protocol.
    Protocol,
    /// The server has as many clients as it takes.
    Full,
    /// The server has as many clients from this address as it takes.
    FullForAddress,
    /// Every numbered form of the name is taken.
    NoNameLeft,
    /// The server is closing down.
    Closing,
    /// Another client with this key and run has taken over.
    TakenOver,
    /// The client took nothing of what it was sent for too long.
    NotReading,
    /// An operator sent this user out.
    Kicked,
    /// An operator keeps this user, or this address, out.
    Banned,
    /// The lobby is locked, and this user is not among those who may come in.
    Locked,
    /// A reason this build does not know.
    #[serde(other)]
    Other,
}

/// Why a text or an act was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotAcceptedCode {
    /// The server could not write its log (a full disk, a read-only or broken store).
    Store,
    /// The server is closing down.
    Closing,
    /// The id does not grow: a later text of this run stands in the log, or another text stands there under this id.
    Id,
    /// This client is not in that room.
    NotInRoom,
    /// Only operators may do that.
    NotOperator,
    /// An operator keeps this user from speaking.
    Muted,
    /// Texts may not come this fast now; `wait` says in how many seconds the next one may.
    Slow,
    /// The lobby is locked, and this user is not among those who may speak.
    Locked,
    /// The act is about somebody whom the lobby does not know.
    NoSuchUser,
    /// The act would keep its own author out, or silent.
    Yourself,
    /// The server's own settings make whom the act is about an operator.
    Protected,
    /// Things are already as the act would have them.
    Unchanged,
    /// The list into which the act would put something is full.
    ListFull,
    /// The server knows no act of this kind, or not in this form.
    BadAct,
    /// A reason this build does not know.
    #[serde(other)]
    Other,
}

/// Why a question was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoAnswerCode {
    /// Oneself cannot be the other end of a session.
    Yourself,
    /// The server could not read its log.
    Store,
    /// Too many questions of this client are open, or the other's client has too much of it.
    Busy,
    /// The other does not want that.
    Declined,
    /// The other's client did not answer in time.
    Silent,
    /// This client is not in that room.
    NotInRoom,
    /// Only operators may ask that.
    NotOperator,
    /// A reason this build does not know.
    #[serde(other)]
    Other,
}

/// Why a room was not joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotJoinedCode {
    /// There is no such room, and there are as many as there may be.
    Full,
    /// This user is in as many rooms as one may be in.
    TooMany,
    /// There is no such room, and this user made as many lately as one may.
    TooSoon,
    /// The server could not write its log.
    Store,
    /// A reason this build does not know.
    #[serde(other)]
    Other,
}

/// Why a connection between two peers was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerRefusedCode {
    /// The purpose of the connection is not known.
    Purpose,
    /// A reason this build does not know.
    #[serde(other)]
    Other,
}
