//! The commands: each has one module and one row in [`COMMANDS`]. The parser, `\help`, completion, usage errors, the
//! manual page and the table in the README all read [`COMMANDS`]. A command changes the `State` and says what a script
//! has to wait for. It awaits nothing itself, because the answers arrive through the same loop that runs the command.

mod accept;
mod admit;
mod alias;
mod allow;
mod away;
mod back;
mod ban;
mod bans;
mod clear;
mod decline;
mod deop;
mod disallow;
mod edit;
mod forget;
mod fork;
mod habits;
mod help;
mod history;
mod ignore;
mod join;
mod kick;
mod last;
mod leave;
mod lobby;
mod lock;
mod me;
mod missed;
mod msg;
mod mute;
mod mutes;
mod not_carried_out;
mod op;
mod operator_arguments;
mod ops;
mod quit;
mod rooms;
mod search;
mod sessions;
mod set;
mod slow;
mod switch;
mod topic;
mod unalias;
mod unban;
mod unignore;
mod unknown_word;
mod unlock;
mod unmute;
mod users;
mod verify;
mod wait;
mod whois;

use tokio::time::Instant;

pub use self::not_carried_out::{leads_to_lobby, said_alone, session_led_to};
pub use self::unknown_word::probably_leads;
use crate::client::State;
pub use crate::client::command_error::CommandError;
pub use crate::input::traits::{Leads, Traits};
pub use crate::repl::Argument;
use crate::repl::{CommandWord, EditorWords};
use crate::session::SessionId;
use crate::show::{Failure, HelpRow, failing};
pub(crate) use edit::EDIT;
pub(crate) use switch::SWITCH;

/// Every command, in the order `\help` shows them.
pub const COMMANDS: &[Command] = &[
    users::USERS,
    whois::WHOIS,
    fork::FORK,
    msg::MSG,
    accept::ACCEPT,
    decline::DECLINE,
    verify::VERIFY,
    forget::FORGET,
    ignore::IGNORE,
    unignore::UNIGNORE,
    ops::OPS,
    join::JOIN,
    rooms::ROOMS,
    topic::TOPIC,
    SWITCH,
    sessions::SESSIONS,
    lobby::LOBBY,
    leave::LEAVE,
    history::HISTORY,
    missed::MISSED,
    search::SEARCH,
    last::LAST,
    clear::CLEAR,
    me::ME,
    EDIT,
    away::AWAY,
    back::BACK,
    set::SET,
    alias::ALIAS,
    unalias::UNALIAS,
    allow::ALLOW,
    disallow::DISALLOW,
    kick::KICK,
    ban::BAN,
    unban::UNBAN,
    bans::BANS,
    mute::MUTE,
    unmute::UNMUTE,
    mutes::MUTES,
    slow::SLOW,
    lock::LOCK,
    unlock::UNLOCK,
    admit::ADMIT,
    op::OP,
    deop::DEOP,
    help::HELP,
    wait::WAIT,
    quit::QUIT,
];

/// The subject of a command; `\help` shows the commands of one group together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Other users: who they are, and talking to them in private or ignoring them.
    People,
    /// The session in which a text is said.
    Sessions,
    /// What is on the screen, and finding what was said earlier.
    Reading,
    /// Ways to say something.
    Talking,
    /// The user's own settings.
    Yours,
    /// Keeping order in the lobby; only operators are shown these commands.
    Operators,
    /// Help, pauses in a script, and the end of the program.
    Program,
}

impl Group {
    /// Returns the heading above the commands of the group.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Sessions => "sessions",
            Self::Reading => "what was said",
            Self::Talking => "talking",
            Self::Yours => "as you like it",
            Self::Operators => "operators",
            Self::Program => "hobnob",
        }
    }
}

/// One command and its description.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// The word after the backslash.
    pub name: &'static str,
    /// Shorter words for it.
    pub aliases: &'static [&'static str],
    /// How the command is written.
    pub usage: &'static str,
    /// What the command does, in a few words.
    pub about: &'static str,
    /// What comes after the word, for completion and for the check before it runs.
    pub argument: Argument,
    /// Whether the argument may be left out.
    pub optional: bool,
    /// The group to which it belongs.
    pub group: Group,
    /// Example lines, for commands whose usage alone does not tell enough.
    pub examples: &'static [&'static str],
    /// What is special about it.
    pub traits: Traits,
    /// Runs the command with the text after the word.
    pub run: fn(&mut State, &str) -> Result<Progress, CommandError>,
}

/// How far a command has come when it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The command is finished.
    Done,
    /// The command goes on until this session is open or has failed.
    Opening(SessionId),
    /// The command goes on until this session is over.
    Ending(SessionId),
    /// The command goes on until the words of a verification in this session are there, or its outcome.
    Verifying(SessionId),
    /// The command goes on until this question is answered or given up.
    Answer(u32),
    /// The command goes on until the text with this number in the ledger is answered for.
    Said(u64),
    /// The command goes on until the act with this number is answered for.
    Acted(u64),
    /// The command goes on until this point in time.
    Until(Instant),
    /// The command goes on until the condition of `\wait` is met or given up.
    Watched,
    /// The command goes on until this run of one of the user's own programs is over.
    Plugin(u32),
    /// The command ends the client.
    Quit,
}

