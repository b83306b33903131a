//! Compares docs/PROTOCOL.md with the code. Every example line must parse and be written back as the same JSON value,
//! every message, code and limit must be described, and the printed hashes must be right. This file knows neither server nor client.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test, in helpers too")]

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::LazyLock;

use hobnob_protocol::chain::{self, ChainHash, LobbyMessage, LogId, Position, Seq};
use hobnob_protocol::ids::PairToken;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{
    ClientMessage, ConsentAnswer, NoAnswerCode, NotAcceptedCode, NotJoinedCode, PeerMessage, PeerRefusedCode,
    Purpose, RefusedCode, ServerMessage,
};
use hobnob_protocol::relay::{RelayAnswer, RelayRefusedCode, RelayRequest};
use hobnob_protocol::verification::{self, Bond, Nonce, VerifyMessage};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/PROTOCOL.md");
    std::fs::read_to_string(path).unwrap()
});

/// The document as a single line, so that line breaks do not matter in a search.
static SENTENCES: LazyLock<String> =
    LazyLock::new(|| DOCUMENT.split_whitespace().collect::<Vec<_>>().join(" "));

/// Returns the blocks between "```INFO" and "```", each as its lines.
fn blocks(info: &str) -> Vec<Vec<&'static str>> {
    let mut blocks = Vec::new();
    let mut lines = DOCUMENT.lines();
    while let Some(line) = lines.next() {
        if line.strip_prefix("```") == Some(info) {
            blocks.push(lines.by_ref().take_while(|line| *line != "```").collect());
        }
    }
    blocks
}

/// Reads all examples of one direction, and compares each with what the code would write.
#[track_caller]
fn examples<T: DeserializeOwned + Serialize + Debug>(info: &str) -> Vec<T> {
    let lines: Vec<&str> = blocks(info).concat();
    assert!(!lines.is_empty(), "no examples under ```{info}");
    lines
        .into_iter()
        .map(|line| {
            let message: T = serde_json::from_str(line).unwrap_or_else(|err| panic!("{err}: {line}"));
            let shown: Value = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_value(&message).unwrap(), shown, "{line}");
            message
        })
        .collect()
}

/// Makes a test that every message of an enum has an example. A message that is added to the enum does not compile here
/// until it is listed, and a listed message fails the test until the document has an example of it.
macro_rules! has_example_of_each {
    ($test:ident, $info:literal, $message:ident: $($variant:ident),+ $(,)?) => {
        #[test]
        fn $test() {
            let shown: BTreeSet<&str> = examples::<$message>($info)
                .iter()
                .map(|message| match message {
                    $($message::$variant { .. } => stringify!($variant),)+
                    $message::Unknown => panic!("an example of {} is not known", stringify!($message)),
                })
                .collect();
            assert_eq!(shown, BTreeSet::from([$(stringify!($variant)),+]));
        }
    };
}

has_example_of_each!(
    every_client_message_has_an_example, "json client", ClientMessage:
    Hello, Say, Act, Bans, Mutes, Ops, Join, Part, Rooms, Users, Whois, History, Pair, Consent, Away, Back, Ping, Pong, Leave,
);
has_example_of_each!(
    every_server_message_has_an_example, "json server", ServerMessage:
    Welcome, Refused, Said, Skipped, Accepted, NotAccepted, Joined, NotJoined, Rooms, Presence, PresenceSkipped, Users, Whois, NoSuchUser,
    Bans, Mutes, Ops, History, NoAnswer, Asked, Asking, Introduced, Ping, Pong, Closing, Bad,
);
has_example_of_each!(
    every_peer_message_has_an_example, "json peer", PeerMessage:
    Hello, Refused, Chosen, Say, Received, Verify, Ping, Pong, Goodbye,
);

/// The steps of a verification share one message type. This test checks that each has an example.
#[test]
fn every_step_of_a_verification_has_an_example() {
    let steps = examples::<PeerMessage>("json peer").into_iter().filter_map(|message| match message {
        PeerMessage::Verify(step) => Some(match step {
            VerifyMessage::Ask { .. } => "ask",
            VerifyMessage::Reveal { .. } => "reveal",
            VerifyMessage::Open { .. } => "open",
            VerifyMessage::Answer { .. } => "answer",
            VerifyMessage::Cancel { .. } => "cancel",
            VerifyMessage::Unknown => panic!("an example of a step is not known"),
        }),
        _ => None,
    });
    let steps: Vec<&str> = steps.collect();
    assert_eq!(steps, ["ask", "reveal", "open", "answer", "cancel"]);
}

#[test]
fn the_words_of_a_verification_in_the_document_are_the_ones_in_the_code() {
    let shown = blocks("text words").concat().join(", ");
    assert_eq!(shown, verification::WORDS.join(", "));
    let printed = fields("text verification");
    let bytes_of = |name: &str| <[u8; 32]>::try_from(bytes(printed(name))).unwrap();
    let bond = Bond {
        session: PairToken::from_slice(&bytes(printed("session"))).unwrap(),
        asker: PublicKey::new(bytes_of("asker")),
        other: PublicKey::new(bytes_of("other")),
    };
    let [asker, other] = ["asker's nonce", "other's nonce"].map(|name| Nonce::new(bytes_of(name)));
    assert_eq!(bond.commitment(&asker).to_string(), printed("commitment"));
    assert_eq!(bond.words(&asker, &other).to_string(), printed("words"));
}

