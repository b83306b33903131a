//! Acts of operators as entries in the order: what follows from an act, what happens to the user it is about, and what
//! is left of a batch with an act that is withdrawn: nothing.

use std::sync::Arc;

use hobnob_order::{Ordered, Place, ServerId};
use hobnob_protocol::chain::{LobbyMessage, LogId, Position};
use hobnob_protocol::content::{Act, ActKind, ActTarget, Content, ShortText};
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{NotAcceptedCode, RefusedCode};
use hobnob_protocol::text::Text;

use super::*;

const HOUR: u64 = 3600 * 1000;
const START: u64 = 1_800_000_000_000;

fn key(byte: u8) -> PublicKey {
    PublicKey::new([byte; 32])
}

/// A lobby that is fed with batches. Key 1 is an operator because the operators' file lists it.
struct Stage {
    machine: Machine,
    number: u64,
    now: u64,
}

impl Stage {
    fn new() -> Self {
        let start = Position::start(&LogId::new([9; 16]));
        let mut stage = Self { machine: Machine::new(start, 0, [], Posts::default()), number: 0, now: START };
        stage.apply(vec![Entry::Operators(vec![key(1).fingerprint()]), join(1, "boss", 1)]);
        stage
    }

    fn staged(&mut self, entries: Vec<Entry>) -> Vec<Effect> {
        self.number += 1;
        let batch = Arc::new(Proposals { server: ServerId(0), number: self.number, vouch: None, entries });
        let mut out = Vec::new();
        self.machine.apply(&Ordered { place: Place(self.number), at: self.now, batch }, &mut out);
        out
    }

    fn apply(&mut self, entries: Vec<Entry>) -> Vec<Effect> {
        let effects = self.staged(entries);
        self.machine.commit();
        effects
    }

    /// Applies these entries and gives the effects that are told, each in a short form.
    fn told(&mut self, entries: Vec<Entry>) -> Vec<String> {
        self.apply(entries).iter().filter_map(short).collect()
    }
}

fn short(effect: &Effect) -> Option<String> {
    Some(match effect {
        Effect::Said { message, .. } => match &message.content {
            Content::Text(text) => format!("{}: {}", message.name, text.as_str()),
            Content::Act(act) => {
                let target = act.target.as_ref().map_or("", ActTarget::as_str);
                let target = if target.starts_with("SHA256") { "" } else { target };
                let name = act.name.as_ref().map_or("", |name| name.as_str());
                format!("{} {} {name}{target}", message.name, act.kind.as_str())
            }
        },
        Effect::Refused { code, .. } => format!("refused {code:?}"),
        Effect::NotSaid { answer, .. } => format!("not said {:?}", answer.code),
        Effect::SentOut { id, why } => format!("{} out {:?}", id.0, why.code),
        Effect::NotAdmitted { id, why } => format!("{} not in {:?}", id.0, why.code),
        Effect::Joined { id, name, .. } => format!("{} is {name}", id.0),
        Effect::Left { id, .. } => format!("{} left", id.0),
        Effect::ActKnown { id, seq, .. } => format!("known {id} {seq}"),
        _ => return None,
    })
}

fn join_from(id: u64, name: &str, byte: u8, address: &str) -> Entry {
    let newcomer = Newcomer {
        wish: name.parse().unwrap(),
        key: key(byte),
        run: RunId::new([byte; 8]),
        candidates: Vec::new(),
    };
    let address = Some(address.parse().unwrap());
    Entry::Join(Box::new(Join { id: ConnectionId(id), newcomer, evict: None, keep: true, address }))
}

fn join(id: u64, name: &str, byte: u8) -> Entry {
    join_from(id, name, byte, "192.0.2.1")
}

fn say(from: u64, id: u64, text: &str) -> Entry {
    let content = Text::new(text).unwrap().into();
    Entry::Say { from: ConnectionId(from), id, room: None, content }
}

/// Returns an act of connection `from`, written as `KIND NAME` or `KIND =TARGET`.
fn act(from: u64, id: u64, what: &str) -> Entry {
    act_for(from, id, what, None)
}

fn act_for(from: u64, id: u64, what: &str, lasts: Option<u64>) -> Entry {
    let (kind, whom) = what.split_once(' ').unwrap_or((what, ""));
    let target = whom.strip_prefix('=').map(|target| ActTarget::new(target).unwrap());
    let name = (target.is_none() && !whom.is_empty()).then(|| whom.parse().unwrap());
    let text = Some(ShortText::new("why").unwrap());
    let act = Act { kind: ActKind::new(kind).unwrap(), name, target, until: Some(7), text };
    Entry::Act(Box::new(ProposedAct { from: ConnectionId(from), id, act, lasts }))
}

