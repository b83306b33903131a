//! Tests of the roster, which use its private parts: which name a newcomer gets, to whom names belong, and when they
//! become free.

use super::bindings::{MAX_BINDINGS_PER_KEY, SEEN_AGAIN_AFTER};
use super::*;

fn key(n: u16) -> PublicKey {
    let mut bytes = [0; 32];
    bytes[..2].copy_from_slice(&n.to_be_bytes());
    PublicKey::new(bytes)
}

fn newcomer(wish: &str, n: u16, run: u8) -> Newcomer {
    Newcomer { wish: wish.parse().unwrap(), key: key(n), run: RunId::new([run; 8]), candidates: Vec::new() }
}

#[track_caller]
fn join(roster: &mut Roster, id: u64, wish: &str, n: u16, run: u8) -> String {
    roster.admit(ConnectionId(id), &newcomer(wish, n, run), true, 0).unwrap();
    roster.enter(ConnectionId(id)).unwrap().name.to_string()
}

#[test]
fn a_second_user_with_the_same_name_gets_a_number_and_keeps_it() {
    let mut roster = Roster::default();
    assert_eq!(join(&mut roster, 1, "anna", 1, 1), "anna");
    assert_eq!(join(&mut roster, 2, "ANNA", 2, 1), "ANNA_2");
    assert_eq!(join(&mut roster, 3, "anna", 3, 1), "anna_3");
    roster.remove(ConnectionId(1));
    roster.remove(ConnectionId(2));
    assert_eq!(join(&mut roster, 4, "anna", 4, 1), "anna_4");
    assert_eq!(join(&mut roster, 5, "anna", 2, 2), "anna_2");
    assert_eq!(join(&mut roster, 6, "anna", 1, 2), "anna");
}

#[test]
fn the_same_key_in_a_second_client_gets_the_next_number() {
    let mut roster = Roster::default();
    assert_eq!(join(&mut roster, 1, "anna", 1, 1), "anna");
    assert_eq!(roster.rival(&"anna".parse().unwrap(), &key(1)), Some(ConnectionId(1)));
    assert_eq!(roster.rival(&"anna".parse().unwrap(), &key(2)), None);
    assert_eq!(join(&mut roster, 2, "anna", 1, 2), "anna_2");
    roster.remove(ConnectionId(1));
    assert_eq!(roster.rival(&"anna".parse().unwrap(), &key(1)), None);
    assert_eq!(join(&mut roster, 3, "anna", 1, 3), "anna");
}

#[test]
fn a_name_that_was_not_used_for_long_is_free_again() {
    let mut roster = Roster::default();
    join(&mut roster, 1, "anna", 1, 1);
    join(&mut roster, 2, "bobby", 2, 1);
    roster.is_now(100);
    roster.remove(ConnectionId(1));
    assert_eq!(roster.expire(100, 0), []);
    assert_eq!(roster.expire(101, 0), ["anna".parse().unwrap()]);
    assert_eq!(join(&mut roster, 3, "anna", 3, 1), "anna");
}

#[test]
fn too_many_names_become_free_in_parts_in_their_order() {
    let name = |n| format!("n{n:05}").parse::<UserName>().unwrap();
    let binding = |n| NameBinding { name: name(n), key: key(n as u16), seen: 5, spoke: false, since: 0 };
    let mut roster = Roster::new((0..=MOST_EXPIRED).map(binding));
    let first: Vec<UserName> = (0..MOST_EXPIRED).map(name).collect();
    assert_eq!(roster.expire(0, 6), first);
    assert_eq!(roster.expire(0, 6), [name(MOST_EXPIRED)]);
    assert_eq!(roster.expire(0, 6), []);
}

#[test]
fn a_binding_is_new_once_and_its_date_only_grows() {
    let mut roster = Roster::default();
    let binding =
        |seen| NameBinding { name: "anna".parse().unwrap(), key: key(1), seen, spoke: false, since: 0 };
    let admit = |roster: &mut Roster| {
        let admitted = roster.admit(ConnectionId(1), &newcomer("anna", 1, 1), true, 0).unwrap();
        (admitted.binding, roster.remove(ConnectionId(1)).unwrap().1)
    };
    roster.is_now(5);
    assert_eq!(admit(&mut roster), (Some((binding(5), true)), None));
    roster.is_now(6);
    assert_eq!(admit(&mut roster), (Some((binding(6), false)), None));
    roster.is_now(4);
    assert_eq!(admit(&mut roster), (None, None), "the date does not go back");
    let mut again = Roster::new([binding(7)]);
    again.is_now(1);
    assert_eq!(admit(&mut again), (None, None), "nor below what is stored");
    again.is_now(8);
    assert_eq!(admit(&mut again).0, Some((binding(8), false)));
}

#[test]
fn a_member_who_stays_is_seen_every_day() {
    let mut roster = Roster::default();
    roster.is_now(1000);
    join(&mut roster, 1, "anna", 1, 1);
    assert_eq!(roster.is_now(999 + SEEN_AGAIN_AFTER), []);
    let seen = roster.is_now(1000 + SEEN_AGAIN_AFTER);
    assert_eq!(seen.iter().map(|binding| binding.seen).collect::<Vec<_>>(), [1000 + SEEN_AGAIN_AFTER]);
    assert_eq!(roster.is_now(1000 + SEEN_AGAIN_AFTER), []);
}

