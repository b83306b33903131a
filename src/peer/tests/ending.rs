//! How private sessions end: one side leaves, its process ends, or it closes the network.

use super::*;

#[tokio::test]
async fn leaving_first_delivers_the_texts_that_were_said() {
    let (mut anna, mut bobby) = two_clients().await;
    let at = bobby.addr();
    let (mut annas, mut bobbys) = opened(&mut anna, &mut bobby, at).await;
    for id in 0..500 {
        annas.handle.say(id, text(format!("{id}")), 0).unwrap();
    }
    annas.handle.leave();
    assert_eq!(annas.handle.say(500, text("more"), 0), Err(SayError::Over));
    let (annas_end, bobbys_end) = tokio::join!(anna.next_turn(&mut annas), bobby.next_turn(&mut bobbys));
    assert_eq!((annas_end, bobbys_end), (PeerEventKind::Ended, PeerEventKind::Left));
    assert_eq!((annas.delivered.len(), bobbys.heard.len()), (500, 500));
}

#[tokio::test]
async fn leaving_while_nobody_answers_ends_the_session_at_once() {
    let mut anna = Client::start(Identity::generate().unwrap()).await;
    let bobby = Identity::generate().unwrap();
    let annas = anna.open(&introduction(PairToken::random(), bobby.public(), &[], true));
    annas.handle.say(1, text("hi"), 0).unwrap();
    annas.handle.leave();
    assert_eq!(anna.next().await, PeerEventKind::Undelivered { local_ids: vec![1] });
    assert_eq!(anna.next().await, PeerEventKind::Ended);
}

#[tokio::test]
async fn a_session_ended_on_one_side_fails_to_open_on_the_other() {
    let (mut anna, mut bobby) = two_clients().await;
    let token = PairToken::random();
    drop(bobby.open(&introduction(token, anna.key(), &[], false)));
    assert_eq!(bobby.next().await, PeerEventKind::Ended);
    let _annas = anna.open(&introduction(token, bobby.key(), &[bobby.addr()], true));
    assert_eq!(anna.next().await, PeerEventKind::Failed { reason: PeerFailure::NotTaken });
}

#[tokio::test]
async fn a_dialled_peer_whose_process_ended_is_gone_and_later_texts_are_undelivered() {
    let (mut anna, mut bobby) = two_clients().await;
    let at = bobby.addr();
    let (annas, _bobbys) = opened(&mut anna, &mut bobby, at).await;
    drop(bobby.network);
    gone(&mut anna, &annas).await;
}

#[tokio::test]
async fn a_dialling_peer_whose_process_ended_is_gone_and_later_texts_are_undelivered() {
    let (mut anna, mut bobby) = two_clients().await;
    let at = anna.addr();
    let (bobbys, mut annas) = opened(&mut bobby, &mut anna, at).await;
    // Anna probes where bobby listens before she hears anything.
    bobbys.handle.say(1, text("hi"), 0).unwrap();
    anna.until(&mut annas, 1, 0).await;
    drop(bobby.network);
    gone(&mut anna, &annas).await;
}

/// Waits until the client reports that the other process ended without a goodbye, and that the text said afterwards is
/// undelivered.
async fn gone(client: &mut Client, session: &Session) {
    assert_eq!(client.next().await, PeerEventKind::Down);
    session.handle.say(9, text("are you there"), 0).unwrap();
    let mut events = Vec::new();
    while !matches!(events.last(), Some(PeerEventKind::Gone { .. })) {
        events.push(client.next().await);
    }
    events.retain(|event| *event != PeerEventKind::WantsIntroduction);
    let gone = PeerEventKind::Gone { reason: GoneReason::ProcessEnded };
    assert_eq!(events, [PeerEventKind::Undelivered { local_ids: vec![9] }, gone]);
}

#[tokio::test]
async fn closing_the_network_says_goodbye_in_every_session() {
    let (mut anna, mut bobby) = two_clients().await;
    let at = bobby.addr();
    let (_annas, _bobbys) = opened(&mut anna, &mut bobby, at).await;
    timeout(PATIENCE, anna.network.close()).await.unwrap();
    assert_eq!(anna.events.recv().await.unwrap().kind, PeerEventKind::Ended);
    assert_eq!(bobby.next().await, PeerEventKind::Left);
}

#[tokio::test]
async fn a_text_that_arrived_and_is_shown_while_its_reader_leaves_is_acknowledged() {
    let (mut anna, mut bobby) = two_clients().await;
    let at = bobby.addr();
    let (annas, bobbys) = opened(&mut anna, &mut bobby, at).await;
    annas.handle.say(1, text("bye"), 0).unwrap();
    assert!(matches!(bobby.next().await, PeerEventKind::Said { number: 1, .. }));
    bobbys.handle.leave();
    let receipt = bobbys.handle.receipt(1);
    tokio::task::spawn_blocking(move || receipt.give()).await.unwrap();
    assert_eq!(anna.next().await, PeerEventKind::Delivered { local_id: 1 });
    assert_eq!((anna.next().await, bobby.next().await), (PeerEventKind::Left, PeerEventKind::Ended));
}

#[tokio::test]
async fn a_text_that_is_not_shown_does_not_keep_its_reader_from_leaving() {
    let (mut anna, mut bobby) = two_clients().await;
    let at = bobby.addr();
    let (annas, bobbys) = opened(&mut anna, &mut bobby, at).await;
    annas.handle.say(1, text("bye"), 0).unwrap();
    assert!(matches!(bobby.next().await, PeerEventKind::Said { number: 1, .. }));
    bobbys.handle.leave();
    assert_eq!(bobby.next().await, PeerEventKind::Ended);
    assert_eq!(anna.next().await, PeerEventKind::Undelivered { local_ids: vec![1] });
    assert_eq!(anna.next().await, PeerEventKind::Left);
}
