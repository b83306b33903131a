//! How sessions open, and how opening them fails.

use super::proxy::Proxy;
use super::*;
use crate::session::path::Path;

#[tokio::test]
async fn a_session_opens_whichever_side_forked_and_carries_texts_both_ways() {
    let [smaller, larger] = two_identities();
    for [anna, bobby] in [[smaller.clone(), larger.clone()], [larger, smaller]] {
        let (mut anna, mut bobby) = (Client::start(anna).await, Client::start(bobby).await);
        let token = PairToken::random();
        let mut bobbys = bobby.open(&introduction(token, anna.key(), &[anna.addr()], false));
        let mut annas = anna.open(&introduction(token, bobby.key(), &[bobby.addr()], true));
        // The text is said before the other side has answered.
        annas.handle.say(7, text("hi bobby"), 5).unwrap();
        let up = PeerEventKind::Up { key_exchange: "X25519MLKEM768".to_owned(), path: Path::Direct };
        assert_eq!(anna.next().await, up);
        assert_eq!(bobby.next().await, up);
        bobbys.handle.say(1, text("hi anna"), 6).unwrap();
        tokio::join!(anna.until(&mut annas, 1, 1), bobby.until(&mut bobbys, 1, 1));
        assert_eq!((annas.heard, annas.delivered), (vec!["hi anna".to_owned()], vec![7]));
        assert_eq!((bobbys.heard, bobbys.delivered), (vec!["hi bobby".to_owned()], vec![1]));
    }
}

#[tokio::test]
async fn a_text_is_acknowledged_only_after_it_was_shown() {
    let (mut anna, mut bobby) = two_clients().await;
    let at = bobby.addr();
    let (annas, bobbys) = opened(&mut anna, &mut bobby, at).await;
    annas.handle.say(1, text("one"), 0).unwrap();
    annas.handle.say(2, text("two"), 0).unwrap();
    assert!(matches!(bobby.next().await, PeerEventKind::Said { number: 1, .. }));
    assert!(matches!(bobby.next().await, PeerEventKind::Said { number: 2, .. }));
    bobbys.handle.shown(1);
    assert_eq!(anna.next().await, PeerEventKind::Delivered { local_id: 1 });
    annas.handle.leave();
    assert_eq!(anna.next().await, PeerEventKind::Undelivered { local_ids: vec![2] });
    assert_eq!(anna.next().await, PeerEventKind::Ended);
}

#[tokio::test]
async fn two_sides_that_fork_at_once_end_with_one_connection() {
    for _ in 0..10 {
        let (mut anna, mut bobby) = two_clients().await;
        let token = PairToken::random();
        let mut bobbys = bobby.open(&introduction(token, anna.key(), &[anna.addr()], true));
        let mut annas = anna.open(&introduction(token, bobby.key(), &[bobby.addr()], true));
        for id in 0..50 {
            annas.handle.say(id, text(format!("a{id}")), 0).unwrap();
            bobbys.handle.say(id, text(format!("b{id}")), 0).unwrap();
        }
        assert!(matches!(anna.next_turn(&mut annas).await, PeerEventKind::Up { .. }));
        assert!(matches!(bobby.next_turn(&mut bobbys).await, PeerEventKind::Up { .. }));
        tokio::join!(anna.until(&mut annas, 50, 50), bobby.until(&mut bobbys, 50, 50));
        annas.handle.leave();
        assert_eq!(anna.next_turn(&mut annas).await, PeerEventKind::Ended);
        assert_eq!(
            bobby.next_turn(&mut bobbys).await,
            PeerEventKind::Left,
            "no connection was lost in between"
        );
    }
}

#[tokio::test]
async fn the_side_that_was_forked_dials_if_the_forker_cannot() {
    let (mut anna, mut bobby) = two_clients().await;
    let token = PairToken::random();
    let _bobbys = bobby.open(&introduction(token, anna.key(), &[anna.addr()], false));
    let _annas = anna.open(&introduction(token, bobby.key(), &[], true));
    assert!(matches!(anna.next().await, PeerEventKind::Up { .. }));
    assert!(matches!(bobby.next().await, PeerEventKind::Up { .. }));
}

#[tokio::test]
async fn a_listener_with_another_key_is_passed_over() {
    let (mut anna, mut bobby) = two_clients().await;
    let carol = Client::start(Identity::generate().unwrap()).await;
    let token = PairToken::random();
    let _bobbys = bobby.open(&introduction(token, anna.key(), &[], false));
    let _annas = anna.open(&introduction(token, bobby.key(), &[carol.addr(), bobby.addr()], true));
    assert!(matches!(anna.next().await, PeerEventKind::Up { .. }));
    assert!(matches!(bobby.next().await, PeerEventKind::Up { .. }));
}

#[tokio::test]
async fn a_session_fails_with_its_texts_undelivered_if_nobody_has_the_right_key() {
    let mut anna = Client::start(Identity::generate().unwrap()).await;
    let carol = Client::start(Identity::generate().unwrap()).await;
    let bobby = Identity::generate().unwrap();
    let annas = anna.open(&introduction(PairToken::random(), bobby.public(), &[carol.addr()], true));
    annas.handle.say(3, text("hi"), 0).unwrap();
    assert_eq!(anna.next().await, PeerEventKind::Undelivered { local_ids: vec![3] });
    assert_eq!(anna.next().await, PeerEventKind::Failed { reason: PeerFailure::WrongKey });
    assert_eq!(annas.handle.say(4, text("hi"), 0), Err(SayError::Over));
}

#[tokio::test]
async fn a_dial_that_comes_before_the_introduction_still_opens_the_session() {
    let [smaller, larger] = two_identities();
    let known = smaller.public();
    // A key that is not known is refused by the verifier; a pinned key is answered with a goodbye.
    for pinned in [false, true] {
        let mut anna = Client::start(smaller.clone()).await;
        let pins: Pinned = Arc::new(move |key| pinned && *key == known);
        let mut bobby = Client::start_knowing(larger.clone(), pins).await;
        let mut proxy = Proxy::before(bobby.addr()).await;
        let token = PairToken::random();
        let _annas = anna.open(&introduction(token, bobby.key(), &[proxy.addr], true));
        timeout(PATIENCE, proxy.taken.wait_for(|taken| *taken >= 2)).await.unwrap().unwrap();
        let _bobbys = bobby.open(&introduction(token, anna.key(), &[], false));
        assert!(matches!(anna.next().await, PeerEventKind::Up { .. }));
        assert!(matches!(bobby.next().await, PeerEventKind::Up { .. }));
    }
}
