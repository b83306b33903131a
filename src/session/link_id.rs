//! The number of a peer link. A link exists from an introduction on; the session it carries gets its
//! own number when it opens, so that an introduction that comes to nothing uses up none.

/// A peer link of this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u32);

impl std::fmt::Display for LinkId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "link {}", self.0)
    }
}
