//! What the servers of a lobby ask each other, and the answers: small JSON objects. This file owns their form; it knows
//! neither the lobby nor how they are transported.

use bytes::Bytes;
use hobnob_protocol::candidate::Candidate;
use hobnob_protocol::chain::{LobbyMessage, LogId, Position, Seq};
use hobnob_protocol::ids::{PairToken, RunId};
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::ConsentAnswer;
use hobnob_protocol::name::UserName;
use serde::{Deserialize, Serialize};

use crate::decide::ConnectionId;

/// A question of one server to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Asked {
    /// Whether a client of the asked server gives a sign of life.
    Alive {
        /// The connection of that client.
        connection: ConnectionId,
    },
    /// A part of the saved machine, for a new server; see [`MachinePart`].
    Machine {
        /// The place of the machine whose earlier parts were given; `None` for the machine as it is now.
        place: Option<u64>,
        /// The index of the part, from 0 on.
        part: u32,
    },
    /// Messages of a log, for a new server.
    Messages {
        /// The log of a room; `None` for the lobby's log.
        room: Option<LogId>,
        /// The messages after this one are asked for, or else the oldest that are kept.
        after: Seq,
    },
    /// Whether a client of the asked server wants a private session. The answer says only that the client is being
    /// asked.
    Consent {
        /// Servers of every build know this member as `wish`.
        #[serde(rename = "wish")]
        invitation: Box<InvitationElsewhere>,
    },
    /// The answer of a client of the asking server to such a question, which came from a client of the asked server.
    Consented {
        /// The connection of the client that wants the session.
        asker: ConnectionId,
        /// The number of its request.
        request: u32,
        /// The connection of the client that was asked and has answered.
        by: ConnectionId,
        answer: ConsentAnswer,
    },
    /// Asks to introduce a client of the asking server to a client of the asked server.
    Pair {
        /// The client that asks.
        asker: Box<Asker>,
        /// The connection of the other client.
        to: ConnectionId,
        /// What the asking server has decided; `None` if the asked server decides.
        met: Option<Met>,
    },
}

/// An invitation to a private session, from a client of one server for a client of another server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InvitationElsewhere {
    pub(crate) asker: ConnectionId,
    pub(crate) request: u32,
    pub(crate) to: ConnectionId,
    /// The session that is to be rebuilt; `None` for a new session.
    pub(crate) session: Option<PairToken>,
}

/// The client that asks for an introduction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asker {
    pub(crate) connection: ConnectionId,
    /// The number of its request, to which the other user has agreed.
    pub(crate) request: u32,
    /// The session that is to be rebuilt; `None` for a new session.
    pub(crate) session: Option<PairToken>,
    #[serde(deserialize_with = "hobnob_protocol::name::deserialize_kept")]
    pub(crate) name: UserName,
    pub(crate) key: PublicKey,
    pub(crate) run: RunId,
    /// The addresses at which peers reach the client.
    pub(crate) candidates: Vec<Candidate>,
    /// The number of the newest introduction that it has read.
    pub(crate) read: u64,
    /// The address at which the asker's server relays; `None` if it relays nothing or advertises no address.
    pub(crate) relay: Option<Candidate>,
}

/// The session that the two users are to have, as in [`Meeting`](crate::introductions::rendezvous::Meeting).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Met {
    pub(crate) session: PairToken,
    pub(crate) forked: bool,
    pub(crate) tell_other: bool,
}

/// An answer to a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// The client gives a sign of life, or is being asked whether it wants a session.
    Alive,
    /// The client, or the part of the machine, is not there.
    Gone,
    /// Too much waits, or the user has not agreed to an introduction.
    Busy,
    /// Messages that follow each other; empty if there are no more.
    Messages {
        /// The position before the first message.
        after: Position,
        /// The messages, in order and without a gap.
        messages: Vec<LobbyMessage>,
    },
    /// The other client was told, or knew already.
    Paired {
        /// The token of the session.
        session: PairToken,
        /// Whether the asker's request has made the session.
        forked: bool,
        /// The addresses at which the other client is reached.
        candidates: Vec<Candidate>,
        /// The number of the introduction on the other's connection; `None` if the other was not told now.
        number: Option<u64>,
        /// The address at which the other client's server relays, as in [`Asker`].
        relay: Option<Candidate>,
    },
}

/// How many bytes of a saved machine are in one answer.
const PART_BYTES: usize = 128 * 1024;

/// A part of a saved machine: the place of the machine, how many parts it has, and the bytes. Not JSON, because the
/// bytes are many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MachinePart {
    pub(crate) place: u64,
    pub(crate) parts: u32,
    pub(crate) bytes: Bytes,
}

/// The bytes at the beginning of a part. No JSON begins with them.
const PART: &[u8; 4] = b"part";

impl MachinePart {
    /// Returns one part of `saved`, or `None` if there is no such part.
    pub(crate) fn cut(place: u64, saved: &Bytes, part: u32) -> Option<Self> {
        let parts = u32::try_from(saved.len().div_ceil(PART_BYTES)).ok()?;
        let begin =
            usize::try_from(part).ok()?.checked_mul(PART_BYTES).filter(|begin| *begin < saved.len())?;
        Some(Self { place, parts, bytes: saved.slice(begin..saved.len().min(begin + PART_BYTES)) })
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        [&PART[..], &self.place.to_be_bytes(), &self.parts.to_be_bytes(), &self.bytes].concat().into()
    }

    /// Reads a part; `None` if the bytes are no part.
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

    /// Reads a question; `None` if the bytes are no question, or one of a newer server.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

impl Answer {
    pub(crate) fn to_bytes(&self) -> Bytes {
        encoded(self)
    }

    /// Reads an answer; `None` if the bytes are no answer, or one of a newer server.
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
    fn a_saved_machine_is_sent_in_parts_that_together_make_the_whole() {
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
    fn questions_and_answers_are_read_back_as_they_were_written_and_other_bytes_are_not_read() {
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
        let invitation =
            InvitationElsewhere { asker: ConnectionId(7), request: 5, to: ConnectionId(9), session: None };
        let consent = Asked::Consent { invitation: Box::new(invitation) };
        assert!(
            consent.to_bytes().starts_with(b"{\"consent\":{\"wish\":{"),
            "as servers of earlier builds say it"
        );
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
        let relay = Some("other.example:43210".parse().unwrap());
        let paired = Answer::Paired { session, forked: true, candidates: Vec::new(), number: Some(1), relay };
        for answer in [Answer::Alive, Answer::Gone, Answer::Busy, paired] {
            assert_eq!(Answer::read(&answer.to_bytes()), Some(answer));
        }
        for bad in ["", "{}", "\"alive\"", "{\"born\":{}}"] {
            assert_eq!(Asked::read(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(Answer::read(b"\"maybe\""), None);
    }
}
