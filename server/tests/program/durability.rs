//! What was acknowledged outlives the process, whatever ends it, and nothing is stored twice.

use std::collections::HashMap;
use std::time::Duration;

use hobnob_protocol::chain::Seq;
use hobnob_protocol::message::{ClientMessage, ServerMessage};
use tempfile::tempdir;

use crate::stage::{ServerProcess, User, command};

#[tokio::test]
async fn a_restart_keeps_names_messages_and_numbers() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &[]);
    let (anna, other) = (User::new("anna"), User::new("anna"));
    let (mut a, first) = anna.join(server.addr).await;
    let (_o, welcome) = other.join(server.addr).await;
    assert_eq!(welcome.name.as_str(), "anna_2");
    for id in 1..=5 {
        assert_eq!(a.post(id, &format!("word {id}")).await, Seq(id));
    }
    let key = server.line.split("key ").nth(1).unwrap().to_owned();
    server.signal("-TERM");
    assert!(server.wait().0.success());

    let server = ServerProcess::start(dir.path(), &[]);
    assert!(server.line.ends_with(&key), "the server's key is the same");
    let mut hello = other.hello();
    hello.backlog = 20;
    let (mut o, welcome) = other.join_with(server.addr, hello).await;
    assert_eq!((welcome.name.as_str(), welcome.log), ("anna_2", first.log));
    for id in 1..=5 {
        assert_eq!(o.said().await, ("anna".to_owned(), format!("word {id}"), Seq(id)));
    }
    assert_eq!(anna.join(server.addr).await.1.name.as_str(), "anna");
    assert_eq!(o.post(1, "sixth").await, Seq(6));
}

#[tokio::test]
async fn a_kill_under_load_loses_nothing_acknowledged_and_stores_nothing_twice() {
    let dir = tempdir().unwrap();
    let mut acknowledged: HashMap<u64, Seq> = HashMap::new();
    let anna = User::new("anna");
    let total = 3000;
    for stop_after in [300, 900, 1700] {
        let server = ServerProcess::start(dir.path(), &["--rate", "100000"]);
        // Sends all texts that have no answer yet in one go, and kills the server in the middle of that.
        let (mut a, _) = anna.join(server.addr).await;
        let unanswered: Vec<u64> = (1..=total).filter(|id| !acknowledged.contains_key(id)).collect();
        for &id in &unanswered {
            a.say(id, &format!("word {id}")).await;
            if id >= stop_after + 400 {
                break;
            }
        }
        while (acknowledged.len() as u64) < stop_after {
            let (id, seq) = a.answer().await.unwrap();
            assert!(acknowledged.insert(id, seq).is_none_or(|before| before == seq));
        }
        server.kill();
        // Answers that were still on their way count as well.
        while let Some((id, seq)) = a.answer().await {
            acknowledged.insert(id, seq);
        }
    }

    let server = ServerProcess::start(dir.path(), &["--rate", "100000"]);
    let (mut a, _) = anna.join(server.addr).await;
    let sent: Vec<u64> = (1..=total).collect();
    // All texts are sent again, whether they were answered or not: each keeps its number.
    for ids in sent.chunks(100) {
        for &id in ids {
            a.say(id, &format!("word {id}")).await;
        }
        for _ in ids {
            let (id, seq) = a.answer().await.unwrap();
            assert!(acknowledged.insert(id, seq).is_none_or(|before| before == seq), "id {id} moved");
        }
    }
    assert_eq!(acknowledged.len() as u64, total);
    let mut hello = User::new("reader").hello();
    hello.since = Some(Seq(0));
    let (mut reader, welcome) = User::new("reader").join_with(server.addr, hello).await;
    assert_eq!(welcome.head.seq, Seq(total), "nothing is stored twice");
    for seq in 1..=total {
        let (_, text, got) = reader.said().await;
        assert_eq!(got, Seq(seq));
        let id: u64 = text.trim_start_matches("word ").parse().unwrap();
        assert_eq!(acknowledged[&id], got);
    }
    server.signal("-TERM");
    assert!(server.wait().0.success());
    let verified = command().args(["verify", "--data-dir"]).arg(dir.path()).output().unwrap();
    assert!(verified.status.success(), "{verified:?}");
    assert!(String::from_utf8(verified.stdout).unwrap().contains("3000"));
}

#[tokio::test]
async fn a_server_that_gets_sigterm_stores_and_delivers_and_ends_in_time() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &["--rate", "1000"]);
    let (mut a, _) = User::new("anna").join(server.addr).await;
    let (mut b, _) = User::new("bobby").join(server.addr).await;
    let (_deaf, _) = User::new("deaf").join(server.addr).await;
    for id in 1..=200 {
        a.say(id, "last words").await;
    }
    // The first text has come back, so the rest is at least on its way into the server.
    let first = a.find(said).await;
    server.signal("-TERM");
    let (status, took) = tokio::task::spawn_blocking(move || server.wait()).await.unwrap();
    assert!(status.success() && took < Duration::from_secs(5), "{status} after {took:?}");
    let (to_a, to_b) = (a.rest().await, b.rest().await);
    assert_eq!(to_a.last(), Some(&ServerMessage::Closing));
    assert_eq!(to_b.last(), Some(&ServerMessage::Closing));
    let heard = |messages: Vec<ServerMessage>| messages.into_iter().filter_map(said).sum::<u64>();
    assert_eq!(first + heard(to_a), heard(to_b), "what one heard the other heard");
}

/// Returns how many messages of the lobby this contains.
fn said(message: ServerMessage) -> Option<u64> {
    match message {
        ServerMessage::Said(said) => Some(said.last().0 - said.first().0 + 1),
        _ => None,
    }
}

#[tokio::test]
async fn a_second_server_says_which_program_holds_the_store_or_that_the_address_is_in_use() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &[]);
    let second = command().args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(dir.path()).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains(&server.pid().to_string()), "{said}");

    let other_dir = tempdir().unwrap();
    let addr = server.addr.to_string();
    let third = command().args(["--listen", &addr, "--data-dir"]).arg(other_dir.path()).output().unwrap();
    assert_eq!(third.status.code(), Some(1));
    assert!(String::from_utf8(third.stderr).unwrap().contains("in use"));
}

#[tokio::test]
async fn a_text_in_flight_when_its_author_leaves_is_stored() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &[]);
    let (mut b, _) = User::new("bobby").join(server.addr).await;
    let (mut a, _) = User::new("anna").join(server.addr).await;
    a.say(1, "goodbye").await;
    a.send(&ClientMessage::Leave).await;
    assert_eq!(b.said().await.1, "goodbye");
}
