//! Scripts: lines from a pipe that are run in order, with an exit code that tells the truth.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::client::texts_of;
use crate::support::home::Home;
use crate::support::launch::Launch;
use crate::support::server::Server;

const MAX_TEXT: usize = 16 * 1024;

/// The contract's own example, verbatim.
const EXAMPLE: &str = r"printf 'hello\n\\fork bobby\nhi\n\\quit\n' | hobnob --name anna";

#[test]
fn the_contract_s_example_does_what_it_says() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let output = Launch::shell(EXAMPLE).env("HOBNOB_SERVER", server.address()).run("").ended_with(0);
    assert!(output.stderr.is_empty(), "{}", output.story());
    bobby.wait(json!({"event": "message", "kind": "lobby", "from": "anna", "text": "hello"}));
    bobby.wait(json!({"event": "opened", "session": 1, "peer": "anna", "mode": "B"}));
    bobby.wait(json!({"event": "message", "session": 1, "kind": "peer", "from": "anna", "text": "hi"}));
    bobby.wait(json!({"event": "closed", "session": 1, "peer": "anna", "reason": "left"}));
    bobby.wait(json!({"event": "left", "name": "anna"}));
    assert_eq!(bobby.lobby_texts(), ["hello"]);
}

#[test]
fn a_reader_that_goes_ends_the_run_with_1_although_every_text_was_acknowledged() {
    let (server, home) = (Server::start(&[]), Home::new());
    let bobby = server.join("bobby");
    let mut command = server.client("anna").home(&home).command();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut anna = command.spawn().unwrap();
    // The input stays open, so only the reader ends the run.
    let mut input = anna.stdin.take().unwrap();
    input.write_all(b"hello\n").unwrap();
    bobby.wait(json!({"event": "message", "from": "anna", "text": "hello"}));
    drop(anna.stdout.take());
    bobby.say("are you there?");
    let ended = anna.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("standard output cannot be written any more") && !said.contains("hello"), "{said}");
    bobby.wait(json!({"event": "left", "name": "anna"}));
}

#[test]
fn the_first_line_is_the_name_when_none_is_given() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    let output = Launch::hobnob().server(server.address()).run("anna\nhello\n").ended_with(0);
    observer.wait(json!({"event": "message", "from": "anna", "text": "hello"}));
    assert!(!output.everything().contains("Please input chat name"), "{}", output.story());
    let output = Launch::hobnob().server(server.address()).run_json("bobby\nhello\n").ended_with(0);
    assert_eq!(output.the(json!({"event": "welcome"}))["name"], "bobby");
}

#[test]
fn a_missing_name_is_reported_and_fails() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    let output = Launch::hobnob().server(server.address()).run("").failed();
    output.complains("no name: give one with --name");
    assert_eq!(observer.users(), ["observer"]);
    observer.has_no(json!({"event": "joined"}));
}

#[test]
fn empty_input_joins_and_leaves() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    let output = server.client("anna").run("").ended_with(0);
    assert!(output.stderr.is_empty(), "{}", output.story());
    observer.wait(json!({"event": "joined", "name": "anna"}));
    observer.wait(json!({"event": "left", "name": "anna"}));
}

#[test]
fn empty_lines_say_nothing() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    server.client("anna").run("\n\none\n\n\n").ended_with(0);
    observer.wait(json!({"event": "left", "name": "anna"}));
    observer.wait(json!({"event": "message", "text": "one"}));
    assert_eq!(observer.lobby_texts(), ["one"]);
}

#[test]
fn a_last_line_without_a_newline_is_a_line() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    server.client("anna").run("one\ntwo").ended_with(0);
    observer.wait(json!({"event": "message", "text": "two"}));
    let output = server.client("bobby").run_json("\\ss").ended_with(0);
    output.the(json!({"event": "sessions"}));
}

#[test]
fn a_line_that_is_not_utf_8_is_refused_and_the_rest_goes_on() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    for (name, json) in [("anna", false), ("bobby", true)] {
        let mut input = format!("{name} before\n").into_bytes();
        input.extend_from_slice(b"broken \xff\xfe line\n\xc3");
        input.extend_from_slice(format!("\n{name} after\n").as_bytes());
        let launch = server.client(name);
        let output = if json { launch.run_json(input) } else { launch.run(input) }.ended_with(1);
        if json {
            output.the(json!({"event": "error"}));
        } else {
            output.complains("utf-8");
        }
        observer.wait(json!({"event": "message", "text": format!("{name} after")}));
    }
    assert_eq!(observer.lobby_texts(), ["anna before", "anna after", "bobby before", "bobby after"]);
}

#[test]
fn ten_thousand_lines_arrive_in_order() {
    const LINES: usize = 10_000;
    let server = Server::start(&["--rate", "1000000"]);
    let observer = server.join("observer");
    let words: Vec<String> = (0..LINES).map(|number| format!("line {number}")).collect();
    let output =
        server.client("anna").run_within(crate::support::LONG_DEADLINE, words.join("\n")).ended_with(0);
    assert!(output.stderr.is_empty(), "{}", output.story());
    let messages = observer.wait_count(LINES, json!({"event": "message", "from": "anna"}));
    assert_eq!(texts_of(&messages), words);
}

