//! The table of all settings of the user's preferences: the name of each, what it decides, and where its value is.
//! `\set` and the `[terminal]` table of the config file both read the table. How a value is written is not known here,
//! and no file is opened.

use thiserror::Error;

use super::preferences::Preferences;
use super::setting_value::Value;

/// One setting: its name, what it decides, and where its value is in [`Preferences`].
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The name of the setting as it is typed.
    pub key: &'static str,
    /// The name of the setting in the config file, with the name of its table.
    pub path: &'static str,
    /// A short description of what the setting decides.
    pub about: &'static str,
    /// Numbers that completion offers, if the setting takes a number.
    numbers: &'static [&'static str],
    value: fn(&mut Preferences) -> &mut dyn Value,
}

/// All settings, in the order in which `\set` shows them.
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

/// The error for a value that a setting does not accept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{key} is one of {choices}")]
pub struct WrongValue {
    /// The name of the setting.
    key: &'static str,
    /// A description of the values that it accepts.
    choices: String,
}

/// What is wrong with the settings of a config file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WrongSetting {
    /// There is no setting with this name.
    #[error("there is no {key}; the settings are {}", names().join(", "))]
    Unknown {
        /// The name that the file has.
        key: String,
    },
    /// The setting does not accept the value that the file has.
    #[error(transparent)]
    Value(#[from] WrongValue),
}

/// Returns the names of all settings, in the order of the table.
#[must_use]
pub fn names() -> Vec<&'static str> {
    SETTINGS.iter().map(|setting| setting.key).collect()
}

impl Setting {
    /// Finds a setting by its name.
    #[must_use]
    pub fn find(key: &str) -> Option<&'static Self> {
        // People write both "colour" and "color"; the table has only the first.
        let key = if key == "names-color" { "names-colour" } else { key };
        SETTINGS.iter().find(|setting| setting.key == key)
    }

    /// Whether the setting belongs to the `[terminal]` table of the config file. Other settings are at the top of the
    /// file.
    #[must_use]
    pub fn is_of_terminal(&self) -> bool {
        self.path != self.key
    }

    /// Returns the value of this setting as it is typed.
    #[must_use]
    pub fn value(&self, preferences: &Preferences) -> String {
        let mut preferences = preferences.clone();
        (self.value)(&mut preferences).typed()
    }

    /// Sets the value of this setting from what was typed.
    ///
    /// # Errors
    /// Fails if the setting does not accept the value. The error describes the values that it accepts.
    pub fn set(&self, preferences: &mut Preferences, value: &str) -> Result<(), WrongValue> {
        match (self.value)(preferences).read(value) {
            true => Ok(()),
            false => Err(WrongValue { key: self.key, choices: self.choices() }),
        }
    }

    /// Returns the words that the setting accepts, or some examples if it takes a number.
    #[must_use]
    pub fn values(&self) -> Vec<&'static str> {
        match self.words() {
            words if words.is_empty() => self.numbers.to_vec(),
            words => words,
        }
    }

    /// Returns a description of the values that the setting accepts.
    #[must_use]
    pub fn choices(&self) -> String {
        (self.value)(&mut Preferences::default()).choices()
    }

    fn words(&self) -> Vec<&'static str> {
        (self.value)(&mut Preferences::default()).words()
    }
}

impl Preferences {
    /// Returns the preferences of a config file's `[terminal]` table. Settings that the table does not have get their
    /// default values.
    ///
    /// # Errors
    /// Fails if the table has a name that is no setting, or a value that its setting does not accept. The error names
    /// the setting.
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
                // The words of a setting may also be written as a TOML list.
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
    use super::super::preferences::{Others, Times};
    use super::*;

    #[test]
    fn every_value_that_a_setting_offers_can_be_set_and_read_back() {
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
    fn the_terminal_table_is_read_with_toml_types_and_wrong_settings_are_named() {
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
        let private = Setting::find("private").unwrap().choices();
        assert!(private.starts_with("open (anybody), known (users") && private.ends_with("off (nobody)"));
    }
}
