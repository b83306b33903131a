//! Who waits to be let in, for how long, and how often this user is told.

use super::*;

fn key(byte: u8) -> PublicKey {
    PublicKey::new([byte; 32])
}

fn name(number: u8) -> UserName {
    format!("user{number}").parse().unwrap()
}

/// A stranger asks.
fn knock(knocks: &mut Knocks, number: u8, now: Instant) -> Result<(), KnockRefused> {
    let knocked = knocks.knock(u64::from(number), &name(number), &key(number), false, now);
    knocked.map(|gives_way| assert_eq!(gives_way, None))
}

#[test]
fn one_knock_of_each_key_and_sixteen_in_all_may_wait() {
    let (mut knocks, now) = (Knocks::default(), Instant::now());
    assert_eq!(knock(&mut knocks, 1, now), Ok(()));
    assert_eq!(knocks.knock(9, &name(1), &key(1), false, now), Ok(Some(1)), "a key waits only once");
    (2..=16).for_each(|number| assert_eq!(knock(&mut knocks, number, now), Ok(())));
    assert_eq!(knock(&mut knocks, 17, now), Err(KnockRefused::Busy));
    assert_eq!(knocks.take(&"USER1".parse().unwrap()).unwrap().ask, 9);
    assert_eq!(knock(&mut knocks, 17, now), Ok(()));
    assert_eq!(knocks.take(&name(1)), None);
}

#[test]
fn a_known_key_takes_the_place_of_the_stranger_who_waited_longest_and_is_shown_next() {
    let (mut knocks, now) = (Knocks::default(), Instant::now());
    let known = |knocks: &mut Knocks, number: u8| {
        knocks.knock(u64::from(number), &name(number), &key(number), true, now)
    };
    (1..=16).for_each(|number| knock(&mut knocks, number, now).unwrap());
    assert_eq!(knocks.take_unshown(now).len(), SHOWN_AT_ONCE as usize);
    assert_eq!(known(&mut knocks, 100), Ok(Some(1)));
    assert_eq!(known(&mut knocks, 100), Ok(None), "one question of a key");
    assert_eq!(knocks.take_unshown(now + SHOWN_ONE_IN), [(name(100), key(100))]);
    (2..=16).for_each(|number| assert_eq!(known(&mut knocks, 100 + number), Ok(Some(number.into()))));
    assert_eq!(known(&mut knocks, 120), Err(KnockRefused::Busy), "all who wait are known");
    assert_eq!(knock(&mut knocks, 17, now), Err(KnockRefused::Busy));
}

#[test]
fn a_key_that_asks_again_is_answered_under_its_newest_question_and_name_in_the_same_time() {
    let (mut knocks, now) = (Knocks::default(), Instant::now());
    knock(&mut knocks, 1, now).unwrap();
    assert_eq!(knocks.take_unshown(now).len(), 1);
    let later = now + WAITS_FOR / 2;
    assert_eq!(knocks.knock(7, &name(1), &key(1), false, later), Ok(Some(1)));
    assert_eq!(knocks.take_unshown(later), [], "the user was told of it");
    assert_eq!(knocks.knock(8, &name(2), &key(1), false, later), Ok(Some(7)));
    assert_eq!(knocks.take_unshown(later), [(name(2), key(1))], "the name is another");
    let overdue = knocks.take_overdue(now + WAITS_FOR);
    assert_eq!(overdue.iter().map(|knock| knock.ask).collect::<Vec<_>>(), [8]);
}

#[test]
fn a_user_who_was_accepted_and_does_not_come_is_told_of_once() {
    let (mut knocks, now) = (Knocks::default(), Instant::now());
    (1..=3).for_each(|number| assert_eq!(knocks.note_accepted(name(number), key(number), now), None));
    knocks.comes(&key(2));
    assert_eq!(knocks.deadline(), Some(now + COMES_WITHIN));
    assert_eq!(knocks.take_not_come(now), []);
    assert_eq!(knocks.take_not_come(now + COMES_WITHIN), [name(1), name(3)]);
    assert_eq!((knocks.take_not_come(now + COMES_WITHIN * 2), knocks.deadline()), (vec![], None));
    assert!(knocks.take_welcome(&key(1), now + COMES_WITHIN), "who comes late is let in");
    (0..100).for_each(|_| assert_eq!(knocks.note_accepted(name(1), key(1), now), None));
    knocks.forget_waiting();
    assert_eq!(knocks.deadline(), None);
}

#[test]
fn of_too_many_who_were_accepted_the_first_is_told_of_at_once_and_the_others_in_their_time() {
    let (mut knocks, now) = (Knocks::default(), Instant::now());
    for number in 1..=18 {
        let not_come = knocks.note_accepted(name(number), key(number), now);
        assert_eq!(not_come, number.checked_sub(16).filter(|first| *first > 0).map(name));
    }
    let later = (3..=18).map(name).collect::<Vec<_>>();
    assert_eq!(knocks.take_not_come(now + COMES_WITHIN), later);
}

