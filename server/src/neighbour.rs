//! What servers of a lobby ask each other, and the answers: small JSON objects. Owns the form; knows neither the lobby
//! nor how they travel.

use bytes::Bytes;
use hobnob_protocol::chain::{LobbyMessage, Position};
use hobnob_protocol::message::ConsentAnswer;
use hobnob_protocol::name::{Candidate, LogId, PairToken, PublicKey, RunId, Seq, UserName};
use serde::{Deserialize, Serialize};

use crate::decide::ConnectionId;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Asked {
    /// Whether a client of the asked server gives a sign of life.
    Alive {
        /// Which.
        connection: ConnectionId,
    },
    /// The machine, for a server that comes new: a part of it, see [`MachinePart`].
    Machine {
        /// The place of the machine that the parts before are of. Without it, of the machine as it is.
        place: Option<u64>,
        /// Which part, from 0 on.
        part: u32,
    },
    /// Messages of a log, for the same.
    Messages {
        /// The log of a room; none for the lobby's.
        room: Option<LogId>,
        /// Those that follow this one, or the oldest that are kept.
        after: Seq,
    },
    /// Whether a client of the asked server wants a private session. The answer says only that the client is asked.
    Consent { wish: Box<WishElsewhere> },
    /// What a client of the server that asks says to such a question of a client of the asked server.
    Consented {
        /// Who wants the session.
        asker: ConnectionId,
        /// In which request.
        request: u32,
        /// Who was asked.
        by: ConnectionId,
        answer: ConsentAnswer,
    },
    /// To introduce a client of the server that asks to one of the asked server.
    Pair {
        /// Who asks.
        asker: Box<Asker>,
        /// The other.
        to: ConnectionId,
        /// What the server that asks has decided. Without it the asked server decides.
        met: Option<Met>,
    },
}

/// A wish for a private session, of a client at one server to one at another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WishElsewhere {
    pub(crate) asker: ConnectionId,
    pub(crate) request: u32,
    pub(crate) to: ConnectionId,
    /// The session that is to be rebuilt; none for a new one.
    pub(crate) session: Option<PairToken>,
}

/// Who asks for an introduction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asker {
    pub(crate) connection: ConnectionId,
    /// In which request, to which the other has agreed.
    pub(crate) request: u32,
    /// The session that is to be rebuilt; none for a new one.
    pub(crate) session: Option<PairToken>,
    #[serde(deserialize_with = "hobnob_protocol::name::deserialize_kept")]
    pub(crate) name: UserName,
    pub(crate) key: PublicKey,
    pub(crate) run: RunId,
    /// Where it is reached.
    pub(crate) candidates: Vec<Candidate>,
    /// Up to which introduction it has read.
    pub(crate) read: u64,
    /// Where its server is reached, at which the two meet if neither can be reached by the other.
    pub(crate) relay: Option<Candidate>,
}

/// The session that two are to have, as [`Meeting`](crate::introductions::rendezvous::Meeting) has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Met {
    pub(crate) session: PairToken,
    pub(crate) forked: bool,
    pub(crate) tell_other: bool,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// It does.
    Alive,
    /// It is not there.
    Gone,
    /// Too much of it waits.
    Busy,
    /// Some messages in a row; none where there are no more.
    Messages {
        /// The position before the first.
        after: Position,
        /// In order, without a gap.
        messages: Vec<LobbyMessage>,
    },
    /// The other was told, or knows already.
    Paired {
        /// The session.
        session: PairToken,
        /// Whether whoever asks has made it.
        forked: bool,
        /// Where the other is reached.
        candidates: Vec<Candidate>,
        /// Which introduction it was on the other's connection, where it was told now.
        number: Option<u64>,
    },
}

/// Bytes of a saved machine in one answer.
const PART_BYTES: usize = 128 * 1024;

/// A part of a saved machine: its place, how many parts there are, and the bytes. Not JSON, since what it carries is long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MachinePart {
    pub(crate) place: u64,
    pub(crate) parts: u32,
    pub(crate) bytes: Bytes,
}

/// What a part begins with: no JSON does.
const PART: &[u8; 4] = b"part";

