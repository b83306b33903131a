//! The way through a log to its last texts. Numbers are counted by the server, and acts have numbers, too, so earlier
//! messages are asked for until there are enough texts. This is plain data: it owns which messages are asked for next,
//! and knows neither the link nor the screen.

use std::collections::VecDeque;

use hobnob_protocol::MAX_HISTORY_REQUEST;
use hobnob_protocol::chain::{BrokenChain, LobbyMessage, Position, Seq};

use crate::session::SessionId;

/// How many bytes of text are kept until there are enough texts. If there are more, they are only counted on the way
/// back, and fetched again on the way forward.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// How many questions are asked besides those that a log without acts takes.
const QUESTIONS_FOR_ACTS: u32 = 32;

/// Which messages the server is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// At most this many messages.
    pub limit: u32,
    /// The number that follows the last of them; `None` for the newest messages.
    pub before: Option<Seq>,
}

/// The last texts of a log, as far as they have come.
#[derive(Debug)]
pub struct OldMessages {
    /// The session with the lobby or the room.
    pub session: SessionId,
    /// The position before the first message of the answer that comes.
    first: Option<Position>,
    /// The position after the last message that came.
    place: Option<Position>,
    /// The messages so far of the answer that comes.
    messages: Vec<LobbyMessage>,
    /// How many messages were asked for.
    limit: u32,
    /// How many texts are still to be found.
    missing: usize,
    questions_left: u32,
    way: Way,
}

/// Where the next messages are.
#[derive(Debug)]
enum Way {
    /// Before those that came. The texts are shown when there are enough of them.
    Back {
        /// The position before the earliest message that came.
        earliest: Option<Position>,
        /// The texts so far.
        found: Found,
    },
    /// Behind those that came, which are shown as they come.
    On(Stretch),
}

/// The texts that were found on the way back.
#[derive(Debug, Default)]
struct Found {
    /// The texts, the oldest first; empty if they are too many to be kept.
    texts: VecDeque<LobbyMessage>,
    bytes: usize,
    /// The numbers of the oldest text and of the newest message.
    numbers: Option<(u64, u64)>,
}

impl Found {
    fn is_too_much(&self) -> bool {
        self.bytes > MOST_BYTES
    }

    fn add_before(&mut self, text: LobbyMessage) {
        self.bytes += text.content.text().map_or(0, |text| text.as_str().len());
        let (oldest, _) = self.numbers.get_or_insert((text.seq.0, text.seq.0));
        *oldest = text.seq.0;
        match self.is_too_much() {
            true => self.texts = VecDeque::new(),
            false => self.texts.push_front(text),
        }
    }
}

/// An answer that has come to its end.
#[derive(Debug)]
pub struct Answer {
    /// What is shown, the oldest first.
    pub messages: Vec<LobbyMessage>,
    /// Where the hashes do not follow from each other.
    pub broken: Option<BrokenChain>,
    first: Position,
    reached: Position,
    /// Whether a message came that follows those of the answers before.
    got_on: bool,
}

impl OldMessages {
    /// Begins the way to the last `count` texts of a log whose newest message has the number `newest`, as far as it is
    /// known. Returns also what is asked for first.
    #[must_use]
    pub fn last(session: SessionId, count: u32, newest: u64) -> (Self, Wanted) {
        let questions_left = count / MAX_HISTORY_REQUEST + QUESTIONS_FOR_ACTS;
        let mut wanted = Wanted { limit: count.min(MAX_HISTORY_REQUEST), before: None };
        let mut way = Way::Back { earliest: None, found: Found::default() };
        // A log that is shown as a whole need not be looked through first.
        if newest > 0 && count > MAX_HISTORY_REQUEST && u64::from(count) >= newest {
            let mut rest = Stretch { after: 0, until: newest };
            wanted = rest.take_part().unwrap_or(Wanted { limit: 1, before: None });
            way = Way::On(rest);
        }
        let missing = usize::try_from(count).unwrap_or(usize::MAX);
        let (first, place, messages, limit) = (None, None, Vec::new(), wanted.limit);
        (Self { session, first, place, messages, limit, missing, questions_left, way }, wanted)
    }

