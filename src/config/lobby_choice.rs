//! Which lobby a run enters: one that is joined at the addresses of its servers, or one that is hosted here. This file
//! owns how these addresses are written, and which source of settings decides. It connects to nothing.

use std::net::SocketAddr;

use hobnob_protocol::candidate::Candidate;
use hobnob_protocol::{DEFAULT_PORT, MAX_SERVERS};

use super::ConfigError;
use super::origin::{Origins, Source};

/// Which lobby the client enters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LobbyChoice {
    /// Join the lobby whose servers have these addresses (`HOST:PORT`). There is at least one.
    Join(Vec<String>),
    /// Host a lobby in this process, at this address.
    Host(SocketAddr),
    /// Join the lobby on this machine, or host one if there is none.
    Local,
}

/// Decides which lobby the client enters. The first source that names a server or a host decides alone; later sources
/// are ignored.
pub(super) fn lobby_choice(
    choices: [(Source, Option<String>, Option<SocketAddr>); 3],
    from: &mut Origins,
) -> Result<LobbyChoice, ConfigError> {
    for (source, server, host) in choices {
        match (server, host) {
            (Some(_), Some(_)) => {
                let reason = "server and host exclude each other".to_owned();
                return Err(ConfigError::Value { what: "config file", reason });
            }
            (Some(server), None) => {
                let servers = server_addresses(&server)?;
                from.note("server", Some(&servers.join(",")), source, "");
                return Ok(LobbyChoice::Join(servers));
            }
            (None, Some(host)) => {
                from.note("host", Some(&host.to_string()), source, "");
                return Ok(LobbyChoice::Host(host));
            }
            (None, None) => {}
        }
    }
    let unset = "the lobby on this machine, hosted here where there is none";
    from.note("server", None::<&str>, Source::Default, unset);
    Ok(LobbyChoice::Local)
}

/// Reads the addresses of the servers of one lobby, which the user writes with commas between them.
fn server_addresses(text: &str) -> Result<Vec<String>, ConfigError> {
    let mut servers = Vec::new();
    for address in text.split(',') {
        let address = server_address(address)?;
        if !servers.contains(&address) {
            servers.push(address);
        }
    }
    match servers.len() {
        ..=MAX_SERVERS => Ok(servers),
        many => Err(ConfigError::Value {
            what: "server",
            reason: format!("{many} addresses are too many, {MAX_SERVERS} may be named"),
        }),
    }
}

/// Returns `HOST:PORT` in the only form under which keys are pinned: in lower case, and with the default port if no
/// port was given.
fn server_address(text: &str) -> Result<String, ConfigError> {
    let with_port = |text: &str| text.parse::<Candidate>().ok();
    let lower = text.trim().to_lowercase();
    let address = with_port(&lower)
        .or_else(|| with_port(&format!("{lower}:{DEFAULT_PORT}")))
        .or_else(|| with_port(&format!("[{lower}]:{DEFAULT_PORT}")));
    match address {
        Some(address) => Ok(address.to_string()),
        None => {
            let reason = format!("{text:?} is no HOST:PORT, such as chat.example.org:{DEFAULT_PORT}");
            Err(ConfigError::Value { what: "server", reason })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_address_is_brought_into_one_form() {
        for (given, written) in [
            ("Chat.Example.ORG:5", "chat.example.org:5"),
            ("localhost", "localhost:43210"),
            ("::1", "[::1]:43210"),
            ("[2001:DB8::1]:9", "[2001:db8::1]:9"),
        ] {
            assert_eq!(server_address(given).unwrap(), written);
        }
        for bad in ["", "a b", "host:0", "host:port"] {
            assert!(server_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn several_servers_of_one_lobby_are_named_with_commas() {
        let servers = |text: &str| server_addresses(text).map(|servers| servers.join(" ")).ok();
        assert_eq!(servers("a:1, B,a:1").as_deref(), Some("a:1 b:43210"));
        assert_eq!(servers("a:1,"), None);
        let many: Vec<String> = (0..=MAX_SERVERS).map(|n| format!("s{n}:1")).collect();
        assert_eq!(servers(&many.join(",")), None);
    }
}
