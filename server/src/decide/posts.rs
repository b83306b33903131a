//! Which posts the log holds, by their author's run and number: what tells a text that is sent again
//! from a new one. Plain data about the newest [`POSTS_REMEMBERED`] messages; knows neither texts nor
//! files. Posts in a row, which is how a busy author's come, take the room of one.

use std::cmp::Ordering;
use std::collections::HashMap;

use hobnob_protocol::chain::LobbyMessage;
use hobnob_protocol::name::Seq;

use crate::log::{LogError, POSTS_REMEMBERED};
use crate::outbox::Party;

/// What is older is looked for and forgotten each time the log has grown by so many messages.
const SWEEP: u64 = POSTS_REMEMBERED / 16;

/// Posts of one run whose numbers and places in the log both follow one another.
#[derive(Debug, Clone, Copy)]
struct Burst {
    id: u64,
    seq: u64,
    count: u32,
}

impl Burst {
    fn last_id(self) -> u64 {
        self.id + u64::from(self.count - 1)
    }

    fn last_seq(self) -> u64 {
        self.seq + u64::from(self.count - 1)
    }

    /// Drops what stands before `seq`; false when nothing is left.
    fn begin_at(&mut self, seq: u64) -> bool {
        if self.last_seq() < seq {
            return false;
        }
        let dropped = seq.saturating_sub(self.seq);
        self.id += dropped;
        self.seq += dropped;
        // Less than `count`, or its last message would stand before `seq`.
        self.count -= dropped as u32;
        true
    }

    fn is_followed_by(self, id: u64, seq: Seq) -> bool {
        self.last_id().checked_add(1) == Some(id) && self.last_seq() + 1 == seq.0 && self.count < u32::MAX
    }

    /// Where `id` lies, seen from here.
    fn beside(self, id: u64) -> Ordering {
        match id {
            _ if self.id > id => Ordering::Greater,
            _ if self.last_id() < id => Ordering::Less,
            _ => Ordering::Equal,
        }
    }
}

/// Places of posts in the log.
#[derive(Debug, Default)]
pub(crate) struct Posts {
    /// The bursts of each run, by number.
    runs: HashMap<Party, Vec<Burst>>,
    swept: u64,
}

impl Posts {
    /// Notes where a post stands; one that is known stays where it was first.
    pub(crate) fn note(&mut self, party: Party, id: u64, seq: Seq) {
        let bursts = self.runs.entry(party).or_default();
        if let Some(last) = bursts.last_mut().filter(|last| last.is_followed_by(id, seq)) {
            last.count += 1;
            return;
        }
        if let Err(place) = bursts.binary_search_by(|burst| burst.beside(id)) {
            bursts.insert(place, Burst { id, seq: seq.0, count: 1 });
        }
    }

    /// Notes what was stored, up to the newest message.
    pub(crate) fn note_all<'a>(&mut self, messages: impl IntoIterator<Item = &'a LobbyMessage>) {
        let mut head = 0;
        for message in messages {
            head = message.seq.0;
            self.note((message.key, message.run), message.id, message.seq);
        }
        if head >= self.swept + SWEEP {
            self.forget(Seq(head));
        }
    }

    /// Forgets what is no longer to be remembered when `head` is the newest message.
    fn forget(&mut self, head: Seq) {
        self.swept = head.0;
        let gone = oldest_remembered(head).0;
        self.runs.retain(|_, bursts| {
            bursts.retain_mut(|burst| burst.begin_at(gone));
            if bursts.capacity() > 2 * bursts.len() {
                bursts.shrink_to_fit();
            }
            !bursts.is_empty()
        });
    }

    /// Where a post stands.
    pub(crate) fn find(&self, party: Party, id: u64) -> Option<Seq> {
        let bursts = self.runs.get(&party)?;
        let place = bursts.binary_search_by(|burst| burst.beside(id)).ok()?;
        Some(Seq(bursts[place].seq + (id - bursts[place].id)))
    }

    /// The largest number of a run.
    pub(crate) fn last_id(&self, party: Party) -> Option<u64> {
        self.runs.get(&party)?.last().map(|burst| burst.last_id())
    }

    /// That none of `messages` is a post that is known, or is there twice.
    pub(crate) fn are_new<'a>(
        &self,
        messages: impl IntoIterator<Item = &'a LobbyMessage>,
    ) -> Result<(), LogError> {
        let mut noted = Self::default();
        for message in messages {
            let (party, id) = ((message.key, message.run), message.id);
            if self.find(party, id).or_else(|| noted.find(party, id)).is_some() {
                let seq = message.seq;
                return Err(LogError::Write(format!("the post of message {seq} is stored already")));
            }
            noted.note(party, id, message.seq);
        }
        Ok(())
    }
}

/// The oldest message whose post is remembered when `head` is the newest.
pub(crate) fn oldest_remembered(head: Seq) -> Seq {
    Seq(head.0.saturating_sub(POSTS_REMEMBERED)).next()
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::name::{PublicKey, RunId};

    use super::*;

    fn party(n: u8) -> Party {
        (PublicKey::new([n; 32]), RunId::new([n; 8]))
    }

    #[test]
    fn posts_in_a_row_take_the_room_of_one_and_are_found_one_by_one() {
        let mut posts = Posts::default();
        for n in 0..1000 {
            posts.note(party(1), 5 + n, Seq(100 + n));
        }
        posts.note(party(1), 1005, Seq(2000));
        assert_eq!(posts.runs[&party(1)].len(), 2);
        for n in 0..1000 {
            assert_eq!(posts.find(party(1), 5 + n), Some(Seq(100 + n)));
        }
        assert_eq!(posts.find(party(1), 1005), Some(Seq(2000)));
        assert_eq!((posts.find(party(1), 4), posts.find(party(1), 1006)), (None, None));
        assert_eq!((posts.last_id(party(1)), posts.last_id(party(2))), (Some(1005), None));
    }

    #[test]
    fn numbers_may_come_in_any_order_and_the_first_place_stays() {
        let mut posts = Posts::default();
        for (seq, id) in [u64::MAX, 0, 7, u64::MAX - 1, 6, 8].into_iter().enumerate() {
            posts.note(party(1), id, Seq(seq as u64 + 1));
        }
        posts.note(party(1), 7, Seq(50));
        let places = [u64::MAX, 0, 7, u64::MAX - 1, 6, 8].map(|id| posts.find(party(1), id).unwrap().0);
        assert_eq!(places, [1, 2, 3, 4, 5, 6]);
        assert_eq!(posts.last_id(party(1)), Some(u64::MAX));
    }

    #[test]
    fn what_is_old_is_forgotten_and_its_room_with_it() {
        let mut posts = Posts::default();
        for seq in 1..=3 * POSTS_REMEMBERED {
            posts.note(party((seq % 200) as u8), 2 * seq, Seq(seq));
            if seq % SWEEP == 0 {
                posts.forget(Seq(seq));
            }
        }
        let bursts: usize = posts.runs.values().map(Vec::capacity).sum();
        assert!(bursts as u64 <= 2 * (POSTS_REMEMBERED + SWEEP), "{bursts}");
        let kept = 2 * POSTS_REMEMBERED + 1;
        assert_eq!(posts.find(party((kept % 200) as u8), 2 * kept), Some(Seq(kept)));
        assert_eq!(posts.find(party(1), 2), None);
    }
}