#[test]
fn an_act_gets_one_number_and_the_server_says_when_it_ends() {
    let mut stage = Stage::new();
    stage.apply(vec![join(3, "Carl", 3)]);
    let effects = stage.apply(vec![act_for(1, 1, "mute carl", Some(60))]);
    let Some(Effect::Said { message, .. }) = effects.first() else { panic!("{effects:?}") };
    let Content::Act(done) = &message.content else { panic!("{message:?}") };
    assert_eq!(done.name.as_ref().unwrap().as_str(), "Carl", "as its user writes it");
    assert_eq!(done.until, Some(START + 60_000), "what a client says of it counts for nothing");
    assert_eq!(done.target.as_ref().unwrap().as_str(), key(3).fingerprint().to_string());
    assert_eq!(stage.told(vec![act(1, 1, "mute carl"), say(1, 2, "so")]), ["known 1 1", "boss: so"]);
    assert_eq!(stage.told(vec![say(3, 1, "no")]), ["not said Muted"]);
}

#[test]
fn an_act_of_a_user_who_is_no_operator_does_nothing_and_takes_no_number() {
    let mut stage = Stage::new();
    stage.apply(vec![join(3, "carl", 3)]);
    assert_eq!(
        stage.told(vec![act(3, 1, "kick boss"), say(3, 2, "hm")]),
        ["refused NotOperator", "carl: hm"]
    );
    assert_eq!(stage.machine.head().seq.0, 1);
    assert_eq!(stage.told(vec![act(3, 1, "kick boss")]), ["refused Id"], "a later text stands in the log");
}

#[test]
fn a_kicked_user_is_told_says_nothing_more_and_may_come_back() {
    let mut stage = Stage::new();
    stage.apply(vec![join(3, "carl", 3), join(4, "dora", 4)]);
    let told = stage.told(vec![act(1, 1, "kick carl"), say(3, 1, "never"), say(4, 1, "good")]);
    assert_eq!(told, ["boss kick carl", "3 out Kicked", "dora: good"]);
    assert_eq!(stage.told(vec![act(1, 2, "kick erik")]), ["refused NoSuchUser"]);
    let leave = Entry::Leave(ConnectionId(3));
    assert_eq!(
        stage.told(vec![leave, join(5, "carl", 3), say(5, 2, "hi")]),
        ["3 left", "5 is carl", "carl: hi"]
    );
}

#[test]
fn a_banned_key_is_out_with_all_its_clients_and_others_of_its_address_stay() {
    let mut stage = Stage::new();
    stage.apply(vec![join(3, "carl", 3), join(4, "dora", 4)]);
    let second = match join(5, "carl", 3) {
        Entry::Join(mut join) => {
            join.newcomer.run = RunId::new([77; 8]);
            Entry::Join(join)
        }
        other => other,
    };
    stage.apply(vec![second]);
    let told = stage.told(vec![act_for(1, 1, "ban carl", Some(7200)), say(4, 1, "still here")]);
    assert_eq!(told, ["boss ban carl", "3 out Banned", "5 out Banned", "dora: still here"]);
    stage.apply(vec![Entry::Leave(ConnectionId(3)), Entry::Leave(ConnectionId(5))]);
    let told =
        stage.told(vec![join(6, "carl", 3), join(7, "new", 7), join_from(8, "new", 8, "198.51.100.1")]);
    assert_eq!(
        told,
        ["6 not in Banned", "7 not in Banned", "8 is new"],
        "its address is closed to new names"
    );
    stage.now += HOUR;
    assert_eq!(stage.told(vec![join(7, "new", 7)]), ["7 is new_2"]);
    stage.now += HOUR;
    assert_eq!(stage.told(vec![join(6, "carl", 3)]), ["6 is carl"]);
}

#[test]
fn an_absent_user_is_banned_by_his_name_and_unbanned_by_it() {
    let mut stage = Stage::new();
    stage.apply(vec![join(3, "carl", 3), Entry::Leave(ConnectionId(3))]);
    assert_eq!(
        stage.told(vec![act(1, 1, "ban carl"), join(4, "other", 3)]),
        ["boss ban carl", "4 not in Banned"]
    );
    assert_eq!(stage.told(vec![act(1, 2, "unban carl")]), ["boss unban carl"]);
    assert_eq!(
        stage.told(vec![act(1, 3, "unban carl"), join(4, "carl", 3)]),
        ["refused Unchanged", "4 is carl"]
    );
    assert_eq!(stage.told(vec![act(1, 4, "ban nobody")]), ["refused NoSuchUser"]);
    let fingerprint = key(9).fingerprint();
    assert_eq!(stage.told(vec![act(1, 5, &format!("ban ={fingerprint}"))]), ["boss ban "]);
    assert_eq!(stage.told(vec![join(9, "erik", 9)]), ["9 not in Banned"]);
}

