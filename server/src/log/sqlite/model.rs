//! Compares a log with a plain list of everything that was ever said: however messages are stored together, cut into
//! rows, pruned and opened again, the log gives every answer that the list would give.

use hobnob_protocol::chain::{LobbyMessage, Position, Seq};
use hobnob_protocol::ids::RunId;
use proptest::prelude::*;

use super::{SqliteLog, SqliteOptions};
use crate::log::check::verify;
use crate::log::suite::author::{ANNA, Author, batch};
use crate::log::{LobbyLog, Remembers};

/// What happens to a log, and what it is then asked.
#[derive(Debug, Clone)]
enum Step {
    /// Batches that are queued together: for each text its length and its author.
    Append(Vec<Vec<(usize, u8)>>),
    Read {
        /// Where the read begins, in thousandths of the number of all messages so far.
        after: u64,
        limit: usize,
        max_bytes: usize,
    },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    // Short texts, of which a row holds hundreds, and long texts, of which a row holds fewer than three.
    let text = prop_oneof![9 => 1..200_usize, 1 => 12_000..16_384_usize];
    let texts = || proptest::collection::vec((text.clone(), 0..3_u8), 0..60);
    let many = proptest::collection::vec((1..20_usize, 0..3_u8), 500..1500);
    prop_oneof![
        4 => proptest::collection::vec(texts(), 1..4).prop_map(Step::Append),
        1 => many.prop_map(|texts| Step::Append(vec![texts])),
        6 => (0..1010_u64, 0..300_usize, 0..70_000_usize)
            .prop_map(|(after, limit, max_bytes)| Step::Read { after, limit, max_bytes }),
        1 => Just(Step::Reopen),
    ]
}

/// Everything that was ever said, and how much of it has to be shown.
struct Model {
    start: Position,
    said: Vec<LobbyMessage>,
    history: u64,
}

impl Model {
    fn check_read(&self, log: &SqliteLog, (after, limit, max_bytes): (u64, usize, usize)) {
        let stretch = block_on(log.read(Seq(after), limit, max_bytes)).unwrap();
        let len = self.said.len() as u64;
        let from = after.clamp(len.saturating_sub(self.history).min(len), len) as usize;
        let position = match from.checked_sub(1) {
            None => self.start,
            Some(last) => Position { seq: self.said[last].seq, hash: self.said[last].hash },
        };
        assert_eq!(stretch.after, position);
        let mut bytes = 0;
        let fits = |(index, message): &(usize, &LobbyMessage)| {
            bytes += message.content.bytes_of_text();
            *index == 0 || bytes <= max_bytes
        };
        let expected = self.said[from..].iter().take(limit).enumerate().take_while(fits);
        let expected: Vec<LobbyMessage> = expected.map(|(_, message)| message.clone()).collect();
        assert_eq!(stretch.messages.len(), expected.len());
        assert_eq!(stretch.messages, expected);
    }

    fn check_posts(&self, log: &SqliteLog) {
        assert_eq!(log.first(), Seq((self.said.len() as u64).saturating_sub(self.history) + 1));
        for message in self.said.iter().step_by(7).chain(self.said.last()) {
            let found = block_on(log.find(message.key, message.run, message.id)).unwrap();
            assert_eq!(found, Some(message.seq));
        }
        for run in 0..3 {
            let party = (ANNA, RunId::new([run; 8]));
            let ids = self.said.iter().filter(|message| message.run == party.1).map(|message| message.id);
            assert_eq!(block_on(log.last_id(party.0, party.1)).unwrap(), ids.max());
        }
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn play(history: u64, steps: Vec<Step>) {
    let folder = tempfile::tempdir().unwrap();
    let reopened =
        || SqliteLog::open(folder.path(), SqliteOptions { history, ..SqliteOptions::default() }).unwrap();
    let mut log = reopened();
    let mut author = Author::of(&log);
    let mut model = Model { start: author.head, said: Vec::new(), history };
    for step in steps {
        match step {
            Step::Append(batches) => {
                let batches = batches.into_iter().map(|texts| {
                    let say = |(len, run): (usize, u8)| {
                        // The numbers in the run mostly follow each other, as those of the log do.
                        let id = author.head.seq.0 + author.head.seq.0 / 40;
                        author.say_as(ANNA, RunId::new([run; 8]), id, &"x".repeat(len))
                    };
                    let messages: Vec<LobbyMessage> = texts.into_iter().map(say).collect();
                    model.said.extend(messages.clone());
                    log.append(batch(messages))
                });
                let asked: Vec<_> = batches.collect();
                asked.into_iter().for_each(|answer| block_on(answer).unwrap());
            }
            Step::Read { after, limit, max_bytes } => {
                let after = model.said.len() as u64 * after / 1000;
                model.check_read(&log, (after, limit, max_bytes));
            }
            Step::Reopen => {
                drop(log);
                let report = verify(folder.path()).unwrap();
                assert_eq!(report.head, author.head);
                log = reopened();
                assert_eq!(log.contents().head, author.head);
            }
        }
        model.check_read(&log, (0, usize::MAX, usize::MAX));
        model.check_posts(&log);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn rows_prunings_and_restarts_change_no_answer(
        history in prop_oneof![1..10_u64, 100..3000_u64],
        steps in proptest::collection::vec(step(), 1..25),
    ) {
        play(history, steps);
    }
}
