//! Operators with the real programs: what each command does to its target and to everybody else, also after the server
//! was restarted.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::home::Home;
use crate::support::launch::Launch;
use crate::support::ruled::{Ruled, fingerprint};

/// Lets boss do this, and waits for the act.
#[track_caller]
fn acts(boss: &Client, line: &str) -> Value {
    let kind = line.trim_start_matches('\\').split(' ').next().unwrap();
    boss.ask(line, json!({"event": "act", "kind": kind, "by": "boss"}))
}

/// Waits until a client is in the lobby again after the server was killed.
#[track_caller]
fn is_back(client: &Client) {
    client.wait(json!({"event": "link", "session": 0, "state": "up"}));
}

#[test]
fn a_kicked_user_is_told_why_exits_with_3_and_may_come_back() {
    let ruled = Ruled::start();
    let (boss, anna) = (ruled.boss(), ruled.server.join("anna"));
    let carl_home = Home::new();
    let carl = ruled.server.client("carl").home(&carl_home).join();
    let act = acts(&boss, "\\kick CARL calm down");
    assert_eq!((&act["name"], &act["reason"], &act["seq"]), (&json!("carl"), &json!("calm down"), &json!(1)));
    let ended = carl.ended().ended_with(3);
    let told = ended.the(json!({"event": "error", "code": "kicked"}));
    assert_eq!(told["text"], "boss kicked you out of the lobby: calm down");
    anna.wait(json!({"event": "act", "kind": "kick", "name": "carl"}));
    anna.wait(json!({"event": "left", "name": "carl"}));
    assert_eq!(anna.say("so it goes")["seq"], 2, "an act has a number");
    let _back = ruled.server.client("carl").home(&carl_home).join();
    anna.ask_error("\\kick boss", "not_operator");
    boss.ask_error("\\kick nobody", "no_such_user");
    boss.ask_error("\\kick", "usage");
}

#[test]
fn acts_do_not_count_for_history_and_are_found_again_with_since() {
    let ruled = Ruled::start();
    let (boss, anna) = (ruled.boss(), ruled.server.join("anna"));
    let _carl = ruled.server.join("carl");
    anna.say("m1");
    anna.say("m2");
    acts(&boss, "\\mute carl");
    acts(&boss, "\\unmute carl");
    anna.say("m3");
    let told = ruled.server.client("dora").run_json("\\wait 0.1\n\\history 3\n").ended_with(0);
    let texts: Vec<Value> =
        told.all(json!({"event": "message"})).iter().map(|message| message["text"].clone()).collect();
    assert_eq!(texts[texts.len() - 3..], [json!("m1"), json!("m2"), json!("m3")]);
    let told = ruled.server.client("eve").args(["--since", "0"]).run_json("\\wait 0.1\n").ended_with(0);
    told.the(json!({"event": "act", "kind": "mute", "replayed": true}));
    told.the(json!({"event": "act", "kind": "unmute", "replayed": true}));
}

#[test]
fn a_ban_holds_over_a_restart_and_hits_nobody_else() {
    let mut ruled = Ruled::start();
    let (boss, anna) = (ruled.boss(), ruled.server.join("anna"));
    let carl_home = Home::new();
    let carl = ruled.server.client("carl").home(&carl_home).join();
    let act = acts(&boss, "\\ban carl 2h spam");
    assert!(act["until"].is_string(), "{act}");
    let ended = carl.ended().ended_with(3);
    let told = ended.the(json!({"event": "error", "code": "banned"}))["text"].to_string();
    assert!(told.contains("boss banned you from the lobby until 20") && told.contains(": spam"), "{told}");
    ruled.server.kill();
    ruled.server.restart();
    let again = ruled.server.client("carl").home(&carl_home).run_json("hello\n").ended_with(3);
    again.the(json!({"event": "error", "code": "banned"}));
    again.has_no(json!({"event": "welcome"}));
    // The address of the banned user is closed to new names for an hour, and open to every user who already has one.
    ruled.server.client("newcomer").run_json("hello\n").ended_with(3);
    is_back(&anna);
    is_back(&boss);
    anna.say("still here");
    let bans = boss.ask("\\bans", json!({"event": "bans"}));
    let ban = &bans["bans"][0];
    assert_eq!((&ban["name"], &ban["by"], &ban["reason"]), (&json!("carl"), &json!("boss"), &json!("spam")));
    assert_eq!(ban["what"], fingerprint(&carl_home, "carl"));
    anna.ask_error("\\bans", "not_operator");
    acts(&boss, "\\unban carl");
    boss.ask_error("\\unban carl", "refused");
    let _back = ruled.server.client("carl").home(&carl_home).join();
}

