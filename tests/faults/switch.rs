//! A small network to break: namespaces on one switch, whose ports can be unplugged. The ends notice nothing but
//! silence.

use std::process::Command;

use crate::support::launch::Launch;
use crate::support::namespace::Namespace;

/// Which packets of a port vanish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Those that are sent from the port, and those that are sent to it.
    Both,
    /// Those that are sent from the port; those that are sent to it arrive.
    From,
    /// Those that are sent to the port; those that are sent from it arrive.
    To,
}

/// The switch and the namespaces that are plugged into it; all are removed when this is dropped.
pub(crate) struct Switch {
    hub: Namespace,
    ports: Vec<Namespace>,
}

impl Cut {
    /// Returns whether this machine can do that; prints the reason if it cannot.
    #[must_use]
    pub(crate) fn is_possible(self) -> bool {
        let has_nft = || {
            let nft = Command::new("nft").arg("--version").output();
            nft.is_ok_and(|output| output.status.success())
        };
        let possible = self == Self::Both || has_nft();
        if !possible {
            eprintln!("skipped, there is no nft to drop packets with");
        }
        possible
    }
}

impl Switch {
    /// Makes a switch with this many ports. Returns `None`, and prints the reason, if this machine does not allow it.
    #[must_use]
    pub(crate) fn new(ports: usize) -> Option<Self> {
        let mut switch = Self { hub: Namespace::new()?, ports: Vec::new() };
        let bridge = "ip link add br0 type bridge mcast_snooping 0 && ip link set br0 up";
        if let Err(err) = run(&switch.hub, bridge) {
            eprintln!("skipped, no bridge between namespaces: {err}");
            return None;
        }
        for port in 0..ports {
            let inside = Namespace::new()?;
            let pid = inside.prefix()[2].clone();
            must(
                &switch.hub,
                &format!(
                    "ip link add p{port} type veth peer name eth0 netns {pid} && \
                     ip link set p{port} master br0 up"
                ),
            );
            must(&inside, &format!("ip addr add {}/24 dev eth0 && ip link set eth0 up", address(port)));
            switch.ports.push(inside);
        }
        Some(switch)
    }

    /// Makes a launch run behind a port.
    pub(crate) fn at(&self, port: usize, launch: Launch) -> Launch {
        launch.inside(&self.ports[port])
    }

    /// Returns the words that stand in front of a command that is to run behind a port.
    pub(crate) fn inside(&self, port: usize) -> Vec<String> {
        self.ports[port].prefix()
    }

    /// Unplugs a port: everything that is sent from it or to it vanishes.
    pub(crate) fn unplug(&self, port: usize) {
        must(&self.hub, &format!("ip link set p{port} nomaster"));
    }

    /// Plugs a port in again.
    pub(crate) fn plug(&self, port: usize) {
        must(&self.hub, &format!("ip link set p{port} master br0"));
    }

    /// Makes packets of a port vanish.
    pub(crate) fn cut(&self, port: usize, cut: Cut) {
        match cut {
            Cut::Both => self.unplug(port),
            Cut::From => drop_what_comes_in(&self.hub, &format!("p{port}")),
            Cut::To => drop_what_comes_in(&self.ports[port], "eth0"),
        }
    }

    /// Lets these packets pass again.
    pub(crate) fn mend(&self, port: usize, cut: Cut) {
        match cut {
            Cut::Both => self.plug(port),
            Cut::From => must(&self.hub, "nft delete table netdev cut"),
            Cut::To => must(&self.ports[port], "nft delete table netdev cut"),
        }
    }

    /// Separates two ports, or joins them again. Ports that are apart can still reach all others.
    pub(crate) fn set_apart(&self, ports: [usize; 2], apart: bool) {
        let state = if apart { "on" } else { "off" };
        for port in ports {
            must(&self.hub, &format!("ip link set p{port} type bridge_slave isolated {state}"));
        }
    }
}

/// Drops packets where they come in, so that their sender notices nothing.
fn drop_what_comes_in(inside: &Namespace, device: &str) {
    must(
        inside,
        &format!(
            "nft add table netdev cut && \
             nft 'add chain netdev cut port {{ type filter hook ingress device {device} priority 0; policy drop; }}'"
        ),
    );
}

/// Returns the address behind a port.
#[must_use]
pub(crate) fn address(port: usize) -> String {
    format!("10.77.0.{}", port + 1)
}

/// Runs a shell script in a namespace.
///
/// # Errors
/// Returns the output of the script if it fails.
pub(crate) fn run(inside: &Namespace, script: &str) -> Result<(), String> {
    let prefix = inside.prefix();
    let mut command = Command::new(&prefix[0]);
    let output = command.args(&prefix[1..]).args(["sh", "-c", script]).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(err) => Err(err.to_string()),
    }
}

/// Runs a script that has to succeed.
#[track_caller]
pub(crate) fn must(inside: &Namespace, script: &str) {
    if let Err(err) = run(inside, script) {
        panic!("{script}: {err}");
    }
}
