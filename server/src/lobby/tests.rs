//! Tests of the lobby.
