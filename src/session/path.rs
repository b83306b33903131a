//! How a private session's words travel, and which ways its user allows. Plain values; how a way is found is
//! `peer`'s.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How the words of a private session travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Path {
    /// From one client to the other.
    Direct,
    /// Through the server, sealed.
    Relay,
}

/// Which ways a user allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PathChoice {
    /// Direct where either side can be reached, else through the server.
    #[default]
    Auto,
    /// Never through the server.
    Direct,
    /// Only through the server: no address is told to others, and none of others is dialled.
    Relay,
}