#[test]
fn a_user_whom_an_act_names_by_fingerprint_stands_in_the_log_with_his_name() {
    let mut stage = Stage::new();
    stage.apply(vec![join(3, "carl", 3), join(4, "dora", 4), Entry::Leave(ConnectionId(4))]);
    let [carl, dora] = [3, 4].map(|byte| key(byte).fingerprint());
    for (id, act_, told) in [
        (1, format!("mute ={carl}"), "boss mute carl"),
        (2, format!("ban ={dora}"), "boss ban dora"),
        (3, format!("unban ={dora}"), "boss unban dora"),
        (4, format!("admit ={dora}"), "boss admit dora"),
        (5, format!("op ={dora}"), "boss op dora"),
        (6, format!("ban ={}", key(9).fingerprint()), "boss ban "),
    ] {
        assert_eq!(stage.told(vec![act(1, id, &act_)]), [told], "{act_}");
    }
    let told = stage.told(vec![act(1, 7, &format!("kick ={carl}"))]);
    assert_eq!(told, ["boss kick carl", "3 out Kicked"]);
}

#[test]
fn a_ban_that_would_end_after_the_year_9999_never_ends() {
    let mut stage = Stage::new();
    stage.apply(vec![join(3, "carl", 3)]);
    let effects = stage.apply(vec![act_for(1, 1, "ban carl", Some(u64::MAX))]);
    let message = effects.iter().find_map(Effect::message);
    let until = message.and_then(|message| message.content.act()).map(|act| act.until);
    assert_eq!(until, Some(None));
    assert_eq!(stage.machine.rules().bans()[0].sentence.until, None);
}

#[test]
fn a_ban_of_a_range_sends_out_and_keeps_out_everybody_in_it_except_operators() {
    let mut stage = Stage::new();
    stage.apply(vec![join(3, "carl", 3), join_from(4, "dora", 4, "198.51.100.1")]);
    let told = stage.told(vec![act(1, 1, "ban =192.0.2.0/24"), join(5, "erik", 5)]);
    assert_eq!(
        told,
        ["boss ban 192.0.2.0/24", "3 out Banned", "5 not in Banned"],
        "boss comes from there, too"
    );
    assert_eq!(stage.told(vec![act(1, 2, "ban =0.0.0.0/0")]), ["refused BadAct"]);
}

#[test]
fn a_withdrawn_act_was_never_done_and_the_rest_of_its_batch_can_be_decided_again() {
    let mut stage = Stage::new();
    stage.apply(vec![join(3, "carl", 3)]);
    let operators = Entry::Operators(vec![key(1).fingerprint(), key(7).fingerprint()]);
    let rest = vec![operators, Entry::Leave(ConnectionId(3)), join(4, "carl", 3), join(5, "new", 5)];
    let mut entries = vec![act(1, 1, "ban carl"), act(1, 2, "slow =60"), say(3, 1, "never")];
    entries.extend(rest.clone());
    let staged = stage.staged(entries);
    let told: Vec<_> = staged.iter().filter_map(short).collect();
    let acts = ["boss ban carl", "3 out Banned", "boss slow 60"];
    assert_eq!(told, [&acts[..], &["3 left", "4 not in Banned", "5 not in Banned"]].concat());
    assert!(stage.machine.undoes_all());
    assert!(stage.machine.rules().bans().is_empty(), "it is not stored yet");
    let messages: Vec<LobbyMessage> = staged.iter().filter_map(Effect::message).cloned().collect();
    stage.machine.withdraw(&messages, |_| None);
    assert!(stage.machine.rules().bans().is_empty());
    // It comes under the number that it had.
    stage.number -= 1;
    assert_eq!(stage.told(rest), ["3 left", "4 is carl", "5 is new"]);
    assert!(!stage.machine.undoes_all());
}

#[test]
fn a_user_about_whom_a_withdrawn_act_was_speaks_and_acts_as_before() {
    let mut stage = Stage::new();
    let operators = Entry::Operators(vec![key(1).fingerprint(), key(3).fingerprint()]);
    stage.apply(vec![join(3, "carl", 3)]);
    let staged = stage.staged(vec![act(1, 1, "ban carl")]);
    let messages: Vec<LobbyMessage> = staged.iter().filter_map(Effect::message).cloned().collect();
    stage.machine.withdraw(&messages, |_| None);
    stage.apply(vec![operators]);
    let told = stage.told(vec![say(3, 1, "a"), say(3, 2, "b"), act(3, 3, "lock"), act(1, 1, "kick carl")]);
    assert_eq!(told, ["carl: a", "carl: b", "carl lock ", "boss kick carl", "3 out Kicked"]);
}

