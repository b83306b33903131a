//! Peers that break the rules of the protocol.

use hobnob_protocol::codec::{MessageReader, encode};
use hobnob_protocol::message::{PeerMessage, PeerRefusedCode};
use hobnob_protocol::transport::{self, KeyPolicy};
use hobnob_protocol::{MAX_LINE_BYTES, PEER_ALPN, PROTOCOL_VERSION};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;

/// Makes a connection by hand, up to the end of the TLS handshake as the dialling side sees it.
async fn dial(identity: &Identity, to: SocketAddr) -> TlsStream<TcpStream> {
    let (config, _seen) = transport::client_config(identity, KeyPolicy::Any, PEER_ALPN);
    let socket = TcpStream::connect(to).await.unwrap();
    TlsConnector::from(config).connect(transport::server_name(), socket).await.unwrap()
}

fn hello(session: PairToken, received: u64) -> PeerMessage {
    PeerMessage::Hello { protocol: PROTOCOL_VERSION, session, received, purpose: None }
}

#[tokio::test]
async fn an_unknown_key_is_refused_before_anything_is_read() {
    let bobby = Client::start(Identity::generate().unwrap()).await;
    let mut stream = dial(&Identity::generate().unwrap(), bobby.addr()).await;
    let _ = stream.write_all(&encode(&hello(PairToken::random(), 0))).await;
    let answer = timeout(PATIENCE, stream.read_u8()).await.unwrap();
    assert!(answer.is_err(), "the listener answers with no byte");
}

#[tokio::test]
async fn a_hello_for_an_unknown_session_is_answered_with_goodbye() {
    let bobby = Client::start_knowing(Identity::generate().unwrap(), Arc::new(|_| true)).await;
    let mut stream = dial(&Identity::generate().unwrap(), bobby.addr()).await;
    stream.write_all(&encode(&hello(PairToken::random(), 0))).await.unwrap();
    let mut reader = MessageReader::new(stream, MAX_LINE_BYTES);
    assert_eq!(reader.next().await.unwrap(), Some(PeerMessage::Goodbye));
    assert_eq!(reader.next::<PeerMessage>().await.unwrap(), None);
}

#[tokio::test]
async fn a_peer_that_misuses_a_connection_loses_the_connection_and_not_the_session() {
    let [smaller, larger] = two_identities();
    let say = |number| encode(&PeerMessage::Say { number, at: 0, text: text("x") });
    let attacks: Vec<(&str, Vec<u8>)> = vec![
        ("no message", b"zz\n".to_vec()),
        ("no text", b"{\"type\":\"say\",\"number\":1,\"at\":0,\"text\":\"\"}\n".to_vec()),
        ("bytes that are no text", vec![0xff, 0xfe, b'\n']),
        ("a line without an end", vec![b'x'; MAX_LINE_BYTES]),
        ("a gap", say(2).to_vec()),
        ("an acknowledgement of nothing", encode(&PeerMessage::Received { number: 1 }).to_vec()),
        ("a second hello", encode(&hello(PairToken::random(), 0)).to_vec()),
        ("a refusal of nothing", encode(&PeerMessage::Refused { code: PeerRefusedCode::Purpose }).to_vec()),
        (
            "a nonce of another length",
            b"{\"type\":\"verify\",\"step\":\"reveal\",\"commitment\":\"AA\",\"nonce\":\"AA\"}\n".to_vec(),
        ),
        ("a question without a commitment", b"{\"type\":\"verify\",\"step\":\"ask\"}\n".to_vec()),
        ("a choice that is not its own", encode(&PeerMessage::Chosen).to_vec()),
    ];
    for (name, bytes) in attacks {
        let mut anna = Client::start(smaller.clone()).await;
        let token = PairToken::random();
        let _annas = anna.open(&introduction(token, larger.public(), &[], false));
        let mut stream = dial(&larger, anna.addr()).await;
        stream.write_all(&encode(&hello(token, 0))).await.unwrap();
        assert!(matches!(anna.next().await, PeerEventKind::Up { .. }), "{name}");
        let _ = stream.write_all(&bytes).await;
        assert_eq!(anna.next().await, PeerEventKind::Down, "{name}");
        let mut rest = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect(name);
    }
}

