//! A raid, played with the real program: many keys from many addresses join and shout, and one operator ends that with
//! three commands, while the users who were here before talk on.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use hobnob_protocol::content::{Act, ActKind, ActTarget, Content};
use hobnob_protocol::message::{ClientMessage, RefusedCode, ServerMessage};
use hobnob_protocol::text::Text;
use tempfile::tempdir;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;

use crate::stage::{Client, PATIENCE, ServerProcess, User};

/// How many keys there are, and from how many addresses they come.
const KEYS: usize = 200;
const ADDRESSES: usize = 20;

/// How many of them shout before the operator acts.
const SHOUTING: usize = 150;

/// What one raider has met.
#[derive(Debug, Default)]
struct Met {
    ended: Option<RefusedCode>,
}

fn do_act(id: u64, kind: &str, target: Option<&str>, lasts: Option<u64>) -> ClientMessage {
    let target = target.map(|target| ActTarget::new(target).unwrap());
    let act = Act { kind: ActKind::new(kind).unwrap(), name: None, target, until: None, text: None };
    ClientMessage::Act { id, room: None, act, lasts }
}

/// Joins from its address, shouts until it is sent out or told to stop, and notes what it met.
async fn raid(number: usize, addr: SocketAddr) -> Met {
    let user = User::new(&format!("raider{number}"));
    let mut met = Met::default();
    let socket = TcpSocket::new_v4().unwrap();
    let from = Ipv4Addr::new(127, 0, 1, (1 + number % ADDRESSES) as u8);
    socket.bind(SocketAddr::from((from, 0))).unwrap();
    let Ok(stream) = socket.connect(addr).await else { return met };
    let Some(mut client) = user.try_over(stream).await else { return met };
    client.try_send(&ClientMessage::Hello(user.hello())).await;
    let mut id = 0;
    loop {
        match client.next().await {
            Some(
                ServerMessage::Welcome(_)
                | ServerMessage::Accepted { .. }
                | ServerMessage::NotAccepted(_)
                | ServerMessage::Said(_),
            ) => {}
            Some(ServerMessage::Refused(refused)) => met.ended = Some(refused.code),
            Some(_) => continue,
            None => return met,
        }
        id += 1;
        if id <= 1000 && met.ended.is_none() {
            client.try_send(&ClientMessage::Say { id, room: None, text: Text::new("RAID").unwrap() }).await;
        }
    }
}

/// Reads until this many raiders have shouted.
async fn shouted_by(client: &mut Client, many: usize) {
    let mut names = HashSet::new();
    while names.len() < many {
        let message = client.message().await;
        if message.content.text().is_some_and(|text| text.as_str() == "RAID") {
            names.insert(message.name);
        }
    }
}

/// Reads until a message that fits, and counts the shouts before it.
async fn until(client: &mut Client, mut fits: impl FnMut(&Content) -> bool) -> usize {
    let mut shouts = 0;
    loop {
        let message = client.message().await;
        if message.content.text().is_some_and(|text| text.as_str() == "RAID") {
            shouts += 1;
        }
        if fits(&message.content) {
            return shouts;
        }
    }
}

fn is_act(kind: &str) -> impl FnMut(&Content) -> bool {
    move |content| content.act().is_some_and(|act| act.kind.as_str() == kind)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_raid_of_200_keys_from_20_addresses_is_ended_by_one_operator_with_three_commands() {
    let dir = tempdir().unwrap();
    let boss = User::new("boss");
    let file = dir.path().join("operators");
    std::fs::write(&file, boss.identity.public().fingerprint().to_string()).unwrap();
    let server = ServerProcess::start(dir.path(), &["--operators", file.to_str().unwrap(), "--rate", "1000"]);
    let (mut boss, welcome) = boss.join(server.addr).await;
    assert!(welcome.operator);
    let guest = User::new("guest");
    let (mut guest, welcome) = guest.join(server.addr).await;
    assert!(!welcome.operator);
    let mut raiders: JoinSet<Met> = (0..KEYS).map(|number| raid(number, server.addr)).collect();
    shouted_by(&mut boss, SHOUTING).await;
    let started = Instant::now();
    boss.send(&do_act(1, "lock", None, Some(3600))).await;
    boss.send(&do_act(2, "ban", Some("127.0.1.0/24"), Some(3600))).await;
    boss.send(&do_act(3, "unlock", None, None)).await;
    until(&mut boss, is_act("unlock")).await;
    let took = started.elapsed();
    let shouts = until(&mut guest, is_act("unlock")).await;
    boss.send(&ClientMessage::Say { id: 4, room: None, text: Text::new("calm again").unwrap() }).await;
    let after =
        until(&mut guest, |content| content.text().is_some_and(|text| text.as_str() == "calm again")).await;
    assert_eq!(after, 0, "nobody shouts once it is over");
    let mut ended = 0;
    let over = tokio::time::timeout(PATIENCE, async {
        while let Some(met) = raiders.join_next().await {
            let met = met.unwrap();
            ended += usize::from(matches!(met.ended, Some(RefusedCode::Banned | RefusedCode::Locked) | None));
        }
    });
    over.await.expect("every raider is out");
    assert_eq!(ended, KEYS);
    println!("{KEYS} keys, {ADDRESSES} addresses: over after {took:?}; a guest heard {shouts} shouts");
    // A client that comes from there now is refused, mostly before a handshake; a client from elsewhere is let in.
    let _newcomer = User::new("newcomer").join(server.addr).await;
    assert!(took < Duration::from_secs(10), "{took:?}");
}
