//! Tests of the pinned keys: pins by lobby and name, files of earlier builds, and several clients that share the file.

use hobnob_protocol::name::UserName;

use super::*;

fn key(byte: u8) -> PublicKey {
    PublicKey::new([byte; 32])
}

fn name(text: &str) -> UserName {
    text.parse().unwrap()
}

fn lobby(folder: &tempfile::TempDir, server: u8) -> LobbyTrust {
    Trust::open(folder.path()).unwrap().of_lobby(&key(server))
}

fn is_trusted(trust: &LobbyTrust, who: &str, byte: u8) -> bool {
    matches!(trust.user(&name(who), &key(byte)).unwrap(), KeyVerdict::Trusted(_))
}

fn pinned_instead(trust: &LobbyTrust, who: &str, byte: u8) -> Option<Pin> {
    match trust.user(&name(who), &key(byte)).unwrap() {
        KeyVerdict::Changed(pin) => Some(pin),
        _ => None,
    }
}

#[test]
fn a_key_is_pinned_once_and_another_key_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let trust = lobby(&folder, 9);
    assert_eq!(trust.user(&name("Bobby"), &key(1)).unwrap(), KeyVerdict::New);
    trust.pin_user(&name("Bobby"), &key(1)).unwrap();
    let changed = trust.pin_user(&name("bobby"), &key(2));
    assert!(matches!(changed, Err(TrustError::Changed { pinned }) if pinned == key(1)));
    let again = lobby(&folder, 9);
    assert!(is_trusted(&again, "bobby", 1));
    assert_eq!(pinned_instead(&again, "bobby", 2).unwrap().key, key(1));
    let all = Trust::open(folder.path()).unwrap();
    assert!(all.knows_user_key(&key(1)) && !all.knows_user_key(&key(2)));
}

#[test]
fn a_pin_in_one_lobby_does_not_hold_in_another() {
    let folder = tempfile::tempdir().unwrap();
    lobby(&folder, 8).pin_user(&name("boss"), &key(1)).unwrap();
    let elsewhere = lobby(&folder, 9);
    assert!(lobby(&folder, 8).knows(&key(1)).unwrap() && !elsewhere.knows(&key(1)).unwrap());
    assert_eq!(elsewhere.user(&name("boss"), &key(2)).unwrap(), KeyVerdict::New);
    elsewhere.pin_user(&name("boss"), &key(2)).unwrap();
    assert!(is_trusted(&lobby(&folder, 8), "boss", 1) && is_trusted(&elsewhere, "boss", 2));
    assert_eq!(elsewhere.names().unwrap(), ["boss"]);
}

#[test]
fn the_addresses_at_which_a_lobby_is_pinned_are_told_apart_from_others() {
    let folder = tempfile::tempdir().unwrap();
    let trust = Trust::open(folder.path()).unwrap();
    for (address, server) in [("one:7", 9), ("two:7", 8), ("elsewhere:7", 9)] {
        trust.pin_server(address, &key(server)).unwrap();
    }
    let named = ["one:7", "two:7", "three:7"].map(str::to_owned);
    assert_eq!(lobby(&folder, 9).pinned_at(&named).unwrap(), ["one:7"]);
}

#[test]
fn after_a_key_is_forgotten_another_can_be_pinned_in_that_lobby_only() {
    let folder = tempfile::tempdir().unwrap();
    for server in [8, 9] {
        lobby(&folder, server).pin_user(&name("bobby"), &key(1)).unwrap();
    }
    assert_eq!(lobby(&folder, 8).forget(&name("BOBBY")).unwrap().unwrap().key, key(1));
    assert_eq!(lobby(&folder, 8).forget(&name("bobby")).unwrap(), None);
    lobby(&folder, 8).pin_user(&name("bobby"), &key(2)).unwrap();
    assert!(is_trusted(&lobby(&folder, 9), "bobby", 1));
}

#[test]
fn servers_are_pinned_by_address() {
    let folder = tempfile::tempdir().unwrap();
    let trust = Trust::open(folder.path()).unwrap();
    trust.pin_server("127.0.0.1:43210", &key(1)).unwrap();
    assert!(matches!(trust.server("127.0.0.1:43210", &key(1)).unwrap(), KeyVerdict::Trusted(_)));
    assert_eq!(trust.server("127.0.0.1:43211", &key(1)).unwrap(), KeyVerdict::New);
    assert_eq!(trust.server_key("127.0.0.1:43210").unwrap(), Some(key(1)));
}

