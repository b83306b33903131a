//! The order of a lobby over real NATS nodes: what every order has to do, and what this order does when nodes die,
//! freeze, or come back with less than they had.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test, in helpers too")]

#[path = "../node/mod.rs"]
mod node;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hobnob_nats::{ConnectError, Link, LobbyStreamError, NatsNeighbours, NatsStream, Settings};
use hobnob_order::{
    Follower, Neighbours, Ordered, OrderedStream, Place, PublishError, Question, ServerId, StreamError,
    StreamIdentity, next, suite,
};
use tokio::time::{Instant, timeout};

/// How long a test waits for a batch or an answer: longer than the longest election that was seen.
const LONG: Duration = Duration::from_secs(30);

fn settings(urls: Vec<String>, lobby: &str) -> Settings {
    Settings {
        urls,
        lobby: lobby.parse().unwrap(),
        credentials: None,
        ca: None,
        client_certificate: None,
        replicas: None,
    }
}

async fn stream(settings: &Settings) -> NatsStream<String> {
    let link = Link::connect(settings).await.unwrap();
    NatsStream::find_or_found(link, settings, StreamIdentity([7; 16]), "a test").await.unwrap().0
}

/// Publishes until it is known that the batch is in the order, as a server does. The batch may be there more than once.
async fn publish(stream: &NatsStream<String>, text: &str) -> Place {
    let until = Instant::now() + LONG;
    loop {
        match stream.publish(Arc::new(text.to_owned())).await {
            Ok(place) => return place,
            Err(err) => assert!(Instant::now() < until, "{err}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await; // a pause between two attempts: NATS tells nobody when it has a leader again
    }
}

async fn heard(follower: &mut dyn Follower<String>) -> Ordered<String> {
    timeout(LONG, next(follower)).await.expect("nothing is heard").expect("the order goes on")
}

/// Reads until the last of `texts` is heard. A text that is there twice comes twice in a row, and no text is missing.
async fn hears_all(follower: &mut dyn Follower<String>, texts: &[String]) {
    let mut place = None;
    let mut read: Vec<String> = Vec::new();
    while read.last() != texts.last() {
        let ordered = heard(follower).await;
        assert!(place.is_none_or(|place: Place| ordered.place == place.next()), "a gap or a repeat");
        place = Some(ordered.place);
        if read.last() != Some(&*ordered.batch) {
            read.push(ordered.batch.to_string());
        }
    }
    assert_eq!(read, texts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_stream_passes_the_tests_of_an_order() {
    let Some(nodes) = node::start(1, false) else { return };
    let lobbies = AtomicUsize::new(0);
    suite::all(async || {
        let lobby = format!("lobby{}", lobbies.fetch_add(1, Ordering::Relaxed));
        stream(&settings(nodes.urls(), &lobby)).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_servers_that_start_at_once_find_the_lobby_that_one_of_them_founds() {
    let Some(nodes) = node::start(1, false) else { return };
    let settings = settings(nodes.urls(), "lobby");
    let come = (0..8_u8).map(|n| {
        let settings = settings.clone();
        tokio::spawn(async move {
            let link = Link::connect(&settings).await.unwrap();
            let identity = StreamIdentity([n; 16]);
            NatsStream::<String>::find_or_found(link, &settings, identity, &format!("of {n}")).await.unwrap()
        })
    });
    let come: Vec<_> = come.collect();
    let mut founders = Vec::new();
    let mut identities = Vec::new();
    for task in come {
        let (stream, founded) = task.await.unwrap();
        assert_eq!(stream.identity(), founded.identity);
        assert_eq!(founded.founding, format!("of {}", founded.identity.0[0]));
        founders.extend(founded.is_new.then_some(founded.identity));
        identities.push(founded.identity);
    }
    // When a server makes a stream again with the same settings, JetStream says that it was made. So there may seem to
    // be several founders; all of them made the same stream.
    assert!(identities.iter().all(|identity| *identity == identities[0]), "{identities:?}");
    assert!(founders.iter().all(|identity| *identity == identities[0]) && !founders.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_cannot_be_used_is_refused_with_an_explanation() {
    let Some(nodes) = node::start(1, false) else { return };
    let link = Link::connect(&settings(nodes.urls(), "lobby")).await.unwrap();
    let existing = NatsStream::<String>::find(link, &"lobby".parse().unwrap()).await.unwrap();
    assert!(existing.is_none(), "nobody has made one");

    let client = async_nats::connect(nodes.urls()).await.unwrap();
    let other =
        async_nats::jetstream::stream::Config { name: "hobnob-shop".to_owned(), ..Default::default() };
    async_nats::jetstream::new(client).create_stream(other).await.unwrap();
    let shop = settings(nodes.urls(), "shop");
    let link = Link::connect(&shop).await.unwrap();
    let refused =
        NatsStream::<String>::find_or_found(link, &shop, StreamIdentity([1; 16]), "x").await.unwrap_err();
    assert!(matches!(refused, LobbyStreamError::NotOurs { .. }), "{refused}");

    let nowhere = settings(vec!["nats://127.0.0.1:1".to_owned()], "lobby");
    let refused = Link::connect(&nowhere).await.unwrap_err();
    assert!(matches!(refused, ConnectError::Unreachable { .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_too_large_for_nats_is_refused_and_blocks_nothing() {
    let Some(nodes) = node::start(1, false) else { return };
    let stream = stream(&settings(nodes.urls(), "lobby")).await;
    let refused = stream.publish(Arc::new("x".repeat(2 * 1024 * 1024))).await;
    assert!(matches!(refused, Err(PublishError::Refused(_))), "{refused:?}");
    assert_eq!(publish(&stream, "words").await, Place(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_dies_and_comes_back_loses_no_acknowledged_batch() {
    let Some(mut nodes) = node::start(1, true) else { return };
    let stream = stream(&settings(nodes.urls(), "lobby")).await;
    let mut follower = stream.follow(Place(0));
    assert_eq!(publish(&stream, "before").await, Place(1));
    nodes.nodes[0].kill();
    let unknown = stream.publish(Arc::new("meanwhile".to_owned())).await;
    assert!(matches!(unknown, Err(PublishError::Unknown(_))), "{unknown:?}");
    nodes.nodes[0].start_again();
    publish(&stream, "after").await;
    assert_eq!(*heard(&mut *follower).await.batch, "before");
    // A batch whose publication is uncertain may have been stored all the same.
    let mut last = heard(&mut *follower).await;
    if *last.batch == "meanwhile" {
        last = heard(&mut *follower).await;
    }
    assert_eq!(*last.batch, "after");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_go_on_while_one_node_after_another_is_killed_or_frozen() {
    let Some(mut nodes) = node::start(3, false) else { return };
    let settings = settings(nodes.urls(), "lobby");
    let (writer, reader) = (stream(&settings).await, stream(&settings).await);
    assert_eq!(writer.state().await.unwrap().replicas, 3);
    let mut follower = reader.follow(Place(0));
    let mut said = Vec::new();
    for index in 0..3 {
        for fault in ["killed", "frozen"] {
            match fault {
                "killed" => nodes.nodes[index].kill(),
                _ => nodes.nodes[index].freeze(true),
            }
            for number in 0..5 {
                let text = format!("{number} while node {index} is {fault}");
                publish(&writer, &text).await;
                said.push(text);
            }
            match fault {
                "killed" => nodes.nodes[index].start_again(),
                _ => nodes.nodes[index].freeze(false),
            }
        }
    }
    hears_all(&mut *follower, &said).await;
    hears_all(&mut *writer.follow(Place(0)), &said).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_without_a_majority_of_nodes_and_all_goes_on_with_it() {
    let Some(mut nodes) = node::start(3, false) else { return };
    let stream = stream(&settings(nodes.urls(), "lobby")).await;
    let mut follower = stream.follow(Place(0));
    publish(&stream, "before").await;
    nodes.nodes[1].kill();
    nodes.nodes[2].kill();
    let unknown = stream.publish(Arc::new("meanwhile".to_owned())).await;
    assert!(matches!(unknown, Err(PublishError::Unknown(_))), "{unknown:?}");
    nodes.nodes[1].start_again();
    nodes.nodes[2].start_again();
    publish(&stream, "after").await;
    assert_eq!(*heard(&mut *follower).await.batch, "before");
    loop {
        if *heard(&mut *follower).await.batch == "after" {
            break;
        }
    }
}

/// What nodes older than 2.10.23 get wrong, so that a server that reads from one node reads something else than a
/// server that reads from another.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_gives_up_a_batch_that_no_majority_had() {
    let Some(mut nodes) = node::start(3, false) else { return };
    let all = settings(nodes.urls(), "lobby");
    let everywhere = stream(&all).await;
    publish(&everywhere, "before").await;
    // A node without anything of the stream votes for nobody, so the two others need something.
    wait_until_all_have_all(&everywhere).await;
    let leader = everywhere.state().await.unwrap().leader.unwrap();
    let alone = nodes.index_of(&leader);
    let others = [(alone + 1) % 3, (alone + 2) % 3];
    let at_leader = stream(&settings(vec![nodes.nodes[alone].url()], "lobby")).await;
    others.iter().for_each(|&other| nodes.nodes[other].kill());
    let unknown = at_leader.publish(Arc::new("no majority has this".to_owned())).await;
    assert!(matches!(unknown, Err(PublishError::Unknown(_))), "{unknown:?}");
    nodes.nodes[alone].kill();
    others.iter().for_each(|&other| nodes.nodes[other].start_again());
    publish(&everywhere, "acknowledged meanwhile").await;
    nodes.nodes[alone].start_again();
    wait_until_all_have_all(&everywhere).await;
    publish(&everywhere, "after").await;
    wait_until_all_have_all(&everywhere).await;
    let read = what_each_node_has(&nodes, &everywhere).await;
    assert!(read.values().all(|texts| *texts == read[&leader]), "{leader} was alone: {read:#?}");
    assert!(read[&leader].iter().any(|text| text == "acknowledged meanwhile"), "{read:#?}");
}

async fn wait_until_all_have_all(stream: &NatsStream<String>) {
    let until = Instant::now() + LONG;
    while stream.state().await.is_none_or(|state| state.current < state.replicas) {
        assert!(Instant::now() < until, "{:?}", stream.state().await);
        tokio::time::sleep(Duration::from_millis(100)).await; // A node that catches up tells nobody when it is done.
    }
}

/// Makes one node after another the stream's leader, who answers from what it has itself.
async fn what_each_node_has(
    nodes: &node::Nodes,
    stream: &NatsStream<String>,
) -> BTreeMap<String, Vec<String>> {
    let client = async_nats::connect(nodes.urls()).await.unwrap();
    let by_number = async_nats::jetstream::new(client.clone()).get_stream("hobnob-lobby").await.unwrap();
    let until = Instant::now() + 3 * LONG;
    let mut read = BTreeMap::new();
    while read.len() < nodes.nodes.len() {
        assert!(Instant::now() < until, "not every node was the leader: {read:?}");
        let leader = async || stream.state().await.and_then(|state| Some((state.leader?, state.bounds.1)));
        if let Some((name, newest)) = leader().await.filter(|(name, _)| !read.contains_key(name)) {
            let mut texts = Vec::new();
            for place in 1..=newest.0 {
                let Ok(message) = by_number.get_raw_message(place).await else { break };
                texts.push(String::from_utf8(message.payload.to_vec()).unwrap());
            }
            if leader().await == Some((name.clone(), newest)) && texts.len() as u64 == newest.0 {
                read.insert(name, texts);
            }
        }
        let another = client.request("$JS.API.STREAM.LEADER.STEPDOWN.hobnob-lobby", Bytes::new()).await;
        drop(another); // Without a leader nobody answers.
        tokio::time::sleep(Duration::from_millis(300)).await; // a pause between two looks: NATS tells nobody when it has a leader again
    }
    read
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_notices_a_stream_that_went_back_or_was_made_anew() {
    let Some(nodes) = node::start(1, false) else { return };
    let settings = settings(nodes.urls(), "lobby");
    let stream = stream(&settings).await;
    publish(&stream, "one").await;
    // A server that has read to place 5 finds a stream that was restored from an older copy.
    let mut ahead = stream.follow(Place(5));
    let went_back = timeout(LONG, next(&mut *ahead)).await.unwrap().unwrap_err();
    assert_eq!(went_back, StreamError::WentBack { reached: Place(5), ends: Place(1) });

    let mut follower = stream.follow(Place(0));
    heard(&mut *follower).await;
    let client = async_nats::connect(nodes.urls()).await.unwrap();
    async_nats::jetstream::new(client).delete_stream("hobnob-lobby").await.unwrap();
    let link = Link::connect(&settings).await.unwrap();
    NatsStream::<String>::find_or_found(link, &settings, StreamIdentity([8; 16]), "another").await.unwrap();
    let replaced = timeout(LONG, next(&mut *follower)).await.unwrap().unwrap_err();
    assert_eq!(replaced, StreamError::Replaced);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_notices_a_stream_that_went_back_and_has_gone_on_since() {
    let Some(mut nodes) = node::start(1, false) else { return };
    let settings = settings(nodes.urls(), "lobby");
    let stream = stream(&settings).await;
    let mut follower = stream.follow(Place(0));
    publish(&stream, "one").await;
    nodes.nodes[0].copy_store();
    assert_eq!(publish(&stream, "two").await, Place(2));
    for text in ["one", "two"] {
        assert_eq!(*heard(&mut *follower).await.batch, text);
    }
    // The node gets back its older data, as after a disk has lost its last writes. Other servers go on publishing from
    // there.
    nodes.nodes[0].go_back();
    assert_eq!(publish(&stream, "another two").await, Place(2));
    publish(&stream, "three").await;
    let went_back = timeout(LONG, next(&mut *follower)).await.unwrap().unwrap_err();
    assert_eq!(went_back, StreamError::WentBack { reached: Place(2), ends: Place(1) });
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_answer_each_other_and_do_not_wait_for_one_that_is_gone() {
    let Some(nodes) = node::start(1, false) else { return };
    let settings = settings(nodes.urls(), "lobby");
    let neighbour =
        async || NatsNeighbours::new(&Link::connect(&settings).await.unwrap(), settings.lobby.clone());
    let (one, other) = (neighbour().await, neighbour().await);
    let hi = Bytes::from_static(b"hi");
    let began = Instant::now();
    assert!(one.ask(ServerId(2), hi.clone(), LONG).await.is_err(), "nobody is there");
    assert!(began.elapsed() < LONG, "NATS says at once that nobody is there");

    let mut questions = other.asked(ServerId(2));
    let answering = tokio::spawn(async move {
        while let Some(Question { question, answer }) = questions.recv().await {
            let _nobody_waits = answer.send([&question[..], b" yourself"].concat().into());
        }
    });
    let until = Instant::now() + LONG;
    let answer = loop {
        // The subscription of the other side reaches the node a moment after it was made.
        match one.ask(ServerId(2), hi.clone(), Duration::from_secs(2)).await {
            Ok(answer) => break answer,
            Err(err) => assert!(Instant::now() < until, "{err}"),
        }
    };
    assert_eq!(answer, &b"hi yourself"[..]);

    let mut silent = other.asked(ServerId(3));
    let hold = tokio::spawn(async move { silent.recv().await });
    let began = Instant::now();
    let limit = Duration::from_millis(300);
    loop {
        if one.ask(ServerId(3), hi.clone(), limit).await.is_err() && hold.is_finished() {
            break;
        }
        assert!(began.elapsed() < LONG);
    }
    answering.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_says_whether_it_syncs_each_batch() {
    use hobnob_nats::{SyncAlways, sync_always};
    for sync in [true, false] {
        let Some(nodes) = node::start(1, sync) else { return };
        let expected = if sync { SyncAlways::Yes } else { SyncAlways::No };
        assert_eq!(sync_always(&nodes.monitor()).await.unwrap(), expected);
    }
    assert!(sync_always("http://127.0.0.1:1").await.is_err());
}
