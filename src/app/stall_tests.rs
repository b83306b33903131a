//! How long a script waits for a peer or a server that acknowledges nothing, with paused time.

use std::time::Duration;

use hobnob_protocol::key::PublicKey;

use super::tests::{Scene, say};
use super::*;
use crate::client::ExitVerdict;
use crate::session::{PeerSession, RoomSession};

/// Makes a private session with bobby that is up and current. There is no real link.
fn with_bobby() -> Scene {
    let mut scene = Scene::new();
    let session = scene
        .app
        .state
        .sessions
        .add(PeerSession { key: Some(PublicKey::new([2; 32])), ..PeerSession::up("bobby") });
    scene.app.state.sessions.switch(session);
    scene
}

#[tokio::test(start_paused = true)]
async fn a_script_waits_one_minute_for_a_peer_that_acknowledges_nothing() {
    let mut scene = with_bobby();
    scene.feed(&["secret", "\\lobby", "hello"]);
    assert_eq!(scene.app.deadline(), Some(Instant::now() + Duration::from_secs(60)));
    tokio::time::advance(Duration::from_secs(59)).await;
    scene.happens(Event::Time);
    assert!(scene.link.told().is_empty(), "\\lobby waits for the text before it");
    tokio::time::advance(Duration::from_secs(1)).await;
    scene.happens(Event::Time);
    scene.shows("perhaps not delivered (the other's program answers, but acknowledges nothing): secret");
    scene.turn();
    assert_eq!(scene.link.told(), [say(2, "hello")]);
    assert_eq!(scene.app.state.verdict, ExitVerdict::Failed);
    // An acknowledgement that comes after all changes nothing any more.
    scene.app.state.settle_sent(1, None);
    assert!(!scene.shown().contains("secret"));
}

#[tokio::test(start_paused = true)]
async fn a_script_waits_without_a_limit_for_a_server_that_acknowledges_nothing() {
    for room in [false, true] {
        let mut scene = Scene::new();
        if room {
            let session = scene.app.state.sessions.add_room(RoomSession::joining("tea".parse().unwrap()));
            scene.app.state.sessions.switch(session);
        }
        scene.feed(&["hello", "\\ss"]);
        tokio::time::advance(Duration::from_secs(3600)).await;
        scene.happens(Event::Time);
        let shown = scene.shown();
        assert!(!shown.contains("perhaps") && !shown.contains("lobby"), "\\ss waits for the text: {shown}");
        assert_eq!(scene.app.state.verdict, ExitVerdict::Done);
        assert_eq!(scene.app.state.ledger.len(), 1, "the text goes out when the server can store it again");
    }
}
