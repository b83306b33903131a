//! How fast clients are read: each key has a rate for all its connections together, and each network has the rate of as
//! many clients as may be connected from there, because a new key costs nothing. Both hold on this server alone, and also
//! for whoever disconnects and comes back. A long line counts as several, because it is as much work as several. This
//! file knows no socket, and of messages only that texts count once.

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::ClientMessage;
use tokio::time::Instant;

use crate::limits::rate::TokenBucket;
use crate::limits::shared_rate::{SharedBucket, SharedRates};
use crate::network::Network;

/// For how many keys and networks without a connection it is remembered how much of their rate they have used: those
/// that used up more than they have gained since. A key beyond this limit begins anew when it comes back, and the rate
/// of its network still holds for it. To reach this limit, clients have to send three million lines a second.
const MOST_ABSENT: usize = 64 * 1024;

/// A line counts once for each of these that it begins. Everything that a client has to send besides texts and its hello
/// is shorter.
const BYTES_THAT_COUNT_ONCE: usize = 4 * 1024;

/// How many bytes JSON may take for one byte of a text.
const MOST_ESCAPED: usize = 6;

/// Returns how many lines a message counts as that came in a line of this many bytes. What a text may take in its line is
/// not counted: the rate is one of texts, however long these are.
pub(super) fn counts_as(message: &ClientMessage, bytes: usize) -> usize {
    let of_text = match message {
        ClientMessage::Say { text, .. } => MOST_ESCAPED * text.as_str().len(),
        _ => 0,
    };
    bytes.saturating_sub(of_text).div_ceil(BYTES_THAT_COUNT_ONCE).max(1)
}

/// The rates of all keys and networks.
#[derive(Debug)]
pub(crate) struct Paces {
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
        Self { of_key, of_network }
    }

    /// Returns the pace of a connection with this key, which comes from this network.
    pub(crate) fn of(&self, key: PublicKey, network: Network) -> Pace {
        let now = Instant::now();
        Pace { of_key: self.of_key.of(key, now), of_network: self.of_network.of(network, now) }
    }
}

impl Pace {
    /// What was read counts as this many lines. Returns when the next one may be read; `None` means now.
    pub(crate) fn take(&self, lines: usize, now: Instant) -> Option<Instant> {
        self.of_key.take(lines, now).max(self.of_network.take(lines, now))
    }

    /// Returns when the first line may be read; `None` means now.
    pub(crate) fn ready_at(&self, now: Instant) -> Option<Instant> {
        self.of_key.ready_at(now).max(self.of_network.ready_at(now))
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::text::Text;
    use hobnob_protocol::{MAX_LINE_BYTES, MAX_TEXT_BYTES, codec};

    use super::*;

    #[test]
    fn a_line_counts_once_for_each_begun_4_kib() {
        for (bytes, lines) in [(0, 1), (1, 1), (4096, 1), (4097, 2), (MAX_LINE_BYTES, 32)] {
            assert_eq!(counts_as(&ClientMessage::Unknown, bytes), lines, "{bytes}");
        }
    }

    #[test]
    fn a_text_counts_once_however_long_and_however_it_is_escaped_and_what_stands_beside_it_counts() {
        for letter in ["x", "\n", "é", "\u{7}"] {
            let text = Text::new(letter.repeat(MAX_TEXT_BYTES / letter.len())).unwrap();
            let say = ClientMessage::Say { id: u64::MAX, room: Some("dev".parse().unwrap()), text };
            assert_eq!(counts_as(&say, codec::encode(&say).len()), 1, "{letter:?}");
        }
        let short = ClientMessage::Say { id: 1, room: None, text: Text::new("x").unwrap() };
        assert_eq!(counts_as(&short, MAX_LINE_BYTES), 32);
    }
}
