//! How this user likes a terminal to be: typed settings with names and values, as `\set` and the
//! config file's `[terminal]` table spell them. Owns the table of settings; reads and writes no file.

use thiserror::Error;

use super::highlights::{self, Highlights};

/// Whether and how times stand before messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// No message has a time before it.
    Off,
    /// Hours and minutes.
    Short,
    /// Hours, minutes and seconds.
    Long,
}

/// How a mention or a private message asks for attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notify {
    /// It does not ask for attention.
    Off,
    /// The terminal's bell.
    Bell,
    /// A desktop notification as iTerm2, Windows Terminal and others take it.
    Osc9,
    /// A desktop notification as urxvt, foot and others take it.
    Osc777,
}

/// Whether addresses that are broken into rows are links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// Where the terminal is known to take them.
    Auto,
    /// They are links on every terminal.
    On,
    /// They are plain text on every terminal.
    Off,
}

/// Who may open a private session with this user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Private {
    /// Anybody, within bounds for strangers.
    Open,
    /// Keys that are pinned.
    Known,
    /// Whom this user lets in, asked each time.
    Ask,
    /// Nobody.
    Off,
}

/// What becomes of messages in sessions that are not current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// They are shown as they come.
    Show,
    /// They are counted in the prompt, and shown when the session is current.
    Count,
}

/// How this user likes a terminal to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preferences {
    /// Times before messages.
    pub times: Times,
    /// What asks for attention.
    pub notify: Notify,
    /// Whether each name has a colour of its own.
    pub names_colour: bool,
    /// Whether comings and goings that fall together share a line.
    pub fold: bool,
    /// Whether a start says what to type next.
    pub banner: bool,
    /// Whether long messages are broken between words and indented.
    pub wrap: bool,
    /// A message of more lines asks before it is sent; 0 never asks.
    pub paste_ask: u16,
    /// Rows of one message that are shown; 0 shows all.
    pub rows: u16,
    /// Whether addresses that are broken into rows are links.
    pub links: Links,
    /// What becomes of messages in sessions that are not current.
    pub others: Others,
    /// Words that count as mentions.
    pub highlight: Highlights,
    /// Whether the terminal's title tells what is unread.
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

/// A value that a setting can have: how it is typed, and how what was typed is read.
trait Value {
    /// The words for all such values; none where it is a number.
    fn words(&self) -> Vec<&'static str>;

    /// All values it can have, in words.
    fn choices(&self) -> String {
        self.words().join(", ")
    }

    /// The value, as it is typed.
    fn typed(&self) -> String;

    /// Takes the value that was typed, and tells whether there is such a value.
    fn read(&mut self, typed: &str) -> bool;
}

/// Values that are words.
trait Word: Copy + PartialEq + Sized + 'static {
    /// Each value and its word, in the order in which they are offered.
    const WORDS: &'static [(&'static str, Self)];

    /// Further words that are understood.
    const ALSO: &'static [(&'static str, Self)] = &[];
}

impl<T: Word> Value for T {
    fn words(&self) -> Vec<&'static str> {
        T::WORDS.iter().map(|(word, _)| *word).collect()
    }

    fn typed(&self) -> String {
        let word = T::WORDS.iter().find(|(_, value)| value == self).map(|(word, _)| *word);
        word.unwrap_or_default().to_owned()
    }

    fn read(&mut self, typed: &str) -> bool {
        let value = T::WORDS.iter().chain(T::ALSO).find(|(word, _)| *word == typed).map(|(_, value)| *value);
        value.map(|value| *self = value).is_some()
    }
}

impl Value for u16 {
    fn words(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn choices(&self) -> String {
        format!("{} to {}", Self::MIN, Self::MAX)
    }

    fn typed(&self) -> String {
        self.to_string()
    }

    fn read(&mut self, typed: &str) -> bool {
        typed.parse().map(|value| *self = value).is_ok()
    }
}

impl Value for Highlights {
    fn words(&self) -> Vec<&'static str> {
        vec![highlights::NONE]
    }

    fn choices(&self) -> String {
        highlights::CHOICES.to_owned()
    }

    fn typed(&self) -> String {
        self.to_string()
    }

    fn read(&mut self, typed: &str) -> bool {
        Self::typed(typed).map(|value| *self = value).is_some()
    }
}

impl Word for bool {
    const WORDS: &'static [(&'static str, Self)] = &[("on", true), ("off", false)];
    const ALSO: &'static [(&'static str, Self)] =
        &[("true", true), ("yes", true), ("false", false), ("no", false)];
}

