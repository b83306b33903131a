//! The values that a setting can have: how each is typed, and how typed text is read. `\set` and the config file write
//! a value in the same way. This file does not know which settings there are.

use super::highlights::{self, Highlights};
use super::preferences::{Links, Notify, Others, Private, Times};

/// A value that a setting can have. It knows how the value is typed and how typed text is read.
pub(super) trait Value {
    /// Returns the words for all values of this type; no words if the values are numbers.
    fn words(&self) -> Vec<&'static str>;

    /// Returns a description of all values of this type.
    fn choices(&self) -> String;

    /// Returns the value as it is typed.
    fn typed(&self) -> String;

    /// Sets the value from what was typed. Returns false and changes nothing if the text is not such a value.
    fn read(&mut self, typed: &str) -> bool;
}

/// A type whose values are words.
trait Word: Copy + PartialEq + Sized + 'static {
    /// The values and their words, in the order in which they are offered.
    const WORDS: &'static [(&'static str, Self)];

    /// Further words that are understood but not offered.
    const ALSO: &'static [(&'static str, Self)] = &[];

    /// What each word means, in the order of the words, where a word does not say it; empty otherwise.
    const MEANINGS: &'static [&'static str] = &[];
}

impl<T: Word> Value for T {
    fn words(&self) -> Vec<&'static str> {
        T::WORDS.iter().map(|(word, _)| *word).collect()
    }

    fn choices(&self) -> String {
        let words = T::WORDS.iter().enumerate().map(|(number, (word, _))| match T::MEANINGS.get(number) {
            Some(meaning) => format!("{word} ({meaning})"),
            None => (*word).to_owned(),
        });
        words.collect::<Vec<_>>().join(", ")
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
    const MEANINGS: &'static [&'static str] =
        &["anybody", "users you have answered or accepted", "you are asked each time", "nobody"];
}

impl Word for Links {
    const WORDS: &'static [(&'static str, Self)] =
        &[("auto", Self::Auto), ("on", Self::On), ("off", Self::Off)];
}

impl Word for Others {
    const WORDS: &'static [(&'static str, Self)] = &[("show", Self::Show), ("count", Self::Count)];
}
