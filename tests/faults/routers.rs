//! Two homes behind routers of their own, and a server that both can reach. They are network namespaces with address
//! translation by nftables. Both homes use the same private addresses, as real homes do, so neither client can be
//! reached from outside until its router forwards a port.

use std::process::Command;
use std::time::Instant;

use crate::support::LONG_DEADLINE;
use crate::support::launch::Launch;
use crate::support::namespace::Namespace;
use crate::switch::{must, run};

/// What a router does with a connection from outside for which nobody behind it asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Router {
    /// The router refuses the connection.
    Refuses,
    /// The router drops the connection silently.
    Drops,
    /// The router drops the connection silently, and every connection from inside leaves by a random port.
    DropsAndShuffles,
}

/// The two homes, their routers, and the place of the server; all are removed when this is dropped.
pub(crate) struct Homes {
    server: Namespace,
    routers: [Namespace; 2],
    clients: [Namespace; 2],
    /// The network that joins the others.
    _street: Namespace,
}

impl Homes {
    /// The address at which a server listens, without the port.
    pub(crate) const SERVER: &'static str = "198.51.100.1";

    /// Makes two homes with routers of this kind. Returns `None`, and prints the reason, if this machine does not allow
    /// it.
    #[must_use]
    pub(crate) fn new(router: Router) -> Option<Self> {
        let street = Namespace::new()?;
        let nft = Command::new("nft").arg("--version").output();
        if !nft.is_ok_and(|output| output.status.success()) {
            eprintln!("skipped, there is no nft to translate addresses with");
            return None;
        }
        if let Err(err) = run(&street, "ip link add br0 type bridge mcast_snooping 0 && ip link set br0 up") {
            eprintln!("skipped, no bridge between namespaces: {err}");
            return None;
        }
        let server = Namespace::new()?;
        plug_in(&street, &server, "wan", &format!("{}/24", Self::SERVER));
        let (annas_router, anna) = make_home(&street, 0, router)?;
        let (bobbys_router, bobby) = make_home(&street, 1, router)?;
        Some(Self { server, routers: [annas_router, bobbys_router], clients: [anna, bobby], _street: street })
    }

    /// Makes a launch run at the place of the server.
    pub(crate) fn at_server(&self, launch: Launch) -> Launch {
        launch.inside(&self.server)
    }

    /// Makes a launch run in one of the homes.
    pub(crate) fn at_home(&self, home: usize, launch: Launch) -> Launch {
        launch.inside(&self.clients[home])
    }

    /// Waits until a client in this home dials another one, which it does when it has been introduced to it. The system
    /// tells nobody when a connection is begun, so this looks again and again.
    #[track_caller]
    pub(crate) fn wait_until_dialling(&self, home: usize) {
        let deadline = Instant::now() + LONG_DEADLINE;
        while run(&self.clients[home], "ss -Htn state syn-sent | grep -q .").is_err() {
            assert!(Instant::now() < deadline, "nobody is dialled from home {home}");
        }
    }

    /// Makes the router of a home forward a port from now on.
    pub(crate) fn forward(&self, home: usize, port: u16) {
        let to = format!("192.168.1.{}:{port}", home + 2);
        must(
            &self.routers[home],
            &format!("nft add rule ip nat before iifname wan tcp dport {port} dnat to {to}"),
        );
    }
}

/// Makes a router and the network of a client behind it.
fn make_home(street: &Namespace, home: usize, kind: Router) -> Option<(Namespace, Namespace)> {
    let (router, client) = (Namespace::new()?, Namespace::new()?);
    plug_in(street, &router, "wan", &format!("198.51.100.{}/24", home + 10));
    let pid = pid(&client);
    must(
        &router,
        &format!(
            "ip link add lan type veth peer name eth0 netns {pid} && ip addr add 192.168.1.1/24 dev lan && \
         ip link set lan up && echo 1 > /proc/sys/net/ipv4/ip_forward"
        ),
    );
    must(
        &client,
        &format!(
            "ip addr add 192.168.1.{}/24 dev eth0 && ip link set eth0 up && ip route add default via 192.168.1.1",
            home + 2
        ),
    );
    let masquerade = match kind {
        Router::Refuses | Router::Drops => "masquerade",
        Router::DropsAndShuffles => "masquerade fully-random",
    };
    must(
        &router,
        &format!(
            "nft add table ip nat && \
         nft 'add chain ip nat before {{ type nat hook prerouting priority -100; }}' && \
         nft 'add chain ip nat after {{ type nat hook postrouting priority 100; }}' && \
         nft add rule ip nat after oifname wan {masquerade}"
        ),
    );
    if kind != Router::Refuses {
        must(
            &router,
            "nft 'add chain ip nat mine { type filter hook input priority 0; }' && \
             nft add rule ip nat mine iifname wan ct state new drop",
        );
    }
    Some((router, client))
}

fn plug_in(street: &Namespace, inside: &Namespace, name: &str, address: &str) {
    let pid = pid(inside);
    must(
        street,
        &format!(
            "ip link add p{pid} type veth peer name {name} netns {pid} && ip link set p{pid} master br0 up"
        ),
    );
    must(inside, &format!("ip addr add {address} dev {name} && ip link set {name} up"));
}

/// Returns the id of the process that keeps a namespace alive.
fn pid(of: &Namespace) -> String {
    of.prefix()[2].clone()
}