impl MachinePart {
    /// A part of `saved`; `None` where there is no such part.
    pub(crate) fn cut(place: u64, saved: &Bytes, part: u32) -> Option<Self> {
        let parts = u32::try_from(saved.len().div_ceil(PART_BYTES)).ok()?;
        let begin =
            usize::try_from(part).ok()?.checked_mul(PART_BYTES).filter(|begin| *begin < saved.len())?;
        Some(Self { place, parts, bytes: saved.slice(begin..saved.len().min(begin + PART_BYTES)) })
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        [&PART[..], &self.place.to_be_bytes(), &self.parts.to_be_bytes(), &self.bytes].concat().into()
    }

    /// `None` for what is no part.
    pub(crate) fn read(bytes: &Bytes) -> Option<Self> {
        let rest = bytes.strip_prefix(PART)?;
        let (place, rest) = rest.split_first_chunk()?;
        let (parts, rest) = rest.split_first_chunk()?;
        let (place, parts) = (u64::from_be_bytes(*place), u32::from_be_bytes(*parts));
        Some(Self { place, parts, bytes: bytes.slice_ref(rest) })
    }
}

impl Asked {
    pub(crate) fn to_bytes(&self) -> Bytes {
        encoded(self)
    }

    /// `None` for what is no question, or one of a newer server.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

impl Answer {
    pub(crate) fn to_bytes(&self) -> Bytes {
        encoded(self)
    }

    /// `None` for what is no answer, or one of a newer server.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

fn encoded(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).expect("its fields have no keys but names").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_told_in_parts_that_make_the_whole() {
        let saved: Bytes = (0..PART_BYTES * 2 + 5).map(|n| n as u8).collect();
        let mut whole = Vec::new();
        for part in 0..3 {
            let cut = MachinePart::cut(7, &saved, part).unwrap();
            let read = MachinePart::read(&cut.to_bytes()).unwrap();
            assert_eq!((read.place, read.parts), (7, 3));
            whole.extend_from_slice(&read.bytes);
        }
        assert_eq!(whole, saved);
        assert_eq!(MachinePart::cut(7, &saved, 3), None);
        assert_eq!(MachinePart::cut(7, &saved, u32::MAX), None);
        assert_eq!(MachinePart::cut(7, &Bytes::new(), 0), None);
        for bad in [&b"\"gone\""[..], b"part", b"part12345678"] {
            assert_eq!(MachinePart::read(&Bytes::from_static(bad)), None);
        }
    }

    #[test]
    fn questions_and_answers_are_read_as_they_were_written_and_nothing_else_is() {
        let asker = Asker {
            connection: ConnectionId(7),
            request: 5,
            session: None,
            name: "anna".parse().unwrap(),
            key: PublicKey::new([1; 32]),
            run: RunId::new([2; 8]),
            candidates: vec!["192.0.2.7:5000".parse().unwrap()],
            read: 3,
            relay: Some("chat.example:43210".parse().unwrap()),
        };
        let session = PairToken::random();
        let met = Some(Met { session, forked: true, tell_other: false });
        let alive = Asked::Alive { connection: ConnectionId(u64::MAX) };
        let wish = WishElsewhere { asker: ConnectionId(7), request: 5, to: ConnectionId(9), session: None };
        let consent = Asked::Consent { wish: Box::new(wish) };
        let consented = |answer| {
            let (asker, by) = (ConnectionId(7), ConnectionId(9));
            Asked::Consented { asker, request: 5, by, answer }
        };
        let [open, asking] = [ConsentAnswer::Open, ConsentAnswer::Asking].map(consented);
        for asked in
            [alive, consent, open, asking, Asked::Pair { asker: Box::new(asker), to: ConnectionId(9), met }]
        {
            assert_eq!(Asked::read(&asked.to_bytes()), Some(asked));
        }
        let paired = Answer::Paired { session, forked: true, candidates: Vec::new(), number: Some(1) };
        for answer in [Answer::Alive, Answer::Gone, Answer::Busy, paired] {
            assert_eq!(Answer::read(&answer.to_bytes()), Some(answer));
        }
        for bad in ["", "{}", "\"alive\"", "{\"born\":{}}"] {
            assert_eq!(Asked::read(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(Answer::read(b"\"maybe\""), None);
    }
}
