//! Where this client can be reached. How the lobby is reached decides which of the client's addresses peers are told,
//! and which addresses of peers are tried. This file connects the two and does not know how either link works.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hobnob_protocol::candidate::Candidate;

use crate::lobby::connect::Ends;
use crate::lobby::link::Candidates;
use crate::peer::{DialFilter, PeerNetwork, own_addresses};
use crate::show::{Notice, saying};

/// What the lobby and the peer network are told whenever the client connects to the lobby.
pub(super) struct Whereabouts {
    advertise: Vec<Candidate>,
    /// The address at which this client listens; `None` if it must not be reached, and then nobody is told its
    /// addresses.
    listening: Option<SocketAddr>,
    dial_filter: Arc<DialFilter>,
    /// How many addresses of this machine were not told, because there were too many.
    left_out: AtomicUsize,
}

impl Whereabouts {
    pub(super) fn new(advertise: Vec<Candidate>, network: &PeerNetwork) -> Self {
        let (listening, dial_filter) = (network.listening(), network.dial_filter());
        Self { advertise, listening, dial_filter, left_out: AtomicUsize::new(0) }
    }

    /// Returns the function that the lobby's link calls for each connection.
    pub(super) fn candidates(this: Arc<Self>) -> Candidates {
        Arc::new(move |ends| {
            let this = Arc::clone(&this);
            Box::pin(async move { this.tell(ends).await })
        })
    }

    async fn tell(&self, ends: Option<Ends>) -> Vec<Candidate> {
        if let Some(ends) = ends {
            self.dial_filter.lobby_is_at(ends.remote);
        }
        let Some(listening) = self.listening else { return Vec::new() };
        let own = own_addresses(&self.advertise, listening, ends.map(|ends| ends.local)).await;
        self.left_out.store(own.left_out, Ordering::Relaxed);
        own.candidates
    }

    /// Returns what the user has to know after the lobby was joined.
    pub(super) fn notice(&self) -> Option<Notice> {
        let count = self.left_out.load(Ordering::Relaxed);
        (count > 0).then(|| saying::Start::AddressesLeftOut { count }.into())
    }
}
