//! The verification of a peer's key in one private session, as a state machine: what this side sends, what it does
//! about the messages of the other side, and how the verification ends. This is plain data; it draws its nonces, and
//! knows nothing of links, screens, files or time.
//!
//! Both sides may send everything again at any time, because a connection may be lost and nobody knows which messages
//! arrived. A message that arrives a second time therefore changes nothing. This is what each message does:
//!
//! | message | state of this side | effect |
//! | --- | --- | --- |
//! | `ask` | no verification is under way | this side reveals its nonce |
//! | `ask` | this side has asked too | the question from the side with the smaller key counts |
//! | another `ask` | this side has revealed its nonce, or words are compared | cancelled |
//! | `reveal` | this side has asked | this side opens its commitment, and both sides have the words |
//! | `open` | this side has revealed its nonce | both have the words; cancelled if the nonce does not fit |
//! | a `reveal` or `open` with another nonce, or from the side that must not send it | words are compared | cancelled |
//! | `answer` | there are no words yet | cancelled |
//! | `answer` yes | words are compared | verified as soon as this user also says yes |
//! | `answer` no | words are compared, or the key was verified by them | refused |
//! | `cancel` | the verification is under way | cancelled |
//! | anything that belongs to another verification | any | none |

use hobnob_protocol::ids::PairToken;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::verification::{Bond, Commitment, Nonce, VerifyMessage, Words};
use serde::{Deserialize, Serialize};

/// How a verification ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Both users said that the words are the same.
    Verified,
    /// One of the users said that the words differ.
    Refused,
    /// The verification was not finished, and nothing has changed.
    Cancelled,
}

/// What ended a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// This user did.
    You,
    /// The other side did, or its user.
    Other,
    /// The messages of the other side did not fit together, so this side ended it.
    Misfit,
    /// The session ended before both users had answered.
    SessionEnd,
    /// The other side was silent until it was too late for the words.
    Silence,
    /// Both users said yes, and the result could not be saved.
    NotSaved,
}

impl EndedBy {
    /// Returns what ended a verification with this outcome, when a message of the other side led to it.
    #[must_use]
    pub fn of(message: &VerifyMessage, outcome: Outcome) -> Self {
        match (message, outcome) {
            (VerifyMessage::Ask { .. } | VerifyMessage::Cancel { .. }, _)
            | (_, Outcome::Verified | Outcome::Refused) => Self::Other,
            (_, Outcome::Cancelled) => Self::Misfit,
        }
    }
}

/// What a message of the other side led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Nothing that the user has to know.
    Nothing,
    /// The words are known, and the user has to compare them.
    Words(Words),
    /// The verification is over.
    Over(Outcome),
}

/// The error for an answer when there are no words to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoWords;

/// The two sides of a verification, and their session.
#[derive(Clone, Copy, Debug)]
pub struct Parties {
    /// The token of the private session.
    pub token: PairToken,
    /// The key of this user.
    pub own: PublicKey,
    /// The key of the peer.
    pub peer: PublicKey,
}

impl Parties {
    /// Returns the bond of a verification for which this side asks.
    fn asked_here(&self) -> Bond {
        Bond { session: self.token, asker: self.own, other: self.peer }
    }

    /// Returns the bond of a verification for which the other side asks.
    fn asked_there(&self) -> Bond {
        Bond { session: self.token, asker: self.peer, other: self.own }
    }
}

/// How far the verification has come.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// No verification is under way. The last one is remembered, so that a repeated message does not begin it again.
    Idle { last: Option<Commitment> },
    /// This side has asked, and keeps its nonce secret.
    Asked { commitment: Commitment, nonce: Nonce },
    /// The other side has asked, and this side has revealed its nonce.
    Revealed { commitment: Commitment, nonce: Nonce },
    /// Both sides have the words. `heard` is the nonce of the other side, whose message may arrive again.
    Comparing { commitment: Commitment, words: Words, heard: Nonce, asked_here: bool, own: bool, peers: bool },
    /// Both users said that the words of this verification are the same.
    Verified { commitment: Commitment },
}

