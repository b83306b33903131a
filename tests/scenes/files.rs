//! The files in a data directory: they are private, are never left half written, and may be shared by several clients,
//! but not by two servers.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::support::free_port;
use crate::support::home::Home;
use crate::support::launch::Launch;
use crate::support::server::{Server, first_line};

fn mode_of(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|err| panic!("{}: {err}", path.display())).permissions().mode() & 0o777
}

#[test]
fn each_name_has_a_key_of_its_own_that_nobody_else_can_read() {
    let server = Server::start(&[]);
    let home = Home::new();
    let anna = server.client("anna").home(&home).join();
    let bobby = server.client("bobby").home(&home).join();
    assert_ne!(anna.fingerprint(), bobby.fingerprint());
    for name in ["anna", "bobby"] {
        assert_eq!(mode_of(&home.key_file(name)), 0o600);
    }
}

#[test]
fn files_that_are_links_stay_links() {
    let (server, home) = (Server::start(&[]), Home::new());
    let _bobby = server.join("bobby");
    let (data, dotfiles) = (home.data_dir(), home.path().join("dotfiles"));
    let config = home.path().join("config/hobnob");
    for folder in [&data, &config, &dotfiles] {
        fs::create_dir_all(folder).unwrap();
    }
    let links = ["known_keys.toml", "aliases.toml", "ignored.toml", "config.toml"].map(|name| {
        let folder = if name == "config.toml" { &config } else { &data };
        let (link, real) = (folder.join(name), dotfiles.join(name));
        std::os::unix::fs::symlink(&real, &link).unwrap();
        (link, real)
    });
    fs::write(&links[0].1, "[servers]\n").unwrap();
    fs::write(&links[3].1, "# mine\n").unwrap();
    fs::set_permissions(&links[3].1, fs::Permissions::from_mode(0o644)).unwrap();
    let script = "\\alias brb be right back\n\\ignore bobby\n\\set times long\n\\set --save\n";
    server.client("anna").home(&home).run(script).ended_with(0);
    for ((link, real), part) in links.iter().zip([server.address(), "be right back", "bobby", "# mine"]) {
        assert!(link.is_symlink(), "{} is no longer a link", link.display());
        let kept = fs::read_to_string(real).unwrap();
        assert!(kept.contains(part), "{kept}");
    }
    assert!(fs::read_to_string(&links[3].1).unwrap().contains("long"));
    assert_eq!((mode_of(&links[3].1), mode_of(&links[1].1)), (0o644, 0o600));
    // If the known keys cannot be read, no new file is begun in their place.
    fs::remove_file(&links[0].1).unwrap();
    server.client("anna").home(&home).run("").ended_with(2).complains("known_keys.toml");
    assert!(links[0].0.is_symlink() && !links[0].1.exists());
}

#[test]
fn a_umask_that_takes_nothing_away_opens_no_file_to_others() {
    let (server, home) = (Server::start(&[]), Home::new());
    let script = format!(
        "umask 0; printf '\\\\alias brb be right back\\n' | hobnob --name anna --server {} --log-file log",
        server.address()
    );
    Launch::shell(&script).home(&home).run("").ended_with(0);
    for file in ["known_keys.toml", "known_keys.lock", "aliases.toml", "aliases.lock", "../../log"] {
        assert_eq!(mode_of(&home.data_dir().join(file)), 0o600, "{file}");
    }
    assert_eq!(mode_of(&home.data_dir()), 0o700);
}

#[test]
fn folders_that_others_may_write_in_are_reported() {
    let (server, home) = (Server::start(&[]), Home::new());
    server.client("anna").home(&home).run("").ended_with(0);
    let config = home.path().join("config/hobnob");
    fs::create_dir_all(config.join("commands")).unwrap();
    for folder in [&home.data_dir(), &config.join("commands")] {
        server.client("anna").home(&home).run_json("").ended_with(0).has_no(json!({"event": "notice"}));
        fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
        let output = server.client("anna").home(&home).run("").ended_with(0);
        let part = format!("others may write in {} (mode 777)", folder.display());
        assert!(output.everything().contains(&part), "{}", output.story());
        assert_eq!(mode_of(folder), 0o777, "the folder was changed instead of being reported");
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
    }
}

#[test]
fn a_name_s_key_is_the_same_in_every_run() {
    let server = Server::start(&[]);
    let home = Home::new();
    let first = server.client("anna").home(&home).join().fingerprint();
    assert_eq!(server.client("anna").home(&home).join().fingerprint(), first);
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let server = Server::start(&[]);
    let home = Home::new();
    let observer = server.join("observer");
    server.client("anna").home(&home).run("").ended_with(0);
    observer.wait(json!({"event": "left", "name": "anna"}));
    for mode in [0o644, 0o640, 0o604] {
        fs::set_permissions(home.key_file("anna"), fs::Permissions::from_mode(mode)).unwrap();
        let output = server.client("anna").home(&home).run("hello\n").failed();
        output.complains("anna.key");
        assert_eq!(
            mode_of(&home.key_file("anna")),
            mode,
            "the key file was changed instead of being refused"
        );
    }
    fs::set_permissions(home.key_file("anna"), fs::Permissions::from_mode(0o600)).unwrap();
    server.client("anna").home(&home).run("").ended_with(0);
    observer.wait_count(2, json!({"event": "joined", "name": "anna"}));
    assert_eq!(observer.all(json!({"event": "joined"})).len(), 2);
}

