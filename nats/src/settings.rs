//! What a server has to know to find its lobby's stream. Plain data; opens nothing.

use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

/// The longest name of a lobby. It is part of the names of the stream and of its subjects.
const MAX_LOBBY_NAME: usize = 32;

/// How NATS is reached, and which lobby is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Nodes of the cluster, such as `nats://one.example:4222`. One that answers is enough; it tells of the others.
    pub urls: Vec<String>,
    /// Which lobby.
    pub lobby: LobbyName,
    /// A file of credentials (a token and a key), where NATS asks for one.
    pub credentials: Option<PathBuf>,
    /// The certificates of whoever signed those of the nodes, in PEM; without it, those that the system trusts.
    pub ca: Option<PathBuf>,
    /// This server's own certificate and its key, in PEM, where the nodes ask for one.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// How many nodes keep the stream, when this server makes it. Without it three, where there are as many.
    pub replicas: Option<usize>,
}

/// The name of a lobby on NATS: letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LobbyName(String);

/// It is no such name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a lobby's name on NATS has 1 to {MAX_LOBBY_NAME} letters (a-z, A-Z), digits, - and _")]
pub struct LobbyNameError;

impl FromStr for LobbyName {
    type Err = LobbyNameError;

    fn from_str(text: &str) -> Result<Self, LobbyNameError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        match (1..=MAX_LOBBY_NAME).contains(&text.len()) && text.bytes().all(allowed) {
            true => Ok(Self(text.to_owned())),
            false => Err(LobbyNameError),
        }
    }
}

impl LobbyName {
    /// The name as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The stream that holds the lobby's order.
    pub(crate) fn stream(&self) -> String {
        format!("hobnob-{}", self.0)
    }

    /// The one subject of that stream.
    pub(crate) fn batches(&self) -> String {
        format!("hobnob.{}.log", self.0)
    }

    /// Where the server of this number is asked.
    pub(crate) fn questions(&self, server: u64) -> String {
        format!("hobnob.{}.ask.{server}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_part_of_a_subject_and_can_be_nothing_else() {
        for good in ["a", "Team-7_x", &"x".repeat(MAX_LOBBY_NAME)] {
            assert_eq!(good.parse::<LobbyName>().unwrap().as_str(), good);
        }
        for bad in ["", "a.b", "a b", "*", ">", "ä", "a\n", &"x".repeat(MAX_LOBBY_NAME + 1)] {
            assert!(bad.parse::<LobbyName>().is_err(), "{bad:?}");
        }
    }
}
