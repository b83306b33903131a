//! Tests of the state machine, which use its private parts: what follows from entries, what a withdrawn batch takes
//! back, and what happens to the clients of a server that is gone.

use hobnob_order::Place;
use hobnob_protocol::chain::Seq;
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::text::Text;

use super::*;
use crate::decide::Newcomer;

struct Stage {
    machine: Machine,
    number: u64,
}

impl Stage {
    fn new() -> Self {
        let start = Position::start(&LogId::new([9; 16]));
        Self { machine: Machine::new(start, 0, [], Posts::default()), number: 0 }
    }

    /// Applies and stores these entries, and gives the effects that are told.
    fn apply(&mut self, entries: Vec<Entry>) -> Vec<String> {
        let told = self.stage(entries);
        self.machine.commit();
        told.iter().filter_map(short).collect()
    }

    fn stage(&mut self, entries: Vec<Entry>) -> Vec<Effect> {
        self.number += 1;
        self.again(entries)
    }

    fn again(&mut self, entries: Vec<Entry>) -> Vec<Effect> {
        let batch = Arc::new(Proposals { server: ServerId(0), number: self.number, vouch: None, entries });
        let mut out = Vec::new();
        self.machine.apply(&Ordered { place: Place(1), at: self.number, batch }, &mut out);
        out
    }
}

fn short(effect: &Effect) -> Option<String> {
    Some(match effect {
        Effect::Said { message, .. } => format!("{} said {} {}", message.name, message.id, message.seq),
        Effect::Accepted { to, id, seq, .. } => format!("{} accepted {id} {seq}", to.0),
        Effect::Refused { to, id, .. } => format!("{} refused {id}", to.0),
        Effect::InRoom { .. }
        | Effect::NotInRoom { .. }
        | Effect::LeftRoom { .. }
        | Effect::RoomSeen(_)
        | Effect::RoomGone(_) => return None,
        Effect::Joined { id, name, head, .. } => format!("{} is {name} after {}", id.0, head.seq),
        Effect::NoNameLeft { id } => format!("{} is nobody", id.0),
        Effect::TakenOver { id } => format!("{} taken over", id.0),
        Effect::Left { id, name } => format!("{} left as {name}", id.0),
        Effect::Freed(name) => format!("{name} is free"),
        Effect::ActKnown { to, id, seq } => format!("{} acted {id} {seq}", to.0),
        Effect::NotSaid { to, answer } => format!("{} not said {} {:?}", to.0, answer.id, answer.code),
        Effect::SentOut { id, why } => format!("{} sent out {:?}", id.0, why.code),
        Effect::NotAdmitted { id, why } => format!("{} not admitted {:?}", id.0, why.code),
        Effect::Rules(_) => return None,
        Effect::Ended(server) => format!("server {} is over", server.0),
        Effect::Contradicted(place) => format!("contradicted at {}", place.0),
        Effect::Bound { .. } => return None,
    })
}

fn join(id: u64, name: &str, key: u8, run: u8, evict: Option<u64>) -> Entry {
    let newcomer = Newcomer {
        wish: name.parse().unwrap(),
        key: PublicKey::new([key; 32]),
        run: RunId::new([run; 8]),
        candidates: Vec::new(),
    };
    let evict = evict.map(ConnectionId);
    Entry::Join(Box::new(Join { id: ConnectionId(id), newcomer, evict, keep: true, address: None }))
}

fn say(from: u64, id: u64) -> Entry {
    Entry::Say { from: ConnectionId(from), id, room: None, content: Text::new("word").unwrap().into() }
}

fn leave(id: u64) -> Entry {
    Entry::Leave(ConnectionId(id))
}

fn expire(before: u64, unspoken_before: u64) -> Entry {
    Entry::Expire { now: 0, before, unspoken_before, rooms_before: 0 }
}

