//! Which posts have a number. A post is known by its author's run and its number in that run, and so a text that is
//! sent again can be told from a new one. This file holds plain data about the newest messages of one log,
//! [`POSTS_REMEMBERED`] for the lobby; it knows neither texts nor files. Posts that follow each other, as those of a
//! busy author do, take only the memory of one.
//!
//! Older posts stay in memory until they are swept, but do not count: a server that has just read its log must come to
//! the same answer as a server that has run for weeks.

use std::cmp::Ordering;

use hobnob_protocol::chain::{LobbyMessage, Seq};
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::sorted_map::SortedMap;

/// How many of the newest posts of the lobby are remembered, by their author's run and number, however many messages
/// are kept. A client that comes back after a lost link sends again the texts that got no answer, and these must not be
/// stored a second time.
pub const POSTS_REMEMBERED: u64 = 100_000;

/// The same limit for each room. It is lower because there may be a thousand rooms, and all their posts are in memory.
pub const ROOM_POSTS_REMEMBERED: u64 = 4096;

/// One run of one user's client.
pub type Party = (PublicKey, RunId);

/// Old posts are forgotten each time the log has grown by this part of what is remembered: a sixteenth.
const SWEEP_PART: u64 = 16;

/// Posts of one run whose numbers in the run follow one another, and whose numbers in the log do so too.
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

    /// Drops the posts that stand before `seq` in the log; false when no post is left.
    fn begin_at(&mut self, seq: u64) -> bool {
        if self.last_seq() < seq {
            return false;
        }
        let dropped = seq.saturating_sub(self.seq);
        self.id += dropped;
        self.seq += dropped;
        // This is less than `count`; otherwise the last post would stand before `seq`.
        self.count -= dropped as u32;
        true
    }

    fn is_followed_by(self, id: u64, seq: Seq) -> bool {
        self.last_id().checked_add(1) == Some(id) && self.last_seq() + 1 == seq.0 && self.count < u32::MAX
    }

    /// Where this burst lies, compared with `id`.
    fn beside(self, id: u64) -> Ordering {
        match id {
            _ if self.id > id => Ordering::Greater,
            _ if self.last_id() < id => Ordering::Less,
            _ => Ordering::Equal,
        }
    }
}

/// Which posts of one log have a number. The default value is for the lobby.
#[derive(Debug, Clone)]
pub struct Posts {
    /// The bursts of each run, sorted by their numbers in the run.
    runs: SortedMap<Party, Vec<Burst>>,
    swept: u64,
    /// How many of the newest messages have their posts remembered.
    remembered: u64,
}

impl Default for Posts {
    fn default() -> Self {
        Self::of_the_newest(POSTS_REMEMBERED)
    }
}

/// A burst as it is saved: the first number in the run, the first number in the log, and how many posts there are.
type SavedBurst = (u64, u64, u32);

/// Posts as they are saved: each run with its bursts.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SavedPosts {
    runs: Vec<(PublicKey, RunId, Vec<SavedBurst>)>,
    swept: u64,
    remembered: u64,
}

/// Whether a text is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// The text is new, and has its number now.
    New,
    /// The text has this number already.
    Known(Seq),
    /// The text has no number, and a later text of its run has one.
    TooLate,
}

/// A message is to be stored whose post has a number already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the post of message {0} is stored already")]
pub(crate) struct AlreadyStored(Seq);

impl Posts {
    /// No posts yet, with the limit of a room.
    #[must_use]
    pub fn of_a_room() -> Self {
        Self::of_the_newest(ROOM_POSTS_REMEMBERED)
    }

    /// No posts yet; those of so many of the newest messages will be remembered.
    pub(crate) fn of_the_newest(remembered: u64) -> Self {
        Self { runs: SortedMap::default(), swept: 0, remembered }
    }

    /// Returns the number of the oldest message whose post is remembered when `head` is the newest.
    fn oldest(&self, head: Seq) -> Seq {
        oldest_remembered(head, self.remembered)
    }

    /// Gives the text `id` of a run the number `seq`, which is one past the newest, if the text is new.
    pub(super) fn take(&mut self, party: Party, id: u64, seq: Seq) -> Taken {
        let oldest = self.oldest(Seq(seq.0 - 1)).0;
        let bursts = self.runs.or_default(party);
        if bursts.last().is_some_and(|last| last.last_seq() < oldest) {
            bursts.retain_mut(|burst| burst.begin_at(oldest));
        }
        match bursts.last_mut() {
            Some(last) if last.is_followed_by(id, seq) => last.count += 1,
            Some(last) if id <= last.last_id() => return known(bursts, id, oldest),
            _ => bursts.push(Burst { id, seq: seq.0, count: 1 }),
        }
        Taken::New
    }

    /// Returns what [`take`](Self::take) would answer, without giving a number.
    pub(super) fn look(&self, party: Party, id: u64, seq: Seq) -> Taken {
        let oldest = self.oldest(Seq(seq.0 - 1)).0;
        let last = self.runs.get(&party).and_then(|bursts| bursts.last().map(|last| (bursts, last)));
        match last.filter(|(_, last)| last.last_seq() >= oldest && id <= last.last_id()) {
            Some((bursts, _)) => known(bursts, id, oldest),
            None => Taken::New,
        }
    }

