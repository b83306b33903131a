//! The user's preferences, most of them for a terminal. Each is a value of its own type; what the values are called is
//! in the table of settings.

use super::highlights::Highlights;

/// Whether a time is shown before each message, and in which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// No message has a time before it.
    Off,
    /// The time has hours and minutes.
    Short,
    /// The time has hours, minutes and seconds.
    Long,
}

/// How the client asks for attention when a mention or a private message arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notify {
    /// It does not ask for attention.
    Off,
    /// It rings the terminal's bell.
    Bell,
    /// It shows a desktop notification in the form that iTerm2, Windows Terminal and others understand.
    Osc9,
    /// It shows a desktop notification in the form that urxvt, foot and others understand.
    Osc777,
}

/// Whether a web address that is broken over several rows is written as a link, so that it can be opened whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// They are links if the terminal is known to support links.
    Auto,
    /// They are links on every terminal.
    On,
    /// They are plain text on every terminal.
    Off,
}

/// Who may open a private session with this user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Private {
    /// Anybody may open one, with limits for strangers.
    Open,
    /// Only users whose keys are known may open one.
    Known,
    /// The user is asked each time and decides.
    Ask,
    /// Nobody may open one.
    Off,
}

/// What happens to messages in sessions that are not current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// They are shown when they arrive.
    Show,
    /// They are counted in the prompt, and shown when the user changes to the session.
    Count,
}

/// The values of all of the user's preferences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preferences {
    /// Whether and how times are shown before messages.
    pub times: Times,
    /// How a mention or a private message asks for attention.
    pub notify: Notify,
    /// Whether each name is shown in a colour of its own.
    pub names_colour: bool,
    /// Whether people who come and go at about the same time are shown together in one line.
    pub fold: bool,
    /// Whether the client says at the start what to type next.
    pub banner: bool,
    /// Whether long messages are broken between words and indented.
    pub wrap: bool,
    /// If a message has more lines than this, the user is asked before it is sent; 0 means never to ask.
    pub paste_ask: u16,
    /// How many rows of one message are shown; 0 shows all of them.
    pub rows: u16,
    /// Whether a web address that is broken over several rows is written as a link.
    pub links: Links,
    /// What happens to messages in sessions that are not current.
    pub others: Others,
    /// Words that count as mentions of the user.
    pub highlight: Highlights,
    /// Whether the terminal's title shows how much is unread.
    pub title: bool,
    /// Who may open a private session with this user.
    pub private: Private,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            times: Times::Short,
            notify: Notify::Bell,
            names_colour: true,
            fold: true,
            banner: true,
            wrap: true,
            paste_ask: 8,
            rows: 40,
            links: Links::Auto,
            others: Others::Show,
            highlight: Highlights::default(),
            title: false,
            private: Private::Open,
        }
    }
}
