//! How fast clients are read: each key has a rate for all its connections together, and each network has the rate of as
//! many clients as may be connected from there, because a new key costs nothing. Both hold on this server alone, and also
//! for whoever disconnects and comes back. This file knows no socket and no message.

use hobnob_protocol::key::PublicKey;
use tokio::time::Instant;

use crate::limits::rate::TokenBucket;
use crate::limits::shared_rate::{SharedBucket, SharedRates};
use crate::network::Network;

/// For how many keys and networks without a connection it is remembered how much of their rate they have used: those
/// that used up more than they have gained since. A key beyond this limit begins anew when it comes back, and the rate
/// of its network still holds for it. To reach this limit, clients have to send three million lines a second.
const MOST_ABSENT: usize = 64 * 1024;

/// The rates of all keys and networks.
#[derive(Debug)]
pub(crate) struct Paces {
    rate: u32,
    of_key: SharedRates<PublicKey>,
    of_network: SharedRates<Network>,
}

/// How fast one connection is read.
#[derive(Debug)]
pub(crate) struct Pace {
    of_key: SharedBucket,
    of_network: SharedBucket,
}

impl Paces {
    /// Each key has `rate` lines a second. There are at most `max_clients` connections, `max_per_network` of them from
    /// one network.
    pub(crate) fn new(rate: u32, max_clients: usize, max_per_network: usize) -> Self {
        let (now, most) = (Instant::now(), max_clients.saturating_add(MOST_ABSENT));
        let clients = u32::try_from(max_per_network).unwrap_or(u32::MAX);
        let of_key = SharedRates::new(TokenBucket::new(rate, now), most);
        let of_network = SharedRates::new(TokenBucket::of_many(rate, clients, now), most);
        Self { rate, of_key, of_network }
    }

    /// How many lines a second one client may send in the long run.
    pub(crate) fn rate(&self) -> u32 {
        self.rate
    }

    /// Returns the pace of a connection with this key, which comes from this network.
    pub(crate) fn of(&self, key: PublicKey, network: Network) -> Pace {
        let now = Instant::now();
        Pace { of_key: self.of_key.of(key, now), of_network: self.of_network.of(network, now) }
    }
}

impl Pace {
    /// A line was read that counts. Returns when the next one may be read; `None` means now.
    pub(crate) fn take(&self, now: Instant) -> Option<Instant> {
        self.of_key.take(now).max(self.of_network.take(now))
    }

    /// Returns when the first line may be read; `None` means now.
    pub(crate) fn ready_at(&self, now: Instant) -> Option<Instant> {
        self.of_key.ready_at(now).max(self.of_network.ready_at(now))
    }
}
