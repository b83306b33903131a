//! Where this client is, for both of its links: what peers are told of its addresses depends on how the lobby is
//! reached, and which addresses of peers are dialled does, too. Knows neither link from inside.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hobnob_protocol::name::Candidate;

use crate::lobby::connect::Ends;
use crate::lobby::link::Candidates;
use crate::peer::{DialRules, PeerNetwork, own_addresses};
use crate::show::{Notice, saying};

/// What is told to the lobby and to the peers' side at each connection to the lobby.
pub(super) struct Whereabouts {
    advertise: Vec<Candidate>,
    /// None where this client is not to be reached, and tells nobody where it is.
    listening: Option<SocketAddr>,
    rules: Arc<DialRules>,
    /// Addresses of this machine that were not told, for lack of room.
    left_out: AtomicUsize,
}

impl Whereabouts {
    pub(super) fn new(advertise: Vec<Candidate>, network: &PeerNetwork) -> Self {
        let (listening, rules) = (network.listening(), network.dial_rules());
        Self { advertise, listening, rules, left_out: AtomicUsize::new(0) }
    }

    /// What the lobby's link asks at each connection.
    pub(super) fn candidates(this: Arc<Self>) -> Candidates {
        Arc::new(move |ends| {
            let this = Arc::clone(&this);
            Box::pin(async move { this.tell(ends).await })
        })
    }

    async fn tell(&self, ends: Option<Ends>) -> Vec<Candidate> {
        if let Some(ends) = ends {
            self.rules.lobby_is_at(ends.remote);
        }
        let Some(listening) = self.listening else { return Vec::new() };
        let own = own_addresses(&self.advertise, listening, ends.map(|ends| ends.local)).await;
        self.left_out.store(own.left_out, Ordering::Relaxed);
        own.candidates
    }

    /// What the user has to know, once the lobby is joined.
    pub(super) fn notice(&self) -> Option<Notice> {
        let count = self.left_out.load(Ordering::Relaxed);
        (count > 0).then(|| saying::Start::AddressesLeftOut { count }.into())
    }
}
