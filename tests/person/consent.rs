//! A user at a terminal is asked whether another user may talk in private, while he is typing a line.

use serde_json::json;

use crate::person::{Person, WIDTHS};
use crate::support::home::Home;
use crate::support::server::Server;

#[test]
fn a_user_who_is_asked_for_consent_reads_who_asks_and_goes_on_typing() {
    for columns in WIDTHS {
        let (server, home) = (Server::start(&[]), Home::new());
        home.write_config("private = \"ask\"\n");
        let mut anna = Person::join_with(&server, "anna", (columns, 24), &[], &home);
        let bobby = server.join("bobby");
        anna.terminal.type_text("half a line");
        anna.sees_last("lobby> half a line");
        bobby.send("\\fork anna\nhello?");
        anna.sees("bobby wants to talk in private: \\accept bobby or \\decline bobby");
        anna.sees_last("lobby> half a line");
        anna.enter(" and the rest");
        bobby.wait(json!({"event": "message", "text": "half a line and the rest"}));
        anna.enter("\\accept bobby");
        anna.sees("bobby opened private session 1 with you");
        anna.sees("<bobby> hello?");
        anna.sees_last("lobby (1:1)>");
        anna.enter("\\set private");
        anna.sees("private = ask");
        anna.enter("\\set private known");
        anna.enter("\\set --save");
        anna.sees("saved in");
    }
}