#[test]
fn messages_from_before_there_were_several_servers_go_in_once_and_in_order() {
    let start = Position::start(&LogId::new([9; 16]));
    let mut before = Stage::new();
    before.apply(vec![join(1, "anna", 1, 1, None)]);
    let said = before.stage(vec![say(1, 1), say(1, 2)]);
    let kept = said.iter().filter_map(Effect::message);
    let kept: Vec<Entry> = kept.map(|message| Entry::Kept(Box::new(message.clone()))).collect();
    let name = NameBinding {
        name: "anna".parse().unwrap(),
        key: PublicKey::new([1; 32]),
        seen: 5,
        spoke: true,
        since: 0,
    };
    let mut after = Stage { machine: Machine::shared(start), number: 0 };
    let swapped = vec![kept[1].clone(), kept[0].clone()];
    assert_eq!(after.apply(swapped), ["anna said 1 1"], "only the next one counts");
    assert_eq!(after.apply(kept.clone()), ["anna said 2 2"]);
    assert_eq!(after.apply(kept), Vec::<String>::new());
    assert_eq!(after.machine.head(), before.machine.head());
    after.apply(vec![Entry::KeptName(name.clone()), Entry::KeptName(name)]);
    assert_eq!(after.apply(vec![join(2, "anna", 2, 1, None)]), ["2 is anna_2 after 2"]);
    assert_eq!(
        after.apply(vec![join(1, "anna", 1, 1, None), say(1, 2)]),
        ["1 is anna after 2", "1 accepted 2 2"]
    );
}

#[test]
fn the_clients_of_a_server_that_is_gone_leave_and_its_later_batches_do_not_count() {
    let mut stage = Stage::new();
    let batch = |number, entries| {
        let batch = Arc::new(Proposals { server: ServerId(7), number, vouch: None, entries });
        Ordered { place: Place(1), at: 1, batch }
    };
    let there = |number| ConnectionId::of(ServerId(7), number).0;
    let mut out = Vec::new();
    let joins = vec![join(there(1), "bobby", 2, 1, None), join(there(2), "anna", 3, 1, None)];
    stage.machine.apply(&batch(1, joins), &mut out);
    stage.apply(vec![join(1, "carl", 4, 1, None)]);
    assert_eq!(stage.apply(vec![Entry::Gone { server: ServerId(7), last: 0 }]), Vec::<String>::new());
    let gone = stage.apply(vec![Entry::Gone { server: ServerId(7), last: 1 }]);
    let left = |number, name| format!("{} left as {name}", there(number));
    assert_eq!(
        gone,
        ["server 7 is over".to_owned(), left(2, "anna"), left(1, "bobby")],
        "in the order of names"
    );
    out.clear();
    stage.machine.apply(&batch(2, vec![join(there(3), "dora", 5, 1, None)]), &mut out);
    assert_eq!(out, []);
}

#[test]
fn a_name_whose_key_never_spoke_is_free_sooner_and_the_first_text_of_a_key_is_noted_at_its_names() {
    let mut stage = Stage::new();
    stage.apply(vec![join(1, "anna", 1, 1, None), join(2, "bobby", 2, 1, None)]);
    let bound = |effects: &[Effect]| -> Vec<_> {
        let of = |effect: &Effect| match effect {
            Effect::Bound { binding, .. } => Some((binding.name.to_string(), binding.spoke)),
            _ => None,
        };
        effects.iter().filter_map(of).collect()
    };
    let first = stage.stage(vec![say(1, 1)]);
    assert_eq!(bound(&first), [("anna".to_owned(), true)]);
    stage.machine.commit();
    assert_eq!(bound(&stage.stage(vec![say(1, 2)])), [], "once");
    stage.machine.commit();
    stage.apply(vec![leave(1), leave(2)]);
    assert_eq!(stage.apply(vec![expire(0, u64::MAX)]), ["bobby is free"]);
    assert_eq!(stage.apply(vec![expire(u64::MAX, 0)]), ["anna is free"]);
}