/// The verifications in one private session. There is at most one at a time.
#[derive(Debug)]
pub struct Verification {
    parties: Parties,
    stage: Stage,
    said: Vec<VerifyMessage>,
}

impl Verification {
    /// Starts without a verification.
    #[must_use]
    pub fn new(parties: Parties) -> Self {
        Self { parties, stage: Stage::Idle { last: None }, said: Vec::new() }
    }

    /// Returns everything that this side has sent in the current verification, which is at most four messages. All of
    /// it has to be sent again on each new connection.
    #[must_use]
    pub fn said(&self) -> &[VerifyMessage] {
        &self.said
    }

    /// Whether a verification is under way.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self.stage, Stage::Idle { .. } | Stage::Verified { .. })
    }

    /// Returns the words that the users are comparing, if there are any.
    #[must_use]
    pub fn words(&self) -> Option<Words> {
        match self.stage {
            Stage::Comparing { words, .. } => Some(words),
            _ => None,
        }
    }

    /// Asks for a verification for this user. If one is under way, that one is cancelled instead, and the outcome is
    /// returned.
    pub fn ask(&mut self) -> Option<Outcome> {
        if self.is_open() {
            return Some(self.cancel());
        }
        let nonce = Nonce::random();
        let commitment = self.parties.asked_here().commitment(&nonce);
        self.stage = Stage::Asked { commitment, nonce };
        self.said = vec![VerifyMessage::Ask { commitment }];
        None
    }

    /// Notes whether this user says that the words are the same. The user may change a yes to a no until the other user
    /// has said yes.
    ///
    /// # Errors
    /// Fails if there are no words to compare.
    pub fn answer(&mut self, same: bool) -> Result<Option<Outcome>, NoWords> {
        let Stage::Comparing { commitment, own, peers, .. } = &mut self.stage else { return Err(NoWords) };
        let (commitment, peers) = (*commitment, *peers);
        *own = same;
        self.said.retain(|message| !matches!(message, VerifyMessage::Answer { .. }));
        self.said.push(VerifyMessage::Answer { commitment, same });
        Ok(match (same, peers) {
            (false, _) => Some(self.over(commitment, Outcome::Refused)),
            (true, true) => Some(self.over(commitment, Outcome::Verified)),
            (true, false) => None,
        })
    }

    /// Cancels the verification that is under way.
    pub fn cancel(&mut self) -> Outcome {
        if let Some(commitment) = self.commitment() {
            self.said = vec![VerifyMessage::Cancel { commitment }];
            self.stage = Stage::Idle { last: Some(commitment) };
        }
        Outcome::Cancelled
    }

    /// Declines a verification that the other side asks for.
    pub fn decline(&mut self, commitment: Commitment) {
        if !self.is_open() && !self.is_last(commitment) {
            self.said = vec![VerifyMessage::Cancel { commitment }];
            self.stage = Stage::Idle { last: Some(commitment) };
        }
    }

    /// Returns the commitment if this message would begin a verification.
    #[must_use]
    pub fn would_begin(&self, message: &VerifyMessage) -> Option<Commitment> {
        match message {
            VerifyMessage::Ask { commitment } if !self.is_open() && !self.is_last(*commitment) => {
                Some(*commitment)
            }
            _ => None,
        }
    }

    /// Takes a message of the other side, and returns what it led to.
    pub fn hear(&mut self, message: &VerifyMessage) -> Heard {
        match *message {
            VerifyMessage::Ask { commitment } => self.hear_ask(commitment),
            VerifyMessage::Unknown => Heard::Nothing,
            VerifyMessage::Reveal { commitment, nonce } => self.hear_nonce(commitment, nonce, true),
            VerifyMessage::Open { commitment, nonce } => self.hear_nonce(commitment, nonce, false),
            VerifyMessage::Answer { commitment, same } => self.hear_answer(commitment, same),
            VerifyMessage::Cancel { commitment } => {
                if self.is_open() && self.commitment() == Some(commitment) {
                    self.stage = Stage::Idle { last: Some(commitment) };
                    self.said.clear();
                    return Heard::Over(Outcome::Cancelled);
                }
                Heard::Nothing
            }
        }
    }

    fn hear_ask(&mut self, commitment: Commitment) -> Heard {
        match self.stage {
            _ if self.is_last(commitment) => Heard::Nothing,
            // Both sides have asked at the same time, and both know whose question counts.
            Stage::Asked { .. } if self.parties.own < self.parties.peer => Heard::Nothing,
            Stage::Idle { .. } | Stage::Verified { .. } | Stage::Asked { .. } => {
                let nonce = Nonce::random();
                self.stage = Stage::Revealed { commitment, nonce };
                self.said = vec![VerifyMessage::Reveal { commitment, nonce }];
                Heard::Nothing
            }
            Stage::Revealed { .. } | Stage::Comparing { .. } => {
                self.cancel();
                self.said.push(VerifyMessage::Cancel { commitment });
                self.stage = Stage::Idle { last: Some(commitment) };
                Heard::Over(Outcome::Cancelled)
            }
        }
    }

    /// Takes the nonce of the other side, which reveals it if it was asked, and opens it if it is the asker.
    fn hear_nonce(&mut self, of: Commitment, theirs: Nonce, reveals: bool) -> Heard {
        let (own, asked_here, words) = match self.stage {
            Stage::Asked { commitment, nonce } if commitment == of && reveals => {
                (nonce, true, self.parties.asked_here().words(&nonce, &theirs))
            }
            Stage::Revealed { commitment, nonce } if commitment == of && !reveals => {
                let bond = self.parties.asked_there();
                if bond.commitment(&theirs) != commitment {
                    return Heard::Over(self.cancel());
                }
                (nonce, false, bond.words(&theirs, &nonce))
            }
            Stage::Comparing { commitment, heard, asked_here, .. } if commitment == of => {
                if heard == theirs && asked_here == reveals {
                    return Heard::Nothing;
                }
                return Heard::Over(self.cancel());
            }
            Stage::Asked { commitment, .. } | Stage::Revealed { commitment, .. } if commitment == of => {
                return Heard::Over(self.cancel());
            }
            _ => return Heard::Nothing,
        };
        if asked_here {
            self.said.push(VerifyMessage::Open { commitment: of, nonce: own });
        }
        self.stage =
            Stage::Comparing { commitment: of, words, heard: theirs, asked_here, own: false, peers: false };
        Heard::Words(words)
    }

    fn hear_answer(&mut self, of: Commitment, same: bool) -> Heard {
        match &mut self.stage {
            Stage::Comparing { commitment, own, peers, .. } if *commitment == of => {
                *peers = same;
                match (*own, same) {
                    (_, false) => Heard::Over(self.over(of, Outcome::Refused)),
                    (true, true) => Heard::Over(self.over(of, Outcome::Verified)),
                    (false, true) => Heard::Nothing,
                }
            }
            // The answers have crossed: after its yes, the other user has said no.
            Stage::Verified { commitment } if *commitment == of && !same => {
                Heard::Over(self.over(of, Outcome::Refused))
            }
            Stage::Asked { commitment, .. } | Stage::Revealed { commitment, .. } if *commitment == of => {
                Heard::Over(self.cancel())
            }
            _ => Heard::Nothing,
        }
    }

    fn over(&mut self, commitment: Commitment, outcome: Outcome) -> Outcome {
        self.stage = match outcome {
            Outcome::Verified => Stage::Verified { commitment },
            Outcome::Refused | Outcome::Cancelled => Stage::Idle { last: Some(commitment) },
        };
        outcome
    }

    fn commitment(&self) -> Option<Commitment> {
        match self.stage {
            Stage::Idle { .. } => None,
            Stage::Asked { commitment, .. }
            | Stage::Revealed { commitment, .. }
            | Stage::Comparing { commitment, .. }
            | Stage::Verified { commitment } => Some(commitment),
        }
    }

    /// Whether this belongs to the current verification or to the last one.
    fn is_last(&self, commitment: Commitment) -> bool {
        match self.stage {
            Stage::Idle { last } => last == Some(commitment),
            // If this side's own question comes back, that is not a repetition of a message.
            Stage::Asked { .. } => false,
            _ => self.commitment() == Some(commitment),
        }
    }
}

#[cfg(test)]
mod tests;