#[test]
fn the_result_of_a_verification_is_stored_and_removed_with_the_pin() {
    let folder = tempfile::tempdir().unwrap();
    let trust = lobby(&folder, 9);
    let verified = |who: &str, byte| lobby(&folder, 9).has_verified(&name(who), &key(byte)).unwrap();
    trust.verify_user(&name("Bobby"), &key(1)).unwrap();
    assert!(verified("bobby", 1) && is_trusted(&trust, "bobby", 1), "a verified key is pinned");
    assert!(!verified("bobby", 2) && !verified("bobby_2", 1), "another key, and another name of that key");
    assert!(trust.verify_user(&name("bobby"), &key(2)).is_err());
    assert!(
        !lobby(&folder, 8).has_verified(&name("bobby"), &key(1)).unwrap(),
        "the key is verified only in this lobby"
    );
    trust.refuse_user(&name("bobby"), &key(1)).unwrap();
    assert!(!verified("bobby", 1) && lobby(&folder, 9).refuses(&key(1)).unwrap());
    assert!(!trust.knows(&key(1)).unwrap(), "a refused key does not count as known");
    assert!(!Trust::open(folder.path()).unwrap().knows_user_key(&key(1)));
    assert!(!lobby(&folder, 8).refuses(&key(1)).unwrap());
    assert!(trust.forget(&name("bobby")).unwrap().unwrap().refused);
    assert!(!trust.refuses(&key(1)).unwrap());
    trust.pin_user(&name("bobby"), &key(1)).unwrap();
    assert!(!verified("bobby", 1), "a key that is pinned again has to be compared again");
}

/// Writes a file as earlier builds wrote it.
fn earlier(folder: &tempfile::TempDir, servers: &[u8]) {
    let pin = |table: &str, byte: u8| {
        let (key, fingerprint) = (key(byte), key(byte).fingerprint());
        format!(
            "[{table}]\nkey = \"{key}\"\nfingerprint = \"{fingerprint}\"\nfirst_seen = \"2026-01-01T00:00:00Z\"\n"
        )
    };
    let servers = servers.iter().map(|byte| pin(&format!("servers.\"127.0.0.1:{byte}\""), *byte));
    let text: String = servers.chain([pin("users.bobby", 1)]).collect();
    std::fs::write(folder.path().join("known_keys.toml"), text).unwrap();
}

#[test]
fn pins_of_earlier_builds_hold_in_every_lobby_of_their_file() {
    let folder = tempfile::tempdir().unwrap();
    earlier(&folder, &[8, 9]);
    for server in [8, 9] {
        assert!(is_trusted(&lobby(&folder, server), "bobby", 1));
        let pin = pinned_instead(&lobby(&folder, server), "bobby", 2).unwrap();
        assert!(pin.earlier && pin.first_seen == "2026-01-01T00:00:00Z");
    }
    let trust = Trust::open(folder.path()).unwrap();
    trust.pin_server("127.0.0.1:10", &key(10)).unwrap();
    assert_eq!(lobby(&folder, 10).user(&name("bobby"), &key(2)).unwrap(), KeyVerdict::New);
    lobby(&folder, 8).forget(&name("bobby")).unwrap();
    lobby(&folder, 8).pin_user(&name("bobby"), &key(2)).unwrap();
    assert!(is_trusted(&lobby(&folder, 8), "bobby", 2) && is_trusted(&lobby(&folder, 9), "bobby", 1));
}

#[test]
fn no_pin_is_lost_if_many_clients_pin_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for number in 0..16_u8 {
            let trust = lobby(&folder, number % 2);
            scope.spawn(move || trust.pin_user(&name(&format!("user{number}")), &key(number)).unwrap());
        }
    });
    assert_eq!(lobby(&folder, 0).names().unwrap().len(), 8);
    assert_eq!(lobby(&folder, 1).names().unwrap().len(), 8);
}

#[test]
fn a_key_is_not_pinned_while_another_client_holds_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let trust = lobby(&folder, 9);
    let _held = word_table::lock(&folder.path().join("known_keys.lock")).unwrap();
    assert!(matches!(trust.pin_user(&name("bobby"), &key(1)), Err(TrustError::Locked { .. })));
    assert_eq!(trust.user(&name("bobby"), &key(1)).unwrap(), KeyVerdict::New);
}

#[test]
fn a_file_that_is_not_a_list_of_keys_is_refused_and_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("known_keys.toml");
    for content in ["users = 7", "", " \n\n"] {
        std::fs::write(&path, content).unwrap();
        assert!(matches!(Trust::open(folder.path()), Err(TrustError::Format { .. })), "{content:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
    }
}

#[test]
fn a_list_without_any_pin_is_not_written_as_an_empty_file() {
    let folder = tempfile::tempdir().unwrap();
    let trust = lobby(&folder, 9);
    assert!(!trust.path().exists(), "a first start makes no file");
    trust.pin_user(&name("bobby"), &key(1)).unwrap();
    trust.forget(&name("bobby")).unwrap();
    assert_eq!(lobby(&folder, 9).names().unwrap().len(), 0);
}

#[test]
fn a_symbolic_link_to_a_missing_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/nowhere/keys", folder.path().join("known_keys.toml")).unwrap();
    assert!(matches!(Trust::open(folder.path()), Err(TrustError::Io { .. })));
}