#[test]
fn a_banned_address_is_closed_and_its_users_are_sent_out_except_operators() {
    let ruled = Ruled::start();
    let boss = ruled.boss();
    let anna = ruled.server.join("anna");
    acts(&boss, "\\ban 127.0.0.0/8 1h");
    anna.ended().ended_with(3).the(json!({"event": "error", "code": "banned"}));
    boss.say("alone");
    ruled.server.client("bobby").run_json("hello\n").ended_with(3).has_no(json!({"event": "welcome"}));
    acts(&boss, "\\unban 127.0.0.0/8");
    let _bobby = ruled.server.join("bobby");
    boss.ask_error("\\ban 0.0.0.0/0", "refused");
}

#[test]
fn a_muted_user_hears_others_and_is_told_that_nobody_hears_him() {
    let ruled = Ruled::start();
    let [boss, carl, anna] = [ruled.boss(), ruled.server.join("carl"), ruled.server.join("anna")];
    acts(&boss, "\\mute carl 10m too loud");
    let unsent = carl.say_in_vain("hello?");
    let reason = unsent["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("you are muted by boss until 20") && reason.ends_with(": too loud"),
        "{reason}"
    );
    anna.say("quiet now");
    carl.wait(json!({"event": "message", "text": "quiet now"}));
    acts(&boss, "\\unmute carl");
    carl.say("thank you");
    anna.wait(json!({"event": "message", "text": "thank you"}));
    anna.has_no(json!({"event": "message", "text": "hello?"}));
    carl.finish().ended_with(1);
}

#[test]
fn the_mutes_are_listed_for_operators_alone_and_hold_over_a_restart() {
    let mut ruled = Ruled::start();
    let [boss, carl, anna] = [ruled.boss(), ruled.server.join("carl"), ruled.server.join("anna")];
    let dora_home = Home::new();
    let dora = ruled.server.client("dora").home(&dora_home).join();
    assert_eq!(boss.ask("\\mutes", json!({"event": "mutes"}))["mutes"], json!([]));
    acts(&boss, "\\mute carl");
    let act = acts(&boss, "\\mute dora 2h too loud");
    dora.finish().ended_with(0);
    ruled.server.kill();
    ruled.server.restart();
    is_back(&boss);
    is_back(&anna);
    let mutes = boss.ask("\\mutes", json!({"event": "mutes"}))["mutes"].clone();
    let mutes = mutes.as_array().unwrap();
    let of = |name: &str| mutes.iter().find(|mute| mute["name"] == name).unwrap().clone();
    let (of_carl, of_dora) = (of("carl"), of("dora"));
    assert_eq!((mutes.len(), &of_carl["until"], &of_carl["reason"]), (2, &json!(null), &json!(null)));
    let told = json!({
        "what": fingerprint(&dora_home, "dora"), "name": "dora", "by": "boss", "at": of_dora["at"],
        "until": act["until"], "reason": "too loud",
    });
    assert_eq!(of_dora, told);
    anna.ask_error("\\mutes", "not_operator");
    is_back(&carl);
    carl.ask_error("\\mutes", "not_operator");
    acts(&boss, "\\unmute dora");
    acts(&boss, "\\unmute carl");
    assert_eq!(boss.ask("\\mutes", json!({"event": "mutes"}))["mutes"], json!([]));
    let told = boss.ask_error("\\unmute carl", "refused")["text"].to_string();
    assert!(told.contains("that user is not muted; \\\\mutes lists the mutes"), "{told}");
    assert!(boss.ask("\\help", json!({"event": "help"})).to_string().contains("\\\\mutes"));
    assert!(!anna.ask("\\help", json!({"event": "help"})).to_string().contains("\\\\mutes"));
}

#[test]
fn a_slow_lobby_takes_one_text_of_each_and_tells_how_long_to_wait() {
    let ruled = Ruled::start();
    let [boss, anna] = [ruled.boss(), ruled.server.join("anna")];
    acts(&boss, "\\slow 600");
    anna.say("one");
    let unsent = anna.say_in_vain("two");
    assert!(unsent["reason"].as_str().unwrap().starts_with("slow mode: you may speak again in "), "{unsent}");
    boss.say("one");
    boss.say("two");
    acts(&boss, "\\slow");
    anna.say("three");
}

