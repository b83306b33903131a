//! A stream that lost its end and has gone on since. A server whose log has what was lost is refused before it says
//! anything to the others, and takes part again when its administrator does what the refusal says.

use std::fs;
use std::path::Path;

use hobnob_protocol::chain::{LobbyMessage, Seq};

use super::{Lobby, make_private_folder};
use crate::stage::{ServerProcess, User, output, run_to_end};

/// So many texts are said after the stream went back that it ends further on than it did before.
const LATER: u64 = 30;

/// How a server ends.
enum End {
    /// It has noted a place of the stream from before what the stream lost.
    Killed,
    /// It has noted a place after that.
    Stopped,
}

/// Makes a lobby whose first server has a text that the stream lost; the other server has the texts that came since.
async fn apart(end: End) -> Option<(Lobby, ServerProcess)> {
    let mut lobby = Lobby::over(1)?;
    let anna = User::new("anna");
    let one = lobby.server("one");
    anna.join(one.addr).await.0.post(1, "kept").await;
    one.signal("-TERM");
    assert!(one.wait().0.success());
    lobby.nodes.nodes[0].copy_store();
    let one = lobby.server("one");
    anna.join(one.addr).await.0.post(2, "lost").await;
    match end {
        End::Killed => one.kill(),
        End::Stopped => {
            one.signal("-TERM");
            assert!(one.wait().0.success());
        }
    }
    lobby.nodes.nodes[0].go_back();
    let other = lobby.server("other");
    let (mut b, _) = User::new("bobby").join(other.addr).await;
    for id in 1..=LATER {
        b.post(id, &format!("later {id}")).await;
    }
    Some((lobby, other))
}

/// Returns what a newcomer is shown on this server.
async fn history(server: &ServerProcess, name: &str) -> Vec<LobbyMessage> {
    let user = User::new(name);
    let (mut client, welcome) =
        user.join_with(server.addr, hobnob_protocol::message::Hello { backlog: 100, ..user.hello() }).await;
    let mut read = Vec::new();
    while read.last().is_none_or(|last: &LobbyMessage| last.seq < welcome.head.seq) {
        read.push(client.message().await);
    }
    read
}

fn move_everything_but_the_key_away(folder: &Path, to: &Path) {
    make_private_folder(to);
    for entry in fs::read_dir(folder).unwrap().flatten().filter(|entry| entry.file_name() != "server.key") {
        fs::rename(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

async fn is_refused_and_finds_its_way_back(end: End, because: &str) {
    let Some((lobby, mut other)) = apart(end).await else { return };
    let (dir, aside) = (lobby.data_dir("one"), lobby.data_dir("aside"));
    let options = [&["--listen", "127.0.0.1:0"], &lobby.options()[..]].concat();
    let (code, said) = run_to_end(&options, &dir);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(because), "{said}");
    assert!(said.contains("move everything but server.key out of the folder `server`"), "{said}");

    other.assert_alive();
    assert_eq!(User::new("carl").join(other.addr).await.0.post(1, "it goes on").await, Seq(LATER + 2));

    move_everything_but_the_key_away(&dir.join("server"), &aside.join("server"));
    let one = lobby.server("one");
    let (here, there) = (history(&one, "dora").await, history(&other, "emil").await);
    assert_eq!(here.len() as u64, LATER + 2);
    assert_eq!(here, there);
    assert_eq!(User::new("fred").join(one.addr).await.0.post(1, "together").await, Seq(LATER + 3));
    other.assert_alive();
    one.signal("-TERM");
    assert!(one.wait().0.success());
    output(&["verify"], &dir);
}

#[tokio::test]
async fn a_killed_server_whose_log_has_what_the_stream_lost_is_refused_and_can_begin_again() {
    is_refused_and_finds_its_way_back(End::Killed, "tell message 2 differently").await;
}

#[tokio::test]
async fn a_stopped_server_whose_log_has_what_the_stream_lost_is_refused_and_can_begin_again() {
    is_refused_and_finds_its_way_back(End::Stopped, "has another batch at place").await;
}
