//! The command lines of both programs: what they accept, what they refuse, and which source of a setting wins.

use serde_json::json;

use crate::support::home::Home;
use crate::support::launch::Launch;
use crate::support::server::Server;

#[track_caller]
fn helps_with(launch: Launch, options: &[&str]) {
    let output = launch.arg("--help").run("").ended_with(0);
    let help = output.stdout.join("\n");
    let words: Vec<&str> = help.split(|c: char| !c.is_alphanumeric() && !"-_".contains(c)).collect();
    for option in options {
        assert!(words.contains(option), "--help does not name {option}:\n{help}");
    }
}

#[test]
fn the_clients_help_names_every_option() {
    let options = [
        "--server",
        "--host",
        "--name",
        "--json",
        "--listen",
        "--advertise",
        "--path",
        "--since",
        "--record",
        "--no-history",
        "--data-dir",
        "--config",
        "--color",
        "--log",
        "--log-file",
        "--help",
        "--version",
        "HOBNOB_SERVER",
        "HOBNOB_NAME",
        "HOBNOB_PATH",
        "HOBNOB_DATA_DIR",
        "HOBNOB_CONFIG",
        "HOBNOB_LOG",
        "NO_COLOR",
    ];
    helps_with(Launch::hobnob(), &options);
}

#[test]
fn the_servers_help_names_every_option() {
    let options = [
        "--listen",
        "--data-dir",
        "--max-clients",
        "--max-clients-per-ip",
        "--rate",
        "--relay",
        "--history",
        "--history-size",
        "--rooms",
        "--name-ttl",
        "--operators",
        "--motd",
        "--metrics",
        "--advertise",
        "--nats",
        "--lobby",
        "--nats-creds",
        "--nats-ca",
        "--nats-monitor",
        "--replicas",
        "--log",
        "--log-format",
        "--config",
        "--help",
        "--version",
    ];
    helps_with(Launch::server_program(), &options);
}

#[test]
fn both_programs_tell_their_version() {
    for launch in [Launch::hobnob(), Launch::server_program()] {
        let output = launch.arg("--version").run("").ended_with(0);
        assert!(output.everything().contains(env!("CARGO_PKG_VERSION")), "{}", output.story());
    }
}

#[test]
fn wrong_usage_of_the_client_ends_with_2_and_says_why() {
    let wrong: [&[&str]; 8] = [
        &["--nonsense"],
        &["surplus"],
        &["--color", "purple"],
        &["--server"],
        &["--server", "127.0.0.1:port"],
        &["--listen", "not an address"],
        &["--advertise", "nowhere"],
        &["--host", "127.0.0.1:port"],
    ];
    for args in wrong {
        let output = Launch::hobnob().args(["--name", "anna"]).args(args.iter().copied()).run("");
        let output = output.ended_with(2);
        assert!(!output.stderr.is_empty(), "{args:?}: the program says nothing");
        assert!(output.stdout.is_empty(), "{args:?}: {}", output.story());
    }
}

#[test]
fn wrong_usage_of_the_server_ends_with_2_and_says_why() {
    let wrong: [&[&str]; 6] = [
        &["--nonsense"],
        &["surplus"],
        &["--listen", "nowhere"],
        &["--max-clients", "many"],
        &["--rate", "-1"],
        &["--log-format", "xml"],
    ];
    for args in wrong {
        let output = Launch::server_program().args(args.iter().copied()).run("").ended_with(2);
        assert!(!output.stderr.is_empty(), "{args:?}: the program says nothing");
    }
}

