//! Two users verify each other's key while somebody sits between them: the server introduced him to each of them as the
//! other, under one token, so that he has a sound private session with both. He knows all that either side ever said,
//! here and in earlier tries, and sends whatever chance makes of it, mostly what leads on. The users read their words to
//! each other and say yes only where both have the same ones. Nobody may ever come to trust his key.

use std::collections::VecDeque;

use hobnob::session::verification::{Heard, Outcome, Parties, Verification};
use hobnob_protocol::name::{Commitment, Nonce, PairToken, PublicKey};
use hobnob_protocol::verification::{Bond, VerifyMessage};

use crate::chance::Chance;

/// How often he tries.
const TRIES: u64 = 10_000;

/// What he may do in one try.
const STEPS: usize = 14;

/// Nonces he remembers, the newest.
const REMEMBERED: usize = 200;

/// The man in the middle.
struct Middle {
    chance: Chance,
    key: PublicKey,
    session: PairToken,
    /// What he has learnt, of all tries.
    nonces: Vec<Nonce>,
    heard: Vec<VerifyMessage>,
    /// His own nonces in this try, and to which side he has committed himself to each.
    committed: Vec<(usize, Commitment, Nonce)>,
    /// Where he only passes on what each side says: what is still to be passed on, and to which side.
    passing_on: Option<VecDeque<(usize, VerifyMessage)>>,
}

/// One of the two users.
struct Victim {
    key: PublicKey,
    verification: Verification,
    /// How much of what it has said he has heard.
    overheard: usize,
    outcome: Option<Outcome>,
}

impl Victim {
    fn new(key: PublicKey, middle: &Middle) -> Self {
        let parties = Parties { session: middle.session, own: key, peer: middle.key };
        Self { key, verification: Verification::new(parties), overheard: 0, outcome: None }
    }

    fn hear(&mut self, message: &VerifyMessage) {
        if let Heard::Over(outcome) = self.verification.hear(message) {
            self.outcome = Some(outcome);
            self.overheard = 0;
        }
    }

    /// The question of this side that has no answer yet.
    fn question(&self) -> Option<Commitment> {
        match self.verification.said() {
            [VerifyMessage::Ask { commitment }] => Some(*commitment),
            _ => None,
        }
    }
}

impl Middle {
    /// Some nonce: one of those that were said, or a new one.
    fn nonce(&mut self) -> Nonce {
        let index = self.chance.below(self.nonces.len() as u64 + 1) as usize;
        match self.chance.below(3) {
            // The newest is what the other side has just said.
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

    /// His own question to this side.
    fn ask(&mut self, side: usize, victim: &Victim) -> VerifyMessage {
        let nonce = self.nonce();
        let bond = Bond { session: self.session, asker: self.key, other: victim.key };
        let commitment = bond.commitment(&nonce);
        self.committed.push((side, commitment, nonce));
        VerifyMessage::Ask { commitment }
    }

    /// What he tells this side.
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

/// One try; whether both users had words to compare.
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
        // He asks both himself.
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
            assert_ne!(annas, bobbys, "he has found words that are the same");
            // They read them to each other now and then, and not at once.
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
fn nobody_between_two_users_passes_unnoticed() {
    let key = |byte| PublicKey::new([byte; 32]);
    let mut compared = 0;
    for seed in 0..TRIES / 100 {
        let mut middle = Middle {
            chance: Chance::of(seed),
            // The smallest, the largest and a middle one: by its key a question that crosses another one stands or falls.
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
    assert!(compared > TRIES / 20, "in {compared} tries only he came as far as the words");
}
