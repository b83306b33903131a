//! What a link has to know to reach the other side of its session. These are plain values; `dial` and `meet` do the
//! work.

use std::sync::Arc;

use hobnob_protocol::identity::Identity;
use hobnob_protocol::ids::PairToken;
use hobnob_protocol::key::PublicKey;

use super::greet::Role;
use super::mailbox::Mailbox;
use super::reach::dial_filter::DialFilter;
use crate::session::path::PathChoice;

/// Which session and key to reach, with which identity, and how.
pub(super) struct Call {
    pub(super) identity: Identity,
    pub(super) key: PublicKey,
    pub(super) token: PairToken,
    pub(super) role: Role,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) dial_filter: Arc<DialFilter>,
    /// The paths that the user allows.
    pub(super) path: PathChoice,
}