/// Returns a hello with a purpose, as another program or a later build may write it.
fn hello_for(session: PairToken, purpose: &str) -> String {
    format!(
        "{{\"type\":\"hello\",\"protocol\":{PROTOCOL_VERSION},\"session\":\"{session}\",\"received\":0,\
         \"purpose\":{purpose}}}\n"
    )
}

#[tokio::test]
async fn a_connection_for_an_unknown_purpose_is_refused_and_the_session_goes_on() {
    let [smaller, larger] = two_identities();
    let mut anna = Client::start(smaller).await;
    let token = PairToken::random();
    let annas = anna.open(&introduction(token, larger.public(), &[], false));
    let mut words = dial(&larger, anna.addr()).await;
    words.write_all(hello_for(token, "null").as_bytes()).await.unwrap();
    assert!(
        matches!(anna.next().await, PeerEventKind::Up { .. }),
        "a connection without a purpose is for words"
    );
    let mut words = MessageReader::new(words, MAX_LINE_BYTES);
    assert!(matches!(words.next().await.unwrap(), Some(PeerMessage::Hello { purpose: None, .. })));
    assert_eq!(words.next().await.unwrap(), Some(PeerMessage::Chosen));

    let mut files = dial(&larger, anna.addr()).await;
    files.write_all(hello_for(token, "\"holograms\"").as_bytes()).await.unwrap();
    let mut files = MessageReader::new(files, MAX_LINE_BYTES);
    let refused = PeerMessage::Refused { code: PeerRefusedCode::Purpose };
    assert_eq!(files.next().await.unwrap(), Some(refused));
    assert_eq!(files.next::<PeerMessage>().await.unwrap(), None);

    annas.handle.say(1, text("still here"), 0).unwrap();
    assert!(matches!(words.next().await.unwrap(), Some(PeerMessage::Say { number: 1, .. })));
    assert!(anna.events.try_recv().is_err(), "the link was up all the time");
}

#[tokio::test]
async fn a_connection_with_the_purpose_words_is_taken() {
    let [smaller, larger] = two_identities();
    let mut anna = Client::start(smaller).await;
    let token = PairToken::random();
    let _annas = anna.open(&introduction(token, larger.public(), &[], false));
    let mut words = dial(&larger, anna.addr()).await;
    words.write_all(hello_for(token, "\"words\"").as_bytes()).await.unwrap();
    assert!(matches!(anna.next().await, PeerEventKind::Up { .. }));
}

#[tokio::test]
async fn a_hello_that_acknowledges_texts_never_said_is_refused() {
    let [smaller, larger] = two_identities();
    let mut anna = Client::start(smaller).await;
    let token = PairToken::random();
    let _annas = anna.open(&introduction(token, larger.public(), &[], false));
    let mut liar = dial(&larger, anna.addr()).await;
    liar.write_all(&encode(&hello(token, 1))).await.unwrap();
    let mut rest = Vec::new();
    let _ = timeout(PATIENCE, liar.read_to_end(&mut rest)).await.unwrap();
    let mut honest = dial(&larger, anna.addr()).await;
    honest.write_all(&encode(&hello(token, 0))).await.unwrap();
    assert!(matches!(anna.next().await, PeerEventKind::Up { .. }));
}

#[tokio::test]
async fn connections_are_dropped_for_a_while_after_a_misuse() {
    let [smaller, larger] = two_identities();
    let mut anna = Client::start(smaller).await;
    let token = PairToken::random();
    let _annas = anna.open(&introduction(token, larger.public(), &[], false));
    for _ in 0..2 {
        let mut stream = dial(&larger, anna.addr()).await;
        stream.write_all(&encode(&hello(token, 0))).await.unwrap();
        stream.write_all(b"zz\n").await.unwrap();
        let mut rest = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.unwrap();
    }
    assert!(matches!(anna.next().await, PeerEventKind::Up { .. }));
    assert_eq!(anna.next().await, PeerEventKind::Down);
    assert!(anna.events.try_recv().is_err(), "the second one was not taken");
}
