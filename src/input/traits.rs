//! What is special about a command: a field of its row in the table of commands, read by whoever has
//! to treat it in a way of its own. Knows neither which commands there are nor what they do.

use hobnob_protocol::name::UserName;

/// Where a command leads, so that what is typed after it is meant for somebody there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leads {
    /// Nowhere: what follows is meant for whoever it was meant for before.
    Nowhere,
    /// To the user whom its argument names.
    ToUser,
    /// To the room that its argument names.
    ToRoom,
    /// To the session whose number its argument is, or with whose user it is.
    ToSession,
}

/// What is special about a command.
#[derive(Debug, Clone, Copy)]
pub struct Traits {
    /// Where it leads.
    pub leads: Leads,
    /// Whether it ends the run: it does not wait until the texts before it are answered for, since the
    /// end has a way of its own of waiting, one with a bound.
    pub ends_run: bool,
    /// Whether it says nothing of its user having read what is on the screen: one who opens the client and leaves
    /// again has not, and one who reads on with a command has read as far as that goes.
    pub moves_no_mark: bool,
    /// Whether it does nothing at a terminal, where nobody reads on by himself.
    pub for_scripts: bool,
    /// Whether no program of the user's own may call it: it gives such programs rights, or would hold
    /// up the script that called the program.
    pub not_for_programs: bool,
    /// The text it stands for, made of this user's name and the argument. Such a text goes where the
    /// prompt said, like any other.
    pub says: Option<fn(&UserName, &str) -> String>,
}

impl Traits {
    /// Nothing.
    pub const NONE: Self = Self {
        leads: Leads::Nowhere,
        ends_run: false,
        moves_no_mark: false,
        for_scripts: false,
        not_for_programs: false,
        says: None,
    };
}
