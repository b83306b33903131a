//! Two users compare keys. One is at a terminal, where he reads the words and sees the result.

use serde_json::{Value, json};

use crate::person::{Person, WIDTHS};
use crate::support::server::Server;

fn joined(words: &Value) -> String {
    let words: Vec<&str> = words.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    words.join(", ")
}

/// Waits until this text is on the screen, even if it is broken into rows.
#[track_caller]
fn sees_squeezed(person: &Person, text: &str) {
    let squeezed = |text: &str| text.split_whitespace().filter(|word| *word != ">>>").collect::<String>();
    let wanted = squeezed(text);
    person.terminal.wait_until(text, |screen| squeezed(screen).contains(&wanted));
}

#[test]
fn the_words_stay_in_the_prompt_until_both_have_answered() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let mut anna = Person::join(&server, "anna", (columns, 24));
        anna.enter("\\fork bobby");
        anna.sees("session 1 with bobby is open");
        anna.enter("\\verify");
        let words = joined(&bobby.wait(json!({"event": "verify"}))["words"]);
        sees_squeezed(&anna, &format!("by voice or side by side: {words}"));
        sees_squeezed(&anna, &format!("1 P-> bobby [{words}]>"));
        // The words stay there, however much is said meanwhile.
        for number in 0..40 {
            bobby.say(&format!("line {number}"));
        }
        anna.sees("line 39");
        sees_squeezed(&anna, &format!("1 P-> bobby [{words}] (0:40)>"));
        anna.enter("\\verify yes");
        anna.sees("bobby has not answered yet");
        sees_squeezed(&anna, &format!("1 P-> bobby [{words}] (0:40)>"));
        bobby.send("\\verify yes");
        anna.sees("bobby's key is verified");
        anna.sees_last("1 P-> bobby, verified (0:40)>");
        anna.enter("\\ss");
        anna.sees("* 1 P-> bobby (up, direct, verified)");
        anna.enter("\\whois bobby");
        anna.sees(", verified)");
    }
}

#[test]
fn a_user_who_is_asked_sees_the_words_in_any_session_and_a_no_ends_the_session() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let mut anna = Person::join(&server, "anna", (80, 24));
    bobby.fork("anna");
    bobby.say("let us compare");
    anna.sees("let us compare");
    bobby.send("\\verify");
    let words = joined(&bobby.wait(json!({"event": "verify"}))["words"]);
    sees_squeezed(&anna, &format!("lobby [1: {words}] (1:1)>"));
    anna.enter("\\verify no");
    anna.sees("you said that the words are not the same: session 1 ends, and bobby's key is refused until");
    anna.sees("\\forget bobby; to talk again, bobby has to \\forget you, too");
    anna.sees_last("lobby>");
    bobby.wait(json!({"event": "verify", "outcome": "refused", "ended_by": "other"}));
    bobby.wait(json!({"event": "closed", "session": 1}));
}
