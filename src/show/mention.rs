//! Where a text names somebody: as a whole word, whatever its case and composition. Pure; knows
//! nothing of screens.

use std::ops::Range;

use hobnob_protocol::name::UserName;

/// The places in `text` where `name` stands as a word of its own.
#[must_use]
pub fn find(text: &str, name: &UserName) -> Vec<Range<usize>> {
    words(text).filter(|word| is(&text[word.clone()], name)).collect()
}

/// Whether `text` names this user.
#[must_use]
pub fn is_in(text: &str, name: &UserName) -> bool {
    words(text).any(|word| is(&text[word], name))
}

/// The words of `text` that could be names. A dot or a dash may be part of a name; at the end of a
/// word it more likely ends a sentence, so that a word is tried without it too.
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

/// As names are made; a mark combines with the letter before it.
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
}
