//! A name and whose it is, as it travels and is stored. Plain data; `roster` owns the rules.

use hobnob_protocol::name::{PublicKey, UserName};
use serde::{Deserialize, Serialize};

/// A name and the key it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameBinding {
    /// The name as it was first written.
    #[serde(deserialize_with = "hobnob_protocol::name::deserialize_kept")]
    pub name: UserName,
    /// Whose it is.
    pub key: PublicKey,
    /// When its user was last in the lobby, in milliseconds since 1970-01-01 UTC, to a day. Never goes back.
    pub seen: u64,
    /// Whether its key ever said anything in the lobby.
    pub spoke: bool,
    /// Since when it is that key's, in milliseconds since 1970-01-01 UTC; 0 for one that was so before this was noted.
    pub since: u64,
}