#[test]
fn a_text_that_has_its_number_is_accepted_although_the_rules_changed_since() {
    let mut stage = Stage::new();
    stage.apply(vec![join(3, "carl", 3), say(3, 1, "a"), act(1, 1, "mute carl")]);
    let effects = stage.apply(vec![say(3, 1, "a"), say(3, 2, "b")]);
    assert!(matches!(effects[0], Effect::Accepted { id: 1, .. }), "{effects:?}");
    assert_eq!(short(&effects[1]).unwrap(), "not said Muted");
}

#[test]
fn a_locked_lobby_is_silent_for_names_younger_than_an_hour_and_rules_hold_in_rooms() {
    let mut stage = Stage::new();
    stage.apply(vec![join(3, "carl", 3)]);
    stage.now += HOUR;
    stage.apply(vec![join(4, "dora", 4), act_for(1, 1, "lock", Some(7200))]);
    assert_eq!(stage.told(vec![say(3, 1, "a"), say(4, 1, "b")]), ["carl: a", "not said Locked"]);
    assert_eq!(stage.told(vec![join(5, "erik", 5)]), ["5 not in Locked"]);
    let fingerprint = key(5).fingerprint();
    stage.apply(vec![act(1, 2, &format!("admit ={fingerprint}")), act(1, 3, "mute carl")]);
    assert_eq!(stage.told(vec![join(5, "erik", 5), say(5, 1, "c")]), ["5 is erik", "erik: c"]);
    let room: hobnob_protocol::room::RoomName = "tea".parse().unwrap();
    let in_room = |from: u64, id: u64| {
        let content = Text::new("x").unwrap().into();
        Entry::Say { from: ConnectionId(from), id, room: Some(room.clone()), content }
    };
    let enter = |from: u64| Entry::JoinRoom {
        from: ConnectionId(from),
        room: room.clone(),
        log: LogId::new([3; 16]),
    };
    let told = stage.told(vec![enter(3), enter(5), in_room(3, 9), in_room(5, 9)]);
    assert_eq!(told, ["not said Muted", "erik: x"]);
}

#[test]
fn operators_can_be_named_and_taken_back_and_only_they_set_the_topic_of_the_lobby() {
    let mut stage = Stage::new();
    stage.apply(vec![join(3, "carl", 3)]);
    assert_eq!(stage.told(vec![act(3, 1, "topic")]), ["refused NotOperator"]);
    assert_eq!(stage.told(vec![act(1, 1, "op carl"), act(3, 2, "topic")]), ["boss op carl", "carl topic "]);
    assert_eq!(stage.machine.rules().topic().unwrap().as_str(), "why");
    let told = stage.told(vec![
        act(3, 3, "kick boss"),
        act(3, 4, "ban carl"),
        act(1, 2, "deop carl"),
        act(3, 5, "unlock"),
    ]);
    assert_eq!(told, ["refused Protected", "refused Yourself", "boss deop carl", "refused NotOperator"]);
    assert_eq!(
        stage.told(vec![act(1, 3, "dance"), act(1, 4, "slow =x")]),
        ["refused BadAct", "refused BadAct"]
    );
}

#[test]
fn changed_rules_are_given_to_be_stored_once_for_each_batch() {
    let mut stage = Stage::new();
    stage.apply(vec![join(3, "carl", 3)]);
    let stored = |effects: &[Effect]| effects.iter().filter(|it| matches!(it, Effect::Rules(_))).count();
    assert_eq!(stored(&stage.apply(vec![act(1, 1, "mute carl"), act(1, 2, "lock")])), 1);
    assert_eq!(stored(&stage.apply(vec![say(1, 3, "x"), Entry::Operators(vec![key(1).fingerprint()])])), 0);
    let effects = stage.apply(vec![act(1, 4, "unmute carl")]);
    let Some(Effect::Rules(rules)) = effects.last() else { panic!("{effects:?}") };
    let start = Position::start(&LogId::new([9; 16]));
    let again = Machine::new(start, START, [], Posts::default()).with_rules((**rules).clone());
    assert!(again.rules().locked().is_some(), "as it is read by the server that starts next");
    assert_eq!(
        RefusedCode::Locked,
        acts::not_admitted(rules::NotAdmitted::Locked(rules::Term::ForGood)).code
    );
    assert_eq!(stored(&stage.apply(vec![act(1, 5, "mute nobody")])), 0);
    assert!(matches!(
        stage.apply(vec![act(1, 6, "mute nobody")])[0],
        Effect::Refused { code: NotAcceptedCode::NoSuchUser, .. }
    ));
}
