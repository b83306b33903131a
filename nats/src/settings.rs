//! What a server has to know to find its lobby's stream. This file holds plain data; it opens nothing.

use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

/// The greatest length of a lobby's name, which is part of the names of the stream and of its subjects.
const MAX_LOBBY_NAME: usize = 32;

/// How NATS is reached, and which lobby is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Nodes of the cluster, such as `nats://one.example:4222`. One node that answers is enough; it says where the
    /// others are.
    pub urls: Vec<String>,
    /// The name of the lobby.
    pub lobby: LobbyName,
    /// A file with credentials (a token and a key), if NATS asks for them.
    pub credentials: Option<PathBuf>,
    /// The certificates of the authority that signed the nodes' certificates, in PEM; `None` for the authorities that
    /// the system trusts.
    pub ca: Option<PathBuf>,
    /// This server's own certificate and its key, in PEM, if the nodes ask for one.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// How many nodes keep the stream if this server makes it; `None` for three if there are as many.
    pub replicas: Option<usize>,
}

/// The name of a lobby on NATS: letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LobbyName(String);

/// The error for a text that is not such a name.
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
    /// Returns the name as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name of the stream that holds the lobby's order.
    pub(crate) fn stream(&self) -> String {
        format!("hobnob-{}", self.0)
    }

    /// Returns the only subject of that stream.
    pub(crate) fn batches(&self) -> String {
        format!("hobnob.{}.log", self.0)
    }

    /// Returns the subject on which the server with this number is asked.
    pub(crate) fn questions(&self, server: u64) -> String {
        format!("hobnob.{}.ask.{server}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lobby_name_that_cannot_be_part_of_a_subject_is_refused() {
        for good in ["a", "Team-7_x", &"x".repeat(MAX_LOBBY_NAME)] {
            assert_eq!(good.parse::<LobbyName>().unwrap().as_str(), good);
        }
        for bad in ["", "a.b", "a b", "*", ">", "ä", "a\n", &"x".repeat(MAX_LOBBY_NAME + 1)] {
            assert!(bad.parse::<LobbyName>().is_err(), "{bad:?}");
        }
    }
}