/// Finds a command by its whole name or alias.
#[must_use]
pub fn find(word: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == word || command.aliases.contains(&word))
}

/// Runs the command of this word.
///
/// # Errors
/// Returns the failure that is to be shown, including the name of the command.
pub fn dispatch(state: &mut State, word: &str, args: &str) -> Result<Progress, Failure> {
    let Some(command) = find(word) else {
        return match state.call_plugin(word, args) {
            Some(called) => called.map(Progress::Plugin),
            None => Err(unknown_word::failure(word)),
        };
    };
    if command.name != last::LAST.name {
        state.user.mentions = None;
    }
    let misused = match (command.argument, command.optional, args.is_empty()) {
        (Argument::None, _, no_args) => !no_args,
        (_, optional, no_args) => no_args && !optional,
    };
    let done = if misused { Err(misuse(state, command)) } else { (command.run)(state, args) };
    done.map_err(|error| Failure::from(error).of_command(command.name))
}

/// Returns the error that shows how a command is written, for a call with wrong arguments.
#[must_use]
pub fn usage(command: &Command) -> CommandError {
    failing::Input::Usage { usage: command.usage, example: command.examples.first().copied() }.into()
}

/// Returns the error for a call with wrong arguments. It names those who wait for an answer if the command gives one.
fn misuse(state: &State, command: &Command) -> CommandError {
    if !command.traits.answers_askers {
        return usage(command);
    }
    let (waiting, more) = state.knocks.waiting();
    failing::Input::WhoAsks { usage: command.usage, waiting: &waiting, more }.into()
}

/// Returns the rows of `\help`.
pub fn help_rows(commands: &[Command]) -> Vec<HelpRow> {
    commands
        .iter()
        .map(|it| HelpRow {
            name: it.name.to_owned(),
            aliases: it.aliases.iter().map(|&alias| alias.to_owned()).collect(),
            usage: it.usage.to_owned(),
            about: it.about.to_owned(),
            group: it.group.title().to_owned(),
            examples: match commands {
                [_] => it.examples.iter().map(|&example| example.to_owned()).collect(),
                _ => Vec::new(),
            },
            own: false,
        })
        .collect()
}

/// Returns the words for the line editor that are the same for every user: the commands, and the words of other chats.
#[must_use]
pub fn words() -> EditorWords {
    let command_word = |command: &Command| CommandWord {
        name: command.name.to_owned(),
        aliases: command.aliases.iter().map(|&alias| alias.to_owned()).collect(),
        usage: command.usage.to_owned(),
        about: command.about.to_owned(),
        argument: command.argument,
    };
    let is_private = |it: &&Command| it.traits.leads == Leads::ToUser || it.argument == Argument::UserAndSaid;
    let private = COMMANDS.iter().filter(is_private).flat_map(|it| it.aliases.iter().chain([&it.name]));
    EditorWords {
        commands: COMMANDS.iter().map(command_word).collect(),
        private: private.copied().collect(),
        habits: habits::words(),
        ..EditorWords::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_names_two_commands() {
        let mut words: Vec<&str> =
            COMMANDS.iter().flat_map(|it| it.aliases.iter().copied().chain([it.name])).collect();
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), count);
    }

    #[test]
    fn the_commands_of_a_group_are_listed_together() {
        let mut groups: Vec<Group> = COMMANDS.iter().map(|it| it.group).collect();
        groups.dedup();
        let mut titles: Vec<&str> = groups.iter().map(|group| group.title()).collect();
        titles.sort_unstable();
        titles.dedup();
        assert_eq!(titles.len(), groups.len());
    }

    #[test]
    fn every_row_has_a_usage_and_a_summary_in_the_expected_form() {
        for command in COMMANDS {
            assert!(command.usage.starts_with(&format!("\\{}", command.name)), "{}", command.name);
            assert!(!command.about.is_empty() && !command.about.ends_with('.'), "{}", command.name);
            let first = command.usage.split_whitespace().nth(1);
            let is_optional = first.is_some_and(|argument| argument.starts_with('['));
            assert_eq!(is_optional, command.optional, "{}", command.name);
            assert_eq!(command.usage.contains(' '), command.argument != Argument::None, "{}", command.name);
        }
    }

    #[test]
    fn a_command_is_found_only_by_its_whole_name_or_alias() {
        assert_eq!(find("sw").unwrap().name, "switch");
        assert_eq!(find("?").unwrap().name, "help");
        assert!(find("switchfoo").is_none() && find("swan").is_none() && find("").is_none());
    }
}
