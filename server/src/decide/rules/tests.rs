//! Tests of the rules of operators: who may do what to whom, for how long, and what follows for everybody else.

use hobnob_protocol::content::ShortText;

use super::*;

const HOUR: u64 = 3600 * 1000;
const START: u64 = 1_800_000_000_000;

fn key(byte: u8) -> PublicKey {
    PublicKey::new([byte; 32])
}

fn name(text: &str) -> UserName {
    text.parse().unwrap()
}

fn who(text: &str, byte: u8) -> Who {
    Who { name: Some(name(text)), fingerprint: key(byte).fingerprint(), key: Some(key(byte)) }
}

fn network(ip: &str) -> Option<Network> {
    Some(Network::of(ip.parse().unwrap()))
}

/// A lobby in which key 1, with the name boss, is an operator because the operators' file lists it.
struct Stage {
    rules: Rules,
}

impl Stage {
    fn new() -> Self {
        let mut rules = Rules::default();
        rules.is_now(START);
        rules.set_listed([key(1).fingerprint()]);
        Self { rules }
    }

    fn does(&mut self, by: u8, moderation: &Moderation) -> Result<(), Denied> {
        let (name, key) = (name("boss"), key(by));
        self.rules.moderate(Actor { name: &name, key: &key }, moderation)
    }

    fn after(&mut self, millis: u64) {
        self.rules.is_now(START + millis);
    }

    fn admits(&self, byte: u8, from: &str, named_since: Option<u64>) -> bool {
        self.rules.admits(&Visitor { key: &key(byte), network: network(from), named_since }).is_ok()
    }

    fn lets_speak(&self, byte: u8) -> Result<(), NotSaid> {
        self.rules.lets_speak(&key(byte), || Some(START))
    }
}

fn ban(who: Who, from: Option<&str>, term: Term) -> Moderation {
    let reason = Some(ShortText::new("spam").unwrap());
    Moderation::Ban { who, network: from.and_then(network), term, reason }
}

fn mute(who: Who, term: Term) -> Moderation {
    Moderation::Mute { who, term, reason: None }
}

#[test]
fn a_user_who_is_no_operator_may_decide_nothing() {
    let mut stage = Stage::new();
    let before = stage.rules.clone();
    for moderation in [
        Moderation::Kick { who: who("carl", 3), reason: None },
        ban(who("carl", 3), None, Term::ForGood),
        Moderation::Slow(5),
        Moderation::Lock(Term::ForGood),
        Moderation::Op(who("bobby", 2)),
        Moderation::Unlock,
    ] {
        assert_eq!(stage.does(2, &moderation), Err(Denied::NotOperator), "{moderation:?}");
    }
    assert_eq!(stage.rules, before);
}

#[test]
fn a_banned_key_is_kept_out_until_the_end_and_told_by_whom_and_why() {
    let mut stage = Stage::new();
    stage.does(1, &ban(who("carl", 3), Some("192.0.2.7"), Term::Millis(2 * HOUR))).unwrap();
    let refused = stage.rules.admits(&Visitor { key: &key(3), network: None, named_since: Some(0) });
    let Err(NotAdmitted::Banned(sentence)) = refused else { panic!("{refused:?}") };
    assert_eq!((sentence.by.to_string(), sentence.until), ("boss".to_owned(), Some(START + 2 * HOUR)));
    assert_eq!(sentence.reason.unwrap().as_str(), "spam");
    stage.after(2 * HOUR - 1);
    assert!(!stage.admits(3, "198.51.100.1", Some(0)));
    stage.after(2 * HOUR);
    assert!(stage.admits(3, "198.51.100.1", Some(0)));
    assert_eq!(stage.rules.bans(), []);
}

#[test]
fn the_network_of_a_banned_key_is_closed_for_an_hour_to_keys_without_a_name_alone() {
    let mut stage = Stage::new();
    stage.does(1, &ban(who("carl", 3), Some("2001:db8::7"), Term::ForGood)).unwrap();
    assert!(!stage.admits(4, "2001:db8::8", None), "a new key from the same network");
    assert!(stage.admits(5, "2001:db8::8", Some(0)), "somebody who has a name here");
    assert!(stage.admits(4, "2001:db8:0:1::8", None), "a neighbour");
    stage.after(HOUR);
    assert!(stage.admits(4, "2001:db8::8", None));
    assert!(!stage.admits(3, "2001:db8::7", Some(0)), "the key itself stays out");
}