#[test]
fn two_backslashes_send_a_text_that_begins_with_one() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    server.client("anna").run("\\\\quit\nin \\the middle\n").ended_with(0);
    observer.wait(json!({"event": "left", "name": "anna"}));
    assert_eq!(observer.lobby_texts(), ["\\quit", "in \\the middle"]);
}

#[test]
fn a_trailing_backslash_continues_a_message() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    let output = server.client("anna").run_json("one\\\ntwo\\\nthree\nalone\n").ended_with(0);
    output.the(json!({"event": "sent", "text": "one\ntwo\nthree"}));
    observer.wait(json!({"event": "message", "text": "alone"}));
    assert_eq!(observer.lobby_texts(), ["one\ntwo\nthree", "alone"]);
}

#[test]
fn a_continued_line_that_is_cut_off_by_the_end_of_input_is_not_lost_silently() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    let output = server.client("anna").run_json("one\\\ntwo\\");
    // The text is said as far as it goes, or reported as unsent; only silence would be wrong.
    let sent = output.all(json!({"event": "sent"})).len();
    let told = output.all(json!({"event": "unsent"})).len() + output.all(json!({"event": "error"})).len();
    assert_eq!(output.code, Some(i32::from(sent == 0)), "{}", output.story());
    assert!(sent + told >= 1, "{}", output.story());
    observer.wait(json!({"event": "left", "name": "anna"}));
}

#[test]
fn the_longest_message_passes_and_one_byte_more_is_refused_with_its_size() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    // Each character has two bytes, so the test sees whether bytes or characters are counted.
    let longest = "ü".repeat(MAX_TEXT / 2);
    server.client("anna").run(format!("{longest}\n")).ended_with(0);
    observer.wait(json!({"event": "message", "text": longest}));
    let output = server.client("bobby").run_json(format!("{longest}x\nafter\n")).ended_with(1);
    let error = output.the(json!({"event": "error", "code": "too_long"}));
    let digits: String = error["text"].as_str().unwrap().chars().filter(char::is_ascii_digit).collect();
    assert!(digits.contains("16385"), "the error does not tell the size: {error}");
    observer.wait(json!({"event": "message", "text": "after"}));
    assert_eq!(observer.lobby_texts().len(), 2);
}

#[test]
fn the_longest_message_passes_between_peers_too() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let longest = "ü".repeat(MAX_TEXT / 2);
    let script = format!("\\fork bobby\n{longest}\n{longest}x\nafter\n");
    let output = server.client("anna").run_json(script).ended_with(1);
    output.the(json!({"event": "error", "code": "too_long"}));
    bobby.wait(json!({"event": "message", "kind": "peer", "text": longest}));
    bobby.wait(json!({"event": "message", "kind": "peer", "text": "after"}));
    assert_eq!(bobby.all(json!({"event": "message"})).len(), 2);
}

#[test]
fn a_line_of_many_megabytes_is_refused_and_the_rest_goes_on() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    let mut input = vec![b'x'; 8 << 20];
    input.extend_from_slice(b"\nafter\n");
    let output = server.client("anna").run_json(input).ended_with(1);
    output.the(json!({"event": "error", "code": "too_long"}));
    observer.wait(json!({"event": "message", "text": "after"}));
    assert_eq!(observer.lobby_texts(), ["after"]);
}

#[test]
fn failed_commands_make_the_exit_code_1_and_later_lines_still_run() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    for line in ["\\nonsense", "\\msg", "\\history 0", "\\whois nobody"] {
        let output = server.client("anna").run(format!("{line}\nafter {line}\n")).ended_with(1);
        assert!(!output.stderr.is_empty(), "{line}: {}", output.story());
        observer.wait(json!({"event": "message", "text": format!("after {line}")}));
    }
}

#[test]
fn texts_after_a_failed_command_for_a_private_session_do_not_reach_the_lobby() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    for line in [
        "\\fork an/na",
        "\\fork nobody",
        "\\fork nobody\n\\lobby\n\\sw 1",
        "\\sw nobody",
        "\\fork ",
        "\\Fork observer",
        "\\sw 7",
        "\u{1b}[0m\\fork observer",
    ] {
        let after = format!("after {}", line.replace(char::is_control, " "));
        let script = format!("{line}\nsecret\n\\lobby\n{after}\n");
        let output = server.client("anna").run(script).ended_with(1);
        assert!(output.stderr.iter().any(|it| it.contains("secret")), "{line}: {}", output.story());
        observer.wait(json!({"event": "message", "text": after}));
    }
    assert!(!observer.lobby_texts().iter().any(|text| text == "secret"));
}

