//! How this user likes a terminal to be: typed settings with names and values, as `\set` and the
//! config file's `[terminal]` table spell them. Owns the table of settings; reads and writes no file.

use thiserror::Error;

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

/// How this user likes a terminal to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
        }
    }
}

/// One setting: its name, the values it takes, and the way to both.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// As it is typed.
    pub key: &'static str,
    /// As the config file knows it.
    pub path: &'static str,
    /// The words it takes; examples, where it takes a number.
    pub values: &'static [&'static str],
    /// What it decides.
    pub about: &'static str,
    read: fn(&Preferences) -> String,
    write: fn(&mut Preferences, &str) -> Option<()>,
}

const SWITCH: &[&str] = &["on", "off"];

/// Every setting, in the order `\set` shows them.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "times",
        path: "terminal.times",
        values: &["off", "short", "long"],
        about: "the time before each message",
        read: |it| {
            match it.times {
                Times::Off => "off",
                Times::Short => "short",
                Times::Long => "long",
            }
            .to_owned()
        },
        write: |it, word| {
            it.times = match word {
                "off" => Times::Off,
                "short" | "on" => Times::Short,
                "long" => Times::Long,
                _ => return None,
            };
            Some(())
        },
    },
    Setting {
        key: "notify",
        path: "terminal.notify",
        values: &["off", "bell", "osc9", "osc777"],
        about: "how a mention or a private message asks for attention",
        read: |it| {
            match it.notify {
                Notify::Off => "off",
                Notify::Bell => "bell",
                Notify::Osc9 => "osc9",
                Notify::Osc777 => "osc777",
            }
            .to_owned()
        },
        write: |it, word| {
            it.notify = match word {
                "off" => Notify::Off,
                "bell" | "on" => Notify::Bell,
                "osc9" => Notify::Osc9,
                "osc777" => Notify::Osc777,
                _ => return None,
            };
            Some(())
        },
    },
    Setting {
        key: "names-colour",
        path: "terminal.names-colour",
        values: SWITCH,
        about: "a colour of its own for each name",
        read: |it| word(it.names_colour),
        write: |it, word| put(&mut it.names_colour, switch(word)),
    },
    Setting {
        key: "fold",
        path: "terminal.fold",
        values: SWITCH,
        about: "one line for many who come and go together",
        read: |it| word(it.fold),
        write: |it, word| put(&mut it.fold, switch(word)),
    },
    Setting {
        key: "wrap",
        path: "terminal.wrap",
        values: SWITCH,
        about: "break long messages between words, and indent them",
        read: |it| word(it.wrap),
        write: |it, word| put(&mut it.wrap, switch(word)),
    },
    Setting {
        key: "banner",
        path: "terminal.banner",
        values: SWITCH,
        about: "what to type next, at the start",
        read: |it| word(it.banner),
        write: |it, word| put(&mut it.banner, switch(word)),
    },
    Setting {
        key: "paste-ask",
        path: "terminal.paste-ask",
        values: &["0", "8", "50"],
        about: "ask before a message of more lines is sent (0: never)",
        read: |it| it.paste_ask.to_string(),
        write: |it, word| put(&mut it.paste_ask, word.parse().ok()),
    },
    Setting {
        key: "rows",
        path: "terminal.rows",
        values: &["0", "40", "200"],
        about: "rows of one message that are shown (0: all)",
        read: |it| it.rows.to_string(),
        write: |it, word| put(&mut it.rows, word.parse().ok()),
    },
    Setting {
        key: "links",
        path: "terminal.links",
        values: &["auto", "on", "off"],
        about: "whether an address broken into rows can be opened whole",
        read: |it| {
            match it.links {
                Links::Auto => "auto",
                Links::On => "on",
                Links::Off => "off",
            }
            .to_owned()
        },
        write: |it, word| {
            it.links = match word {
                "auto" => Links::Auto,
                "on" => Links::On,
                "off" => Links::Off,
                _ => return None,
            };
            Some(())
        },
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

    /// Its value, as it is typed.
    #[must_use]
    pub fn value(&self, preferences: &Preferences) -> String {
        (self.read)(preferences)
    }

    /// Gives it a value.
    ///
    /// # Errors
    /// The words it takes, where this is none of them.
    pub fn set(&self, preferences: &mut Preferences, value: &str) -> Result<(), WrongValue> {
        (self.write)(preferences, value).ok_or_else(|| WrongValue { key: self.key, choices: self.choices() })
    }

    /// The values it takes, in words.
    #[must_use]
    pub fn choices(&self) -> String {
        match self.key {
            "paste-ask" | "rows" => "0 to 65535".to_owned(),
            _ => self.values.join(", "),
        }
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
            let Some(setting) = Setting::find(key) else {
                return Err(WrongSetting::Unknown { key: key.clone() });
            };
            let text = match value {
                toml::Value::Boolean(on) => word(*on),
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            setting.set(&mut preferences, &text)?;
        }
        Ok(preferences)
    }
}

fn put<T>(field: &mut T, value: Option<T>) -> Option<()> {
    value.map(|value| *field = value)
}

fn word(on: bool) -> String {
    if on { "on" } else { "off" }.to_owned()
}

fn switch(word: &str) -> Option<bool> {
    match word {
        "on" | "true" | "yes" => Some(true),
        "off" | "false" | "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_a_setting_names_is_one_it_takes_and_gives_back() {
        for setting in SETTINGS {
            for value in setting.values {
                let mut preferences = Preferences::default();
                setting.set(&mut preferences, value).unwrap();
                assert_eq!(setting.value(&preferences), *value, "{}", setting.key);
            }
            assert_eq!(setting.path, format!("terminal.{}", setting.key));
            assert!(setting.set(&mut Preferences::default(), "purple").is_err(), "{}", setting.key);
        }
    }

    #[test]
    fn a_table_is_read_with_toml_s_own_types_and_a_wrong_one_is_named() {
        let table = |text: &str| Preferences::from_table(&text.parse().unwrap());
        let read = table("times = \"long\"\nfold = false\npaste-ask = 20").unwrap();
        assert_eq!((read.times, read.fold, read.paste_ask), (Times::Long, false, 20));
        assert!(table("tmies = \"off\"").unwrap_err().to_string().contains("tmies"));
        assert!(table("notify = \"horn\"").unwrap_err().to_string().contains("bell"));
        assert!(table("paste-ask = -1").is_err());
    }
}
