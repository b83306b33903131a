//! The beginning of a run: what the [`State`] is given when this client has joined the lobby, and the state that is
//! made of it. This file does not know where these things come from, nor what the run makes of them.

use std::collections::{BTreeMap, HashMap};

use hobnob_protocol::room::RoomName;

use super::{ExitVerdict, Me, State};
use crate::client::acts::Acts;
use crate::client::away::AwayTold;
use crate::client::heads::Heads;
use crate::client::keeping::Keeping;
use crate::client::knocks::Knocks;
use crate::client::known_names::KnownNames;
use crate::client::ledger::Ledger;
use crate::client::look_alikes::LookAlikes;
use crate::client::name_holders::NameHolders;
use crate::client::private_links::PrivateLinks;
use crate::client::questions::Questions;
use crate::client::read_marks::Notes;
use crate::client::recent::Recent;
use crate::client::repeats::Repeats;
use crate::client::rooms::Rooms;
use crate::client::strangers::Strangers;
use crate::client::summaries::Summaries;
use crate::client::topics::Topics;
use crate::client::user::User;
use crate::client::verifications::Verifications;
use crate::data::trust::LobbyTrust;
use crate::lobby::handle::LobbyHandle;
use crate::peer::PeerNetwork;
use crate::plugins::Plugins;
use crate::screen::Screen;
use crate::session::{LinkState, SessionId, Sessions};

/// What a run of the client is given at its beginning, when it has joined the lobby.
#[derive(Debug)]
pub struct Given {
    /// Who this user is.
    pub me: Me,
    /// The network that carries private sessions; without a network no session opens.
    pub network: Option<PeerNetwork>,
    /// The handle by which the app talks to the lobby's link.
    pub lobby: LobbyHandle,
    /// The number of the lobby's newest message.
    pub head: u64,
    /// The numbers after which this user wants to begin in rooms.
    pub since_in_rooms: HashMap<RoomName, u64>,
    /// Where messages are kept.
    pub keeping: Keeping,
    /// The pinned keys of this lobby's users.
    pub trust: LobbyTrust,
    /// How many sessions of users whom this user has not answered may be open at once.
    pub strangers: usize,
    /// What this user has set.
    pub user: User,
    /// The user's own programs that are commands.
    pub plugins: Plugins,
    /// Where notices are shown.
    pub screen: Screen,
}

impl State {
    /// Makes the state at the beginning of a run: in the lobby, with no private session, and nothing asked or said yet.
    #[must_use]
    pub fn new(given: Given) -> Self {
        let Given {
            me,
            network,
            lobby,
            head,
            since_in_rooms,
            keeping,
            trust,
            strangers,
            user,
            plugins,
            screen,
        } = given;
        let mut heads = Heads::default();
        heads.reach(SessionId::LOBBY, head);
        let mut sessions = Sessions::new();
        sessions.set_lobby_state(LinkState::Up);
        let mut look_alikes = LookAlikes::default();
        look_alikes.acquaint(&me.name);
        // If the pinned names cannot be read, they are not compared; the pins themselves are checked when they are
        // needed.
        for name in trust.names().unwrap_or_default().iter().filter_map(|name| name.parse().ok()) {
            look_alikes.acquaint(&name);
        }
        Self {
            me,
            sessions,
            private_links: network.map(PrivateLinks::new).unwrap_or_default(),
            lobby,
            lobby_ended: None,
            ledger: Ledger::default(),
            questions: Questions::default(),
            recent: Recent::default(),
            trust,
            strangers: Strangers::new(strangers),
            knocks: Knocks::default(),
            name_holders: NameHolders::default(),
            verifications: Verifications::default(),
            verdict: ExitVerdict::Done,
            watch: None,
            acts: Acts::default(),
            heads,
            rooms: Rooms::beginning(since_in_rooms),
            topics: Topics::default(),
            is_operator: false,
            failure: None,
            user,
            plugins,
            screen,
            known_names: KnownNames::default(),
            look_alikes,
            away_told: AwayTold::default(),
            repeats: Repeats::default(),
            keeping,
            missed: BTreeMap::new(),
            notes: Notes::default(),
            unread: BTreeMap::new(),
            summaries: Summaries::default(),
            backlogs: BTreeMap::new(),
            first_unread: BTreeMap::new(),
        }
    }
}
