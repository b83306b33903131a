//! The reasons that messages give for a refusal. A reason that this build does not know is read as `Other`.

use serde::{Deserialize, Serialize};

/// Why the server refused or closed the connection of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedCode {
    /// The server speaks another version of the protocol.
    Protocol,
    /// The server already has as many clients as it accepts.
    Full,
    /// The server already has as many clients from this address as it accepts.
    FullForAddress,
    /// The name and all of its numbered forms are taken.
    NoNameLeft,
    /// The server is closing down.
    Closing,
    /// Another connection with the same key and run has taken the place of this connection.
    TakenOver,
    /// The client did not read what it was sent for too long.
    NotReading,
    /// An operator sent this user out.
    Kicked,
    /// An operator has banned this user or this address.
    Banned,
    /// The lobby is locked, and this user is not among those who may still come in.
    Locked,
    /// A reason that this build does not know.
    #[serde(other)]
    Other,
}

/// Why a text or an act was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotAcceptedCode {
    /// The server could not write its log, for example because the disk is full or the store is read-only or broken.
    Store,
    /// The server is closing down.
    Closing,
    /// The number of the text or act is not greater than the last: the log already holds a later text of this run, or
    /// another text under this number.
    Id,
    /// The client is not in the room.
    NotInRoom,
    /// Only operators may do that.
    NotOperator,
    /// An operator has muted this user.
    Muted,
    /// The lobby is in slow mode, and this text came too soon. `wait` says after how many seconds the next text is
    /// accepted.
    Slow,
    /// The lobby is locked, and this user is not among those who may still speak.
    Locked,
    /// The act names a user whom the lobby does not know.
    NoSuchUser,
    /// The act would ban or mute its own author.
    Yourself,
    /// The act is about a user whom the server's own settings make an operator.
    Protected,
    /// The act would change nothing.
    Unchanged,
    /// The list to which the act would add something is full.
    ListFull,
    /// The server knows no act of this kind, or the act lacks something or has something that does not fit its kind.
    BadAct,
    /// A reason that this build does not know.
    #[serde(other)]
    Other,
}

/// Why the server did not answer a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoAnswerCode {
    /// The question names the asker, and nobody can have a private session with themselves.
    Yourself,
    /// The server could not read its log.
    Store,
    /// This client has too many open questions, or the other user's client already has too many open sessions or
    /// questions.
    Busy,
    /// The other user does not want the session.
    Declined,
    /// The other user's client did not answer in time, or is gone.
    Silent,
    /// The client is not in the room.
    NotInRoom,
    /// Only operators may ask this.
    NotOperator,
    /// A reason that this build does not know.
    #[serde(other)]
    Other,
}

/// Why a client could not join a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotJoinedCode {
    /// The room does not exist, and no further room can be made because the limit of rooms is reached.
    Full,
    /// The user is already in as many rooms as one user may be in.
    TooMany,
    /// The room does not exist, and the user, or the users of one network, have recently made as many rooms as
    /// they may make.
    TooSoon,
    /// The server could not write its log.
    Store,
    /// As many joins of this client as may wait are not answered yet.
    Busy,
    /// A reason that this build does not know.
    #[serde(other)]
    Other,
}

/// Why a peer refused a connection from the other peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerRefusedCode {
    /// The peer does not know the purpose of the connection.
    Purpose,
    /// A reason that this build does not know.
    #[serde(other)]
    Other,
}