#[test]
fn a_locked_lobby_is_for_admitted_keys_also_after_a_restart_until_it_is_unlocked() {
    let mut ruled = Ruled::start();
    let [boss, anna] = [ruled.boss(), ruled.server.join("anna")];
    acts(&boss, "\\lock always");
    anna.say_in_vain("my name is younger than an hour");
    let (bobby_home, carl_home) = (Home::new(), Home::new());
    let bobby = || ruled.server.client("bobby").home(&bobby_home);
    let refused = bobby().run_json("").ended_with(3);
    let told = refused.the(json!({"event": "error", "code": "refused"}))["text"].to_string();
    assert!(told.contains("the lobby is locked"), "{told}");
    acts(&boss, &format!("\\admit {}", fingerprint(&bobby_home, "bobby")));
    let bobby = bobby().join();
    bobby.say("hello");
    bobby.kill();
    ruled.server.kill();
    ruled.server.restart();
    ruled.server.client("carl").home(&carl_home).run_json("").ended_with(3);
    let _bobby = ruled.server.client("bobby").home(&bobby_home).join();
    is_back(&boss);
    acts(&boss, "\\unlock");
    let _carl = ruled.server.client("carl").home(&carl_home).join();
    boss.ask_error("\\unlock", "refused");
    boss.ask_error("\\lock soon", "usage");
    boss.ask_error("\\admit carl", "usage");
}

#[test]
fn an_operator_named_by_another_survives_a_restart_and_cannot_act_on_those_of_the_file() {
    let mut ruled = Ruled::start();
    let [boss, bobby] = [ruled.boss(), ruled.server.join("bobby")];
    assert!(bobby.ask("\\help", json!({"event": "help"})).to_string().find("\\\\kick").is_none());
    acts(&boss, "\\op bobby");
    bobby.wait(json!({"event": "act", "kind": "op", "name": "bobby"}));
    assert!(bobby.ask("\\help", json!({"event": "help"})).to_string().contains("\\\\kick"));
    ruled.server.kill();
    ruled.server.restart();
    is_back(&bobby);
    is_back(&boss);
    bobby.ask("\\slow 5", json!({"event": "act", "kind": "slow", "by": "bobby"}));
    bobby.ask_error("\\ban boss", "refused");
    bobby.ask_error("\\ban bobby", "refused");
    let ops = bobby.ask("\\ops", json!({"event": "ops"}));
    let row = |at: usize| (ops["ops"][at]["name"].clone(), ops["ops"][at]["file"].clone());
    assert_eq!([row(0), row(1)], [(json!("boss"), json!(true)), (json!("bobby"), json!(false))]);
    acts(&boss, "\\deop bobby");
    bobby.ask_error("\\slow 0", "not_operator");
}

#[test]
fn the_operators_file_is_read_again_and_a_bad_line_changes_nothing() {
    let ruled = Ruled::start();
    let [boss, bobby] = [ruled.boss(), ruled.server.join("bobby")];
    let pid = nix::unistd::Pid::from_raw(ruled.server.pid());
    std::fs::write(ruled.file(), "SHA256:nonsense\n").unwrap();
    nix::sys::signal::kill(pid, Signal::SIGHUP).unwrap();
    ruled.server.wait_log("line 1 of the operators' file");
    acts(&boss, "\\slow 5");
    std::fs::write(ruled.file(), format!("{}\n", bobby.fingerprint().as_str().unwrap())).unwrap();
    nix::sys::signal::kill(pid, Signal::SIGHUP).unwrap();
    ruled.server.wait_log("were read again");
    bobby.ask("\\slow 0", json!({"event": "act", "kind": "slow", "by": "bobby"}));
    boss.ask_error("\\slow 5", "not_operator");
}