#[test]
fn a_ban_of_some_minutes_closes_its_network_no_longer_than_that() {
    let mut stage = Stage::new();
    stage.does(1, &ban(who("carl", 3), Some("192.0.2.7"), Term::Millis(60_000))).unwrap();
    assert!(!stage.admits(4, "192.0.2.7", None));
    stage.after(60_000);
    assert!(stage.admits(4, "192.0.2.7", None));
}

#[test]
fn banned_addresses_are_refused_to_everybody_but_operators() {
    let mut stage = Stage::new();
    let range = "192.0.2.0/24".parse().unwrap();
    stage.does(1, &Moderation::BanAddress { range, term: Term::ForGood, reason: None }).unwrap();
    assert!(!stage.admits(4, "192.0.2.9", Some(0)));
    assert!(stage.admits(4, "192.0.3.9", Some(0)));
    assert!(stage.admits(1, "192.0.2.9", Some(0)));
    assert_eq!(stage.rules.banned_ranges(), [(range, Term::ForGood)]);
    stage.does(1, &Moderation::Unban(Banned::Range(range))).unwrap();
    assert!(stage.admits(4, "192.0.2.9", Some(0)));
    assert_eq!(stage.does(1, &Moderation::Unban(Banned::Range(range))), Err(Denied::Unchanged));
}

#[test]
fn nobody_bans_himself_or_an_operator_of_the_file_and_a_banned_operator_is_no_longer_one() {
    let mut stage = Stage::new();
    assert_eq!(stage.does(1, &ban(who("boss", 1), None, Term::ForGood)), Err(Denied::Oneself));
    stage.does(1, &Moderation::Op(who("bobby", 2))).unwrap();
    for moderation in [
        ban(who("boss", 1), None, Term::ForGood),
        mute(who("boss", 1), Term::ForGood),
        Moderation::Deop(who("boss", 1)),
    ] {
        assert_eq!(stage.does(2, &moderation), Err(Denied::InFile), "{moderation:?}");
    }
    assert_eq!(stage.does(2, &Moderation::Kick { who: who("boss", 1), reason: None }), Err(Denied::InFile));
    stage.does(1, &ban(who("bobby", 2), None, Term::ForGood)).unwrap();
    assert!(!stage.rules.is_operator(&key(2)));
    assert!(!stage.admits(2, "192.0.2.7", Some(0)));
}

#[test]
fn operators_of_the_file_may_kick_one_another_and_the_list_read_last_counts() {
    let mut stage = Stage::new();
    stage.rules.set_listed([key(1).fingerprint(), key(6).fingerprint()]);
    stage.does(6, &Moderation::Kick { who: who("boss", 1), reason: None }).unwrap();
    assert_eq!(stage.does(6, &ban(who("boss", 1), None, Term::ForGood)), Err(Denied::InFile));
    stage.rules.set_listed([key(6).fingerprint()]);
    stage.does(6, &ban(who("boss", 1), None, Term::ForGood)).unwrap();
    assert_eq!(stage.does(1, &Moderation::Slow(1)), Err(Denied::NotOperator));
}

#[test]
fn a_named_operator_can_step_down_and_be_taken_back() {
    let mut stage = Stage::new();
    stage.does(1, &Moderation::Op(who("bobby", 2))).unwrap();
    assert_eq!(stage.does(1, &Moderation::Op(who("bobby", 2))), Err(Denied::Unchanged));
    assert_eq!(stage.rules.operators().len(), 2);
    stage.does(2, &Moderation::Deop(who("bobby", 2))).unwrap();
    assert_eq!(stage.does(2, &Moderation::Slow(1)), Err(Denied::NotOperator));
    assert_eq!(stage.does(1, &Moderation::Deop(who("bobby", 2))), Err(Denied::Unchanged));
}

#[test]
fn a_muted_user_may_not_speak_until_the_end_and_others_may() {
    let mut stage = Stage::new();
    stage.does(1, &mute(who("carl", 3), Term::Millis(HOUR))).unwrap();
    assert!(matches!(stage.lets_speak(3), Err(NotSaid::Muted(_))));
    assert_eq!(stage.lets_speak(4), Ok(()));
    stage.after(HOUR);
    assert_eq!(stage.lets_speak(3), Ok(()));
    assert_eq!(stage.does(1, &Moderation::Unmute(who("carl", 3))), Err(Denied::Unchanged));
    stage.does(1, &mute(who("carl", 3), Term::ForGood)).unwrap();
    stage.does(1, &Moderation::Unmute(who("carl", 3))).unwrap();
    assert_eq!(stage.lets_speak(3), Ok(()));
}