has_example_of_each!(
    every_message_to_a_relay_has_an_example, "json relay-client", RelayRequest: Meet,
);
has_example_of_each!(
    every_message_of_a_relay_has_an_example, "json relay-server", RelayAnswer: Waiting, Met, Refused,
);

/// Makes a test that every reason of an enum is explained: the document must have its name as it is on the wire.
macro_rules! names_each {
    ($test:ident, $code:ident: $($variant:ident),+ $(,)?) => {
        #[test]
        fn $test() {
            for code in [$($code::$variant),+] {
                match code {
                    $($code::$variant)|+ | $code::Other => {}
                }
                let name = serde_json::to_value(code).unwrap();
                let name = format!("`{}` (", name.as_str().unwrap());
                assert!(SENTENCES.contains(&name), "{name}…) is not explained");
            }
        }
    };
}

names_each!(
    every_reason_to_refuse_is_explained, RefusedCode:
    Protocol, Full, FullForAddress, NoNameLeft, Closing, TakenOver, NotReading, Kicked, Banned, Locked,
);
names_each!(
    every_reason_not_to_store_is_explained, NotAcceptedCode:
    Store, Closing, Id, NotInRoom, NotOperator, Muted, Slow, Locked, NoSuchUser, Yourself, Protected,
    Unchanged, ListFull, BadAct,
);
names_each!(every_reason_not_to_let_into_a_room_is_explained, NotJoinedCode: Full, TooMany, TooSoon, Store, Busy);
names_each!(every_answer_to_asked_is_explained, ConsentAnswer: Open, Asking, Declined, Busy);
names_each!(every_reason_not_to_answer_is_explained, NoAnswerCode: Yourself, Store, Busy, Declined, Silent, NotInRoom, NotOperator);
names_each!(every_reason_of_a_peer_to_refuse_is_explained, PeerRefusedCode: Purpose);
names_each!(
    every_reason_not_to_relay_is_explained, RelayRefusedCode: Off, Token, Busy, Alone, TakenOver, Closing, SentOut,
);
names_each!(every_purpose_is_explained, Purpose: Words);

#[test]
fn every_limit_in_the_document_is_the_one_in_the_code() {
    use hobnob_protocol as code;
    for (name, value) in [
        ("MAX_TEXT_BYTES", code::MAX_TEXT_BYTES as u64),
        ("MAX_LINE_BYTES", code::MAX_LINE_BYTES as u64),
        ("MAX_HELLO_BYTES", code::MAX_HELLO_BYTES as u64),
        ("MAX_PEER_HELLO_BYTES", code::MAX_PEER_HELLO_BYTES as u64),
        ("MAX_CANDIDATES", code::MAX_CANDIDATES as u64),
        ("USERS_PER_MESSAGE", code::USERS_PER_MESSAGE as u64),
        ("CHANGES_PER_MESSAGE", code::CHANGES_PER_MESSAGE as u64),
        ("MAX_HISTORY_REQUEST", u64::from(code::MAX_HISTORY_REQUEST)),
        ("BACKLOG_ON_JOIN", code::BACKLOG_ON_JOIN),
        ("MAX_AWAY_BYTES", code::MAX_AWAY_BYTES as u64),
        ("MAX_TOPIC_BYTES", code::MAX_TOPIC_BYTES as u64),
        ("MAX_ROOMS_OF_A_KEY", code::MAX_ROOMS_OF_A_KEY as u64),
        ("ROOMS_PER_MESSAGE", code::ROOMS_PER_MESSAGE as u64),
        ("BANS_PER_MESSAGE", code::BANS_PER_MESSAGE as u64),
        ("MUTES_PER_MESSAGE", code::MUTES_PER_MESSAGE as u64),
        ("OPERATORS_PER_MESSAGE", code::OPERATORS_PER_MESSAGE as u64),
        ("MAX_SERVERS", code::MAX_SERVERS as u64),
    ] {
        assert_is_there(&format!("| `{name}` | {value} |"));
    }
}

