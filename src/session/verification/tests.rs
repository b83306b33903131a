//! Tests with two sides that verify each other, honest and dishonest, over a link that may deliver everything twice.

use super::*;

/// Two users in one session. Anna has the smaller key.
struct Two {
    anna: Verification,
    bobby: Verification,
    /// The messages that each side has sent to the other so far.
    told: [Vec<VerifyMessage>; 2],
}

fn parties(own: u8, peer: u8) -> Parties {
    Parties {
        token: PairToken::new([7; 16]),
        own: PublicKey::new([own; 32]),
        peer: PublicKey::new([peer; 32]),
    }
}

impl Two {
    fn new() -> Self {
        let (anna, bobby) = (Verification::new(parties(1, 2)), Verification::new(parties(2, 1)));
        Self { anna, bobby, told: [Vec::new(), Vec::new()] }
    }

    /// Begins a new connection, on which everything is sent again.
    fn connect_anew(&mut self) -> [Vec<Heard>; 2] {
        self.told = [Vec::new(), Vec::new()];
        self.talk()
    }

    /// Carries messages until there are no new ones. Returns what each side has heard.
    fn talk(&mut self) -> [Vec<Heard>; 2] {
        let mut heard = [Vec::new(), Vec::new()];
        loop {
            let [annas, bobbys] = [self.anna.said().to_vec(), self.bobby.said().to_vec()];
            let news = [untold(&self.told[0], &annas), untold(&self.told[1], &bobbys)];
            self.told = [annas, bobbys];
            if news.iter().all(Vec::is_empty) {
                heard.iter_mut().for_each(|heard| heard.retain(|it| *it != Heard::Nothing));
                return heard;
            }
            heard[1].extend(news[0].iter().map(|message| self.bobby.hear(message)));
            heard[0].extend(news[1].iter().map(|message| self.anna.hear(message)));
        }
    }

    /// Makes two sides after Anna has asked and both have the words.
    fn comparing() -> Self {
        let mut two = Self::new();
        assert_eq!(two.anna.ask(), None);
        let [annas, bobbys] = two.talk();
        assert!(matches!(annas[..], [Heard::Words(_)]), "{annas:?}");
        assert_eq!(annas, bobbys);
        two
    }
}

/// Returns the messages of `said` that follow `told`, or all of them if `said` does not begin with `told`.
fn untold(told: &[VerifyMessage], said: &[VerifyMessage]) -> Vec<VerifyMessage> {
    said.strip_prefix(told).unwrap_or(said).to_vec()
}

fn over(outcome: Outcome) -> Vec<Heard> {
    vec![Heard::Over(outcome)]
}

#[test]
fn both_sides_have_the_same_words_and_are_verified_if_both_say_yes() {
    for anna_first in [true, false] {
        let mut two = Two::comparing();
        assert_eq!(two.anna.words(), two.bobby.words());
        let (first, second) = match anna_first {
            true => (&mut two.anna, &mut two.bobby),
            false => (&mut two.bobby, &mut two.anna),
        };
        assert_eq!(first.answer(true), Ok(None), "the other user has not answered yet");
        first.said().iter().for_each(|message| assert_eq!(second.hear(message), Heard::Nothing));
        assert_eq!(second.answer(true), Ok(Some(Outcome::Verified)));
        let rest: Vec<_> = second.said().iter().map(|message| first.hear(message)).collect();
        assert_eq!(rest.last(), Some(&Heard::Over(Outcome::Verified)));
        assert!(!first.is_open() && !second.is_open());
    }
}

#[test]
fn each_verification_has_other_words() {
    let words: std::collections::HashSet<_> = (0..100).map(|_| Two::comparing().anna.words()).collect();
    assert_eq!(words.len(), 100);
}

#[test]
fn a_no_refuses_the_key_whoever_says_it_and_when() {
    let mut two = Two::comparing();
    assert_eq!(two.bobby.answer(false), Ok(Some(Outcome::Refused)));
    assert_eq!(two.talk()[0], over(Outcome::Refused));

    let mut two = Two::comparing();
    two.anna.answer(true).unwrap();
    two.talk();
    assert_eq!(
        two.bobby.answer(false),
        Ok(Some(Outcome::Refused)),
        "a yes of the other user changes nothing"
    );
    assert_eq!(two.talk()[0], over(Outcome::Refused));

    let mut two = Two::comparing();
    two.anna.answer(true).unwrap();
    assert_eq!(two.anna.answer(false), Ok(Some(Outcome::Refused)), "a yes may be taken back");
    assert_eq!(two.talk()[1], over(Outcome::Refused));
    assert_eq!(two.anna.answer(true), Err(NoWords), "a no may not be taken back");
}