    /// Takes back the numbers from `seq` on that [`take`](Self::take) gave to a run.
    pub(super) fn give_back(&mut self, party: Party, seq: Seq) {
        let Some(bursts) = self.runs.get_mut(&party) else { return };
        // These are the highest numbers of the run, or [`take`](Self::take) had not given them.
        while let Some(last) = bursts.last_mut().filter(|last| last.last_seq() >= seq.0) {
            if last.seq < seq.0 {
                last.count = (seq.0 - last.seq) as u32;
                return;
            }
            bursts.pop();
        }
    }

    /// Forgets posts that are too old when `head` is the newest message. Does so only after the log has grown enough
    /// since the last time.
    pub(super) fn sweep(&mut self, head: Seq) {
        if head.0 >= self.swept + self.remembered / SWEEP_PART {
            self.forget(head);
        }
    }

    /// Notes the number of a post. A post that is known already keeps its first number.
    pub(crate) fn note(&mut self, party: Party, id: u64, seq: Seq) {
        let oldest = self.oldest(Seq(seq.0.saturating_sub(1))).0;
        let bursts = self.runs.or_default(party);
        if bursts.last().is_some_and(|last| last.last_seq() < oldest) {
            bursts.retain_mut(|burst| burst.begin_at(oldest));
        }
        if let Some(last) = bursts.last_mut().filter(|last| last.is_followed_by(id, seq)) {
            last.count += 1;
            return;
        }
        if let Err(index) = bursts.binary_search_by(|burst| burst.beside(id)) {
            bursts.insert(index, Burst { id, seq: seq.0, count: 1 });
        }
    }

    /// Notes the posts of stored messages, which go up to the newest message.
    pub(crate) fn note_all<'a>(&mut self, messages: impl IntoIterator<Item = &'a LobbyMessage>) {
        let mut head = 0;
        for message in messages {
            head = message.seq.0;
            self.note((message.key, message.run), message.id, message.seq);
        }
        self.sweep(Seq(head));
    }

    /// Forgets posts that are too old when `head` is the newest message.
    fn forget(&mut self, head: Seq) {
        self.swept = head.0;
        let gone = self.oldest(head).0;
        self.runs.retain(|bursts| {
            bursts.retain_mut(|burst| burst.begin_at(gone));
            if bursts.capacity() > 2 * bursts.len() {
                bursts.shrink_to_fit();
            }
            !bursts.is_empty()
        });
    }

    /// Returns all posts in the form in which they are saved.
    pub(super) fn saved(&self) -> SavedPosts {
        let triple = |burst: &Burst| (burst.id, burst.seq, burst.count);
        let runs = self.runs.iter();
        let runs =
            runs.map(|((key, run), bursts)| (*key, *run, bursts.iter().map(triple).collect())).collect();
        SavedPosts { runs, swept: self.swept, remembered: self.remembered }
    }

    /// Restores the posts that were saved.
    pub(super) fn restored(saved: SavedPosts) -> Self {
        let mut posts = Self { runs: SortedMap::default(), swept: saved.swept, remembered: saved.remembered };
        for (key, run, bursts) in saved.runs {
            // An empty burst means nothing and would not be found.
            let bursts = bursts.into_iter().filter(|(_, _, count)| *count > 0);
            posts.runs.insert((key, run), bursts.map(|(id, seq, count)| Burst { id, seq, count }).collect());
        }
        posts
    }

    /// Returns the number of a post in the log.
    pub(crate) fn find(&self, party: Party, id: u64) -> Option<Seq> {
        let bursts = self.runs.get(&party)?;
        let index = bursts.binary_search_by(|burst| burst.beside(id)).ok()?;
        Some(Seq(bursts[index].seq + (id - bursts[index].id)))
    }

    /// Returns the largest number of a run.
    #[cfg(test)]
    pub(crate) fn last_id(&self, party: Party) -> Option<u64> {
        self.runs.get(&party)?.last().map(|burst| burst.last_id())
    }

    /// Checks that none of the posts of `messages` is known already or occurs twice among them.
    pub(crate) fn are_new<'a>(
        &self,
        messages: impl IntoIterator<Item = &'a LobbyMessage>,
    ) -> Result<(), AlreadyStored> {
        let mut noted = Self::of_the_newest(self.remembered);
        for message in messages {
            let (party, id) = ((message.key, message.run), message.id);
            let oldest = self.oldest(Seq(message.seq.0.saturating_sub(1)));
            let stored = self.find(party, id).filter(|&seq| seq >= oldest);
            if stored.or_else(|| noted.find(party, id)).is_some() {
                return Err(AlreadyStored(message.seq));
            }
            noted.note(party, id, message.seq);
        }
        Ok(())
    }
}

