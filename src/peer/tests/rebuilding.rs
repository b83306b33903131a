//! Links that break: both sides rebuild them, and each text still arrives once and in order.

use hobnob_protocol::verification::Commitment;

use super::proxy::Proxy;
use super::*;

#[tokio::test]
async fn a_link_cut_mid_stream_carries_each_text_once_and_in_order() {
    const TEXTS: u64 = 400;
    let (mut anna, mut bobby) = two_clients().await;
    let proxy = Proxy::before(bobby.addr()).await;
    let token = PairToken::random();
    let mut bobbys = bobby.open(&introduction(token, anna.key(), &[], false));
    let mut annas = anna.open(&introduction(token, bobby.key(), &[proxy.addr], true));
    for id in 0..TEXTS {
        annas.handle.say(id, text(format!("a{id} {}", "x".repeat(2000))), 0).unwrap();
        bobbys.handle.say(id, text(format!("b{id} {}", "y".repeat(2000))), 0).unwrap();
    }
    for part in 1..=3 {
        let so_far = part * TEXTS as usize / 4;
        tokio::join!(anna.until(&mut annas, so_far, 0), bobby.until(&mut bobbys, so_far, 0));
        proxy.cut();
    }
    let all = TEXTS as usize;
    tokio::join!(anna.until(&mut annas, all, all), bobby.until(&mut bobbys, all, all));
    for (id, (at_anna, at_bobby)) in annas.heard.iter().zip(&bobbys.heard).enumerate() {
        assert!(at_anna.starts_with(&format!("b{id} ")) && at_bobby.starts_with(&format!("a{id} ")));
    }
    let ids: Vec<u64> = (0..TEXTS).collect();
    assert_eq!((&annas.delivered, &bobbys.delivered), (&ids, &ids));
}

#[tokio::test]
async fn a_lost_link_is_reported_and_rebuilt_with_the_addresses_of_a_new_introduction() {
    let (mut anna, mut bobby) = two_clients().await;
    let proxy = Proxy::before(bobby.addr()).await;
    let token = PairToken::random();
    let mut bobbys = bobby.open(&introduction(token, anna.key(), &[], false));
    let annas = anna.open(&introduction(token, bobby.key(), &[proxy.addr], true));
    assert!(matches!(anna.next().await, PeerEventKind::Up { .. }));
    assert!(matches!(bobby.next().await, PeerEventKind::Up { .. }));
    proxy.block();
    assert_eq!(anna.next().await, PeerEventKind::Down);
    assert_eq!(bobby.next().await, PeerEventKind::Down);
    annas.handle.say(1, text("are you there"), 0).unwrap();
    assert_eq!(anna.next().await, PeerEventKind::WantsIntroduction);
    annas.handle.introduced(&introduction(token, bobby.key(), &[bobby.addr()], true));
    assert!(matches!(anna.next().await, PeerEventKind::Up { .. }));
    bobby.until(&mut bobbys, 1, 0).await;
    assert_eq!(anna.next().await, PeerEventKind::Delivered { local_id: 1 });
}

#[tokio::test]
async fn the_accepting_side_rebuilds_the_link_if_the_dialling_side_cannot() {
    let (mut anna, mut bobby) = two_clients().await;
    let proxy = Proxy::before(bobby.addr()).await;
    let at = proxy.addr;
    let (_annas, _bobbys) = opened(&mut anna, &mut bobby, at).await;
    proxy.block();
    assert_eq!(anna.next().await, PeerEventKind::Down);
    assert!(matches!(anna.next().await, PeerEventKind::Up { .. }));
}

#[tokio::test]
async fn ten_thousand_texts_cross_in_both_directions() {
    const TEXTS: u64 = 10_000;
    let (mut anna, mut bobby) = two_clients().await;
    let at = bobby.addr();
    let (annas, bobbys) = opened(&mut anna, &mut bobby, at).await;
    tokio::join!(chatter(&mut anna, annas, TEXTS), chatter(&mut bobby, bobbys, TEXTS));
}

/// Says `count` texts, as fast as the outbox takes them, and hears as many.
async fn chatter(client: &mut Client, mut session: Session, count: u64) {
    let mut said = 0;
    let all = usize::try_from(count).unwrap();
    while session.heard.len() < all || session.delivered.len() < all {
        while said < count && session.handle.say(said, text(said.to_string()), 0).is_ok() {
            said += 1;
        }
        let (heard, delivered) = (session.heard.len(), session.delivered.len());
        match client.next().await {
            PeerEventKind::Said { number, text, .. } => {
                assert_eq!((number, text.as_str()), (heard as u64 + 1, heard.to_string().as_str()));
                session.heard.push(text.as_str().to_owned());
                session.handle.shown(number);
            }
            PeerEventKind::Delivered { local_id } => {
                assert_eq!(local_id, delivered as u64);
                session.delivered.push(local_id);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn verification_messages_are_sent_again_over_the_next_connection() {
    let (anna, mut bobby) = two_clients().await;
    let proxy = Proxy::before(bobby.addr()).await;
    let token = PairToken::random();
    let _bobbys = bobby.open(&introduction(token, anna.key(), &[], false));
    let annas = anna.open(&introduction(token, bobby.key(), &[proxy.addr], true));
    assert!(matches!(bobby.next().await, PeerEventKind::Up { .. }));
    let [first, second] =
        [1, 2].map(|byte| VerifyMessage::Cancel { commitment: Commitment::new([byte; 32]) });
    annas.handle.verify(vec![first.clone()]);
    assert_eq!(bobby.next().await, PeerEventKind::Verify(first.clone()));
    annas.handle.verify(vec![first.clone(), second.clone()]);
    assert_eq!(
        bobby.next().await,
        PeerEventKind::Verify(second.clone()),
        "each message is sent once on each connection"
    );
    proxy.cut();
    // If a link is back before its app has learned that it was lost, the app hears nothing of the loss.
    let mut heard = Vec::new();
    while heard.len() < 2 {
        match bobby.next().await {
            PeerEventKind::Verify(message) => heard.push(message),
            PeerEventKind::Down | PeerEventKind::Up { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(heard, [first, second]);
}
