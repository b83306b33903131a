//! A name and the key to which it belongs, in the form in which they travel and are stored. This file holds plain data;
//! the rules for names are in `roster`.

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use serde::{Deserialize, Serialize};

/// A name and the key it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameBinding {
    /// The name as its user wrote it when it became his.
    #[serde(deserialize_with = "hobnob_protocol::name::deserialize_kept")]
    pub name: UserName,
    /// The key to which the name belongs.
    pub key: PublicKey,
    /// When the user of the name was last in the lobby, in milliseconds since 1970-01-01 UTC, exact to a day. It never
    /// goes back.
    pub seen: u64,
    /// Whether the key ever said anything in the lobby.
    pub spoke: bool,
    /// Since when the name belongs to the key, in milliseconds since 1970-01-01 UTC; 0 for a name that was bound before
    /// this date was noted.
    pub since: u64,
}
