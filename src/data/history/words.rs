//! Words, as the index of the history knows them: how a text is cut into words, and how words that somebody searches
//! for become a query to the index. These functions have no side effects.

use std::borrow::Cow;

/// Returns `text` with a space around each character of a script that is written without spaces between words. Each
/// such character then is a word of its own in the index, and is found inside a sentence.
pub(super) fn spaced(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || !text.chars().any(stands_alone) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        if stands_alone(c) {
            out.extend([' ', c, ' ']);
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Whether a character belongs to a script that is written without spaces: Thai, Lao, Burmese, Khmer, kana, or Chinese
/// characters and their radicals.
const fn stands_alone(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{2e80}'..='\u{2fff}'
        | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

/// How exactly a word has to match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    /// The text must contain exactly this word.
    Whole,
    /// The text may also contain a longer word that begins with this word.
    Beginning,
}

/// Returns the query for texts that contain all of the typed words, or `None` if nothing typed is a word. Each word is
/// quoted, so that nothing that a user types is an operator of the query.
pub(super) fn all_of(typed: &str, exactly: Match) -> Option<String> {
    let after = if exactly == Match::Beginning { "*" } else { "" };
    let quoted: Vec<String> = spaced(typed)
        .split_whitespace()
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .map(|word| format!("\"{}\"{after}", word.replace('"', "\"\"")))
        .collect();
    (!quoted.is_empty()).then(|| quoted.join(" "))
}

/// Returns the query for texts that contain any of these names or words.
pub(super) fn any_of<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let each = words.into_iter().filter_map(|word| all_of(word, Match::Whole));
    let each: Vec<String> = each.map(|all| format!("({all})")).collect();
    (!each.is_empty()).then(|| each.join(" OR "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_words_are_quoted_and_signs_alone_are_not_words() {
        assert_eq!(all_of("say \"NEAR\" -x", Match::Whole).unwrap(), "\"say\" \"\"\"NEAR\"\"\" \"-x\"");
        assert_eq!(all_of("rel not", Match::Beginning).unwrap(), "\"rel\"* \"not\"*");
        assert_eq!(all_of("* ( ) \" ^", Match::Whole), None);
        assert_eq!(any_of(["anna", "the roof", "?"]).unwrap(), "(\"anna\") OR (\"the\" \"roof\")");
    }

    #[test]
    fn text_in_scripts_without_spaces_is_cut_into_characters() {
        assert_eq!(spaced("plain"), "plain");
        assert_eq!(spaced("a東京b"), "a 東  京 b");
        assert_eq!(all_of("東京", Match::Whole).unwrap(), "\"東\" \"京\"");
    }
}
