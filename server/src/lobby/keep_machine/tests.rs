//! Tests of the module above; they know its private parts.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use hobnob_order::{Ordered, Place, ServerId};
use hobnob_protocol::chain::{LogId, Position};
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;

use super::*;
use crate::decide::{ConnectionId, Entry, Join, Newcomer, Proposals};

/// The machine of a lobby that many join, one in each place of the order.
struct Filling {
    machine: Machine,
    place: u64,
}

impl Filling {
    fn new() -> Self {
        let machine = Machine::shared(Position::start(&LogId::new([1; 16])));
        Self { machine, place: 0 }
    }

    fn one_more_joins(&mut self) {
        self.place += 1;
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.place.to_be_bytes());
        let newcomer = Newcomer {
            wish: "anna".parse().unwrap(),
            key: PublicKey::new(key),
            run: RunId::new([1; 8]),
            candidates: Vec::new(),
        };
        let id = ConnectionId::of(ServerId(5), self.place as u32);
        let join = Join { id, newcomer, evict: None, keep: true, address: None };
        let entries = vec![Entry::Join(Box::new(join))];
        let batch = Arc::new(Proposals { server: ServerId(5), number: self.place, vouch: None, entries });
        self.machine.apply(&Ordered { place: Place(self.place), at: self.place, batch }, &mut Vec::new());
        self.machine.commit();
    }
}

/// A disk that writes the machine only when it is let, and the machines that it has got.
fn slow_disk() -> (KeepMachine, Sender<()>, Receiver<Vec<u8>>) {
    let ((go, wait), (written, got)) = (channel(), channel());
    let parts = Mutex::new((wait, written));
    let keep = move |snapshot: &Snapshot| {
        let parts = parts.lock().unwrap();
        parts.0.recv().unwrap();
        parts.1.send(snapshot.to_bytes()).unwrap();
    };
    (Arc::new(keep), go, got)
}

#[tokio::test]
async fn the_lobby_goes_on_while_its_machine_is_saved_as_it_was_at_one_place() {
    let (keep, go, got) = slow_disk();
    let (mut filling, now) = (Filling::new(), Instant::now());
    let mut keeper = Keeper::new(keep, now);
    filling.one_more_joins();
    keeper.keep(&filling.machine, now);
    assert_eq!(keeper.due(), Some(now + KEEP_EVERY), "it is not due");
    let due = now + KEEP_EVERY;
    let expected = filling.machine.save().unwrap();
    keeper.keep(&filling.machine, due);
    for _ in 0..200 {
        filling.one_more_joins();
        keeper.keep(&filling.machine, due + 5 * KEEP_EVERY);
        assert_eq!(keeper.due(), None, "one at a time, and nothing to wake up for");
    }
    go.send(()).unwrap();
    keeper.kept().await;
    assert_eq!(got.recv().unwrap(), expected);
    assert!(got.try_recv().is_err());
    go.send(()).unwrap();
    keeper.keep(&filling.machine, due + KEEP_EVERY);
    keeper.kept().await;
    assert_eq!(got.recv().unwrap(), filling.machine.save().unwrap());
}

#[tokio::test]
async fn a_save_that_takes_long_is_seldom() {
    let (mut filling, now) = (Filling::new(), Instant::now());
    filling.one_more_joins();
    let mut keeper = Keeper::new(Arc::new(|_| {}), now);
    let (done, keeping) = oneshot::channel();
    keeper.keeping = Some(keeping);
    done.send(Duration::from_secs(3)).unwrap();
    keeper.keep(&filling.machine, now);
    assert_eq!(keeper.due(), Some(now + Duration::from_secs(3) * KEEP_SHARE));
}

/// Asks for a part of the machine, and gives the answer if it is one.
async fn part(keeper: &mut Keeper, filling: &Filling, place: Option<u64>, part: u32) -> Option<MachinePart> {
    let (answer, answered) = oneshot::channel();
    keeper.tell(&filling.machine, place, part, answer);
    MachinePart::read(&answered.await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn new_servers_are_told_the_machine_of_one_place_whatever_happens_meanwhile() {
    let (keep, _go, _got) = slow_disk();
    let mut filling = Filling::new();
    let mut keeper = Keeper::new(keep, Instant::now());
    (0..2000).for_each(|_| filling.one_more_joins());
    let expected = filling.machine.save().unwrap();
    let first = part(&mut keeper, &filling, None, 0).await.unwrap();
    let (mut told, place) = (first.bytes.to_vec(), first.place);
    assert_eq!(place, 2000);
    assert!(first.parts > 2);
    for index in 1..first.parts {
        filling.one_more_joins();
        // Another server begins now; it does not disturb the first one.
        assert_eq!(part(&mut keeper, &filling, None, 0).await.as_ref(), Some(&first));
        told.extend_from_slice(&part(&mut keeper, &filling, Some(place), index).await.unwrap().bytes);
    }
    assert!(told == expected);
    assert_eq!(part(&mut keeper, &filling, Some(place), first.parts).await, None);

    tokio::time::advance(TOLD_AFRESH).await;
    let afresh = part(&mut keeper, &filling, None, 0).await.unwrap();
    assert_eq!(afresh.place, filling.place);
    assert_eq!(part(&mut keeper, &filling, Some(place), 0).await, None, "one is told at a time");

    tokio::time::advance(TOLD_FOR).await;
    keeper.due = Instant::now() + KEEP_EVERY;
    keeper.keep(&filling.machine, Instant::now());
    assert_eq!(part(&mut keeper, &filling, Some(afresh.place), 0).await, None, "nobody asked for long");
}