#[test]
fn ten_thousand_newcomers_with_one_name_get_ten_thousand_names_and_a_further_one_none() {
    let mut roster = Roster::default();
    let started = std::time::Instant::now();
    for n in 0..10_000 {
        roster.admit(ConnectionId(u64::from(n)), &newcomer("anna", n, 1), true, 0).unwrap();
    }
    assert!(started.elapsed().as_secs() < 5, "the search must not begin at one every time");
    assert_eq!(roster.len(), 10_000);
    assert_eq!(roster.admit(ConnectionId(10_001), &newcomer("anna", 10_001, 1), true, 0), Err(NoNameLeft));
}

#[test]
fn the_names_of_one_key_are_limited_and_a_name_without_owner_is_free_when_its_user_leaves() {
    let mut roster = Roster::default();
    let admit = |n: u64| roster.admit(ConnectionId(n), &newcomer("anna", 1, n as u8), true, 0).unwrap();
    let owned = (0..300).map(admit).filter(|admitted| admitted.binding.is_some()).count();
    assert_eq!(owned, MAX_BINDINGS_PER_KEY);
    let (left, seen) = roster.remove(ConnectionId(280)).unwrap();
    assert_eq!(seen, None);
    assert_eq!(left.name.as_str(), "anna_281");
    assert_eq!(join(&mut roster, 1000, "anna", 2, 1), "anna_281");
}

#[test]
fn only_members_who_have_entered_are_shown() {
    let mut roster = Roster::default();
    roster.admit(ConnectionId(1), &newcomer("bobby", 1, 1), true, 0).unwrap();
    assert!(roster.present().names.is_empty());
    assert!(roster.by_name(&"bobby".parse().unwrap()).is_none());
    roster.enter(ConnectionId(1));
    join(&mut roster, 2, "anna", 2, 1);
    let shown = |names: &[Arc<UserName>]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    assert_eq!(shown(&roster.present().names), ["anna", "bobby"]);
    roster.set_away(ConnectionId(1), Some(AwayText::new("lunch").unwrap()));
    assert_eq!(shown(&roster.present().away), ["bobby"]);
    roster.set_away(ConnectionId(1), None);
    assert!(roster.present().away.is_empty());
}

/// The forms of a name are cut to 32 characters, lose a stacker before the number, or are written in upper case.
const WISHES: [&str; 8] = [
    "anna",
    "ANNA",
    "anna_2",
    "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
    "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
    "YYYYYYYYYYYYYYYYYYYYYYYYYYYYYYYx",
    "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy_3",
    "\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}\u{df}e",
];

#[test]
fn what_a_search_remembers_never_changes_which_name_a_newcomer_gets() {
    let mut roster = Roster::default();
    let mut random = 1_u64;
    for step in 0..4000_u64 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let draw = (random >> 33) as usize;
        let wish: UserName = WISHES[draw % WISHES.len()].parse().unwrap();
        let mut forgetful = roster.clone();
        forgetful.hints.clear();
        assert_eq!(roster.free_number(&wish), forgetful.free_number(&wish), "step {step}, {wish}");
        if draw % 5 < 3 {
            let (key, keep) = ((draw / 8 % 7) as u16, draw.is_multiple_of(11));
            roster.admit(ConnectionId(step), &newcomer(wish.as_str(), key, 1), keep, 0).unwrap();
            continue;
        }
        let leaves = roster.members.keys().copied().nth(draw / 64 % 100);
        leaves.and_then(|id| roster.remove(id));
    }
}

#[test]
fn the_own_numbers_of_a_key_are_those_that_make_its_names() {
    let mut roster = Roster::default();
    for n in 1..=200 {
        for wish in ["anna", WISHES[3]] {
            roster.admit(ConnectionId(n), &newcomer(wish, 1, n as u8), true, 0).unwrap();
            roster.remove(ConnectionId(n));
            roster.keep(&NameBinding {
                name: form(&wish.parse().unwrap(), n as u32),
                key: key(1),
                seen: 0,
                spoke: true,
                since: 0,
            });
        }
    }
    for wish in WISHES.map(|wish| wish.parse::<UserName>().unwrap()) {
        let by_making = (1..=300).find(|&number| {
            roster.bindings.get(&form(&wish, number)).is_some_and(|binding| binding.key == key(1))
        });
        assert_eq!(roster.own_number(&wish, &key(1), false), by_making, "{wish}");
    }
}

#[test]
fn a_name_that_comes_free_does_not_take_a_search_back_to_where_it_began() {
    let mut roster = Roster::default();
    for n in 0..9_000 {
        roster.admit(ConnectionId(n), &newcomer("anna", n as u16, 1), false, 0).unwrap();
    }
    let started = std::time::Instant::now();
    for round in 0..1_000 {
        roster.remove(ConnectionId(1)).unwrap();
        assert_eq!(join(&mut roster, 1, "anna", 1, 1), "anna_2");
        assert_eq!(join(&mut roster, 10_000 + round, "anna", 20_000, 1), "anna_9001");
        roster.remove(ConnectionId(10_000 + round)).unwrap();
    }
    assert!(started.elapsed().as_secs() < 10, "a thousand walks past 9,000 names take longer");
}
