//! Words that are commands in other chats, and what does the same in hobnob. `\WORD` is an unknown command whose error
//! has a fitting hint; `/WORD`, typed at a terminal, is not said.

use super::Leads;
use crate::repl::HabitWord;

/// Some words of other chats that mean the same.
pub(super) struct Habit {
    pub(super) words: &'static [&'static str],
    /// What does the same in hobnob, as the end of a sentence.
    pub(super) instead: &'static str,
    /// Where the command leads in other chats. What follows it was meant for the user or room there.
    pub(super) leads: Leads,
    /// Whether `/WORD` has this meaning even if hobnob has a command with the same word.
    pub(super) beats_command: bool,
}

const fn habit(words: &'static [&'static str], instead: &'static str) -> Habit {
    Habit { words, instead, leads: Leads::Nowhere, beats_command: false }
}

/// All words of other chats that are known.
pub(super) const HABITS: &[Habit] = &[
    Habit {
        words: &["q"],
        instead: "\\quit leaves hobnob, \\msg NAME TEXT says TEXT to NAME alone",
        leads: Leads::Nowhere,
        beats_command: true,
    },
    Habit {
        words: &["last"],
        instead: "\\search WORDS finds what was said, \\last shows the last mention of you",
        leads: Leads::Nowhere,
        beats_command: true,
    },
    Habit {
        words: &["query", "dm", "pm", "chat"],
        instead: "\\fork NAME opens a private session, \\msg NAME TEXT says TEXT in it",
        leads: Leads::ToUser,
        beats_command: false,
    },
    habit(
        &["w", "whisper", "tell", "t", "privmsg", "private", "message", "r", "reply"],
        "\\msg NAME TEXT says TEXT to NAME alone",
    ),
    habit(
        &[
            "ns", "nickserv", "cs", "chanserv", "identify", "id", "auth", "login", "logon", "register",
            "pass", "password",
        ],
        "there are no passwords here; a name belongs to the key on this machine",
    ),
    habit(&["oper"], "operators are known by their keys, \\ops lists them"),
    Habit {
        words: &["channel"],
        instead: "\\join ROOM joins a room, \\rooms lists them",
        leads: Leads::ToRoom,
        beats_command: false,
    },
    habit(&["window", "win", "buffer"], "\\switch N makes session N current"),
    habit(&["nick", "name"], "a name is chosen at the start: hobnob --name NAME"),
    habit(&["names", "who", "online"], "\\users lists who is here"),
    habit(&["list", "channels"], "\\rooms lists the rooms, \\users who is here"),
    habit(
        &["part", "close", "unquery", "end"],
        "\\leave leaves a room or a private session, \\quit the lobby",
    ),
    habit(&["exit", "bye", "disconnect", "signoff", "logout"], "\\quit leaves hobnob"),
    habit(&["say"], "what does not begin with \\ is said"),
    habit(&["action", "describe", "emote"], "\\me ACTION says what you do"),
    habit(&["lastlog", "grep", "find"], "\\search WORDS finds what was said"),
    habit(&["scrollback", "log"], "\\history N shows the last N messages"),
    habit(&["block"], "\\ignore NAME hides what NAME says"),
    habit(&["unblock"], "\\unignore NAME shows it again"),
    habit(&["info", "finger", "whowas", "profile"], "\\whois NAME tells who NAME is"),
    habit(&["afk"], "\\away TEXT says that you are away"),
    habit(&["cls"], "\\clear empties the screen"),
    habit(&["commands", "man"], "\\help lists the commands"),
    habit(&["settings", "config", "preferences"], "\\set shows and changes the settings"),
    habit(&["bind", "script", "load"], "\\alias and \\allow make commands of your own"),
    habit(
        &["invite", "mode", "voice", "notice", "server", "connect", "quote", "raw", "ctcp", "dcc"],
        "there is nothing like it here; \\help lists what there is",
    ),
];

/// Finds a word of other chats, in upper or lower case.
pub(super) fn find(word: &str) -> Option<&'static Habit> {
    let word = word.to_lowercase();
    HABITS.iter().find(|habit| habit.words.contains(&word.as_str()))
}

/// Returns the words of other chats for the line editor.
pub(super) fn words() -> Vec<HabitWord> {
    let words = |habit: &Habit| {
        let (instead, beats_command) = (habit.instead, habit.beats_command);
        habit.words.iter().map(move |&word| HabitWord { word, instead, beats_command })
    };
    HABITS.iter().flat_map(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_stands_in_one_row_and_hides_a_command_only_if_its_row_says_so() {
        let mut words: Vec<&str> = HABITS.iter().flat_map(|habit| habit.words).copied().collect();
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), count);
        for habit in HABITS {
            for word in habit.words {
                assert_eq!(super::super::find(word).is_some(), habit.beats_command, "{word}");
            }
        }
    }

    #[test]
    fn words_behind_which_others_have_passwords_and_private_lines_are_known() {
        for word in [
            "ns", "nickserv", "identify", "oper", "pass", "auth", "login", "register", "quote", "raw",
            "ctcp", "dcc", "message", "private", "t",
        ] {
            assert!(find(word).is_some(), "{word}");
        }
    }

    #[test]
    fn every_command_that_a_row_suggests_exists() {
        for habit in HABITS {
            for word in habit.instead.split_whitespace().filter_map(|word| word.strip_prefix('\\')) {
                let word = word.trim_end_matches([',', ';']);
                assert!(word.is_empty() || super::super::find(word).is_some(), "{word}");
            }
        }
    }
}
