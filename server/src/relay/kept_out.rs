//! Keys whose sessions are not relayed because operators sent them out: banned keys as long as the ban holds, and
//! kicked keys until they are in the lobby again. A connection that is relayed holds an [`Allowed`], which says when
//! its key is sent out. The lobby tells this module, and the relay asks it; it knows nothing of sessions, nor why a key
//! is kept out.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hobnob_protocol::key::{Fingerprint, PublicKey};
use tokio_util::sync::CancellationToken;

use crate::decide::rules::{MAX_ENTRIES, Term};

/// The keys that are kept out, and the keys that are relayed.
#[derive(Debug, Default)]
pub(crate) struct KeptOut(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    banned: HashMap<Fingerprint, Term>,
    /// At most [`MAX_ENTRIES`] keys. When the limit is reached, the sessions of a further key are ended, but the key is
    /// not remembered.
    kicked: HashSet<PublicKey>,
    relayed: HashMap<PublicKey, Relayed>,
}

/// A key that has relayed connections.
#[derive(Debug, Default)]
struct Relayed {
    connections: usize,
    sent_out: CancellationToken,
}

/// The permission of one connection to be relayed. Dropping it says that the connection has ended.
#[derive(Debug)]
pub(crate) struct Allowed {
    kept_out: Arc<KeptOut>,
    key: PublicKey,
    /// Cancelled when operators send the key out.
    pub(crate) sent_out: CancellationToken,
}

impl KeptOut {
    /// Whether a connection of this key may be relayed; `None` if not. `wall` is the time of the clock, in
    /// milliseconds.
    pub(crate) fn allow(self: &Arc<Self>, key: PublicKey, wall: u64) -> Option<Allowed> {
        let mut inner = self.lock();
        // Nearly always nobody is banned, and computing a fingerprint costs a hash.
        let is_banned = || {
            let term = inner.banned.get(&key.fingerprint());
            term.is_some_and(|term| holds(*term, wall))
        };
        if inner.kicked.contains(&key) || (!inner.banned.is_empty() && is_banned()) {
            return None;
        }
        let relayed = inner.relayed.entry(key).or_default();
        relayed.connections += 1;
        let sent_out = relayed.sent_out.clone();
        Some(Allowed { kept_out: Arc::clone(self), key, sent_out })
    }

    /// From now on these keys are banned, and their relayed sessions end.
    pub(crate) fn ban(&self, banned: impl IntoIterator<Item = (Fingerprint, Term)>) {
        let mut inner = self.lock();
        inner.banned = banned.into_iter().collect();
        let Inner { banned, relayed, .. } = &mut *inner;
        if !banned.is_empty() {
            let out = relayed.extract_if(|key, _| banned.contains_key(&key.fingerprint()));
            out.for_each(|(_, relayed)| relayed.sent_out.cancel());
        }
    }

    /// Ends the relayed sessions of this key. Unless the key may go on at once, nothing is relayed for it until it is
    /// in the lobby again.
    pub(crate) fn sent_out(&self, key: PublicKey, may_go_on: bool) {
        let mut inner = self.lock();
        if !may_go_on && inner.kicked.len() < MAX_ENTRIES {
            inner.kicked.insert(key);
        }
        if let Some(relayed) = inner.relayed.remove(&key) {
            relayed.sent_out.cancel();
        }
    }

    /// This key is in the lobby, so it is no longer kept out by a kick.
    pub(crate) fn came_in(&self, key: &PublicKey) {
        self.lock().kicked.remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn holds(term: Term, wall: u64) -> bool {
    term.as_end().is_none_or(|end| wall < end)
}

impl Drop for Allowed {
    fn drop(&mut self) {
        // The key of a connection that was sent out is no longer in the map. If it is there again, it came back with
        // newer connections, and this one is not counted among them.
        if self.sent_out.is_cancelled() {
            return;
        }
        let mut inner = self.kept_out.lock();
        match inner.relayed.get_mut(&self.key) {
            Some(relayed) if relayed.connections > 1 => relayed.connections -= 1,
            _ => drop(inner.relayed.remove(&self.key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> PublicKey {
        PublicKey::new([n; 32])
    }

    #[test]
    fn a_banned_key_is_cut_off_and_let_in_again_when_the_ban_has_ended_or_was_taken_back() {
        let kept_out = Arc::new(KeptOut::default());
        let [anna, bobby] = [1, 2].map(|n| kept_out.allow(key(n), 0).unwrap());
        kept_out.ban([(key(1).fingerprint(), Term::Millis(1000))]);
        assert!(anna.sent_out.is_cancelled() && !bobby.sent_out.is_cancelled());
        assert!(kept_out.allow(key(1), 999).is_none());
        let later = kept_out.allow(key(1), 1000).unwrap();
        drop(anna);
        kept_out.ban([(key(1).fingerprint(), Term::ForGood)]);
        assert!(later.sent_out.is_cancelled(), "the earlier one has taken nothing with it");
        assert!(kept_out.allow(key(1), u64::MAX).is_none());
        kept_out.ban([]);
        assert!(kept_out.allow(key(1), 0).is_some());
    }

    #[test]
    fn a_kicked_key_is_relayed_again_when_it_is_in_the_lobby_again() {
        let kept_out = Arc::new(KeptOut::default());
        let relayed = kept_out.allow(key(1), 0).unwrap();
        kept_out.sent_out(key(1), false);
        assert!(relayed.sent_out.is_cancelled() && kept_out.allow(key(1), 0).is_none());
        kept_out.came_in(&key(1));
        let again = kept_out.allow(key(1), 0).unwrap();
        // Another client of the same user is still in the lobby.
        kept_out.sent_out(key(1), true);
        assert!(again.sent_out.is_cancelled() && kept_out.allow(key(1), 0).is_some());
    }

    #[test]
    fn keys_that_have_gone_are_forgotten_and_the_kicked_keys_are_bounded() {
        let kept_out = Arc::new(KeptOut::default());
        let many: Vec<_> = (0..10).map(|_| kept_out.allow(key(1), 0).unwrap()).collect();
        drop(many);
        assert!(kept_out.lock().relayed.is_empty());
        for n in 0..=MAX_ENTRIES {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&n.to_be_bytes());
            kept_out.sent_out(PublicKey::new(bytes), false);
        }
        assert_eq!(kept_out.lock().kicked.len(), MAX_ENTRIES);
    }
}