#[test]
fn versions_ports_and_times_in_the_document_are_the_ones_in_the_code() {
    use hobnob_protocol as code;
    assert_is_there(&format!("It describes version {}.", code::PROTOCOL_VERSION));
    assert_is_there(&format!("expected on port {} when", code::DEFAULT_PORT));
    for alpn in [code::LOBBY_ALPN, code::PEER_ALPN, code::RELAY_ALPN] {
        assert_is_there(&format!("`{}`", std::str::from_utf8(alpn).unwrap()));
    }
    let seconds = |time: std::time::Duration| time.as_secs();
    assert_is_there(&format!("must be done within {} s", seconds(code::HANDSHAKE_TIMEOUT)));
    assert_is_there(&format!("when nothing has arrived for {} s (", seconds(code::LOBBY_PING_AFTER)));
    assert_is_there(&format!("when nothing has arrived for {} s.", seconds(code::LOBBY_DEAD_AFTER)));
    assert_is_there(&format!("nothing for {} s sends `ping`", seconds(code::PEER_PING_AFTER)));
    assert_is_there(&format!("after {} s without a byte", seconds(code::PEER_DEAD_AFTER)));
    assert_is_there(&format!("It waits for {} s at the most", seconds(code::RELAY_WAIT)));
    assert_is_there(&format!("is good for {} s", seconds(code::INTRODUCTION_LIFETIME)));
}

#[test]
fn the_cipher_suites_in_the_document_are_the_ones_that_are_offered() {
    let suites: Vec<String> =
        hobnob_protocol::transport::cipher_suites().iter().map(|suite| format!("`{suite}`")).collect();
    assert_is_there(&format!("in the order in which they are preferred: {}. No other", suites.join(", ")));
}

#[test]
fn the_genesis_is_the_hash_of_the_printed_bytes() {
    let printed = fields("text genesis");
    let log = LogId::from_slice(&bytes(printed("log"))).unwrap();
    assert_eq!(sha256(&bytes(printed("input"))), bytes(printed("sha256")));
    assert_eq!(chain::genesis(&log), hash(printed("sha256")));
    assert_eq!(chain::genesis(&log).to_string(), printed("base64"));
    assert_is_there(&format!("`{log}`"));
}

#[test]
fn the_hash_of_the_example_is_the_hash_of_the_printed_bytes() {
    let printed = fields("text link");
    let parts = ["previous", "seq", "at", "key", "run", "id", "name", "text"];
    let input: Vec<u8> = parts.into_iter().flat_map(|part| bytes(printed(part))).collect();
    assert_eq!(sha256(&input), bytes(printed("sha256")));

    let first = said(1);
    assert_eq!(chain::link(&hash(printed("previous")), &first), hash(printed("sha256")));
    assert_eq!(first.hash.to_string(), printed("base64"));
}

#[test]
fn the_hash_of_the_act_is_the_hash_of_the_printed_bytes() {
    let printed = fields("text act");
    let parts = ["previous", "seq", "at", "key", "run", "id", "name", "act"];
    let members = ["act kind", "act name", "act target", "act until", "act text"];
    let input: Vec<u8> = parts.into_iter().chain(members).flat_map(|part| bytes(printed(part))).collect();
    assert_eq!(sha256(&input), bytes(printed("sha256")));
    let act = examples::<ServerMessage>("json server").into_iter().find_map(|message| match message {
        ServerMessage::Said(said) if said.room().is_some() => Some(said),
        _ => None,
    });
    let before = Position { seq: Seq(11), hash: hash(printed("previous")) };
    let act = act.unwrap().after(before);
    assert_eq!(act[0].hash, hash(printed("sha256")));
    assert_eq!(act[0].hash.to_string(), printed("base64"));
}

#[test]
fn the_hash_chain_of_the_said_examples_is_right() {
    let log = LogId::from_slice(&bytes(fields("text genesis")("log"))).unwrap();
    let mut position = Position::start(&log);
    position.advance(&said(1)).unwrap();
    position.advance(&said(2)).unwrap();
    let mut together = Position::start(&log);
    let both = examples::<ServerMessage>("json server").into_iter().find_map(|message| match message {
        ServerMessage::Said(said) => Some(said),
        _ => None,
    });
    assert_eq!(together.advance_over(&both.unwrap()).unwrap(), [said(1), said(2)]);
    assert_eq!(together, position);
}

#[test]
fn the_fingerprint_is_that_of_the_printed_key() {
    let key = said(1).key;
    assert_is_there(&format!("The key `{key}` has the fingerprint `{}`", key.fingerprint()));
}

#[track_caller]
fn assert_is_there(text: &str) {
    assert!(SENTENCES.contains(text), "docs/PROTOCOL.md does not say: {text}");
}

/// Returns the example of a lobby message with this number.
fn said(seq: u64) -> LobbyMessage {
    examples::<ServerMessage>("json server")
        .into_iter()
        .find_map(|message| match message {
            ServerMessage::History { messages, .. } => {
                messages.into_iter().find(|message| message.seq.0 == seq)
            }
            _ => None,
        })
        .unwrap()
}

/// Returns a function that looks up the "name: value" lines in the only block with this info string.
fn fields(info: &str) -> impl Fn(&str) -> &'static str {
    let block = blocks(info).concat();
    move |name| {
        let value = block.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.unwrap_or_else(|| panic!("no {name} in the block")).trim()
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn hash(hex: &str) -> ChainHash {
    ChainHash::from_slice(&bytes(hex)).unwrap()
}

fn sha256(input: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, input).as_ref().to_vec()
}
