//! When names become free, on computers whose clocks are right, wrong, or set while the server runs.

use super::*;
use crate::decide::NameBinding;
use crate::lobby::assembly::MILLIS_PER_DAY;
use crate::log::Batch;

const DAY: u64 = MILLIS_PER_DAY;
const TODAY: u64 = 1_795_000_000_000;
const IN_2080: u64 = 3_471_292_800_000;

/// One run of a server on a computer whose clock shows `clock`: the user with `key` comes, says a text and leaves, and
/// the server runs on for `hours`. Returns the time of the text.
async fn run_at(log: &Arc<MemoryLog>, clock: u64, hours: u64, name: &str, key: u8) -> u64 {
    let stage = Stage::at(log, clock);
    // Each run of the client has its own number.
    let run = log.subscribe().borrow().seq.0 as u8 + 1;
    let mut guest = stage.join(1, name, key, run).await;
    stage.say(&guest, 1, "here").await;
    guest.said().await;
    stage.send(LobbyCommand::Leave(guest.id)).await;
    tokio::time::sleep(Duration::from_secs(hours * 3600 + 120)).await; // in paused time
    stage.shutdown.cancel();
    stage.task.await.unwrap().unwrap();
    newest_time(log)
}

/// Returns the dates of names, sorted by name.
fn dates(log: &MemoryLog) -> Vec<(String, u64)> {
    let mut dates: Vec<_> =
        log.names().iter().map(|binding| (binding.name.to_string(), binding.seen)).collect();
    dates.sort();
    dates
}

#[tokio::test(start_paused = true)]
async fn a_start_with_a_clock_far_ahead_frees_no_name_and_times_are_right_afterwards() {
    let log = Arc::new(MemoryLog::new(1000));
    run_at(&log, TODAY, 0, "anna", 1).await;
    run_at(&log, TODAY + DAY, 0, "bobby", 2).await;
    let before = dates(&log);
    // The server is started once with this clock, and again many times before somebody notices.
    for _ in 0..100 {
        assert_eq!(run_at(&log, IN_2080, 3, "carl", 3).await, IN_2080);
    }
    let after = dates(&log);
    assert_eq!(after[..2], before, "nobody who is away has lost a name");
    assert!(after[2].1 < TODAY + 10 * DAY, "nor is one kept until 2170: {after:?}");
    assert_eq!(run_at(&log, TODAY + 2 * DAY, 0, "anna", 1).await, TODAY + 2 * DAY);
}

#[tokio::test(start_paused = true)]
async fn a_start_with_a_clock_far_behind_moves_no_date_back_and_no_name_is_lost_later() {
    for (wrong, time) in [(0, TODAY), (TODAY - 200 * DAY, TODAY - 200 * DAY)] {
        let log = Arc::new(MemoryLog::new(1000));
        run_at(&log, TODAY, 0, "anna", 1).await;
        let before = dates(&log);
        assert_eq!(
            run_at(&log, wrong, 3, "anna", 1).await,
            time,
            "a clock that was never set is not followed"
        );
        assert_eq!(run_at(&log, wrong, 3, "bobby", 2).await, time);
        let after = dates(&log);
        assert_eq!(after[0], before[0]);
        run_at(&log, TODAY + DAY, 3, "carl", 3).await;
        let names: Vec<_> = dates(&log).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["anna", "bobby", "carl"], "all who came then have their names");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_forward_while_the_server_runs_frees_no_name() {
    let log = Arc::new(MemoryLog::new(1000));
    run_at(&log, TODAY, 0, "anna", 1).await;
    let shown = Arc::new(AtomicU64::new(TODAY));
    let clock = Arc::clone(&shown);
    let stream = Arc::new(LocalStream::new(StreamIdentity([0; 16]), || 0));
    let stage = Stage::start(Arc::clone(&log), stream, Arc::new(move || clock.load(Ordering::SeqCst)));
    let _bobby = stage.join(2, "bobby", 2, 1).await;
    shown.store(IN_2080, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(5 * 3600)).await; // in paused time
    assert_eq!(dates(&log).len(), 2);
    stage.shutdown.cancel();
    stage.task.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn many_names_become_free_some_at_a_time_while_the_lobby_goes_on() {
    let log = Arc::new(MemoryLog::new(1000));
    let bound = |name: &str, key, seen, spoke| NameBinding {
        name: name.parse().unwrap(),
        key: PublicKey::new([key; 32]),
        seen,
        spoke,
        since: 0,
    };
    let old = (0..2500_u64).map(|n| bound(&format!("old{n}"), n as u8 / 2, TODAY - 5 * DAY + n, false));
    let names = old.chain([bound("anna", 255, TODAY, true)]).collect();
    log.append(Batch { names, ..Batch::default() }).await.unwrap();
    let stage = Stage::at(&log, TODAY);
    stage.log.leave.forget_permits(1000);
    for left in [1500, 500, 0] {
        stage.log.leave.add_permits(1);
        tokio::time::sleep(Duration::from_millis(500)).await; // in paused time
        assert_eq!(log.names().iter().filter(|name| !name.spoke).count(), left);
    }
    stage.log.leave.add_permits(100);
    stage.join(1, "bobby", 2, 1).await;
}

#[tokio::test(start_paused = true)]
async fn all_of_very_many_names_with_one_date_become_free() {
    let log = Arc::new(MemoryLog::new(1000));
    let bound = |name: String, seen| NameBinding {
        key: PublicKey::new([name.len() as u8; 32]),
        name: name.parse().unwrap(),
        seen,
        spoke: false,
        since: 0,
    };
    // One entry frees 5,000 of them.
    let old = (0..10_500).map(|n| bound(format!("old{n}"), TODAY - 5 * DAY));
    let names = old.chain([bound("anna".to_owned(), TODAY)]).collect();
    log.append(Batch { names, ..Batch::default() }).await.unwrap();
    let stage = Stage::at(&log, TODAY);
    tokio::time::sleep(Duration::from_secs(30)).await; // in paused time
    assert_eq!(dates(&log), [("anna".to_owned(), TODAY)]);
    stage.join(1, "bobby", 2, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_name_is_free_when_its_user_was_absent_for_long_and_not_while_he_is_here() {
    let log = Arc::new(MemoryLog::new(1000));
    run_at(&log, TODAY, 0, "anna", 1).await;
    let began = Instant::now();
    let clock = move || TODAY + began.elapsed().as_millis() as u64;
    let stream = Arc::new(LocalStream::new(StreamIdentity([0; 16]), clock));
    let stage = Stage::start(Arc::clone(&log), stream, Arc::new(clock));
    stage.log.leave.add_permits(10_000);
    let bobby = stage.join(2, "bobby", 2, 1).await;
    stage.say(&bobby, 1, "here").await;
    tokio::time::sleep(Duration::from_secs(89 * 24 * 3600)).await; // in paused time
    assert_eq!(dates(&log).len(), 2);
    tokio::time::sleep(Duration::from_secs(2 * 24 * 3600)).await; // in paused time
    // The server is killed, and nobody is seen to leave.
    stage.task.abort();
    assert!(matches!(&dates(&log)[..], [(bobby, seen)] if bobby == "bobby" && *seen >= TODAY + 89 * DAY));
    run_at(&log, TODAY + 92 * DAY, 2, "carl", 3).await;
    assert_eq!(dates(&log).len(), 2);
}
