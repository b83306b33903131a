//! Finds where a text names a user: as a whole word, whatever its case and composition. A second client of a user has a
//! numbered name, such as `anna_2`; a text that says `anna` means both. This file has only functions of their
//! arguments, and knows nothing of screens.

use std::ops::Range;

use hobnob_protocol::name::UserName;

use super::kept;

/// Returns the places in `text` where `name`, or the name of which it is a numbered form, is a whole word.
#[must_use]
pub fn find(text: &str, name: &UserName) -> Vec<Range<usize>> {
    places(text, name).collect()
}

/// Whether `text` names this user.
#[must_use]
pub fn is_in(text: &str, name: &UserName) -> bool {
    places(text, name).next().is_some()
}

/// Returns the places in `text` where one of `words` is a whole word, whatever its case. In scripts without spaces a
/// word counts wherever it is written.
#[must_use]
pub fn find_whole_words(text: &str, words: &[String]) -> Vec<Range<usize>> {
    if words.is_empty() {
        return Vec::new();
    }
    let ends = |place: &Range<usize>| {
        let after = text[place.end..].chars().next();
        let within = text[..place.end].chars().next_back();
        let go_on = |c: char| c.is_alphanumeric() && c.is_ascii();
        !after.is_some_and(go_on) || !within.is_some_and(char::is_alphanumeric)
    };
    kept::find_word_beginnings(text, words).into_iter().filter(ends).collect()
}

fn places<'t>(text: &'t str, name: &'t UserName) -> impl Iterator<Item = Range<usize>> + 't {
    let without_number = without_number(name);
    words(text).filter(move |word| {
        let word = &text[word.clone()];
        is(word, name) || without_number.as_ref().is_some_and(|name| is(word, name))
    })
}

/// Returns the name that was asked for, if the server gave a numbered form of it: `anna` for `anna_2`.
fn without_number(name: &UserName) -> Option<UserName> {
    let (wished, number) = name.as_str().rsplit_once('_')?;
    let wished: UserName = wished.parse().ok()?;
    let number: u32 = number.parse().ok()?;
    (number >= 2 && wished.numbered(number) == *name).then_some(wished)
}

/// Returns the names that `text` may contain: every word that could be a name.
pub fn names(text: &str) -> impl Iterator<Item = UserName> {
    words(text).filter_map(|word| text[word].parse().ok())
}

/// Returns the words of `text` that could be names. A dot or a dash may be part of a name, but at the end of a word it
/// more likely ends a sentence, so such a word is also tried without it.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + text[from..].find(is_name_char)?;
        let end = text[start..].find(|c| !is_name_char(c)).map_or(text.len(), |length| start + length);
        from = end;
        Some(start..end)
    })
    .flat_map(|word| {
        let bare = text[word.clone()].trim_end_matches(['.', '-', '_']).len();
        let shorter = (bare > 0 && bare < word.len()).then(|| word.start..word.start + bare);
        std::iter::once(word).chain(shorter)
    })
}

fn is(word: &str, name: &UserName) -> bool {
    let name_text = name.as_str();
    if word.is_ascii() && name_text.is_ascii() {
        return word.eq_ignore_ascii_case(name_text);
    }
    word.parse().is_ok_and(|word: UserName| word == *name)
}

/// Whether a character may be in a name, or is a mark that combines with the letter before it.
fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.') || is_mark(c)
}

fn is_mark(c: char) -> bool {
    unicode_width::UnicodeWidthChar::width(c) == Some(0) && !c.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, text: &str, expected: &[&str]) {
        let name = name.parse().unwrap();
        let found: Vec<&str> = find(text, &name).into_iter().map(|place| &text[place]).collect();
        assert_eq!(found, expected, "{name} in {text:?}");
        assert_eq!(is_in(text, &name), !expected.is_empty());
    }

    #[test]
    fn a_name_is_found_as_a_whole_word_in_any_case() {
        check("anna", "anna: hi", &["anna"]);
        check("anna", "hi @ANNA, and Anna's dog", &["ANNA", "Anna"]);
        check("anna", "I ask anna.", &["anna"]);
        check("anna", "annabel, joanna, anna_2, anna-marie", &[]);
        check("anna.b", "anna.b. and anna", &["anna.b"]);
        check("Zoë", "ZOE\u{308}!", &["ZOE\u{308}"]);
        check("日本", "「日本」さん", &["日本"]);
        check("anna", "", &[]);
    }

    #[test]
    fn highlighted_words_are_found_as_whole_words_in_any_case() {
        let check = |text: &str, words: &[&str], expected: &[&str]| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            let found: Vec<&str> =
                find_whole_words(text, &words).into_iter().map(|place| &text[place]).collect();
            assert_eq!(found, expected, "{words:?} in {text:?}");
        };
        check("Deploy! redeploy deployed, DEPLOY-day", &["deploy"], &["Deploy", "DEPLOY"]);
        check("C++ or c++11, not C", &["c++"], &["C++", "c++"]);
        check("東京に行く", &["東京"], &["東京"]);
        check("ärger ÄRGERLICH Ärger.", &["ärger"], &["ärger", "Ärger"]);
        check("release the release", &["release", "rel"], &["release", "release"]);
        check("anything", &[], &[]);
    }

    #[test]
    fn a_second_client_of_a_user_is_named_by_the_name_without_its_number() {
        check("anna_2", "Anna: hi, and hi anna_2, not anna_3", &["Anna", "anna_2"]);
        check("anna_2", "annabel, joanna, anna-marie", &[]);
        check("anna", "anna_2 only", &[]);
        check("a_b_12", "a_b and a", &["a_b"]);
        for no_number in ["anna_1", "anna_02", "anna_", "anna_x", "_2"] {
            check(no_number, "anna, hello", &[]);
        }
    }
}