#[test]
fn a_yes_that_is_taken_back_while_the_answers_cross_refuses_the_key() {
    let mut two = Two::comparing();
    two.anna.answer(true).unwrap();
    let yes = two.anna.said().last().unwrap().clone();
    two.bobby.hear(&yes);
    assert_eq!(two.bobby.answer(true), Ok(Some(Outcome::Verified)));
    two.anna.answer(false).unwrap();
    let no = two.anna.said().last().unwrap().clone();
    assert_eq!(two.bobby.hear(&no), Heard::Over(Outcome::Refused));
    assert_eq!(two.bobby.hear(&no), Heard::Nothing);
}

#[test]
fn an_answer_is_refused_before_there_are_words() {
    let mut two = Two::new();
    assert_eq!(two.anna.answer(true), Err(NoWords));
    two.anna.ask();
    assert_eq!(two.anna.answer(false), Err(NoWords));
}

#[test]
fn a_second_question_of_the_same_user_cancels_the_verification() {
    let mut two = Two::comparing();
    assert_eq!(two.anna.ask(), Some(Outcome::Cancelled));
    assert_eq!(two.talk(), [vec![], over(Outcome::Cancelled)]);
    // The next verification begins anew.
    assert_eq!(two.bobby.ask(), None);
    let [annas, bobbys] = two.talk();
    assert!(matches!(annas[..], [Heard::Words(_)]) && annas == bobbys, "{annas:?} {bobbys:?}");
}

#[test]
fn another_question_while_words_are_compared_cancels_the_verification() {
    let mut two = Two::comparing();
    let mut another = Verification::new(parties(1, 2));
    another.ask();
    assert_eq!(two.bobby.hear(&another.said()[0]), Heard::Over(Outcome::Cancelled));
    assert_eq!(two.talk()[0], over(Outcome::Cancelled));
    two.bobby.said().iter().for_each(|message| {
        another.hear(message);
    });
    assert!(!another.is_open(), "the side that asked is told of the end");
}

#[test]
fn two_questions_at_the_same_time_become_one_verification() {
    let mut two = Two::new();
    two.anna.ask();
    two.bobby.ask();
    let [annas, bobbys] = two.talk();
    assert!(matches!(annas[..], [Heard::Words(_)]) && annas == bobbys, "{annas:?} {bobbys:?}");
    assert!(
        matches!(two.anna.said()[0], VerifyMessage::Ask { .. }),
        "the question of the side with the smaller key counts"
    );
}

#[test]
fn a_verification_survives_a_lost_link_at_any_step() {
    // After each of these steps, the other side hears everything again, whatever it had heard before.
    for lost in 0..4 {
        let mut two = Two::new();
        two.anna.ask();
        let steps: [fn(&mut Two); 4] = [
            |_| {},
            |two| {
                let ask = two.anna.said()[0].clone();
                two.bobby.hear(&ask);
            },
            |two| {
                let reveal = two.bobby.said()[0].clone();
                two.anna.hear(&reveal);
            },
            |two| {
                let open = two.anna.said()[1].clone();
                two.bobby.hear(&open);
            },
        ];
        steps[..=lost].iter().for_each(|step| step(&mut two));
        two.connect_anew();
        assert!(two.anna.words().is_some() && two.anna.words() == two.bobby.words(), "lost after {lost}");
        two.anna.answer(true).unwrap();
        two.connect_anew();
        assert_eq!(two.bobby.answer(true), Ok(Some(Outcome::Verified)));
        let [annas, bobbys] = two.connect_anew();
        assert_eq!((annas, bobbys), (over(Outcome::Verified), vec![]));
        assert_eq!(
            two.connect_anew(),
            [vec![], vec![]],
            "a repeated message does not begin the verification again"
        );
    }
}

#[test]
fn a_nonce_that_does_not_fit_the_commitment_cancels_the_verification() {
    let mut two = Two::new();
    two.anna.ask();
    let ask = two.anna.said()[0].clone();
    two.bobby.hear(&ask);
    let VerifyMessage::Ask { commitment } = ask else { unreachable!() };
    let other = VerifyMessage::Open { commitment, nonce: Nonce::random() };
    assert_eq!(two.bobby.hear(&other), Heard::Over(Outcome::Cancelled));
    assert_eq!(two.bobby.words(), None);
    assert_eq!(two.talk()[0], over(Outcome::Cancelled));
}

