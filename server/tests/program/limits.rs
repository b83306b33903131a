//! Limits: a client that meets one is told so, or is served more slowly, and nothing is lost.

use std::time::{Duration, Instant};

use hobnob_protocol::message::{ClientMessage, RefusedCode, ServerMessage};
use tempfile::tempdir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stage::{PATIENCE, ServerProcess, User, command};

#[tokio::test]
async fn a_newcomer_beyond_the_limit_is_told_so() {
    for (options, code) in [
        (["--max-clients", "2"], RefusedCode::Full),
        (["--max-clients-per-ip", "2"], RefusedCode::FullForAddress),
    ] {
        let dir = tempdir().unwrap();
        let server = ServerProcess::start(dir.path(), &options);
        let (a, _) = User::new("anna").join(server.addr).await;
        let (_b, _) = User::new("bobby").join(server.addr).await;
        let carl = User::new("carl");
        let mut c = carl.ask(server.addr, carl.hello()).await;
        assert_eq!(c.rest().await, [ServerMessage::refused(code)]);
        drop(a);
        // Anna's slot is free as soon as the server has noticed that she left.
        loop {
            let mut c = carl.ask(server.addr, carl.hello()).await;
            match c.next().await {
                Some(ServerMessage::Welcome(_)) => break,
                other => assert_eq!(other, Some(ServerMessage::refused(code))),
            }
        }
    }
}

/// Joins as soon as there is room for one more client from here, and leaves. Returns the name it had.
async fn come_and_go(server: &ServerProcess, user: &User) -> String {
    loop {
        let mut client = user.ask(server.addr, user.hello()).await;
        match client.next().await {
            Some(ServerMessage::Welcome(welcome)) => {
                client.send(&ClientMessage::Leave).await;
                client.rest().await;
                return welcome.name.to_string();
            }
            other => {
                assert_eq!(other, Some(ServerMessage::refused(RefusedCode::FullForAddress)));
            }
        }
    }
}

#[tokio::test]
async fn the_new_names_of_one_address_are_limited_and_a_further_name_is_free_when_its_user_leaves() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &["--max-clients-per-ip", "3"]);
    let kept = ["anna", "bobby", "carl"].map(User::new);
    for user in &kept {
        come_and_go(&server, user).await;
    }
    let passing = User::new("dora");
    assert_eq!(come_and_go(&server, &passing).await, "dora");
    assert_eq!(come_and_go(&server, &User::new("anna")).await, "anna_2");
    // Dora's name may be another user's as soon as the server has noticed that she left.
    while come_and_go(&server, &User::new("dora")).await != "dora" {}
    assert_eq!(come_and_go(&server, &kept[0]).await, "anna", "who has a name is not concerned");
}

#[tokio::test]
async fn the_rate_limit_slows_a_client_down_and_drops_nothing() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &["--rate", "10"]);
    let (mut a, _) = User::new("anna").join(server.addr).await;
    let started = Instant::now();
    // A burst of a hundred passes at once; twenty more take two seconds.
    for id in 1..=120 {
        a.say(id, "word").await;
    }
    for id in 1..=120 {
        assert_eq!(a.said().await.2.0, id);
    }
    let took = started.elapsed();
    assert!(took > Duration::from_millis(1800) && took < Duration::from_secs(6), "{took:?}");
}

#[tokio::test]
async fn wrong_usage_ends_with_exit_code_two_and_help_and_version_with_zero() {
    for (args, code) in [
        (&["--ratte"][..], 2),
        (&["--listen", "here"], 2),
        (&["--config", "/nonexistent/hobnob.toml"], 2),
        (&["--help"], 0),
        (&["--version"], 0),
    ] {
        assert_eq!(command().args(args).output().unwrap().status.code(), Some(code), "{args:?}");
    }
}

#[tokio::test]
async fn metrics_and_health_are_read_over_http() {
    let dir = tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let metrics = format!("127.0.0.1:{port}");
    let server = ServerProcess::start(dir.path(), &["--metrics", &metrics]);
    let (mut a, _) = User::new("anna").join(server.addr).await;
    a.post(1, "hello").await;
    let text = get(&metrics, "/metrics").await;
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert!(text.contains("hobnob_clients 1") && text.contains("hobnob_messages_total 1"), "{text}");
    assert!(get(&metrics, "/health").await.ends_with("ok\n"));
    assert!(get(&metrics, "/other").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn slow_readers_of_metrics_are_closed_for_an_honest_one_and_at_their_time_limit() {
    let dir = tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let metrics = format!("127.0.0.1:{port}");
    let _server = ServerProcess::start(dir.path(), &["--metrics", &metrics]);
    let mut slow = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(&metrics).await.unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: ").await.unwrap();
        slow.push(stream);
    }
    let answer = tokio::time::timeout(Duration::from_secs(2), get(&metrics, "/metrics")).await;
    assert!(answer.expect("an honest reader waits for no slow one").starts_with("HTTP/1.1 200"));
    for mut stream in slow {
        let mut rest = Vec::new();
        // The server closes or resets each connection, at the time limit at the latest. Some readers are told that they
        // took too long.
        let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "a slow reader is not waited for");
    }
}

async fn get(addr: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn an_idle_client_costs_few_kibibytes() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &["--max-clients-per-ip", "1000", "--log", "error"]);
    let mut clients = Vec::new();
    let mut resident = Vec::new();
    // The first hundred clients cost also what is needed only once.
    for count in [100, 400] {
        for _ in 0..count {
            clients.push(User::new("idle").join(server.addr).await.0);
        }
        let (mut last, _) = User::new("witness").join(server.addr).await;
        last.post(1, "everybody is told").await;
        resident.push(server.resident_kib());
    }
    let each = (resident[1] - resident[0]) as f64 / 400.0;
    // About twelve are measured, of which four are the buffer into which TLS reads; the rest is a margin for noise.
    assert!(each <= 16.0, "an idle client costs {each:.1} KiB");
}
