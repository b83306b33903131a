//! Clients that break the rules, break off, or do not read. None of them may harm another client.

use std::time::{Duration, Instant};

use hobnob_protocol::MAX_LINE_BYTES;
use hobnob_protocol::codec;
use hobnob_protocol::message::{Change, ClientMessage, ServerMessage};
use socket2::SockRef;
use tempfile::tempdir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::stage::{PATIENCE, ServerProcess, User};

pub(crate) async fn assert_serves(server: &mut ServerProcess) {
    server.assert_alive();
    let (mut client, _) = User::new("witness").join(server.addr).await;
    client.post(1, "still here").await;
}

#[tokio::test]
async fn lines_may_arrive_in_pieces() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &[]);
    let anna = User::new("anna");
    let mut a = anna.connect(server.addr).await;
    let mut bytes = codec::encode(&ClientMessage::Hello(anna.hello())).to_vec();
    bytes.extend_from_slice(b"\r\n\n{\"type\":\"say\",\"id\":1,\"text\":\"in pieces\"}\r\n");
    for piece in bytes.chunks(7) {
        a.send_bytes(piece).await;
    }
    assert_eq!(a.said().await.1, "in pieces");
}

#[tokio::test]
async fn a_client_that_sends_bytes_that_are_no_message_is_told_so_and_closed_and_leaves() {
    let dir = tempdir().unwrap();
    let mut server = ServerProcess::start(dir.path(), &[]);
    let long = vec![b'x'; MAX_LINE_BYTES + 1];
    let second_hello = codec::encode(&ClientMessage::Hello(User::new("x").hello()));
    let too_long_text = format!("{{\"type\":\"say\",\"id\":1,\"text\":\"{}\"}}\n", "x".repeat(16 * 1024 + 1));
    let (mut b, _) = User::new("bobby").join(server.addr).await;
    for bad in [
        &b"zz\n"[..],
        b"\xff\xfe\n",
        b"[]\n",
        b"{\"type\":\"say\"}\n",
        &long,
        &second_hello,
        too_long_text.as_bytes(),
    ] {
        let (mut a, welcome) = User::new("anna").join(server.addr).await;
        a.send_bytes(bad).await;
        let rest = a.rest().await;
        assert!(matches!(rest.last(), Some(ServerMessage::Bad { .. })), "{rest:?}");
        let left = Change::Left(welcome.name);
        b.find(|message| match message {
            ServerMessage::Presence { changes, .. } => changes.contains(&left).then_some(()),
            _ => None,
        })
        .await;
    }
    assert_eq!(b.users().await, ["bobby"]);
    assert_serves(&mut server).await;
}

#[tokio::test]
async fn lines_before_the_hello_are_limited_and_no_other_message_is_accepted() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &[]);
    for bad in
        [vec![b'x'; hobnob_protocol::MAX_HELLO_BYTES + 1], b"{\"type\":\"users\",\"request\":1}\n".to_vec()]
    {
        let mut a = User::new("anna").connect(server.addr).await;
        a.send_bytes(&bad).await;
        assert!(matches!(a.rest().await[..], [ServerMessage::Bad { .. }]));
    }
}

#[tokio::test]
async fn a_ping_before_the_hello_is_answered_and_an_unknown_type_is_ignored() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &[]);
    let anna = User::new("anna");
    let mut a = anna.connect(server.addr).await;
    a.send_bytes(b"{\"type\":\"dance\"}\n{\"type\":\"pong\"}\n{\"type\":\"ping\"}\n").await;
    assert_eq!(a.next().await, Some(ServerMessage::Pong));
    a.send(&ClientMessage::Hello(anna.hello())).await;
    assert!(matches!(a.next().await, Some(ServerMessage::Welcome(_))));
}

#[tokio::test]
async fn messages_of_unknown_types_are_ignored() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &[]);
    let (mut a, _) = User::new("anna").join(server.addr).await;
    a.send_bytes(b"{\"type\":\"dance\",\"partner\":[1,{}]}\n").await;
    a.post(1, "hello").await;
}