#[test]
fn the_mutes_that_hold_are_listed_the_oldest_first_with_who_when_why_and_until() {
    let mut stage = Stage::new();
    assert_eq!(stage.rules.mutes(), []);
    stage.does(1, &mute(who("zoe", 9), Term::ForGood)).unwrap();
    stage.after(1000);
    let reason = Some(ShortText::new("too loud").unwrap());
    let of_carl = Moderation::Mute { who: who("carl", 3), term: Term::Millis(HOUR), reason: reason.clone() };
    stage.does(1, &of_carl).unwrap();
    let [zoe, carl] = &stage.rules.mutes()[..] else { panic!("{:?}", stage.rules.mutes()) };
    assert_eq!((&zoe.name, zoe.sentence.at, zoe.sentence.until), (&Some(name("zoe")), START, None));
    let by_boss = Sentence { by: name("boss"), at: START + 1000, until: Some(START + 1000 + HOUR), reason };
    assert_eq!((&carl.fingerprint, &carl.sentence), (&key(3).fingerprint(), &by_boss));
    stage.after(1000 + HOUR);
    assert_eq!(stage.rules.mutes().len(), 1, "a mute that has ended is not listed");
    stage.does(1, &Moderation::Unmute(who("zoe", 9))).unwrap();
    assert_eq!(stage.rules.mutes(), []);
}

#[test]
fn an_operator_makes_the_lobby_slow_by_at_most_an_hour() {
    let mut stage = Stage::new();
    stage.does(1, &Moderation::Slow(30)).unwrap();
    assert_eq!(stage.rules.slow(), 30);
    assert_eq!(stage.does(1, &Moderation::Slow(MAX_SLOW_SECONDS + 1)), Err(Denied::Malformed));
    stage.does(1, &Moderation::Slow(0)).unwrap();
    assert_eq!(stage.rules.slow(), 0);
}

#[test]
fn a_locked_lobby_is_for_names_older_than_an_hour_and_for_admitted_keys_and_opens_by_itself() {
    let mut stage = Stage::new();
    stage.does(1, &Moderation::Lock(Term::Millis(2 * HOUR))).unwrap();
    assert!(stage.admits(3, "192.0.2.7", Some(START - HOUR)));
    assert!(!stage.admits(3, "192.0.2.7", Some(START - HOUR + 1)));
    assert!(!stage.admits(3, "192.0.2.7", None));
    assert!(stage.admits(1, "192.0.2.7", None), "an operator");
    assert!(matches!(stage.lets_speak(3), Err(NotSaid::Locked(_))), "one who is here already");
    stage.does(1, &Moderation::Admit(key(3).fingerprint())).unwrap();
    assert!(stage.admits(3, "192.0.2.7", None));
    assert_eq!(stage.lets_speak(3), Ok(()));
    stage.after(2 * HOUR);
    assert!(stage.admits(4, "192.0.2.7", None));
    assert_eq!(stage.does(1, &Moderation::Unlock), Err(Denied::Unchanged));
    stage.does(1, &Moderation::Lock(Term::ForGood)).unwrap();
    stage.after(20 * 365 * 24 * HOUR);
    assert!(!stage.admits(4, "192.0.2.7", None));
    stage.does(1, &Moderation::Unlock).unwrap();
    assert!(stage.admits(4, "192.0.2.7", None));
}

#[test]
fn a_clock_that_is_set_back_prolongs_nothing() {
    let mut stage = Stage::new();
    stage.after(1000 * HOUR);
    stage.does(1, &ban(who("carl", 3), None, Term::Millis(HOUR))).unwrap();
    stage.does(1, &mute(who("dora", 4), Term::Millis(HOUR))).unwrap();
    stage.does(1, &Moderation::Lock(Term::Millis(HOUR))).unwrap();
    stage.after(0);
    assert!(!stage.admits(3, "192.0.2.7", Some(0)));
    assert!(matches!(stage.lets_speak(4), Err(NotSaid::Muted(_))));
    stage.after(HOUR);
    assert!(stage.admits(3, "192.0.2.7", Some(0)));
    assert_eq!(stage.lets_speak(4), Ok(()));
    assert_eq!(stage.rules.locked(), None);
}