#[test]
fn a_name_that_is_not_to_be_kept_belongs_to_its_user_while_he_is_there() {
    let mut stage = Stage::new();
    let mut passing = join(1, "anna", 1, 1, None);
    let Entry::Join(join_passing) = &mut passing else { unreachable!("it is one") };
    join_passing.keep = false;
    let effects = stage.stage(vec![passing.clone(), join(2, "anna", 2, 1, None)]);
    stage.machine.commit();
    assert!(matches!(effects[0], Effect::Joined { is_new: false, .. }), "{effects:?}");
    assert!(matches!(effects[2], Effect::Joined { is_new: true, .. }), "{effects:?}");
    assert_eq!(stage.apply(vec![leave(1), join(3, "anna", 3, 1, None)])[1], "3 is anna after 0");
    // A user who has a name already keeps it, however many newcomers there are.
    stage.apply(vec![leave(3)]);
    let Entry::Join(again) = &mut passing else { unreachable!("it is one") };
    (again.id, again.newcomer.key) = (ConnectionId(4), PublicKey::new([3; 32]));
    assert_eq!(stage.apply(vec![passing, leave(4)])[0], "4 is anna after 0");
    assert_eq!(stage.apply(vec![join(5, "anna", 1, 1, None)]), ["5 is anna_3 after 0"]);
}

#[test]
fn names_numbers_and_departures_follow_from_the_order_of_the_entries() {
    let mut stage = Stage::new();
    let told =
        stage.apply(vec![join(1, "anna", 1, 1, None), say(1, 1), join(2, "Anna", 2, 1, None), say(2, 1)]);
    assert_eq!(told, ["1 is anna after 0", "anna said 1 1", "2 is Anna_2 after 1", "Anna_2 said 1 2"]);
    // The run comes back and sends its text again. The old connection no longer counts.
    let told = stage.apply(vec![join(3, "anna", 1, 1, None), say(3, 1), say(1, 2), say(3, 2), leave(1)]);
    assert_eq!(
        told,
        ["1 taken over", "1 left as anna", "3 is anna after 2", "3 accepted 1 1", "anna said 2 3"]
    );
    let told = stage.apply(vec![leave(3), say(3, 3), leave(2), expire(u64::MAX, u64::MAX)]);
    assert_eq!(told, ["3 left as anna", "2 left as Anna_2", "anna is free", "Anna_2 is free"]);
}

#[test]
fn a_silent_client_loses_its_name_to_a_newcomer_of_its_own_key_only() {
    let mut stage = Stage::new();
    stage.apply(vec![join(1, "anna", 1, 1, None), join(2, "anna", 2, 1, Some(1))]);
    let told = stage.apply(vec![join(3, "anna", 1, 2, Some(1)), join(4, "anna", 1, 3, Some(1))]);
    assert_eq!(told, ["1 taken over", "1 left as anna", "3 is anna after 0", "4 is anna_3 after 0"]);
}

#[test]
fn withdrawn_texts_lose_their_numbers_and_names_of_the_same_batch_stay() {
    let mut stage = Stage::new();
    stage.apply(vec![join(1, "anna", 1, 1, None), say(1, 1)]);
    let staged = stage.stage(vec![say(1, 2), join(2, "bobby", 2, 1, None), say(2, 1), say(1, 2)]);
    let messages: Vec<LobbyMessage> = staged.iter().filter_map(Effect::message).cloned().collect();
    assert_eq!(messages.len(), 2);
    assert_eq!(short(staged.last().unwrap()).unwrap(), "1 accepted 2 2");
    stage.machine.withdraw(&messages, |_| None);
    assert_eq!(stage.machine.head().seq, Seq(1));
    let told = stage.apply(vec![say(1, 3), say(1, 2), say(2, 1), say(1, 1)]);
    assert_eq!(told, ["anna said 3 2", "1 refused 2", "bobby said 1 3", "1 accepted 1 1"]);
}

#[test]
fn a_batch_that_comes_twice_counts_once_and_time_does_not_go_back() {
    let mut stage = Stage::new();
    stage.number = 6;
    assert_eq!(stage.apply(vec![join(1, "anna", 1, 1, None), say(1, 1)]).len(), 2);
    assert_eq!(stage.again(vec![say(1, 2)]), []);
    stage.number = 8;
    let batch = Arc::new(Proposals { server: ServerId(0), number: 8, vouch: None, entries: vec![say(1, 2)] });
    let mut out = Vec::new();
    stage.machine.apply(&Ordered { place: Place(1), at: 3, batch }, &mut out);
    assert!(matches!(&out[..], [Effect::Said { message, .. }] if message.at == 7), "{out:?}");
}