#[test]
fn another_nonce_cancels_the_verification_and_a_repeated_one_does_not() {
    let mut two = Two::comparing();
    let reveal = two.bobby.said()[0].clone();
    let VerifyMessage::Reveal { commitment, .. } = reveal else { panic!("{reveal:?}") };
    assert_eq!(two.anna.hear(&reveal), Heard::Nothing);
    let other = VerifyMessage::Reveal { commitment, nonce: Nonce::random() };
    assert_eq!(two.anna.hear(&other), Heard::Over(Outcome::Cancelled));

    let mut two = Two::comparing();
    let open = two.anna.said()[1].clone();
    assert_eq!(two.bobby.hear(&open), Heard::Nothing);
    assert_eq!(
        two.anna.hear(&open),
        Heard::Over(Outcome::Cancelled),
        "only the side that asked may open its commitment"
    );
}

#[test]
fn an_answer_before_the_words_cancels_the_verification() {
    for same in [true, false] {
        let mut two = Two::new();
        two.anna.ask();
        let VerifyMessage::Ask { commitment } = two.anna.said()[0] else { unreachable!() };
        let answer = VerifyMessage::Answer { commitment, same };
        assert_eq!(two.anna.hear(&answer), Heard::Over(Outcome::Cancelled));
    }
}

#[test]
fn messages_of_another_verification_are_ignored() {
    let mut two = Two::comparing();
    let commitment = Commitment::new([9; 32]);
    for stray in [
        VerifyMessage::Reveal { commitment, nonce: Nonce::random() },
        VerifyMessage::Open { commitment, nonce: Nonce::random() },
        VerifyMessage::Answer { commitment, same: false },
        VerifyMessage::Cancel { commitment },
        VerifyMessage::Unknown,
    ] {
        assert_eq!(two.anna.hear(&stray), Heard::Nothing, "{stray:?}");
        assert_eq!(Verification::new(parties(1, 2)).hear(&stray), Heard::Nothing, "{stray:?}");
    }
    assert!(two.anna.words().is_some());
}

#[test]
fn a_question_that_is_sent_back_leads_to_no_words() {
    // A peer that has no nonce of its own sends back the commitment that it got.
    for own in [1, 2] {
        let mut anna = Verification::new(parties(own, 3 - own));
        anna.ask();
        let ask = anna.said()[0].clone();
        let VerifyMessage::Ask { commitment } = ask else { unreachable!() };
        assert_eq!(anna.hear(&ask), Heard::Nothing);
        // The peer cannot open it, because the commitment is bound to the key of the asker.
        let opened = anna.hear(&VerifyMessage::Open { commitment, nonce: Nonce::random() });
        assert_eq!(opened, Heard::Over(Outcome::Cancelled));
    }
}

#[test]
fn declining_a_verification_is_sent_only_once() {
    let mut two = Two::new();
    two.anna.ask();
    let ask = two.anna.said()[0].clone();
    let commitment = two.bobby.would_begin(&ask).unwrap();
    two.bobby.decline(commitment);
    assert_eq!(two.bobby.would_begin(&ask), None);
    assert_eq!(two.bobby.hear(&ask), Heard::Nothing);
    let cancel = two.bobby.said()[0].clone();
    assert_eq!(two.anna.hear(&cancel), Heard::Over(Outcome::Cancelled));
}

#[test]
fn the_messages_that_are_kept_for_a_new_connection_are_limited() {
    let mut bobby = Verification::new(parties(2, 1));
    for number in 0..1000_u32 {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        let commitment = Commitment::new(bytes);
        bobby.hear(&VerifyMessage::Ask { commitment });
        bobby.hear(&VerifyMessage::Open { commitment, nonce: Nonce::new(bytes) });
        assert!(bobby.said().len() <= 4);
    }
}

#[test]
fn what_ended_a_verification_follows_from_the_last_message() {
    let (commitment, nonce) = (Commitment::new([9; 32]), Nonce::random());
    let cancelled = |message: &VerifyMessage| EndedBy::of(message, Outcome::Cancelled);
    assert_eq!(cancelled(&VerifyMessage::Cancel { commitment }), EndedBy::Other);
    assert_eq!(cancelled(&VerifyMessage::Ask { commitment }), EndedBy::Other);
    assert_eq!(cancelled(&VerifyMessage::Open { commitment, nonce }), EndedBy::Misfit);
    assert_eq!(cancelled(&VerifyMessage::Reveal { commitment, nonce }), EndedBy::Misfit);
    let no = VerifyMessage::Answer { commitment, same: false };
    assert_eq!(cancelled(&no), EndedBy::Misfit, "there were no words to answer");
    assert_eq!(EndedBy::of(&no, Outcome::Refused), EndedBy::Other);
}
