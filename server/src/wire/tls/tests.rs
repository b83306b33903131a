//! Tests of the encryption of one connection, with a rustls client on the other side and no socket between them.

use std::io::{Read, Write};

use hobnob_protocol::LOBBY_ALPN;
use hobnob_protocol::identity::Identity;
use hobnob_protocol::transport::{KeyPolicy, authenticated_peer, client_config, server_config, server_name};
use rustls::ClientConnection;

use super::*;

/// Both sides of a connection, what the server received, and how many bytes cross at once.
struct Pair {
    server: Tls,
    client: ClientConnection,
    heard: Vec<u8>,
    at_once: usize,
}

impl Pair {
    fn new(at_once: usize) -> Self {
        let server = server_config(&Identity::generate().unwrap(), KeyPolicy::Any, LOBBY_ALPN);
        let (client, _) = client_config(&Identity::generate().unwrap(), KeyPolicy::Any, LOBBY_ALPN);
        let mut client = ClientConnection::new(client, server_name()).unwrap();
        client.set_buffer_limit(None);
        Self { server: Tls::new(server).unwrap(), client, heard: Vec::new(), at_once }
    }

    /// Both sides after the handshake.
    fn open(at_once: usize) -> Self {
        let mut pair = Self::new(at_once);
        while pair.client.is_handshaking() || pair.server.state().is_handshaking() {
            pair.cross();
        }
        pair
    }

    /// Brings to both sides what is on its way. Returns what the client received.
    fn cross(&mut self) -> Vec<u8> {
        let mut sealed = Vec::new();
        while self.client.wants_write() {
            self.client.write_tls(&mut sealed).unwrap();
        }
        for came in sealed.chunks_mut(self.at_once) {
            self.server.open(came, |words| self.heard.extend_from_slice(words)).unwrap();
        }
        let mut heard = Vec::new();
        while !self.server.unwritten().is_empty() {
            let count = self.server.unwritten().len().min(self.at_once);
            let mut came = &self.server.unwritten()[..count];
            self.client.read_tls(&mut came).unwrap();
            let read = count - came.len();
            self.client.process_new_packets().unwrap();
            self.server.wrote(read);
            // `Read` reports the end of what there is so far as an error.
            let _so_far = self.client.reader().read_to_end(&mut heard);
        }
        heard
    }

    fn holds_bytes(&self) -> bool {
        self.server.incoming.capacity() + self.server.outgoing.capacity() > 0
    }
}

fn words(count: usize) -> Bytes {
    (0..count).map(|at| at as u8).collect()
}

#[test]
fn bytes_cross_both_ways_in_pieces_of_any_size_and_no_buffer_is_held_afterwards() {
    for at_once in [1, 7, 1000, 100_000] {
        let mut pair = Pair::open(at_once);
        assert!(authenticated_peer(pair.server.state(), LOBBY_ALPN).is_ok());
        pair.client.writer().write_all(&words(40_000)).unwrap();
        pair.server.seal(&[words(3)]).unwrap();
        pair.server.seal(&[words(20_000), words(0), words(30_000)]).unwrap();
        let heard = pair.cross();
        assert_eq!(heard, [words(3), words(20_000), words(30_000)].concat(), "{at_once}");
        assert_eq!(pair.heard, words(40_000), "{at_once}");
        assert!(!pair.holds_bytes(), "{at_once}");
    }
}

#[test]
fn bytes_are_encrypted_although_a_record_has_come_only_in_part() {
    let mut pair = Pair::open(1000);
    pair.client.writer().write_all(&words(100)).unwrap();
    let mut sealed = Vec::new();
    pair.client.write_tls(&mut sealed).unwrap();
    let (first, second) = sealed.split_at_mut(50);
    pair.server.open(first, |_| panic!("nothing is whole yet")).unwrap();
    pair.server.seal(&[words(5)]).unwrap();
    assert_eq!(pair.cross(), words(5));
    let mut heard = Vec::new();
    pair.server.open(second, |words| heard.extend_from_slice(words)).unwrap();
    assert_eq!(heard, words(100));
    assert!(!pair.holds_bytes());
}

#[test]
fn the_server_follows_when_the_client_changes_its_traffic_keys() {
    let mut pair = Pair::open(1000);
    pair.client.refresh_traffic_keys().unwrap();
    pair.client.writer().write_all(&words(10)).unwrap();
    pair.cross();
    pair.server.seal(&[words(20)]).unwrap();
    assert_eq!(pair.cross(), words(20));
    assert_eq!(pair.heard, words(10));
}

#[test]
fn each_side_tells_the_other_that_nothing_follows() {
    let mut pair = Pair::open(1000);
    pair.server.seal(&[words(4)]).unwrap();
    pair.server.say_goodbye().unwrap();
    assert_eq!(pair.cross(), words(4));
    assert!(pair.client.process_new_packets().unwrap().peer_has_closed());
    assert!(!pair.server.peer_has_closed());
    pair.client.writer().write_all(&words(6)).unwrap();
    pair.client.send_close_notify();
    pair.cross();
    assert!(pair.server.peer_has_closed());
    assert_eq!(pair.heard, words(6), "what came before the goodbye is heard");
}

#[test]
fn no_goodbye_is_sent_before_the_handshake_is_done() {
    let mut pair = Pair::new(1000);
    pair.server.say_goodbye().unwrap();
    assert_eq!(pair.server.unwritten(), b"");
}

#[test]
fn bytes_that_are_no_record_and_a_changed_record_are_refused_with_an_answer() {
    const ALERT: u8 = 21;
    let mut pair = Pair::new(1000);
    let err = pair.server.open(&mut b"GET / HTTP/1.1\r\n\r\n".to_vec(), |_| panic!("no words")).unwrap_err();
    assert_eq!(err.kind(), io::ErrorKind::InvalidData);
    assert_eq!(pair.server.unwritten()[0], ALERT);
    // A record of an open connection in which one bit is wrong.
    let mut pair = Pair::open(1000);
    pair.client.writer().write_all(&words(100)).unwrap();
    let mut sealed = Vec::new();
    pair.client.write_tls(&mut sealed).unwrap();
    sealed[60] ^= 1;
    assert!(pair.server.open(&mut sealed, |_| panic!("no words")).is_err());
    assert!(!pair.server.unwritten().is_empty());
}

#[test]
fn a_handshake_that_does_not_end_is_given_up() {
    // A hello of 60,000 bytes, each byte in a record of its own.
    let hello = [1, 0, 0xea, 0x60].into_iter().chain(std::iter::repeat_n(0, 60_000));
    let mut pair = Pair::new(1000);
    let mut most = 0;
    let given_up = hello.into_iter().find_map(|byte| {
        let opened = pair.server.open(&mut [22, 3, 1, 0, 1, byte], |_| panic!("no words"));
        most = most.max(pair.server.incoming.len());
        opened.err()
    });
    assert!(given_up.is_some());
    assert!(most <= MOST_INCOMING);
}