#[test]
fn server_and_host_together_are_wrong_usage() {
    // The manual says that with --server the client never hosts.
    let args = ["--name", "anna", "--server", "127.0.0.1:1", "--host", "127.0.0.1:2"];
    Launch::hobnob().args(args).run("").ended_with(2);
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file_for_the_name() {
    let server = Server::start(&[]);
    let home = Home::new();
    home.write_config("name = \"filed\"\n");
    let launch = Launch::hobnob().home(&home).server(server.address());
    assert_eq!(launch.clone().join().name(), "filed");
    assert_eq!(launch.clone().env("HOBNOB_NAME", "environed").join().name(), "environed");
    assert_eq!(launch.env("HOBNOB_NAME", "environed").name("flagged").join().name(), "flagged");
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file_for_the_server() {
    let servers = [Server::start(&[]), Server::start(&[]), Server::start(&[])];
    let [filed, environed, flagged] = servers.each_ref().map(Server::address);
    let home = Home::new();
    home.write_config(&format!("server = \"{filed}\"\n"));
    let launch = Launch::hobnob().home(&home).name("anna");
    let joined = |launch: Launch| launch.join().welcome()["server"].as_str().unwrap().to_owned();
    assert_eq!(joined(launch.clone()), filed);
    assert_eq!(joined(launch.clone().env("HOBNOB_SERVER", environed)), environed);
    assert_eq!(joined(launch.env("HOBNOB_SERVER", environed).server(flagged)), flagged);
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file_for_the_data_directory() {
    let server = Server::start(&[]);
    let home = Home::new();
    let [filed, environed, flagged] =
        ["filed", "environed", "flagged"].map(|name| home.path().join(name).display().to_string());
    // The manual names the option and not the key in the file, so either spelling is a fair reading.
    let config = home.path().join("other.toml");
    let launch = server.client("anna").home(&home).args(["--config", config.to_str().unwrap()]);
    let keyed = |directory: &str| home.path().join(directory).join("identities/anna.key").exists();
    std::fs::write(&config, format!("data-dir = \"{filed}\"\n")).unwrap();
    if launch.clone().run("").code == Some(2) {
        std::fs::write(&config, format!("data_dir = \"{filed}\"\n")).unwrap();
        launch.clone().run("").ended_with(0);
    }
    assert!(keyed("filed") && !keyed("environed"));
    launch.clone().env("HOBNOB_DATA_DIR", &environed).run("").ended_with(0);
    assert!(keyed("environed") && !keyed("flagged"));
    launch.env("HOBNOB_DATA_DIR", &environed).args(["--data-dir", &flagged]).run("").ended_with(0);
    assert!(keyed("flagged"));
    assert!(!home.data_dir().exists(), "the default directory was touched, too");
}

#[test]
fn the_config_file_may_be_named_in_the_environment() {
    let server = Server::start(&[]);
    let home = Home::new();
    let config = home.path().join("mine.toml");
    std::fs::write(&config, "name = \"filed\"\n").unwrap();
    let launch = Launch::hobnob().home(&home).server(server.address());
    assert_eq!(launch.env("HOBNOB_CONFIG", config.to_str().unwrap()).join().name(), "filed");
}

#[test]
fn a_named_config_file_that_is_missing_or_not_toml_is_reported() {
    let home = Home::new();
    let broken = home.path().join("broken.toml");
    std::fs::write(&broken, "name = \n").unwrap();
    for file in ["absent.toml", "broken.toml"] {
        let path = home.path().join(file).display().to_string();
        let launch = Launch::hobnob().home(&home).args(["--name", "anna", "--config", &path]);
        launch.run("").ended_with(2).complains(file);
    }
}

#[test]
fn diagnostics_go_to_the_log_file_and_not_into_the_chat() {
    let server = Server::start(&[]);
    let home = Home::new();
    let file = home.path().join("hobnob.log");
    let launch = server.client("anna").home(&home);
    let launch = launch.args(["--log", "debug", "--log-file", file.to_str().unwrap()]);
    // Every line of standard output is checked to be an event.
    let output = launch.run_json("hello\n").ended_with(0);
    output.the(json!({"event": "sent", "text": "hello"}));
    assert!(std::fs::metadata(&file).unwrap().len() > 0, "nothing was logged");
}

#[test]
fn logging_to_standard_error_leaves_standard_output_clean() {
    let server = Server::start(&[]);
    let launch = server.client("anna").env("HOBNOB_LOG", "debug");
    launch.run_json("hello\n").ended_with(0).the(json!({"event": "sent", "text": "hello"}));
}

#[test]
fn a_server_takes_its_settings_from_a_file_and_a_flag_beats_it() {
    let home = Home::new();
    let [filed, flagged] = [(); 2].map(|()| format!("127.0.0.1:{}", crate::support::free_port()));
    let config = home.path().join("server.toml");
    std::fs::write(&config, format!("listen = \"{filed}\"\n")).unwrap();
    let data = home.path().join("lobby").display().to_string();
    let launch = Launch::server_program().home(&home);
    let launch = launch.args(["--data-dir", &data, "--config", config.to_str().unwrap()]);
    for (launch, address) in
        [(launch.clone(), &filed), (launch.args(["--listen", flagged.as_str()]), &flagged)]
    {
        let mut process = launch.spawn();
        let line = crate::support::server::first_line(&process);
        assert_eq!(&crate::support::server::read_first_line(&line).0, address);
        process.kill_hard();
    }
}

#[test]
fn a_machine_with_too_many_addresses_says_how_many_it_does_not_tell() {
    let server = Server::start(&[]);
    let mut anna = server.client("anna");
    for number in 1..=40 {
        anna = anna.arg("--advertise").arg(format!("192.0.2.{number}:4000"));
    }
    let output = anna.run("").ended_with(0);
    let told = |row: &String| row.contains("too many addresses") && row.contains("are left out");
    assert!(output.stdout.iter().any(told), "{:?}", output.stdout);
}
