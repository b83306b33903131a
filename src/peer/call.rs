//! Whom a link calls: the other side of its session, by whichever way it is reached. Plain values; `dial` and `meet` are
//! the ways.

use std::sync::Arc;

use hobnob_protocol::identity::Identity;
use hobnob_protocol::name::{PairToken, PublicKey};

use super::greet::Role;
use super::mailbox::Mailbox;
use super::reach::rules::DialRules;
use crate::session::path::PathChoice;

/// Whom to reach, as whom, and how.
pub(super) struct Call {
    pub(super) identity: Identity,
    pub(super) key: PublicKey,
    pub(super) session: PairToken,
    pub(super) role: Role,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) rules: Arc<DialRules>,
    /// By which ways.
    pub(super) path: PathChoice,
}
