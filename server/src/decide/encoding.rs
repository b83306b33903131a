//! A batch in the form in which it leaves this process for an order that is kept elsewhere: one JSON object. This file
//! owns that form and its version.
//!
//! A batch contains neither the addresses of a client nor who talks with whom, because everything in the order stays on
//! the disk of every node for a long time. A batch does contain the network from which a newcomer comes, because bans
//! of networks are decided from it.

use bytes::Bytes;
use hobnob_order::{Payload, Place, ServerId};
use hobnob_protocol::chain::ChainHash;
use serde::{Deserialize, Serialize};

use super::entry::{Entry, Proposals, Vouch};

/// The version of the entries. It counts up whenever two builds would read an entry differently or decide differently
/// from it; also when names are folded by newer tables. Servers of another version do not take part in a lobby.
pub const ENTRIES_VERSION: u32 = 1;

/// A batch as it is written.
#[derive(Serialize)]
struct Written<'a> {
    v: u32,
    server: u64,
    batch: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    vouch: Option<(u64, ChainHash)>,
    #[serde(rename = "do")]
    entries: &'a [Entry],
}

/// A batch as it is read.
#[derive(Deserialize)]
struct Read {
    v: u32,
    server: u64,
    batch: u64,
    vouch: Option<(u64, ChainHash)>,
    #[serde(rename = "do")]
    entries: Vec<Entry>,
}

impl Payload for Proposals {
    fn to_bytes(&self) -> Bytes {
        let vouch = self.vouch.map(|vouch| (vouch.place.0, vouch.hash));
        let (server, batch) = (self.server.0, self.number);
        let written = Written { v: ENTRIES_VERSION, server, batch, vouch, entries: &self.entries };
        serde_json::to_vec(&written).expect("its fields have no keys but names").into()
    }

    /// Bytes that are no batch, or a batch of another version, become a batch that never counts. All servers ignore
    /// such bytes alike.
    fn from_bytes(bytes: &[u8]) -> Self {
        let read = serde_json::from_slice::<Read>(bytes).ok().filter(|read| read.v == ENTRIES_VERSION);
        let Some(Read { server, batch, vouch, entries, .. }) = read else {
            return Self { server: ServerId(0), number: 0, vouch: None, entries: Vec::new() };
        };
        let vouch = vouch.map(|(place, hash)| Vouch { place: Place(place), hash });
        Self { server: ServerId(server), number: batch, vouch, entries }
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::away::AwayText;
    use hobnob_protocol::chain::LogId;
    use hobnob_protocol::content::Act;
    use hobnob_protocol::ids::RunId;
    use hobnob_protocol::key::PublicKey;
    use hobnob_protocol::text::Text;

    use super::*;
    use crate::decide::{ConnectionId, Join, NameBinding, Newcomer, ProposedAct};

    fn batch() -> Proposals {
        let from = ConnectionId::of(ServerId(0xffff_ffff), 7);
        let newcomer = Newcomer {
            wish: "ÄNNA".parse().unwrap(),
            key: PublicKey::new([1; 32]),
            run: RunId::new([2; 8]),
            candidates: Vec::new(),
        };
        let entries = vec![
            Entry::Join(Box::new(Join {
                id: from,
                newcomer,
                evict: Some(ConnectionId(3)),
                keep: true,
                address: Some([192, 168, 0, 7].into()),
            })),
            Entry::Say { from, id: u64::MAX, room: None, content: Text::new("\u{1}words\n").unwrap().into() },
            Entry::Say {
                from,
                id: 2,
                room: Some("dev".parse().unwrap()),
                content: Text::new("x").unwrap().into(),
            },
            Entry::Say { from, id: 3, room: Some("dev".parse().unwrap()), content: Act::topic(None).into() },
            Entry::JoinRoom { from, room: "dev".parse().unwrap(), log: LogId::new([4; 16]) },
            Entry::Part { from, room: "dev".parse().unwrap() },
            Entry::Away { from, away: Some(AwayText::new("lunch").unwrap()) },
            Entry::Away { from, away: None },
            Entry::Expire { now: 1, before: 2, unspoken_before: 3, rooms_before: 4 },
            Entry::KeptName(NameBinding {
                name: "anna".parse().unwrap(),
                key: PublicKey::new([1; 32]),
                seen: 5,
                spoke: true,
                since: 4,
            }),
            Entry::KeptRules(Box::default()),
            Entry::Serves(vec!["chat.example:43210".parse().unwrap()]),
            Entry::Gone { server: ServerId(9), last: 17 },
            Entry::Leave(from),
            Entry::Act(Box::new(ProposedAct { from, id: 4, act: Act::topic(None), lasts: Some(60) })),
            Entry::Operators(vec![PublicKey::new([1; 32]).fingerprint()]),
            Entry::Operators(Vec::new()),
        ];
        let vouch = Some(Vouch { place: Place(5), hash: ChainHash::new([6; 32]) });
        Proposals { server: ServerId(0xffff_ffff), number: 17, vouch, entries }
    }

    #[test]
    fn a_batch_is_read_back_as_it_was_written() {
        assert_eq!(Proposals::from_bytes(&batch().to_bytes()), batch());
        let beat = Proposals { vouch: None, entries: Vec::new(), ..batch() };
        assert_eq!(Proposals::from_bytes(&beat.to_bytes()), beat);
    }

    #[test]
    fn the_addresses_of_a_client_are_not_in_a_batch() {
        let mut batch = batch();
        let Entry::Join(join) = &mut batch.entries[0] else { panic!("a newcomer comes first") };
        join.newcomer.candidates = vec!["192.0.2.7:5000".parse().unwrap()];
        assert!(!String::from_utf8(batch.to_bytes().to_vec()).unwrap().contains("192.0.2"));
    }

    #[test]
    fn bytes_that_are_no_batch_of_this_version_become_a_batch_that_never_counts() {
        let good = String::from_utf8(batch().to_bytes().to_vec()).unwrap();
        let other_version = good.replace("\"v\":1", "\"v\":2");
        let other_entry = good.replace("\"leave\"", "\"leap\"");
        assert!(other_version != good && other_entry != good);
        for bad in ["", "{", "[]", "\u{0}", &other_version, &other_entry, &good[..good.len() - 1]] {
            let read = Proposals::from_bytes(bad.as_bytes());
            assert_eq!((read.number, read.entries.len()), (0, 0), "{bad:?}");
        }
    }
}
