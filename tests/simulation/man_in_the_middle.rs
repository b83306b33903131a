//! Two users verify each other's key while an attacker sits between them: the server introduced him to each of them as
//! the other user, under one token, so he has a working private session with both. He knows everything that either side
//! ever said, in this try and in earlier ones. He sends what chance makes of it, and mostly what moves the verification
//! on. The users read their words to each other, and say yes only if both have the same words. Neither of them may ever
//! come to trust his key.

use std::collections::VecDeque;

use hobnob::session::verification::{Heard, Outcome, Parties, Verification};
use hobnob_protocol::ids::PairToken;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::verification::{Bond, Commitment, Nonce, VerifyMessage};

use crate::chance::Chance;

/// How often the attacker tries.
const TRIES: u64 = 10_000;

/// How many messages are handed to the users in one try.
const STEPS: usize = 14;

/// How many nonces the attacker remembers; he keeps the newest.
const REMEMBERED: usize = 200;

/// The attacker in the middle.
struct Middle {
    chance: Chance,
    key: PublicKey,
    session: PairToken,
    /// The nonces that he has learnt in all tries.
    nonces: Vec<Nonce>,
    heard: Vec<VerifyMessage>,
    /// His own nonces in this try, each with the side to which he has committed himself and the commitment.
    committed: Vec<(usize, Commitment, Nonce)>,
    /// If he only passes on what each side says: what is still to be passed on, and to which side.
    passing_on: Option<VecDeque<(usize, VerifyMessage)>>,
}

/// One of the two users.
struct Victim {
    key: PublicKey,
    verification: Verification,
    /// How many messages of this user's verification the attacker has heard.
    overheard: usize,
    outcome: Option<Outcome>,
}

impl Victim {
    fn new(key: PublicKey, middle: &Middle) -> Self {
        let parties = Parties { token: middle.session, own: key, peer: middle.key };
        Self { key, verification: Verification::new(parties), overheard: 0, outcome: None }
    }

    fn hear(&mut self, message: &VerifyMessage) {
        if let Heard::Over(outcome) = self.verification.hear(message) {
            self.outcome = Some(outcome);
            self.overheard = 0;
        }
    }

    /// Returns the question of this side that has no answer yet.
    fn question(&self) -> Option<Commitment> {
        match self.verification.said() {
            [VerifyMessage::Ask { commitment }] => Some(*commitment),
            _ => None,
        }
    }
}

impl Middle {
    /// Returns a nonce: one that was said before, or a new one.
    fn nonce(&mut self) -> Nonce {
        let index = self.chance.below(self.nonces.len() as u64 + 1) as usize;
        match self.chance.below(3) {
            // The newest nonce is the one that the other side has just said.
            0 => self.nonces.last().copied(),
            _ => self.nonces.get(index).copied(),
        }
        .unwrap_or_else(Nonce::random)
    }

    fn overhear(&mut self, victims: &mut [Victim; 2]) {
        for (side, victim) in victims.iter_mut().enumerate() {
            let said = victim.verification.said();
            let news = said.get(victim.overheard..).unwrap_or(said).to_vec();
            victim.overheard = said.len();
            for message in news {
                if let VerifyMessage::Reveal { nonce, .. } | VerifyMessage::Open { nonce, .. } = message {
                    self.nonces.push(nonce);
                }
                if let Some(passing_on) = &mut self.passing_on {
                    passing_on.push_back((1 - side, message.clone()));
                }
                self.heard.push(message);
            }
        }
        let surplus = self.nonces.len().saturating_sub(REMEMBERED);
        self.nonces.drain(..surplus);
        let surplus = self.heard.len().saturating_sub(REMEMBERED);
        self.heard.drain(..surplus);
    }

    /// Makes his own question to this side.
    fn ask(&mut self, side: usize, victim: &Victim) -> VerifyMessage {
        let nonce = self.nonce();
        let bond = Bond { session: self.session, asker: self.key, other: victim.key };
        let commitment = bond.commitment(&nonce);
        self.committed.push((side, commitment, nonce));
        VerifyMessage::Ask { commitment }
    }