#[test]
fn a_byte_order_mark_does_not_make_a_command_a_text() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    let bobby = server.join("bobby");
    let mark = "\u{feff}";
    // The mark stands at the start, in the middle (as in joined files), before the name, and before a request.
    let script = format!(
        "{mark}anna\r\n{mark}hello\r\n{mark}\\fork bobby\r\nfirst\r\n{mark}\\lobby\r\n{mark}\\sw 1\nsecond\n"
    );
    let output = Launch::hobnob().server(server.address()).run_json(script).ended_with(0);
    assert_eq!(output.the(json!({"event": "sent", "text": "first"}))["session"], 1);
    let asked =
        format!("{mark}{{\"command\":\"fork bobby\",\"id\":1}}\n{mark}{{\"say\":\"third\",\"id\":2}}\n");
    server.client("carmen").run_json(asked).ended_with(0);
    for text in ["first", "second", "third"] {
        bobby.wait(json!({"event": "message", "kind": "peer", "text": text}));
    }
    server.join("sentinel").say("sentinel");
    observer.wait(json!({"event": "message", "text": "sentinel"}));
    assert_eq!(observer.lobby_texts(), ["hello", "sentinel"]);
}

#[test]
fn an_invisible_character_before_a_command_is_a_usage_error_and_later_texts_go_nowhere() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    let _bobby = server.join("bobby");
    for before in [" ", "\t", "\u{a0}", "\u{200b}", "\u{feff}\u{feff}", "\u{2060}", "\u{e0020}", "\0"] {
        let script = format!("{before}\\fork bobby\nsecret\n\\lobby\nafter {}\n", before.escape_unicode());
        let output = server.client("anna").run_json(script).ended_with(1);
        output.the(json!({"event": "error", "code": "usage"}));
        output.the(json!({"event": "unsent", "text": "secret"}));
        observer.wait(json!({"event": "message", "text": format!("after {}", before.escape_unicode())}));
    }
    let heard = observer.lobby_texts();
    assert!(heard.iter().all(|text| text.starts_with("after")), "{heard:?}");
}

#[test]
fn a_slash_means_nothing_on_a_pipe_and_two_backslashes_at_the_end_are_one() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    server.client("anna").run("/nick x\n//y\nC:\\\\\nend\n").ended_with(0);
    observer.wait(json!({"event": "message", "text": "end"}));
    assert_eq!(observer.lobby_texts(), ["/nick x", "//y", "C:\\", "end"]);
}

#[test]
fn messages_go_to_standard_output_and_errors_to_standard_error() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let anna = server.client("anna").start();
    bobby.wait(json!({"event": "joined", "name": "anna"}));
    bobby.say("to read");
    anna.wait_line("bobby: to read");
    anna.send("\\nonsense");
    anna.send("\\users");
    anna.wait_part("bobby");
    let output = anna.finish().ended_with(1);
    output.says("bobby: to read");
    output.complains("nonsense");
    assert!(!output.stdout.iter().any(|line| line.contains("nonsense")), "{}", output.story());
    assert!(!output.stderr.iter().any(|line| line.contains("to read")), "{}", output.story());
}

#[test]
fn with_json_errors_are_events_and_standard_error_is_empty() {
    let server = Server::start(&[]);
    let output = server.client("anna").run_json("\\nonsense\n\\fork nobody\nlost\n").ended_with(1);
    assert_eq!(output.all(json!({"event": "error"})).len(), 2, "{}", output.story());
    assert!(output.stderr.is_empty(), "{}", output.story());
}

#[test]
fn a_closed_standard_output_neither_hangs_nor_panics() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    for json in ["", "--json"] {
        let lines: String = (0..200).map(|number| format!("line {number}\\n")).collect();
        let script = format!(
            "printf 'first\\n\\\\users\\n{lines}' | hobnob --name anna --server {} {json} | head -n 1 >&2",
            server.address()
        );
        Launch::shell(&script).run("").did_not_panic();
        observer.wait(json!({"event": "left", "name": "anna"}));
    }
}

#[test]
fn a_command_starts_when_the_texts_before_it_are_acknowledged() {
    let server = Server::start(&["--rate", "1000"]);
    let lines: String = (0..50).map(|number| format!("line {number}\n")).collect();
    let output = server.client("anna").run_json(format!("{lines}\\ss\n{lines}")).ended_with(0);
    let order: Vec<&str> = output.events.iter().filter_map(|event| event["event"].as_str()).collect();
    let at = order.iter().position(|&event| event == "sessions").unwrap();
    assert_eq!(order[..at].iter().filter(|&&event| event == "sent").count(), 50, "{}", output.story());
    let sent: Vec<&str> =
        output.all(json!({"event": "sent"})).iter().map(|event| event["text"].as_str().unwrap()).collect();
    let typed: Vec<String> = (0..100).map(|number| format!("line {}", number % 50)).collect();
    assert_eq!(sent, typed);
}

#[test]
fn a_script_may_wait_for_an_answer() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let begin = Instant::now();
    let anna = server.client("anna").spawn();
    anna.write("question\n\\wait 2\n\\quit\n");
    bobby.wait(json!({"event": "message", "text": "question"}));
    bobby.say("answer");
    anna.wait_for("the answer", crate::support::DEADLINE, |seen| {
        seen.stdout.iter().any(|line| line == "bobby: answer").then_some(())
    });
    let mut anna = anna;
    assert!(anna.wait_end(crate::support::DEADLINE).success());
    assert!(begin.elapsed() >= Duration::from_secs(2));
}