impl Word for Times {
    const WORDS: &'static [(&'static str, Self)] =
        &[("off", Self::Off), ("short", Self::Short), ("long", Self::Long)];
    const ALSO: &'static [(&'static str, Self)] = &[("on", Self::Short)];
}

impl Word for Notify {
    const WORDS: &'static [(&'static str, Self)] =
        &[("off", Self::Off), ("bell", Self::Bell), ("osc9", Self::Osc9), ("osc777", Self::Osc777)];
    const ALSO: &'static [(&'static str, Self)] = &[("on", Self::Bell)];
}

impl Word for Private {
    const WORDS: &'static [(&'static str, Self)] =
        &[("open", Self::Open), ("known", Self::Known), ("ask", Self::Ask), ("off", Self::Off)];
}

impl Word for Links {
    const WORDS: &'static [(&'static str, Self)] =
        &[("auto", Self::Auto), ("on", Self::On), ("off", Self::Off)];
}

impl Word for Others {
    const WORDS: &'static [(&'static str, Self)] = &[("show", Self::Show), ("count", Self::Count)];
}

/// One setting: its name, what it decides, and where its value stands.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// As it is typed.
    pub key: &'static str,
    /// As the config file knows it.
    pub path: &'static str,
    /// What it decides.
    pub about: &'static str,
    /// Numbers that are offered, where it takes a number.
    numbers: &'static [&'static str],
    value: fn(&mut Preferences) -> &mut dyn Value,
}

/// Every setting, in the order `\set` shows them.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "times",
        path: "terminal.times",
        about: "the time before each message",
        numbers: &[],
        value: |it| &mut it.times,
    },
    Setting {
        key: "notify",
        path: "terminal.notify",
        about: "how a mention or a private message asks for attention",
        numbers: &[],
        value: |it| &mut it.notify,
    },
    Setting {
        key: "names-colour",
        path: "terminal.names-colour",
        about: "a colour of its own for each name",
        numbers: &[],
        value: |it| &mut it.names_colour,
    },
    Setting {
        key: "fold",
        path: "terminal.fold",
        about: "one line for many who come and go together",
        numbers: &[],
        value: |it| &mut it.fold,
    },
    Setting {
        key: "wrap",
        path: "terminal.wrap",
        about: "break long messages between words, and indent them",
        numbers: &[],
        value: |it| &mut it.wrap,
    },
    Setting {
        key: "banner",
        path: "terminal.banner",
        about: "what to type next, at the start",
        numbers: &[],
        value: |it| &mut it.banner,
    },
    Setting {
        key: "paste-ask",
        path: "terminal.paste-ask",
        about: "ask before a message of more lines is sent (0: never)",
        numbers: &["0", "8", "50"],
        value: |it| &mut it.paste_ask,
    },
    Setting {
        key: "rows",
        path: "terminal.rows",
        about: "rows of one message that are shown (0: all)",
        numbers: &["0", "40", "200"],
        value: |it| &mut it.rows,
    },
    Setting {
        key: "links",
        path: "terminal.links",
        about: "whether an address broken into rows can be opened whole",
        numbers: &[],
        value: |it| &mut it.links,
    },
    Setting {
        key: "others",
        path: "terminal.others",
        about: "messages of sessions that are not current: shown as they come, or counted in the prompt",
        numbers: &[],
        value: |it| &mut it.others,
    },
    Setting {
        key: "highlight",
        path: "terminal.highlight",
        about: "words that count as mentions",
        numbers: &[],
        value: |it| &mut it.highlight,
    },
    Setting {
        key: "title",
        path: "terminal.title",
        about: "the title of a terminal that takes one shows the lobby and what is unread",
        numbers: &[],
        value: |it| &mut it.title,
    },
    Setting {
        key: "private",
        path: "private",
        about: "who may open a private session with you",
        numbers: &[],
        value: |it| &mut it.private,
    },
];

/// A setting does not take this value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{key} is one of {choices}")]
pub struct WrongValue {
    /// The setting that was to get the value.
    key: &'static str,
    /// The values it takes, in words.
    choices: String,
}

/// What is wrong with the settings of a config file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WrongSetting {
    /// No setting has this name.
    #[error("there is no {key}; the settings are {}", names().join(", "))]
    Unknown {
        /// The name in the file.
        key: String,
    },
    /// The setting does not take the value.
    #[error(transparent)]
    Value(#[from] WrongValue),
}

