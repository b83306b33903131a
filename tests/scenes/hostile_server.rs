//! Servers that say or cause the same thing again and again. If each time leads to a notice, the first few are shown
//! one by one and the others in sums, and later events are still heard. The server is one of the test's own.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::thread;
use std::time::SystemTime;

use hobnob_protocol::chain::{ChainHash, LobbyMessage, LogId, Position, Seq};
use hobnob_protocol::codec::{MessageReader, encode};
use hobnob_protocol::content::Content;
use hobnob_protocol::identity::Identity;
use hobnob_protocol::ids::{PairToken, RunId};
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{Change, ClientMessage, Introduction, ServerMessage, Welcome};
use hobnob_protocol::name::UserName;
use hobnob_protocol::said::SaidWriter;
use hobnob_protocol::text::Text;
use hobnob_protocol::transport::{self, KeyPolicy};
use hobnob_protocol::{LOBBY_ALPN, MAX_LINE_BYTES, PROTOCOL_VERSION};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::client::Client;
use crate::support::launch::Launch;

/// How often the server says each thing. If each time were reported, there would be this many lines.
const OFTEN: usize = 20_000;

/// How many notices may be shown for this many events: a few at once, and a sum every ten seconds.
const MOST_SEEN: usize = 12;

const LOG: LogId = LogId::new([1; 16]);

fn name(text: &str) -> UserName {
    text.parse().unwrap()
}

fn position(seq: u64) -> Position {
    Position { seq: Seq(seq), hash: ChainHash::new([3; 32]) }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    since.as_millis().try_into().unwrap()
}

/// Makes a line with one message whose hash does not follow from the one before it.
fn said(seq: u64) -> Vec<u8> {
    let mut writer = SaidWriter::default();
    assert!(writer.push(&LobbyMessage {
        seq: Seq(seq),
        at: now(),
        name: name("mallory"),
        key: PublicKey::new([2; 32]),
        run: RunId::new([2; 8]),
        id: seq,
        content: Content::Text(Text::new("x").unwrap()),
        hash: ChainHash::new([4; 32]),
    }));
    writer.finish().unwrap().0.to_vec()
}

/// Returns a client that has joined a lobby, was sent these bytes there, and then has seen `the_end` come in.
fn lobby_that_sends(bytes: Vec<u8>) -> Client {
    let client = Launch::hobnob().server(&address_that_sends(bytes)).name("anna").start_json();
    client.wait(json!({"event": "joined", "name": "the_end"}));
    client
}

/// Starts a lobby for one client, which joins, is sent these bytes, and then sees `the_end` come in. Returns its
/// address.
fn address_that_sends(bytes: Vec<u8>) -> String {
    let (address_of, address) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            address_of.send(listener.local_addr().unwrap().to_string()).unwrap();
            let (socket, _from) = listener.accept().await.unwrap();
            let config = transport::server_config(&Identity::generate().unwrap(), KeyPolicy::Any, LOBBY_ALPN);
            let stream = TlsAcceptor::from(config).accept(socket).await.unwrap();
            let (reader, mut writer) = tokio::io::split(stream);
            let mut reader = MessageReader::new(reader, MAX_LINE_BYTES);
            let Some(ClientMessage::Hello(hello)) = reader.next().await.unwrap() else {
                panic!("the client did not say hello")
            };
            let welcome = ServerMessage::Welcome(Welcome {
                protocol: PROTOCOL_VERSION,
                name: hello.name,
                log: LOG,
                head: Position::start(&LOG),
                start: Position::start(&LOG),
                missed: 0,
                resumed: true,
                observed: Ipv4Addr::LOCALHOST.into(),
                servers: Vec::new(),
                topic: None,
                motd: None,
                operator: false,
            });
            writer.write_all(&encode(&welcome)).await.unwrap();
            writer.write_all(&bytes).await.unwrap();
            let end = ServerMessage::Presence { room: None, changes: vec![Change::Joined(name("the_end"))] };
            writer.write_all(&encode(&end)).await.unwrap();
            writer.flush().await.unwrap();
            // The server reads until the client closes, and answers none of its questions.
            while let Ok(Some(_)) = reader.next::<ClientMessage>().await {}
        });
    });
    address.recv().unwrap()
}