fn known(bursts: &[Burst], id: u64, oldest: u64) -> Taken {
    let index = bursts.binary_search_by(|burst| burst.beside(id));
    match index.map(|index| bursts[index].seq + (id - bursts[index].id)) {
        Ok(seq) if seq >= oldest => Taken::Known(Seq(seq)),
        _ => Taken::TooLate,
    }
}

/// Returns the oldest message whose post is remembered when `head` is the newest message and the posts of `remembered`
/// messages are.
pub(crate) fn oldest_remembered(head: Seq, remembered: u64) -> Seq {
    Seq(head.0.saturating_sub(remembered)).next()
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::ids::RunId;
    use hobnob_protocol::key::PublicKey;

    use super::*;

    fn party(n: u8) -> Party {
        (PublicKey::new([n; 32]), RunId::new([n; 8]))
    }

    #[test]
    fn posts_in_a_row_take_the_memory_of_one_and_are_found_one_by_one() {
        let mut posts = Posts::default();
        for n in 0..1000 {
            posts.note(party(1), 5 + n, Seq(100 + n));
        }
        posts.note(party(1), 1005, Seq(2000));
        assert_eq!(posts.runs.get(&party(1)).map(Vec::len), Some(2));
        for n in 0..1000 {
            assert_eq!(posts.find(party(1), 5 + n), Some(Seq(100 + n)));
        }
        assert_eq!(posts.find(party(1), 1005), Some(Seq(2000)));
        assert_eq!((posts.find(party(1), 4), posts.find(party(1), 1006)), (None, None));
        assert_eq!((posts.last_id(party(1)), posts.last_id(party(2))), (Some(1005), None));
    }

    #[test]
    fn posts_may_be_noted_in_any_order_and_keep_their_first_number() {
        let mut posts = Posts::default();
        for (seq, id) in [u64::MAX, 0, 7, u64::MAX - 1, 6, 8].into_iter().enumerate() {
            posts.note(party(1), id, Seq(seq as u64 + 1));
        }
        posts.note(party(1), 7, Seq(50));
        let positions = [u64::MAX, 0, 7, u64::MAX - 1, 6, 8].map(|id| posts.find(party(1), id).unwrap().0);
        assert_eq!(positions, [1, 2, 3, 4, 5, 6]);
        assert_eq!(posts.last_id(party(1)), Some(u64::MAX));
    }

    #[test]
    fn a_text_is_new_once_and_the_number_of_one_that_was_not_stored_can_be_given_back() {
        let mut posts = Posts::default();
        for n in 1..=4 {
            assert_eq!(posts.take(party(1), n, Seq(n)), Taken::New);
        }
        assert_eq!(posts.take(party(1), 3, Seq(5)), Taken::Known(Seq(3)));
        assert_eq!(posts.take(party(2), 7, Seq(5)), Taken::New);
        assert_eq!(posts.take(party(1), 9, Seq(6)), Taken::New);
        assert_eq!(posts.take(party(1), 8, Seq(7)), Taken::TooLate);
        for n in [1, 2, 3] {
            posts.give_back(party(n), Seq(4));
        }
        assert_eq!((posts.last_id(party(1)), posts.last_id(party(2))), (Some(3), None));
        assert_eq!(posts.take(party(1), 8, Seq(4)), Taken::New);
    }

    #[test]
    fn posts_that_are_too_old_do_not_count_whether_they_were_swept_or_not() {
        let (mut swept, mut unswept) = (Posts::default(), Posts::default());
        let now = Seq(POSTS_REMEMBERED + 3);
        for posts in [&mut swept, &mut unswept] {
            assert_eq!(posts.take(party(1), 9, Seq(2)), Taken::New);
            assert_eq!(posts.take(party(2), 9, Seq(3)), Taken::New);
        }
        swept.forget(Seq(now.0 - 1));
        for posts in [&mut swept, &mut unswept] {
            assert_eq!(posts.take(party(1), 5, now), Taken::New);
            assert_eq!(posts.take(party(2), 9, now), Taken::Known(Seq(3)));
            assert_eq!(posts.take(party(2), 5, now), Taken::TooLate);
        }
    }

    #[test]
    fn old_posts_are_forgotten_and_their_memory_is_freed() {
        let mut posts = Posts::default();
        for seq in 1..=3 * POSTS_REMEMBERED {
            posts.note(party((seq % 200) as u8), 2 * seq, Seq(seq));
            if seq % (POSTS_REMEMBERED / SWEEP_PART) == 0 {
                posts.forget(Seq(seq));
            }
        }
        let runs = (0..200).filter_map(|n| posts.runs.get(&party(n)));
        let bursts: usize = runs.map(Vec::capacity).sum();
        assert!(bursts as u64 <= 2 * (POSTS_REMEMBERED + POSTS_REMEMBERED / SWEEP_PART), "{bursts}");
        let kept = 2 * POSTS_REMEMBERED + 1;
        assert_eq!(posts.find(party((kept % 200) as u8), 2 * kept), Some(Seq(kept)));
        assert_eq!(posts.find(party(1), 2), None);
    }
}
