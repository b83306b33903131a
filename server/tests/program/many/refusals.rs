//! Servers that must not take part. Each is refused with a sentence that says what to do.

use std::fs;

use super::Lobby;
use crate::stage::{ServerProcess, User, run_to_end};

#[tokio::test]
async fn a_server_that_does_not_fit_the_lobby_is_refused_with_an_explanation() {
    let Some(lobby) = Lobby::over(1) else { return };
    let refused = |dir: &str, options: &[&str]| {
        let all = [&["--listen", "127.0.0.1:0"], options].concat();
        let (code, said) = run_to_end(&all, &lobby.data_dir(dir));
        assert_eq!(code, Some(1), "{said}");
        said
    };
    let one = lobby.server("one");
    let (mut a, _) = User::new("anna").join(one.addr).await;
    a.post(1, "words").await;

    let said = refused("stranger", &lobby.options());
    assert!(said.contains("copy the file server.key"), "{said}");

    // The directory of a single server with messages of its own.
    let single = lobby.data_dir("single");
    let server = ServerProcess::start(&single, &[]);
    let (mut b, _) = User::new("bobby").join(server.addr).await;
    b.post(1, "words").await;
    server.signal("-TERM");
    assert!(server.wait().0.success());
    let said = refused("single", &["--nats", lobby.urls(), "--lobby", "nobodys"]);
    assert!(said.contains("single server"), "{said}");
    fs::copy(lobby.dir.path().join("server.key"), single.join("server/server.key")).unwrap();
    let said = refused("single", &lobby.options());
    assert!(said.contains("another lobby"), "{said}");

    // A server that has read a stream which was then made anew.
    one.signal("-TERM");
    assert!(one.wait().0.success());
    let note = lobby.data_dir("one").join("server/machine.json");
    let noted = fs::read_to_string(&note).unwrap();
    fs::write(&note, noted.replacen("hobnob-machine ", "hobnob-machine f", 1)).unwrap();
    let said = refused("one", &lobby.options());
    assert!(said.contains("deleted and made again"), "{said}");
    fs::write(&note, noted.replacen("\"v\":1", "\"v\":9", 1)).unwrap();
    let said = refused("one", &lobby.options());
    assert!(said.contains("version 9"), "{said}");
    fs::write(&note, &noted).unwrap();
    lobby.server("one");

    let said = refused("nowhere", &["--nats", "nats://127.0.0.1:1"]);
    assert!(said.contains("no NATS node answers at nats://127.0.0.1:1"), "{said}");
}