    /// Returns what he says to this side next.
    fn act(&mut self, side: usize, victim: &Victim) -> VerifyMessage {
        let own = self.committed.iter().rev().find(|(to, ..)| *to == side).copied();
        let leads_on = self.chance.below(8) != 0;
        match (victim.question(), own, victim.verification.said()) {
            (Some(commitment), ..) if leads_on => VerifyMessage::Reveal { commitment, nonce: self.nonce() },
            (_, Some((_, commitment, nonce)), [VerifyMessage::Reveal { commitment: answered, .. }])
                if leads_on && commitment == *answered =>
            {
                VerifyMessage::Open { commitment, nonce }
            }
            (_, None, []) if leads_on => self.ask(side, victim),
            _ => self.mischief(side, victim),
        }
    }

    fn mischief(&mut self, side: usize, victim: &Victim) -> VerifyMessage {
        let commitment = match self.heard.len() as u64 {
            0 => Commitment::new([0; 32]),
            count => commitment_of(&self.heard[(count - 1 - self.chance.below(count.min(6))) as usize]),
        };
        match self.chance.below(7) {
            0 => self.ask(side, victim),
            1 => VerifyMessage::Ask { commitment },
            2 => VerifyMessage::Reveal { commitment, nonce: self.nonce() },
            3 => VerifyMessage::Open { commitment, nonce: self.nonce() },
            4 => VerifyMessage::Answer { commitment, same: true },
            5 => VerifyMessage::Cancel { commitment },
            _ => match self.heard.len() as u64 {
                0 => VerifyMessage::Unknown,
                count => self.heard[self.chance.below(count) as usize].clone(),
            },
        }
    }
}

fn commitment_of(message: &VerifyMessage) -> Commitment {
    match message {
        VerifyMessage::Ask { commitment }
        | VerifyMessage::Reveal { commitment, .. }
        | VerifyMessage::Open { commitment, .. }
        | VerifyMessage::Answer { commitment, .. }
        | VerifyMessage::Cancel { commitment } => *commitment,
        VerifyMessage::Unknown => Commitment::new([0; 32]),
    }
}

/// Plays one try. Returns whether both users had words to compare.
fn try_once(middle: &mut Middle, keys: [PublicKey; 2]) -> bool {
    middle.committed.clear();
    middle.passing_on = (middle.chance.below(3) == 0).then(VecDeque::new);
    let mut victims = keys.map(|key| Victim::new(key, middle));
    match middle.chance.below(4) {
        0 => {
            victims[0].verification.ask();
        }
        1 => {
            victims[1].verification.ask();
        }
        2 => {
            for victim in &mut victims {
                victim.verification.ask();
            }
        }
        // He asks both sides himself.
        _ => {}
    }
    let mut both_had_words = false;
    for _ in 0..STEPS {
        middle.overhear(&mut victims);
        let passed_on = middle.passing_on.as_mut().and_then(VecDeque::pop_front);
        let (side, message) = passed_on.unwrap_or_else(|| {
            let side = middle.chance.below(2) as usize;
            (side, middle.act(side, &victims[side]))
        });
        victims[side].hear(&message);
        let words = [victims[0].verification.words(), victims[1].verification.words()];
        if let [Some(annas), Some(bobbys)] = words {
            both_had_words = true;
            assert_ne!(annas, bobbys, "the attacker has made both users see the same words");
            // Now and then, and not at once, the users read the words to each other.
            if middle.chance.below(3) == 0 {
                let same = annas == bobbys;
                let refused = victims.each_mut().map(|victim| victim.verification.answer(same));
                assert_eq!(refused, [Ok(Some(Outcome::Refused)); 2]);
                break;
            }
        }
    }
    let trusted = victims.iter().any(|victim| victim.outcome == Some(Outcome::Verified));
    assert!(!trusted, "a key is verified although nobody said yes");
    both_had_words
}

#[test]
fn a_man_in_the_middle_is_always_noticed() {
    let key = |byte| PublicKey::new([byte; 32]);
    let mut compared = 0;
    for seed in 0..TRIES / 100 {
        let mut middle = Middle {
            chance: Chance::of(seed),
            // His key is smaller than both others, larger, or between them, because the keys decide which of two
            // questions that cross each other stands.
            key: key([1, 5, 9][(seed % 3) as usize]),
            session: PairToken::new([7; 16]),
            nonces: Vec::new(),
            heard: Vec::new(),
            committed: Vec::new(),
            passing_on: None,
        };
        for _ in 0..100 {
            compared += u64::from(try_once(&mut middle, [key(3), key(7)]));
        }
    }
    assert!(compared > TRIES / 20, "only {compared} tries came as far as the words");
}
