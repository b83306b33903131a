//! What is special about a command. Each row in the table of commands has these traits, and the code that treats some
//! commands in a special way reads them. This file knows neither which commands there are nor what they do.

use hobnob_protocol::name::UserName;

/// Where a command leads the user, so that the lines after it are meant for somebody there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leads {
    /// The command leads nowhere. The lines after it are meant for the same people as before.
    Nowhere,
    /// The command leads to the user whom its argument names.
    ToUser,
    /// The command leads to the room that its argument names.
    ToRoom,
    /// The command leads to a session. Its argument is the number of the session, or the name of the session's user.
    ToSession,
}

/// The traits of a command.
#[derive(Debug, Clone, Copy)]
pub struct Traits {
    /// Where the command leads.
    pub leads: Leads,
    /// Whether the command ends the run. Such a command does not wait until the texts before it are acknowledged,
    /// because the end of a run waits for them in its own way and with a limit.
    pub ends_run: bool,
    /// Whether the command does not show that its user has read what is on the screen. A user who opens the client and
    /// leaves again has not read it, and the command that shows missed messages moves the mark itself, only as far as
    /// it has shown them.
    pub moves_no_mark: bool,
    /// Whether the command has no effect at a terminal, where no script waits for anything.
    pub for_scripts: bool,
    /// Whether the user's own programs may not run the command. Such commands would give rights to programs, or would
    /// make the script wait that called the program.
    pub not_for_programs: bool,
    /// Whether the command answers a user who asks for a private session. If it is called without a name, the error says
    /// who asks.
    pub answers_askers: bool,
    /// Whether the command opens a session and leaves the current one as it is, without a text for the new session. At a
    /// terminal, a text that is finished at once behind it was meant for the new session and goes nowhere.
    pub opens_beside: bool,
    /// Whether the command acts on the session in which it is typed. At a terminal it goes to the session that its prompt
    /// showed or does nothing, like a text: a topic that is meant for a room is not set in the lobby.
    pub of_session: bool,
    /// Whether everybody in the lobby or the room reads the argument of the command or a part of it. At a terminal such a
    /// command is refused if another command is glued to a word of its argument.
    pub heard_by_many: bool,
    /// Makes the text that the command says, from this user's name and the argument; `None` if the command says
    /// nothing. Such a text goes where the prompt said, like any other text.
    pub says: Option<fn(&UserName, &str) -> String>,
}

impl Traits {
    /// The traits of a command that has nothing special.
    pub const NONE: Self = Self {
        leads: Leads::Nowhere,
        ends_run: false,
        moves_no_mark: false,
        for_scripts: false,
        not_for_programs: false,
        answers_askers: false,
        opens_beside: false,
        of_session: false,
        heard_by_many: false,
        says: None,
    };
}
