//! Where batches are stored: in the lobby's thread where it has one to itself and the disk is quick.

use super::*;

impl Stage {
    fn stored_here(&self) -> u64 {
        self.log.here.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_lobby_without_a_thread_of_its_own_never_waits_for_the_disk() {
    let stage = Stage::new();
    let mut anna = stage.join(1, "anna", 1, 1).await;
    stage.say(&anna, 1, "hi").await;
    anna.said().await;
    assert_eq!(stage.stored_here(), 0);
}

#[tokio::test]
async fn the_thread_of_the_log_waits_for_a_disk_that_was_slow_until_it_is_quick_again() {
    let stage = Stage::with_a_thread();
    let mut anna = stage.join(1, "anna", 1, 1).await;
    let before = stage.stored_here();
    assert!(before > 0, "her name is stored here");
    *stage.log.takes.lock().unwrap() = QUICK_DISK * 2;
    // The first text is stored in the lobby's thread, where the disk turns out to be slow. The log's thread stores the
    // second one, and finds the disk quick. The third one is stored in the lobby's thread again.
    for (id, here) in [(1, 1), (2, 1), (3, 2)] {
        stage.say(&anna, id, "hi").await;
        assert_eq!(anna.said().await, (id, Seq(id)));
        assert_eq!(stage.stored_here(), before + here, "text {id}");
    }
}

/// Time is paused, so that the disk is quick however busy this machine is.
#[tokio::test(start_paused = true)]
async fn while_a_quick_disk_stores_what_is_asked_waits_as_it_would_for_the_lobbys_own_thread() {
    let stage = Stage::with_a_thread();
    let mut anna = stage.join(1, "anna", 1, 1).await;
    stage.log.leave.forget_permits(1000);
    let at_once = TAKEN_AT_ONCE as u64;
    for id in 1..=at_once + 1 {
        let content = Text::new("hi").unwrap().into();
        let say = LobbyCommand::Say { from: anna.id, id, room: None, content };
        assert!(stage.handle.try_send(say).is_ok());
    }
    for id in 1..=at_once {
        assert_eq!(anna.said().await, (id, Seq(id)));
    }
    // The thread of the log has the last text.
    stage.send(LobbyCommand::Users { from: anna.id, request: 1, room: None }).await;
    tokio::time::sleep(Duration::from_millis(1)).await; // Time is paused: it passes when no task can go on.
    assert!(anna.told.try_recv().is_err());
    stage.log.leave.add_permits(1000);
    assert_eq!(anna.next().await, Told::Users(1));
    assert_eq!(anna.said().await, (at_once + 1, Seq(at_once + 1)));
}

#[tokio::test]
async fn texts_that_the_thread_of_the_log_stores_are_told_even_when_the_lobby_ends() {
    let stage = Stage::with_a_thread();
    let mut anna = stage.join(1, "anna", 1, 1).await;
    stage.log.leave.forget_permits(1000);
    stage.log.is(Mood::Stores);
    for id in 1..=20 {
        stage.say(&anna, id, "hi").await;
    }
    stage.log.leave.add_permits(1000);
    stage.shutdown.cancel();
    for id in 1..=20 {
        assert_eq!(anna.said().await, (id, Seq(id)));
    }
    assert!(stage.task.await.unwrap().is_ok());
}