#[test]
fn a_key_file_without_a_valid_key_is_reported_and_not_changed() {
    let server = Server::start(&[]);
    let home = Home::new();
    fs::create_dir_all(home.data_dir().join("identities")).unwrap();
    fs::write(home.key_file("anna"), "half a ke").unwrap();
    fs::set_permissions(home.key_file("anna"), fs::Permissions::from_mode(0o600)).unwrap();
    server.client("anna").home(&home).run("").failed().complains("anna.key");
    assert_eq!(fs::read_to_string(home.key_file("anna")).unwrap(), "half a ke");
}

#[test]
fn known_keys_names_the_server_and_the_peer() {
    let server = Server::start(&[]);
    let home = Home::new();
    let bobby = server.join("bobby");
    server.client("anna").home(&home).run("\\fork bobby\nhi\n").ended_with(0);
    bobby.wait(json!({"event": "message", "text": "hi"}));
    let file = home.data_dir().join("known_keys.toml");
    let known = fs::read_to_string(&file).unwrap();
    assert!(known.contains(server.address()), "{known}");
    assert!(known.contains("bobby"), "{known}");
    toml::from_str::<toml::Table>(&known).unwrap_or_else(|err| panic!("not TOML: {err}\n{known}"));
}

#[test]
fn a_known_keys_file_that_cannot_be_read_stops_the_client() {
    let server = Server::start(&[]);
    let home = Home::new();
    server.client("anna").home(&home).run("").ended_with(0);
    for content in ["[[[ no toml", ""] {
        fs::write(home.data_dir().join("known_keys.toml"), content).unwrap();
        server.client("anna").home(&home).run("hello\n").ended_with(2).complains("known_keys.toml");
        let kept = fs::read_to_string(home.data_dir().join("known_keys.toml")).unwrap();
        assert_eq!(kept, content, "the file was overwritten");
    }
}

#[test]
fn several_clients_share_a_data_directory_from_their_first_moment() {
    let server = Server::start(&[]);
    let home = Home::new();
    let clients: Vec<_> = (0..6).map(|_| server.client("anna").home(&home).start_json()).collect();
    let mut prints: Vec<_> = clients.iter().map(|client| client.fingerprint().to_string()).collect();
    prints.dedup();
    assert_eq!(prints.len(), 1, "one name in one directory has one key: {prints:?}");
    // Each of them may also learn the key of a peer without losing what another has learned.
    let peers: Vec<_> = (0..6).map(|number| server.join(&format!("peer{number}"))).collect();
    for (client, peer) in clients.iter().zip(&peers) {
        client.send(&format!("\\fork {}", peer.name()));
    }
    for client in &clients {
        client.wait(json!({"event": "opened"}));
    }
    let known = fs::read_to_string(home.data_dir().join("known_keys.toml")).unwrap();
    for number in 0..6 {
        assert!(known.contains(&format!("peer{number}")), "peer{number} is forgotten:\n{known}");
    }
}

#[test]
fn a_second_server_on_a_data_directory_says_who_has_it() {
    let server = Server::start(&[]);
    let address = format!("127.0.0.1:{}", free_port());
    let output = Launch::server_program()
        .args(["--listen", &address, "--data-dir", &server.data_dir()])
        .run("")
        .failed();
    let said = output.everything();
    let named = said.contains(&server.pid().to_string()) || said.contains(server.address());
    assert!(
        named,
        "the error names neither the process nor the address of the first server\n{}",
        output.story()
    );
    // The first server goes on undisturbed.
    server.join("anna").say("hello");
}

#[test]
fn a_data_directory_is_free_again_when_its_server_was_killed() {
    let mut server = Server::start(&[]);
    server.kill();
    server.restart();
    server.join("anna").say("hello");
}

#[test]
fn a_client_killed_at_any_moment_of_its_first_start_leaves_no_half_file() {
    let server = Server::start(&[]);
    for round in 0..12 {
        let home = Home::new();
        let mut process = server.client("anna").home(&home).arg("--json").spawn();
        // The sleep does not wait for anything: it makes the kill come at another moment in each round.
        thread::sleep(Duration::from_millis(round * 4)); // another moment each round
        process.kill_hard();
        let output = server.client("anna").home(&home).run_json("hello\n").ended_with(0);
        output.the(json!({"event": "sent", "text": "hello"}));
        assert_eq!(mode_of(&home.key_file("anna")), 0o600, "round {round}");
    }
}

#[test]
fn a_server_killed_at_any_moment_of_its_first_start_starts_again() {
    for round in 0..10 {
        let home = Home::new();
        let data = home.path().join("lobby").display().to_string();
        let address = format!("127.0.0.1:{}", free_port());
        let launch = Launch::server_program().home(&home).args(["--listen", &address, "--data-dir", &data]);
        let mut process = launch.clone().spawn();
        // The sleep makes the kill come at another moment in each round.
        thread::sleep(Duration::from_millis(round * 4)); // another moment each round
        process.kill_hard();
        let again = launch.spawn();
        assert!(first_line(&again).contains(&address), "round {round}");
    }
}

#[test]
fn the_server_s_key_is_its_own_and_lasts() {
    let mut server = Server::start(&[]);
    let first = server.fingerprint().to_owned();
    server.kill();
    server.restart();
    assert_eq!(server.fingerprint(), first);
    assert_ne!(Server::start(&[]).fingerprint(), first);
}

#[test]
fn a_data_directory_that_cannot_be_made_is_reported() {
    let server = Server::start(&[]);
    let home = Home::new();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    let inside = file.join("data").display().to_string();
    server.client("anna").home(&home).args(["--data-dir", &inside]).run("").failed().complains("file");
    Launch::server_program()
        .args(["--listen", "127.0.0.1:0", "--data-dir", &inside])
        .run("")
        .failed()
        .complains("file");
}
