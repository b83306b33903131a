//! Tests of how messages are read: which parts are ignored, which lines are refused, and which lines mean the same.

use super::*;
use crate::chain::{ChainHash, LogId, Position, Seq};
use crate::ids::PairToken;
use crate::text::Text;

#[track_caller]
fn reads_as<T: serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(line: &str, message: T) {
    assert_eq!(serde_json::from_str::<T>(line).unwrap(), message);
}

#[test]
fn unknown_types_and_members_are_ignored() {
    reads_as(r#"{"type":"dance","partner":["anna",1]}"#, ClientMessage::Unknown);
    reads_as(r#"{"type":"dance"}"#, ServerMessage::Unknown);
    reads_as(r#"{"type":"dance"}"#, PeerMessage::Unknown);
    reads_as(r#"{"type":"ping","why":{}}"#, ClientMessage::Ping);
    let hello =
        |purpose| PeerMessage::Hello { protocol: 3, session: PairToken::new([0; 16]), received: 0, purpose };
    let line = |rest: &str| {
        format!(r#"{{"type":"hello","protocol":3,"session":"AAAAAAAAAAAAAAAAAAAAAA","received":0{rest}}}"#)
    };
    reads_as(&line(""), hello(None));
    reads_as(&line(r#","purpose":null"#), hello(None));
    reads_as(&line(r#","purpose":"words""#), hello(Some(Purpose::Words)));
    reads_as(&line(r#","purpose":"holograms""#), hello(Some(Purpose::Other)));
    reads_as(r#"{"type":"refused","code":"moon"}"#, PeerMessage::Refused { code: PeerRefusedCode::Other });
    reads_as(r#"{"type":"refused","code":"moon"}"#, ServerMessage::refused(RefusedCode::Other));
}

#[test]
fn an_optional_member_that_is_null_counts_as_left_out() {
    for (member, without) in [
        (
            r#"{"type":"hello","protocol":3,"rooms":null,"agent":null,"name":"anna","run":"oKGio6Slpqc","candidates":null,"port":null,"cursor":null,"since":null,"backlog":null}"#,
            r#"{"type":"hello","protocol":3,"name":"anna","run":"oKGio6Slpqc"}"#,
        ),
        (
            r#"{"type":"history","request":1,"limit":2,"before":null}"#,
            r#"{"type":"history","request":1,"limit":2}"#,
        ),
        (
            r#"{"type":"pair","request":1,"name":"bobby","session":null}"#,
            r#"{"type":"pair","request":1,"name":"bobby"}"#,
        ),
        (r#"{"type":"away","text":null}"#, r#"{"type":"away"}"#),
        (r#"{"type":"users","request":1,"room":null}"#, r#"{"type":"users","request":1}"#),
        (
            r#"{"type":"join","request":1,"room":"dev","cursor":null,"since":null,"backlog":null}"#,
            r#"{"type":"join","request":1,"room":"dev"}"#,
        ),
    ] {
        reads_as(member, serde_json::from_str::<ClientMessage>(without).unwrap());
    }
    for (member, without) in [
        (
            r#"{"type":"users","request":1,"names":[],"away":null,"more":false}"#,
            r#"{"type":"users","request":1,"names":[],"more":false}"#,
        ),
        (r#"{"type":"presence_skipped","room":null}"#, r#"{"type":"presence_skipped"}"#),
        (
            r#"{"type":"not_accepted","id":1,"code":"slow","wait":null,"by":null,"reason":null,"until":null}"#,
            r#"{"type":"not_accepted","id":1,"code":"slow"}"#,
        ),
        (
            r#"{"type":"introduced","request":null,"session":"wMHCw8TFxsfIycrLzM3Ozw","name":"bobby","key":"QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8","candidates":[],"forked":true}"#,
            r#"{"type":"introduced","session":"wMHCw8TFxsfIycrLzM3Ozw","name":"bobby","key":"QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8","candidates":[],"forked":true}"#,
        ),
    ] {
        reads_as(member, serde_json::from_str::<ServerMessage>(without).unwrap());
    }
    // A required member cannot be left out by writing `null`.
    assert!(serde_json::from_str::<ClientMessage>(r#"{"type":"say","id":null,"text":"x"}"#).is_err());
}

/// JSON libraries differ in what they write. This test decides what is read, and docs/PROTOCOL.md says it.
#[test]
fn doubtful_json_is_refused_and_order_and_blanks_do_not_matter() {
    for refused in [
        r#"{"type":"say","id":1,"id":1,"text":"x"}"#,
        r#"{"type":"say","type":"say","id":1,"text":"x"}"#,
        r#"{"type":"say","id":1.0,"text":"x"}"#,
        r#"{"type":"say","id":1e0,"text":"x"}"#,
        r#"{"type":"say","id":"1","text":"x"}"#,
        r#"{"type":"say","id":1,"text":"\ud800"}"#,
        r#"{"type":"say","id":1,"text":"x"} {"type":"ping"}"#,
    ] {
        assert!(serde_json::from_str::<ClientMessage>(refused).is_err(), "{refused}");
    }
    reads_as(
        r#" { "text" : "\ud83e\udd80" , "id" : 1 , "type" : "say" } "#,
        ClientMessage::Say { id: 1, room: None, text: Text::new("🦀").unwrap() },
    );
}

/// The fast path accepts only what serde would accept, and reads the same values.
#[test]
fn a_line_on_the_fast_path_is_read_as_serde_reads_it() {
    let says = [
        r#"{"type":"say","id":1,"text":"hello"}"#,
        r#"{"type":"say","id":18446744073709551615,"text":"ünï 🦀"}"#,
        r#"{"type":"say","id":1,"text":"a\"}"#,
        r#"{"type":"say","id":1,"text":"a"}"#,
        r#"{"type":"say","id":1,"text":"a","mood":"b"}"#,
        r#"{"type":"say","id":1,"text":"a"},"text":"b"}"#,
        r#"{"type":"say","id":01,"text":"a"}"#,
        r#"{"type":"say","id":18446744073709551616,"text":"a"}"#,
        r#"{"type":"say","id":1,"text":""}"#,
        r#"{"text":"a","id":1,"type":"say"}"#,
        r#"{"type":"say","id":1,"room":"dev","text":"hello"}"#,
        r#"{"type":"say","id":1,"room":"Räume","text":"hello"}"#,
        r#"{"type":"say","id":1,"room":"\u0064ev","text":"hello"}"#,
        r#"{"type":"say","id":1,"room":"","text":"hello"}"#,
        r##"{"type":"say","id":1,"room":"#dev","text":"hello"}"##,
        r#"{"type":"say","id":1,"room":null,"text":"hello"}"#,
        r#"{"type":"say","id":1,"room":"dev","room":"ops","text":"hello"}"#,
        r#"{"type":"say","id":1,"text":"hello","room":"dev"}"#,
        r#"{"type":"ping"}"#,
        "{\"type\":\"say\",\"id\":1,\"text\":\"a\u{1b}\"}",
    ];
    for line in says {
        let (ours, serdes) = (ClientMessage::read(line.as_bytes()), serde_json::from_str(line));
        assert_eq!(ours.ok(), serdes.ok(), "{line}");
    }
}

/// A client computes with the numbers of messages, and a server could claim any.
#[test]
fn numbers_of_messages_end_where_every_json_library_keeps_them_exact() {
    let start = r#""start":{"seq":0,"hash":"ULTOmm8F2ix7giMYYrzi6jhzsVv9j44FPahGfH4Rzhw"}"#;
    let rest = r#""missed":0,"resumed":true,"observed":"192.0.2.7""#;
    let log = r#""log":"AAECAwQFBgcICQoLDA0ODw""#;
    for (number, is_read) in
        [("9007199254740991", true), ("9007199254740992", false), ("18446744073709551615", false)]
    {
        let position = format!(r#"{{"seq":{number},"hash":"hD3ByEv6VJkinbrkgWEpouwtA1pzNZlicsWLdqeG4cA"}}"#);
        for line in [
            format!(r#"{{"type":"accepted","id":1,"seq":{number}}}"#),
            format!(r#"{{"type":"skipped","missed":1,"after":{position}}}"#),
            format!(
                r#"{{"type":"welcome","protocol":3,"name":"anna",{log},"head":{position},{start},{rest}}}"#
            ),
            format!(r#"{{"type":"history","request":1,"after":{position},"messages":[],"more":false}}"#),
        ] {
            assert_eq!(serde_json::from_str::<ServerMessage>(&line).is_ok(), is_read, "{line}");
        }
        let hello = r#""type":"hello","protocol":3,"name":"anna","run":"oKGio6Slpqc""#;
        for line in [
            format!(r#"{{{hello},"since":{number}}}"#),
            format!(r#"{{{hello},"cursor":{{{log},{}}}"#, &position[1..]),
            format!(r#"{{"type":"history","request":1,"limit":2,"before":{number}}}"#),
        ] {
            assert_eq!(serde_json::from_str::<ClientMessage>(&line).is_ok(), is_read, "{line}");
        }
    }
}

#[test]
fn messages_with_invalid_members_are_refused() {
    for bad in [
        r##"{"type":"part","room":"#dev"}"##,
        r#"{"type":"join","request":1}"#,
        r#"{"type":"act","id":1,"act":{"kind":"No"}}"#,
        r#"{"type":"consent","ask":1,"answer":true}"#,
        r#"{"type":"say","id":-1,"text":"x"}"#,
        r#"{"type":"say","id":1,"text":""}"#,
        r#"{"type":"say","id":1}"#,
        r#"{"type":"whois","request":1,"name":"an na"}"#,
        r#"{"id":1,"text":"x"}"#,
        r#"[]"#,
        "zz",
    ] {
        assert!(serde_json::from_str::<ClientMessage>(bad).is_err(), "{bad}");
    }
}

/// The first members of `hello` are the same in all versions of the protocol. A server of any version can therefore
/// tell the client that it speaks another one.
#[test]
fn a_hello_begins_with_its_type_and_its_version() {
    let hello = serde_json::from_str::<ClientMessage>(
        r#"{"type":"hello","protocol":3,"name":"anna","run":"oKGio6Slpqc"}"#,
    );
    let written = serde_json::to_string(&hello.unwrap()).unwrap();
    assert!(written.starts_with(r#"{"type":"hello","protocol":3,"#), "{written}");
}

#[test]
fn a_cursor_is_written_without_a_nested_object() {
    let cursor = Cursor {
        log: LogId::new([0; 16]),
        position: Position { seq: Seq(4), hash: ChainHash::new([0; 32]) },
    };
    let line = serde_json::to_string(&cursor).unwrap();
    assert!(line.contains(r#""seq":4"#) && !line.contains("position"), "{line}");
    reads_as(&line, cursor);
}