/// Ends the run. Returns the notices and errors of the whole run that contain `words`.
#[track_caller]
fn told(client: Client, words: &str) -> Vec<String> {
    let output = client.finish();
    let events = output.stdout.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let texts = events.filter(|event| event["event"] == "notice" || event["event"] == "error");
    let texts = texts.filter_map(|event| event["text"].as_str().map(str::to_owned));
    texts.filter(|text| text.contains(words)).collect()
}

/// Returns the sum of the numbers at the beginnings of these sentences.
fn sum(told: &[String]) -> usize {
    told.iter().filter_map(|text| text.split(' ').next()?.parse::<usize>().ok()).sum()
}

#[track_caller]
fn is_bounded(told: &[String]) {
    assert!(
        (1..=MOST_SEEN).contains(&told.len()),
        "{} notices are shown: {:?}",
        told.len(),
        &told[..told.len().min(20)]
    );
}

#[test]
fn endless_skipped_messages_are_reported_in_sums() {
    let skips = (1..=OFTEN as u64).flat_map(|seq| {
        encode(&ServerMessage::Skipped { room: None, missed: 1, after: position(seq) }).to_vec()
    });
    let told = told(lobby_that_sends(skips.collect()), "no longer kept by the server");
    is_bounded(&told);
    assert_eq!(sum(&told), OFTEN, "the sums do not count all missed messages");
}

#[test]
fn endless_skipped_presence_is_reported_in_sums() {
    let told = told(
        lobby_that_sends(encode(&ServerMessage::PresenceSkipped { room: None }).repeat(OFTEN)),
        "who came and went",
    );
    is_bounded(&told);
}

#[test]
fn endless_notices_that_the_server_ends_are_reported_in_sums() {
    let told = told(lobby_that_sends(encode(&ServerMessage::Closing).repeat(OFTEN)), "closes down");
    is_bounded(&told);
    assert!(told.iter().any(|text| text.contains("more times")), "{told:?}");
}

#[test]
fn messages_that_break_the_chain_are_reported_in_sums() {
    let told = told(lobby_that_sends((1..=2000).flat_map(said).collect()), "do not rely on");
    is_bounded(&told);
}

/// Returns how many names come in, and the bytes that say so. The names are every mixture of Latin and Cyrillic
/// letters, so they are different and look the same.
fn names_that_look_alike() -> (usize, Vec<u8>) {
    let alike: Vec<Change> = (0..512_usize)
        .map(|mixture| {
            let mut alike = String::new();
            for place in 0..9 {
                write!(alike, "{}", if mixture >> place & 1 == 1 { 'а' } else { 'a' }).unwrap();
            }
            Change::Joined(name(&alike))
        })
        .collect();
    let bytes = alike.chunks(64).flat_map(|changes| {
        encode(&ServerMessage::Presence { room: None, changes: changes.to_vec() }).to_vec()
    });
    (alike.len(), bytes.collect())
}

#[test]
fn people_are_told_of_names_that_look_alike_in_sums() {
    let (_, bytes) = names_that_look_alike();
    let pipe = Launch::hobnob().server(&address_that_sends(bytes)).name("anna").start();
    pipe.wait_part("the_end");
    let lines = pipe.finish().stdout;
    let told: Vec<String> = lines.into_iter().filter(|line| line.contains("look")).collect();
    is_bounded(&told);
}

#[test]
fn programs_are_told_once_of_each_name_that_looks_like_another() {
    let (names, bytes) = names_that_look_alike();
    let told = told(lobby_that_sends(bytes), "look");
    assert_eq!(told.len(), names - 1, "each name but the first looks like another");
    assert!(!told.iter().any(|text| text.contains("more")), "there is a sum");
}

#[test]
fn forks_by_unknown_keys_open_nothing_and_are_reported_briefly() {
    let introduced = (0..OFTEN).flat_map(|number| {
        let mut key = [5; 32];
        key[..8].copy_from_slice(&number.to_le_bytes());
        encode(&ServerMessage::Introduced(Introduction {
            request: None,
            session: PairToken::random(),
            name: name(&format!("mallory{number}")),
            key: PublicKey::new(key),
            candidates: Vec::new(),
            relay: None,
            forked: false,
        }))
        .to_vec()
    });
    let client = lobby_that_sends(introduced.collect());
    assert!(client.all(json!({"event": "opened"})).is_empty());
    let told = told(client, "private sessions");
    is_bounded(&told);
}
