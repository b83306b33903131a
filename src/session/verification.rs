//! The verification of a peer's key in one private session, as a state machine: what this side says, what it makes of
//! what the other says, and how it ends. Plain; draws its nonces and knows nothing of links, screens, files or time.
//!
//! Both sides may say everything again at any time, because a connection may be lost and nobody knows what arrived. So
//! a message that was heard before changes nothing. What each message does:
//!
//! | heard | while | does |
//! | --- | --- | --- |
//! | `ask` | nothing is under way | the nonce is revealed |
//! | `ask` | this side has asked, too | the question of the smaller key stands |
//! | another `ask` | this side has revealed its nonce, or words are compared | cancelled |
//! | `reveal` | this side has asked | it opens its commitment, and both have the words |
//! | `open` | this side has revealed its nonce | both have the words; if it is not what was committed to, cancelled |
//! | another `reveal` or `open` than before, or one from the side that must not send it | words are compared | cancelled |
//! | `answer` | there are no words yet | cancelled |
//! | `answer` yes | words are compared | verified, once this user says yes, too |
//! | `answer` no | words are compared, or the key was verified by them | refused |
//! | `cancel` | it is under way | cancelled |
//! | anything of another verification | | nothing |

use hobnob_protocol::name::{Commitment, Nonce, PairToken, PublicKey};
use hobnob_protocol::verification::{Bond, VerifyMessage, Words};
use serde::{Deserialize, Serialize};

/// How a verification ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Both users said that the words are the same.
    Verified,
    /// One of them said that they are not.
    Refused,
    /// It came to no end; nothing has changed.
    Cancelled,
}

/// What a message of the other side led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Nothing that the user has to know.
    Nothing,
    /// The words are there, to be compared.
    Words(Words),
    /// It is over.
    Over(Outcome),
}

/// There are no words that could be the same or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoWords;

/// Between whom, and in which session.
#[derive(Clone, Copy, Debug)]
pub struct Parties {
    /// The session's token.
    pub session: PairToken,
    /// This user's key.
    pub own: PublicKey,
    /// The peer's.
    pub peer: PublicKey,
}

impl Parties {
    /// What a verification is bound to that this side asks for.
    fn asked_here(&self) -> Bond {
        Bond { session: self.session, asker: self.own, other: self.peer }
    }

    /// What one is bound to that the other side asks for.
    fn asked_there(&self) -> Bond {
        Bond { session: self.session, asker: self.peer, other: self.own }
    }
}

/// How far it has come.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Nothing is under way. The last one that was is not begun again by a message that comes twice.
    Idle { last: Option<Commitment> },
    /// This side has asked.
    Asked { commitment: Commitment, nonce: Nonce },
    /// The other side has asked, and was told this side's nonce.
    Revealed { commitment: Commitment, nonce: Nonce },
    /// Both have the words. `heard` is the message with the other side's nonce, which may come again.
    Comparing { commitment: Commitment, words: Words, heard: Nonce, asked_here: bool, own: bool, peers: bool },
    /// Both said that the words of this one are the same.
    Verified { commitment: Commitment },
}

/// The verification in one private session, one at a time.
#[derive(Debug)]
pub struct Verification {
    parties: Parties,
    stage: Stage,
    said: Vec<VerifyMessage>,
}

impl Verification {
    /// Nothing is under way yet.
    #[must_use]
    pub fn new(parties: Parties) -> Self {
        Self { parties, stage: Stage::Idle { last: None }, said: Vec::new() }
    }

    /// All that this side has said in the present verification: four messages at the most. The other side has to hear
    /// it over each connection anew.
    #[must_use]
    pub fn said(&self) -> &[VerifyMessage] {
        &self.said
    }

    /// Whether one is under way.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self.stage, Stage::Idle { .. } | Stage::Verified { .. })
    }

    /// The words that are compared.
    #[must_use]
    pub fn words(&self) -> Option<Words> {
        match self.stage {
            Stage::Comparing { words, .. } => Some(words),
            _ => None,
        }
    }

    /// This user asks for one. Where one is under way it is cancelled instead, and that is what comes back.
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

    /// This user says whether the words are the same. A yes may be followed by a no until the other side has said yes.
    ///
    /// # Errors
    /// When there are no words.
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

    /// This side does not go on with what is under way.
    pub fn cancel(&mut self) -> Outcome {
        if let Some(commitment) = self.commitment() {
            self.said = vec![VerifyMessage::Cancel { commitment }];
            self.stage = Stage::Idle { last: Some(commitment) };
        }
        Outcome::Cancelled
    }

    /// The other side asks, and is told that this side does not take part.
    pub fn decline(&mut self, commitment: Commitment) {
        if !self.is_open() && !self.is_last(commitment) {
            self.said = vec![VerifyMessage::Cancel { commitment }];
            self.stage = Stage::Idle { last: Some(commitment) };
        }
    }

    /// Whether a message would begin a verification.
    #[must_use]
    pub fn would_begin(&self, message: &VerifyMessage) -> Option<Commitment> {
        match message {
            VerifyMessage::Ask { commitment } if !self.is_open() && !self.is_last(*commitment) => {
                Some(*commitment)
            }
            _ => None,
        }
    }

    /// The other side says something.
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
            // Both have asked at once, and both know which question stands.
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

    /// The other side shows its nonce, as the one who was asked (it reveals) or as the asker (it opens).
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
            // The two answers have crossed: this side heard a yes that was taken back.
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

    /// Whether it is the present verification, or was the last one.
    fn is_last(&self, commitment: Commitment) -> bool {
        match self.stage {
            Stage::Idle { last } => last == Some(commitment),
            // A question that comes back as the other side's own is no repetition.
            Stage::Asked { .. } => false,
            _ => self.commitment() == Some(commitment),
        }
    }
}

#[cfg(test)]
mod tests;