#[tokio::test]
async fn bytes_that_are_no_tls_harm_no_other_client() {
    let dir = tempdir().unwrap();
    let mut server = ServerProcess::start(dir.path(), &[]);
    for garbage in [&b"zz"[..], b"GET / HTTP/1.1\r\n\r\n", &[0_u8; 4096], &[0x16, 3, 1, 0xff, 0xff, 1]] {
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        // The connection ends with an alert or with a reset; either is right.
        let _reset = timeout(Duration::from_secs(15), stream.read_to_end(&mut answer)).await.unwrap();
    }
    assert_serves(&mut server).await;
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_ended() {
    let dir = tempdir().unwrap();
    let mut server = ServerProcess::start(dir.path(), &[]);
    let mut silent = TcpStream::connect(server.addr).await.unwrap();
    silent.write_all(&[0x16, 3, 1, 0]).await.unwrap();
    let mut no_hello = User::new("anna").connect(server.addr).await;
    assert_serves(&mut server).await;
    let started = Instant::now();
    assert_eq!(no_hello.rest().await, []);
    // An alert may come before the end.
    let _reset = timeout(PATIENCE, silent.read_to_end(&mut Vec::new())).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(14));
}

#[tokio::test]
async fn resets_at_every_stage_of_joining_leave_a_server_that_serves() {
    let dir = tempdir().unwrap();
    let mut server = ServerProcess::start(dir.path(), &[]);
    for round in 0..20 {
        let user = User::new("anna");
        let stream = TcpStream::connect(server.addr).await.unwrap();
        // From now on closing the socket sends a reset.
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        if round % 4 == 0 {
            continue;
        }
        let mut client = user.over(stream).await;
        if round % 4 >= 2 {
            client.send(&ClientMessage::Hello(user.hello())).await;
        }
        if round % 4 == 3 {
            client.next().await;
        }
    }
    assert_serves(&mut server).await;
    let (mut b, _) = User::new("bobby").join(server.addr).await;
    // The last resets may still be on their way.
    loop {
        let users = b.users().await;
        if users == ["bobby"] {
            break;
        }
        assert!(users.iter().all(|name| name.starts_with("anna") || name == "bobby" || name == "witness"));
    }
}

#[tokio::test]
async fn a_client_that_never_reads_harms_nobody_and_costs_little() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &["--rate", "10000"]);
    let (_deaf, _) = User::new("deaf").join(server.addr).await;
    let (mut a, _) = User::new("anna").join(server.addr).await;
    a.post(1, "warm").await;
    let before = server.resident_kib();
    let text = "x".repeat(8 * 1024);
    // This is five times what the memory of recent messages holds, and far more than any socket buffers.
    let (mut said, mut heard) = (1, 1);
    while heard < 2500 {
        while said < 2500 && said - heard < 200 {
            said += 1;
            a.say(said, &text).await;
        }
        a.said().await;
        heard += 1;
    }
    let (mut b, _) = User::new("bobby").join(server.addr).await;
    b.post(1, "and joining works").await;
    let grown = server.resident_kib().saturating_sub(before);
    // The memory of recent messages is 4 MiB; the caches of the store and batches come on top of that.
    assert!(grown < 40 * 1024, "resident memory grew by {grown} KiB");
}

#[tokio::test]
async fn a_storm_of_questions_is_answered_or_told_to_wait_and_others_go_on() {
    let dir = tempdir().unwrap();
    let mut server = ServerProcess::start(dir.path(), &["--rate", "1000"]);
    let mut stormers = Vec::new();
    for n in 0..8 {
        let (mut client, _) = User::new(&format!("storm{n}")).join(server.addr).await;
        let mut burst = Vec::new();
        for request in 0..3000 {
            burst.extend_from_slice(&codec::encode(&ClientMessage::Users { request, room: None }));
        }
        stormers.push(tokio::spawn(async move {
            client.send_bytes(&burst).await;
            let mut answered = 0;
            while answered < 3000 {
                answered += client
                    .find(|m| match m {
                        ServerMessage::Users { more: false, .. } | ServerMessage::NoAnswer { .. } => Some(1),
                        _ => None,
                    })
                    .await;
            }
        }));
    }
    assert_serves(&mut server).await;
    for stormer in stormers {
        stormer.await.unwrap();
    }
    assert_serves(&mut server).await;
}
