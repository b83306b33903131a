//! The end of a run: for what it waits, and what it reports of texts that nobody acknowledged.

use super::*;

#[test]
fn a_script_leaves_the_lobby_when_its_last_text_is_acknowledged() {
    let mut scene = Scene::new();
    scene.feed(&["bye"]);
    scene.happens(Event::Script(None));
    assert_eq!(scene.link.told(), [say(1, "bye")]);
    scene.lobby(LobbyEvent::Sent { room: None, id: 1, seq: Seq(1), message: None });
    assert_eq!(scene.link.told(), [ClientMessage::Leave]);
    scene.lobby(LobbyEvent::Left);
    assert!(scene.app.is_over());
    assert!(scene.app.state.is_clean());
}

#[tokio::test(start_paused = true)]
async fn texts_that_were_not_acknowledged_by_the_end_are_reported() {
    let mut scene = Scene::new();
    scene.lobby(LobbyEvent::Down { reason: "cut".to_owned() });
    scene.feed(&["lost"]);
    scene.happens(Event::Script(None));
    for _ in 0..2 {
        tokio::time::advance(std::time::Duration::from_secs(16)).await;
        scene.happens(Event::Time);
    }
    scene.shows("not sent (the lobby was down until the end): lost");
    assert!(scene.app.is_over());
    assert_eq!(scene.app.state.verdict, ExitVerdict::Failed);
}

#[tokio::test(start_paused = true)]
async fn texts_on_their_way_at_the_end_are_reported_as_perhaps_not_delivered() {
    let mut scene = Scene::new();
    scene.feed(&["under way"]);
    scene.lobby(LobbyEvent::Down { reason: "cut".to_owned() });
    scene.happens(Event::Script(None));
    for _ in 0..2 {
        tokio::time::advance(std::time::Duration::from_secs(16)).await;
        scene.happens(Event::Time);
    }
    scene.shows("perhaps not delivered (it was not acknowledged before the end): under way");
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_for_a_slow_server_as_long_as_it_acknowledges_texts() {
    let mut scene = Scene::new();
    scene.feed(&["one", "two", "three"]);
    scene.happens(Event::Script(None));
    for id in 1..=3 {
        tokio::time::advance(std::time::Duration::from_secs(14)).await;
        scene.happens(Event::Time);
        scene.lobby(LobbyEvent::Sent { room: None, id, seq: Seq(id), message: None });
    }
    scene.lobby(LobbyEvent::Left);
    assert!(scene.app.is_over() && scene.app.state.is_clean());
}