/// The names of all settings, in the order of the table.
#[must_use]
pub fn names() -> Vec<&'static str> {
    SETTINGS.iter().map(|setting| setting.key).collect()
}

impl Setting {
    /// The setting of this name.
    #[must_use]
    pub fn find(key: &str) -> Option<&'static Self> {
        // Both spellings of the word are used; the table has one.
        let key = if key == "names-color" { "names-colour" } else { key };
        SETTINGS.iter().find(|setting| setting.key == key)
    }

    /// Whether it stands in the config file's table for the terminal; others stand at the top.
    #[must_use]
    pub fn is_of_terminal(&self) -> bool {
        self.path != self.key
    }

    /// Its value, as it is typed.
    #[must_use]
    pub fn value(&self, preferences: &Preferences) -> String {
        let mut preferences = preferences.clone();
        (self.value)(&mut preferences).typed()
    }

    /// Gives it a value.
    ///
    /// # Errors
    /// The words it takes, where this is none of them.
    pub fn set(&self, preferences: &mut Preferences, value: &str) -> Result<(), WrongValue> {
        match (self.value)(preferences).read(value) {
            true => Ok(()),
            false => Err(WrongValue { key: self.key, choices: self.choices() }),
        }
    }

    /// The words it takes; examples, where it takes a number.
    #[must_use]
    pub fn values(&self) -> Vec<&'static str> {
        match self.words() {
            words if words.is_empty() => self.numbers.to_vec(),
            words => words,
        }
    }

    /// The values it takes, in words.
    #[must_use]
    pub fn choices(&self) -> String {
        (self.value)(&mut Preferences::default()).choices()
    }

    fn words(&self) -> Vec<&'static str> {
        (self.value)(&mut Preferences::default()).words()
    }
}

impl Preferences {
    /// The defaults with what a config file's `[terminal]` table says.
    ///
    /// # Errors
    /// What is wrong with it, the key named.
    pub fn from_table(table: &toml::Table) -> Result<Self, WrongSetting> {
        let mut preferences = Self::default();
        for (key, value) in table {
            let Some(setting) = Setting::find(key).filter(|setting| setting.is_of_terminal()) else {
                return Err(WrongSetting::Unknown { key: key.clone() });
            };
            let text = match value {
                toml::Value::Boolean(on) => on.typed(),
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::String(text) => text.clone(),
                // Words may stand in a list as well.
                toml::Value::Array(words) => {
                    let words =
                        words.iter().map(|word| word.as_str().map_or(word.to_string(), str::to_owned));
                    words.collect::<Vec<_>>().join(" ")
                }
                other => other.to_string(),
            };
            setting.set(&mut preferences, &text)?;
        }
        Ok(preferences)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_a_setting_names_is_one_it_takes_and_gives_back() {
        for setting in SETTINGS {
            for value in setting.values() {
                let mut preferences = Preferences::default();
                setting.set(&mut preferences, value).unwrap();
                assert_eq!(setting.value(&preferences), value, "{}", setting.key);
            }
            assert!(setting.path == format!("terminal.{}", setting.key) || setting.path == setting.key);
            let wrong = if setting.key == "highlight" { "--" } else { "purple" };
            assert!(setting.set(&mut Preferences::default(), wrong).is_err(), "{}", setting.key);
        }
    }

    #[test]
    fn a_table_is_read_with_toml_s_own_types_and_a_wrong_one_is_named() {
        let table = |text: &str| Preferences::from_table(&text.parse().unwrap());
        let read = table("times = \"long\"\nfold = false\npaste-ask = 20").unwrap();
        assert_eq!((read.times, read.fold, read.paste_ask), (Times::Long, false, 20));
        for words in ["\"deploy 東京\"", "[\"deploy\", \"東京\"]"] {
            let read = table(&format!("highlight = {words}\nothers = \"count\"\ntitle = true")).unwrap();
            assert_eq!(read.highlight.words(), ["deploy", "東京"]);
            assert_eq!((read.others, read.title), (Others::Count, true));
        }
        assert!(table("highlight = [[]]").unwrap_err().to_string().contains("highlight"));
        assert!(table("tmies = \"off\"").unwrap_err().to_string().contains("tmies"));
        assert!(table("notify = \"horn\"").unwrap_err().to_string().contains("bell"));
        assert!(table("paste-ask = -1").is_err());
    }
}