#[test]
fn lists_are_bounded_and_rows_that_have_ended_do_not_count() {
    let mut stage = Stage::new();
    let range = |n: usize| format!("10.{}.{}.1", n / 256, n % 256).parse().unwrap();
    let term = Term::Millis(HOUR);
    for n in 0..MAX_ENTRIES {
        stage.does(1, &Moderation::BanAddress { range: range(n), term, reason: None }).unwrap();
    }
    let one_more = Moderation::BanAddress { range: range(MAX_ENTRIES), term, reason: None };
    assert_eq!(stage.does(1, &one_more), Err(Denied::ListFull));
    assert_eq!(stage.does(1, &ban(who("carl", 3), None, term)), Err(Denied::ListFull));
    stage.after(HOUR);
    stage.does(1, &one_more).unwrap();
    assert_eq!(stage.rules.bans().len(), 1);
}

#[test]
fn rules_are_read_back_as_they_were_stored() {
    let mut stage = Stage::new();
    stage.does(1, &Moderation::Op(who("bobby", 2))).unwrap();
    stage.does(1, &ban(who("carl", 3), Some("192.0.2.7"), Term::Millis(HOUR))).unwrap();
    stage.does(1, &mute(who("dora", 4), Term::ForGood)).unwrap();
    stage.does(1, &Moderation::Lock(Term::ForGood)).unwrap();
    stage.does(1, &Moderation::Admit(key(5).fingerprint())).unwrap();
    stage.does(1, &Moderation::Slow(9)).unwrap();
    let stored = serde_json::to_string(&stage.rules).unwrap();
    assert_eq!(serde_json::from_str::<Rules>(&stored).unwrap(), stage.rules);
}

#[test]
fn full_lists_are_cut_into_parts_that_fit_into_a_batch_and_can_be_put_together_again() {
    let mut stage = Stage::new();
    let numbered = |list: u8, number: usize| {
        let mut bytes = [list; 32];
        bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
        PublicKey::new(bytes)
    };
    // JSON writes each byte of this reason as six.
    let reason = ShortText::new("\u{1}".repeat(hobnob_protocol::MAX_TOPIC_BYTES)).unwrap();
    for number in 0..MAX_ENTRIES {
        let of = |list| {
            let key = numbered(list, number);
            let name = Some(name(&format!("{number:x>32}")));
            Who { name, fingerprint: key.fingerprint(), key: Some(key) }
        };
        let reason = Some(reason.clone());
        let ban = match number % 2 {
            0 => Moderation::Ban {
                who: of(2),
                network: network("2001:db8::1"),
                term: Term::ForGood,
                reason: reason.clone(),
            },
            _ => {
                let range = format!("2001:db8:{number:x}::/64").parse().unwrap();
                Moderation::BanAddress { range, term: Term::ForGood, reason: reason.clone() }
            }
        };
        stage.does(1, &ban).unwrap();
        stage.does(1, &Moderation::Mute { who: of(3), term: Term::ForGood, reason }).unwrap();
        stage.does(1, &Moderation::Admit(of(4).fingerprint)).unwrap();
    }
    for number in 0..MAX_OPERATORS {
        stage.does(1, &Moderation::Op(who(&format!("op{number}"), 5 + (number % 250) as u8))).ok();
    }
    stage.does(1, &Moderation::Slow(7)).unwrap();
    stage.does(1, &Moderation::Lock(Term::ForGood)).unwrap();
    stage.does(1, &Moderation::Topic(Some(reason))).unwrap();
    let rules = stage.rules;
    let whole = serde_json::to_vec(&rules).unwrap().len();
    assert!(whole > 1024 * 1024, "they would not fit into one: {whole} bytes");
    let parts = rules.parts();
    let mut again = Rules::default();
    again.is_now(START);
    for part in &parts {
        let bytes = serde_json::to_vec(part).unwrap().len();
        assert!(bytes <= 640 * 1024, "a part has {bytes} bytes");
        assert!(again.keep(part));
    }
    assert!(again == rules, "something is missing");
    assert!(!again.keep(&parts[1]), "what is there already changes nothing");
}

#[test]
fn few_rules_fit_into_one_part_and_rules_that_are_already_decided_stay() {
    let mut stage = Stage::new();
    stage.does(1, &ban(who("bobby", 2), None, Term::ForGood)).unwrap();
    assert_eq!(stage.rules.parts(), [stage.rules.clone()]);
    let mut here = Stage::new();
    here.does(1, &ban(who("bobby", 2), None, Term::Millis(HOUR))).unwrap();
    let own = here.rules.bans();
    here.rules.keep(&stage.rules);
    assert_eq!(here.rules.bans(), own);
}