    /// Adds a part of an answer. Returns the answer if it is complete.
    pub fn add(&mut self, after: Position, part: Vec<LobbyMessage>, more: bool) -> Option<Answer> {
        // Each part is checked against its beginning, and each beginning against the part before. Messages that were
        // removed from the log between two questions leave a gap.
        let known = self.place.filter(|place| !self.messages.is_empty() || place.seq >= after.seq);
        let mut position = known.unwrap_or(after);
        let mut broken = part.iter().find_map(|message| position.advance(message).err());
        let got_on = self.place.is_none_or(|before| before.seq < position.seq);
        let first = *self.first.get_or_insert(after);
        self.place = Some(position);
        self.messages.extend(part);
        // A server that sends more than was asked for has answered completely.
        if more && broken.is_none() && self.messages.len() < MAX_HISTORY_REQUEST as usize {
            return None;
        }
        if let Way::Back { earliest: Some(later), .. } = self.way
            && later.seq == position.seq
            && later.hash != position.hash
        {
            broken = broken.or(Some(BrokenChain { seq: later.seq.next() }));
        }
        let messages = std::mem::take(&mut self.messages);
        self.first = None;
        Some(Answer { messages, broken, first, reached: position, got_on })
    }

    /// Takes an answer. Returns the messages that are to be shown now, and what is asked for next.
    pub fn take(&mut self, answer: Answer) -> (Vec<LobbyMessage>, Option<Wanted>) {
        let is_broken = answer.broken.is_some();
        let (shown, next) = match &mut self.way {
            Way::On(rest) => {
                // The server keeps nothing before the position at which an answer begins.
                rest.after = rest.after.max(answer.reached.seq.0);
                let next = if answer.got_on { rest.take_part() } else { None };
                (answer.messages, next)
            }
            Way::Back { .. } => self.take_back(answer),
        };
        let next = next.filter(|_| !is_broken);
        self.limit = next.map_or(0, |next| next.limit);
        (shown, next)
    }

    fn take_back(&mut self, answer: Answer) -> (Vec<LobbyMessage>, Option<Wanted>) {
        let Way::Back { earliest, found } = &mut self.way else { return (Vec::new(), None) };
        let follows = earliest.is_none_or(|later| later.seq == answer.reached.seq);
        let came = u32::try_from(answer.messages.len()).unwrap_or(u32::MAX);
        if follows {
            *earliest = Some(answer.first);
            let newest = answer.reached.seq.0;
            found.numbers.get_or_insert((newest.saturating_add(1), newest));
            let texts = answer.messages.into_iter().rev().filter(|it| it.content.text().is_some());
            for text in texts.take(self.missing) {
                found.add_before(text);
                self.missing -= 1;
            }
        }
        // A server that sends fewer messages than it was asked for keeps no earlier ones.
        let is_over = !follows || came < self.limit || answer.first.seq.0 == 0 || answer.broken.is_some();
        self.questions_left = self.questions_left.saturating_sub(1);
        if self.missing > 0 && !is_over && self.questions_left > 0 {
            self.place = None;
            return (Vec::new(), Some(self.further_back(answer.first)));
        }
        if !found.is_too_much() {
            return (std::mem::take(&mut found.texts).into(), None);
        }
        let (oldest, newest) = found.numbers.unwrap_or_default();
        let mut rest = Stretch { after: oldest.saturating_sub(1), until: newest };
        let next = rest.take_part();
        (self.place, self.way) = (None, Way::On(rest));
        (Vec::new(), next)
    }

    /// Returns what is asked for before this position. Where many acts stand in a row, each question asks for more
    /// messages than the one before.
    fn further_back(&self, first: Position) -> Wanted {
        let missing = u32::try_from(self.missing).unwrap_or(u32::MAX);
        let limit = missing.max(self.limit.saturating_mul(2)).min(MAX_HISTORY_REQUEST);
        Wanted { limit, before: Some(first.seq.next()) }
    }
}

/// A range of message numbers in a log: those after `after`, up to `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    /// The number before the first.
    after: u64,
    /// The last number, which belongs to the range.
    until: u64,
}