#[test]
fn the_message_of_the_day_and_the_topic_are_told_at_joining() {
    let dir = tempfile::tempdir().unwrap();
    let motd = dir.path().join("motd");
    std::fs::write(&motd, "be kind\nno spam\n").unwrap();
    let ruled = Ruled::start_with(&["--motd", motd.to_str().unwrap()]);
    let boss = ruled.boss();
    boss.wait(json!({"event": "motd", "text": "be kind\nno spam"}));
    boss.ask(
        "\\topic Tea, mostly",
        json!({"event": "topic", "session": 0, "text": "Tea, mostly", "by": "boss"}),
    );
    let anna = ruled.server.join("anna");
    anna.wait(json!({"event": "topic", "session": 0, "text": "Tea, mostly"}));
    anna.ask_error("\\topic Coffee", "not_operator");
}

#[test]
fn a_user_whose_client_hosts_is_an_operator() {
    let host = Launch::hobnob().args(["--host", "127.0.0.1:0"]).name("host").join();
    let address = host.welcome()["server"].as_str().unwrap().to_owned();
    let carl = Launch::hobnob().server(&address).name("carl").join();
    host.ask("\\kick carl", json!({"event": "act", "kind": "kick", "by": "host", "name": "carl"}));
    carl.ended().ended_with(3);
    let ops = host.ask("\\ops", json!({"event": "ops"}));
    assert_eq!((&ops["ops"][0]["file"], &ops["ops"][0]["hosts"]), (&json!(true), &json!(true)));
}

#[test]
fn lines_read_ahead_by_a_script_that_is_sent_out_are_answered_and_reported() {
    let ruled = Ruled::start();
    let boss = ruled.boss();
    let carl = ruled.server.client("carl").join();
    carl.send("\\join tea");
    carl.wait(json!({"event": "opened", "room": "tea"}));
    // These lines are one write, which is read as a whole before its first line is answered.
    let ahead = [
        "first",
        "\\wait 100",
        "for tea",
        r#"{"say":"asked","id":7}"#,
        r#"{"command":"users","id":8}"#,
        "\\msg boss secret",
        "\\lobby",
        "to all",
        r#"{"say":"there","session":1,"id":9}"#,
        "\\users",
    ];
    carl.send(&ahead.join("\n"));
    carl.wait(json!({"event": "sent", "text": "first"}));
    acts(&boss, "\\kick carl");
    let ended = carl.ended().ended_with(3);
    for (session, text) in [
        (json!(1), "for tea"),
        (json!(1), "asked"),
        (json!(null), "secret"),
        (json!(0), "to all"),
        (json!(1), "there"),
    ] {
        ended.the(json!({"event": "unsent", "session": session, "text": text}));
    }
    for (id, code) in [(7, "unsent"), (8, "refused"), (9, "unsent")] {
        ended.the(json!({"event": "answer", "id": id, "ok": false, "code": code}));
    }
    let told = ended.the(json!({"event": "error", "code": "refused"}))["text"].to_string();
    assert!(told.contains("the run was ended before 3 commands that had been read could run"), "{told}");
    boss.has_no(json!({"event": "message", "from": "carl"}));
}

#[test]
fn a_banned_address_is_told_so_each_time() {
    let ruled = Ruled::start();
    let boss = ruled.boss();
    acts(&boss, "\\ban 127.0.0.0/8 1h enough");
    let mut texts = Vec::new();
    for _ in 0..5 {
        let run = ruled.server.client("bobby").run_json("hello\n").ended_with(3);
        texts.push(run.the(json!({"event": "error", "code": "banned"}))["text"].to_string());
    }
    assert!(texts[0].contains("boss banned you") && texts[0].contains("enough"), "{texts:?}");
    assert!(texts[4].contains("an operator keeps your address out"), "{texts:?}");
    acts(&boss, "\\unban 127.0.0.0/8");
    let _bobby = ruled.server.join("bobby");
}

#[test]
fn a_room_topic_counts_as_a_text_in_a_slow_lobby_and_is_refused_to_muted_users() {
    let ruled = Ruled::start();
    let [boss, anna] = [ruled.boss(), ruled.server.join("anna")];
    anna.enter("tea");
    acts(&boss, "\\slow 600");
    anna.ask("\\topic one", json!({"event": "topic", "text": "one"}));
    anna.ask_error("\\topic two", "refused");
    anna.say_in_vain("three");
    acts(&boss, "\\slow");
    acts(&boss, "\\mute anna");
    anna.ask_error("\\topic four", "muted");
    acts(&boss, "\\unmute anna");
    anna.ask("\\topic five", json!({"event": "topic", "text": "five"}));
}
