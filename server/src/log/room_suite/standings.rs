//! How much rooms are used, as a file keeps it over starts.

use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;

use super::*;
use crate::log::Standing;

/// Says something in a room with the key of `byte`, and gives how much the room is used then.
fn speak(room: &mut Room, standing: &mut Standing, byte: u8, count: usize) -> Batch {
    let run = RunId::new([byte; 8]);
    let say = |_| {
        let id = room.author.head.seq.next().0;
        let message = room.author.say_as(PublicKey::new([byte; 32]), run, id, "word");
        standing.spoke(message.key, message.at, |_| true);
        message
    };
    let messages = (0..count).map(say).collect();
    room.batch(messages)
}

#[tokio::test]
async fn how_much_a_room_is_used_is_known_after_a_start_however_much_one_key_said_since() {
    // All messages are kept, or only the newest of them.
    for history in [100_000, 10] {
        let folder = tempfile::tempdir().unwrap();
        let (mut dev, mut standing) = (Room::new("dev", 1), Standing::default());
        let mut log = SqliteLog::open(folder.path(), options(history)).unwrap();
        for key in [1, 2, 3] {
            log.append(speak(&mut dev, &mut standing, key, 5)).await.unwrap();
        }
        // Starts come after few messages and after many.
        for count in [1, 480, 30, 500, 1200, 4300, 1] {
            log.append(speak(&mut dev, &mut standing, 4, count)).await.unwrap();
            drop(log);
            verify(folder.path()).unwrap();
            log = SqliteLog::open(folder.path(), options(history)).unwrap();
            assert_eq!(log.rooms()[0].standing, standing, "{count} more, of which {history} are kept");
        }
    }
}

#[tokio::test]
async fn a_file_without_a_note_of_how_much_rooms_are_used_is_read_whole_once_and_notes_go_with_their_room() {
    let folder = tempfile::tempdir().unwrap();
    let (mut dev, mut standing) = (Room::new("dev", 1), Standing::default());
    let log = open(folder.path());
    log.append(speak(&mut dev, &mut standing, 1, 2)).await.unwrap();
    log.append(speak(&mut dev, &mut standing, 2, 6000)).await.unwrap();
    drop(log);
    let conn = Connection::open(folder.path().join("lobby.sqlite")).unwrap();
    conn.execute_batch("DROP TABLE standings").unwrap();
    verify(folder.path()).unwrap();
    assert_eq!(open(folder.path()).rooms()[0].standing, standing);
    let noted = "SELECT count(*) FROM standings WHERE up_to = 6002";
    assert_eq!(count(folder.path(), noted), 1);
    conn.execute_batch("UPDATE standings SET standing = '{'").unwrap();
    let log = open(folder.path());
    assert_eq!(log.rooms()[0].standing, standing, "a damaged note is as none");
    log.append(Batch { gone_rooms: vec![dev.log()], ..Batch::default() }).await.unwrap();
    drop(log);
    assert_eq!(count(folder.path(), "SELECT count(*) FROM standings"), 0);
}
