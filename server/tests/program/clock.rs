//! A computer whose clock is wrong, as the log shows: the dates in the log are far behind the clock, or far ahead of
//! it.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use hobnob_protocol::chain::{self, LobbyMessage, Seq};
use hobnob_protocol::ids::RunId;
use hobnob_protocol::text::Text;
use hobnob_server::log::{Batch, LobbyLog, NameBinding, SqliteLog, SqliteOptions};
use tempfile::tempdir;

use crate::stage::{ServerProcess, User};

const DAY: u64 = 24 * 3600 * 1000;
const IN_2080: u64 = 3_471_292_800_000;

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

fn open(dir: &Path) -> SqliteLog {
    SqliteLog::open(&dir.join("server"), SqliteOptions { history: 1000, ..SqliteOptions::default() }).unwrap()
}

fn seen(user: &User, seen: u64) -> NameBinding {
    NameBinding { name: user.name.parse().unwrap(), key: user.identity.public(), seen, spoke: true, since: 0 }
}

/// Stores these names, and a text by the first of these users with the time `at`.
async fn lived(dir: &Path, users: &[(&User, u64)], at: u64) {
    let log = open(dir);
    let (author, head) = (users[0].0, log.contents().head);
    let mut message = LobbyMessage {
        seq: Seq(1),
        at,
        name: author.name.parse().unwrap(),
        key: author.identity.public(),
        run: RunId::random(),
        id: 1,
        content: Text::new("long ago").unwrap().into(),
        hash: head.hash,
    };
    message.hash = chain::link(&head.hash, &message);
    let names = users.iter().map(|(user, date)| seen(user, *date)).collect();
    log.append(Batch { messages: vec![message].into(), names, ..Batch::default() }).await.unwrap();
}

fn date_of(dir: &Path, user: &User) -> Option<u64> {
    let names = open(dir).contents().names.clone();
    names.iter().find(|binding| binding.name.as_str() == user.name).map(|binding| binding.seen)
}

async fn stop(server: ServerProcess) {
    server.signal("-TERM");
    assert!(server.wait().0.success());
}

#[tokio::test]
async fn nobody_loses_his_name_when_the_clock_is_years_ahead_of_all_dates() {
    let dir = tempdir().unwrap();
    let [anna, bobby, carl] = ["anna", "bobby", "carl"].map(User::new);
    let long_ago = now() - 400 * DAY;
    let users = [(&anna, long_ago), (&bobby, long_ago - 89 * DAY - DAY / 2), (&carl, long_ago - 95 * DAY)];
    lived(dir.path(), &users, long_ago).await;
    let server = ServerProcess::start_heard(dir.path(), &[]);
    for (name, given) in [("anna", "anna_2"), ("bobby", "bobby_2"), ("carl", "carl")] {
        let (_client, welcome) = User::new(name).join(server.addr).await;
        assert_eq!(welcome.name.as_str(), given, "carl alone was away for long when another one was here");
    }
    server.signal("-TERM");
    let said = server.end().1;
    assert!(said.contains("400 days after the newest in the log"), "{said}");
    assert_eq!(date_of(dir.path(), &anna), Some(long_ago));
}

#[tokio::test]
async fn times_are_right_again_after_a_start_in_2080_and_no_date_goes_back() {
    let dir = tempdir().unwrap();
    let [anna, bobby, carl] = ["anna", "bobby", "carl"].map(User::new);
    lived(dir.path(), &[(&anna, IN_2080), (&bobby, now() - DAY)], IN_2080).await;
    let server = ServerProcess::start(dir.path(), &[]);
    for user in [&anna, &carl] {
        let (mut client, welcome) = user.join(server.addr).await;
        assert_eq!(welcome.name.as_str(), user.name);
        let before = now();
        client.say(1, "what time is it?").await;
        let at = client.message().await.at;
        assert!((before - 1000..now() + 1000).contains(&at), "{at}");
    }
    let (_, welcome) = User::new("bobby").join(server.addr).await;
    assert_eq!(welcome.name.as_str(), "bobby_2");
    stop(server).await;
    assert_eq!(date_of(dir.path(), &anna), Some(IN_2080));
    assert_eq!(date_of(dir.path(), &bobby).map(|date| date <= now()), Some(true));
}
