//! Which server relays for two users who are on two servers. Both servers find it by themselves, and it depends neither
//! on who asked nor on whose fork came first: two forks may cross, and two clients may ask anew at the same moment. This
//! file knows keys and addresses, and relays nothing.

use hobnob_protocol::candidate::Candidate;
use hobnob_protocol::key::PublicKey;

/// A user, and where his server relays.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AtServer<'a> {
    pub(crate) key: PublicKey,
    /// The address at which the server of this user relays; `None` if it relays nothing or advertises no address.
    pub(crate) relay: Option<&'a Candidate>,
}

/// Returns the relay that the user `own` is told when he is introduced to `other`; `None` means his own server. The two
/// meet at the server of the user with the smaller key, or at the other server if that one has no address.
pub(crate) fn relay_for(own: AtServer<'_>, other: AtServer<'_>) -> Option<Candidate> {
    let meet_here = own.key < other.key && own.relay.is_some();
    other.relay.filter(|_| !meet_here).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns where each of the two users goes, if the servers of both have these addresses.
    fn places(relays: [Option<&str>; 2]) -> [Option<String>; 2] {
        let addresses = relays.map(|relay| relay.map(|at| at.parse::<Candidate>().unwrap()));
        let [small, large] = [0, 1]
            .map(|user| AtServer { key: PublicKey::new([user as u8; 32]), relay: addresses[user].as_ref() });
        let goes = |own: AtServer<'_>, other| relay_for(own, other).or(own.relay.cloned());
        [goes(small, large), goes(large, small)].map(|place| place.map(|at| at.as_str().to_owned()))
    }

    #[test]
    fn both_users_go_to_the_server_of_the_smaller_key_if_it_has_an_address_and_else_to_the_other() {
        let (one, other) = ("one.example:43210", "other.example:43210");
        let both_at = |place: &str| [Some(place.to_owned()), Some(place.to_owned())];
        assert_eq!(places([Some(one), Some(other)]), both_at(one));
        assert_eq!(places([Some(one), None]), both_at(one));
        assert_eq!(places([None, Some(other)]), both_at(other));
        assert_eq!(places([None, None]), [None, None]);
    }
}