impl Stretch {
    /// Removes as many numbers from the beginning as one question may ask for. Returns what is asked for; `None` if
    /// nothing is left.
    fn take_part(&mut self) -> Option<Wanted> {
        let left = self.until.saturating_sub(self.after);
        let limit = u32::try_from(left).unwrap_or(u32::MAX).min(MAX_HISTORY_REQUEST);
        self.after += u64::from(limit);
        (limit > 0).then(|| Wanted { limit, before: Some(Seq(self.after.saturating_add(1))) })
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::MAX_TEXT_BYTES;
    use hobnob_protocol::chain::{LogId, link};
    use hobnob_protocol::content::{Act, Content};
    use hobnob_protocol::ids::RunId;
    use hobnob_protocol::key::PublicKey;
    use hobnob_protocol::text::Text;

    use super::*;

    #[test]
    fn a_long_stretch_is_asked_for_in_parts_and_in_order() {
        let mut rest = Stretch { after: 500, until: 2_700 };
        let mut part = || rest.take_part().map(|it| (it.limit, it.before));
        assert_eq!(part(), Some((1000, Some(Seq(1_501)))));
        assert_eq!(part(), Some((1000, Some(Seq(2_501)))));
        assert_eq!(part(), Some((200, Some(Seq(2_701)))));
        assert_eq!(part(), None);
        assert_eq!(Stretch { after: 1, until: 0 }.take_part(), None);
        let last = Stretch { after: u64::MAX - 1, until: u64::MAX }.take_part();
        assert_eq!(last, Some(Wanted { limit: 1, before: Some(Seq(u64::MAX)) }));
    }

    /// A log of texts of this length, of which every third is an act instead, with its positions.
    fn log(count: u64, length: usize) -> (Vec<LobbyMessage>, Vec<Position>) {
        let mut places = vec![Position::start(&LogId::new([0; 16]))];
        let messages = (1..=count).map(|number| {
            let place = places[places.len() - 1];
            let content: Content = match number % 3 {
                0 => Act::topic(None).into(),
                _ => Text::new("x".repeat(length)).unwrap().into(),
            };
            let (name, key, run) = ("anna".parse().unwrap(), PublicKey::new([1; 32]), RunId::new([1; 8]));
            let hash = place.hash;
            let mut message =
                LobbyMessage { seq: Seq(number), at: 0, name, key, run, id: number, content, hash };
            message.hash = link(&hash, &message);
            places.push(Position { seq: message.seq, hash: message.hash });
            message
        });
        (messages.collect(), places)
    }

    /// Asks a server that has all of this log for its last texts. Returns from where to where each question went, and
    /// the numbers of the texts that were shown.
    fn read(
        (log, places): &(Vec<LobbyMessage>, Vec<Position>),
        count: u32,
        newest: u64,
    ) -> (Vec<(usize, usize)>, Vec<u64>) {
        let (mut old, first) = OldMessages::last(SessionId::LOBBY, count, newest);
        let (mut asked, mut next, mut shown) = (Vec::new(), Some(first), Vec::new());
        while let Some(Wanted { limit, before }) = next {
            let end = before.map_or(log.len(), |before| usize::try_from(before.0).unwrap() - 1);
            let begin = end.saturating_sub(limit as usize);
            asked.push((begin, end));
            let answer = old.add(places[begin], log[begin..end].to_vec(), false).unwrap();
            let (now, then) = old.take(answer);
            shown.extend(now.iter().filter(|it| it.content.text().is_some()).map(|it| it.seq.0));
            next = then;
        }
        (asked, shown)
    }

    fn texts(numbers: std::ops::RangeInclusive<u64>) -> Vec<u64> {
        numbers.filter(|number| number % 3 != 0).collect()
    }

    #[test]
    fn texts_that_are_too_many_to_be_kept_are_fetched_again_as_they_are_shown() {
        let (asked, shown) = read(&log(2_400, MAX_TEXT_BYTES), 1_100, 2_400);
        assert_eq!(asked, [(1_400, 2_400), (400, 1_400), (750, 1_750), (1_750, 2_400)]);
        assert_eq!((shown.len(), shown), (1_100, texts(751..=2_400)));
    }

    #[test]
    fn a_log_of_which_no_number_is_known_is_looked_through_from_its_end() {
        let log_of_1200 = log(1_200, 1);
        let (asked, shown) = read(&log_of_1200, 2_500, 0);
        assert_eq!((asked, shown), (vec![(200, 1_200), (0, 200)], texts(1..=1_200)));
        let (asked, shown) = read(&log_of_1200, 2_500, 1_200);
        assert_eq!((asked, shown), (vec![(0, 1_000), (1_000, 1_200)], texts(1..=1_200)), "as it comes");
        assert_eq!(read(&log(0, 1), 2_500, 0), (vec![(0, 0)], Vec::new()));
    }
}