#[test]
fn a_declined_user_may_ask_again_after_ten_minutes() {
    let (mut knocks, now) = (Knocks::default(), Instant::now());
    knocks.note_declined(key(1), now);
    assert_eq!(knock(&mut knocks, 1, now), Err(KnockRefused::Declined));
    assert_eq!(knock(&mut knocks, 1, now + DECLINED_FOR / 2), Err(KnockRefused::Declined));
    assert_eq!(knock(&mut knocks, 1, now + DECLINED_FOR), Ok(()));
    knocks.note_declined(key(2), now + DECLINED_FOR);
    knocks.forgive(&key(2));
    assert_eq!(knock(&mut knocks, 2, now + DECLINED_FOR), Ok(()));
}

#[test]
fn a_knock_waits_for_two_minutes_at_most() {
    let (mut knocks, now) = (Knocks::default(), Instant::now());
    knock(&mut knocks, 1, now).unwrap();
    knock(&mut knocks, 2, now + WAITS_FOR / 2).unwrap();
    assert_eq!(knocks.take_unshown(now).len(), 2);
    assert_eq!(knocks.deadline(), Some(now + WAITS_FOR));
    let overdue = knocks.take_overdue(now + WAITS_FOR);
    assert_eq!(overdue.iter().map(|knock| knock.ask).collect::<Vec<_>>(), [1]);
    knocks.forget_waiting();
    assert_eq!(knocks.deadline(), None);
}

#[test]
fn a_flood_of_knocks_by_users_who_leave_is_shown_a_few_at_once_and_then_summed() {
    let (mut knocks, now) = (Knocks::default(), Instant::now());
    let mut shown = 0;
    for number in 0..200 {
        assert_eq!(knock(&mut knocks, number, now), Ok(()), "a user who left takes nobody's place");
        shown += knocks.take_unshown(now).len();
        knocks.left(&name(number));
        assert!(knocks.has_left(&name(number)));
    }
    assert_eq!(shown, SHOWN_AT_ONCE as usize);
    assert_eq!(knocks.take_gone_unseen(now), None, "the number is told later");
    assert_eq!(knocks.deadline(), Some(now + SHOWN_ONE_IN));
    let later = now + SHOWN_ONE_IN;
    assert_eq!(knocks.take_gone_unseen(later), Some(200 - u64::from(SHOWN_AT_ONCE)));
    assert_eq!((knocks.take_gone_unseen(later), knocks.deadline()), (None, None));
    assert_eq!(knocks.gone.len(), MOST_GONE);
    assert!(!knocks.has_left(&name(0)) && knocks.has_left(&name(199)));
    knock(&mut knocks, 199, later).unwrap();
    assert!(!knocks.has_left(&name(199)), "the user is back");
}

#[test]
fn every_waiting_user_is_shown_before_the_knock_is_overdue() {
    let (mut knocks, start) = (Knocks::default(), Instant::now());
    (0..16).for_each(|number| knock(&mut knocks, number, start).unwrap());
    assert_eq!(knocks.waiting(), (Vec::new(), 16));
    let mut shown = knocks.take_unshown(start).len();
    assert_eq!(knocks.waiting(), ((0..5).map(name).collect(), 11));
    while shown < 16 {
        let now = knocks.deadline().unwrap();
        assert!(now < start + WAITS_FOR, "only {shown} were shown");
        shown += knocks.take_unshown(now).len();
    }
    assert_eq!(knocks.deadline(), Some(start + WAITS_FOR));
}

#[test]
fn an_accepted_user_may_open_one_session_within_a_limited_time() {
    let (mut knocks, now) = (Knocks::default(), Instant::now());
    knocks.note_welcome(key(1), true, now);
    assert!(!knocks.take_welcome(&key(2), now));
    assert_eq!(knocks.strangers_to_come(&key(1), now), None);
    assert_eq!(knocks.strangers_to_come(&key(2), now), Some(1));
    assert!(knocks.take_welcome(&key(1), now) && !knocks.take_welcome(&key(1), now));
    knocks.note_welcome(key(1), true, now);
    assert!(!knocks.take_welcome(&key(1), now + INTRODUCTION_LIFETIME * 2));
    (0..2 * MOST_WELCOME).for_each(|_| knocks.note_welcome(key(1), true, now));
    (0..2 * MOST_DECLINED).for_each(|_| knocks.note_declined(key(1), now));
    assert_eq!((knocks.welcome.len(), knocks.declined.len()), (MOST_WELCOME, MOST_DECLINED));
}
