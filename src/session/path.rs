//! How the messages of a private session travel, and which paths the user allows. These are plain values; `peer`
//! owns how a path is found.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How the messages of a private session travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Path {
    /// Directly from one client to the other.
    Direct,
    /// Through the server, which cannot read them.
    Relay,
}

/// Which paths a user allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PathChoice {
    /// Directly if at least one side can be reached, and otherwise through the server.
    #[default]
    Auto,
    /// Only directly, never through the server.
    Direct,
    /// Only through the server. This client tells nobody its addresses, and does not connect to addresses of others.
    Relay,
}
