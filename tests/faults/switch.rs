//! A small network to break: namespaces on one switch, whose ports can be unplugged without either end
//! noticing anything but silence.

use std::process::Command;

use crate::support::launch::Launch;
use crate::support::namespace::Namespace;

/// The switch and what is plugged in; gone when dropped.
pub(crate) struct Switch {
    hub: Namespace,
    ports: Vec<Namespace>,
}

impl Switch {
    /// One with this many ports; none, with the reason printed, where this machine does not allow it.
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

    /// Runs it behind a port.
    pub(crate) fn at(&self, port: usize, launch: Launch) -> Launch {
        launch.inside(&self.ports[port])
    }

    /// What stands before a command that is to run behind a port.
    pub(crate) fn inside(&self, port: usize) -> Vec<String> {
        self.ports[port].prefix()
    }

    /// What it sends and is sent vanishes.
    pub(crate) fn unplug(&self, port: usize) {
        must(&self.hub, &format!("ip link set p{port} nomaster"));
    }

    /// Joined to the others again.
    pub(crate) fn plug(&self, port: usize) {
        must(&self.hub, &format!("ip link set p{port} master br0"));
    }

    /// Ports that are apart reach everyone but each other.
    pub(crate) fn set_apart(&self, ports: [usize; 2], apart: bool) {
        let state = if apart { "on" } else { "off" };
        for port in ports {
            must(&self.hub, &format!("ip link set p{port} type bridge_slave isolated {state}"));
        }
    }
}

/// The address behind a port.
#[must_use]
pub(crate) fn address(port: usize) -> String {
    format!("10.77.0.{}", port + 1)
}

/// Runs a shell's script in a namespace.
///
/// # Errors
/// What the script said when it failed.
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

/// The same for a script that has to succeed.
#[track_caller]
pub(crate) fn must(inside: &Namespace, script: &str) {
    if let Err(err) = run(inside, script) {
        panic!("{script}: {err}");
    }
}
