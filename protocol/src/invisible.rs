//! Which code points nobody can see: those with Unicode's property `Default_Ignorable_Code_Point`, those whose glyph is
//! blank, and those that only change how their neighbours are drawn. This file owns these lists, and knows which code
//! points are drawn together with another. Names must not hold any of them. Code that shows texts decides which of them
//! a text may hold.

/// Whether a renderer leaves this code point out, as it does with joiners, variation selectors, fillers, directional
/// marks and tags. The list is that of Unicode 16, whose property also covers ranges that are reserved for future
/// characters.
#[must_use]
pub const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Whether this code point is drawn as nothing although Unicode calls it a letter, a number or a mark. These are the
/// blanks and the mirror of Egyptian hieroglyphs, the fillers and joiners of Khitan, Brahmi and Tifinagh, the blank of
/// Braille and the blank of musical notation.
#[must_use]
pub const fn is_blank(c: char) -> bool {
    matches!(c, '\u{2800}' | '\u{2d7f}' | '\u{1107f}' | '\u{13440}'..='\u{13442}' | '\u{16fe4}' | '\u{1d159}')
}

/// Code points that put the letter after them under the letter before them, and are not drawn themselves (Unicode's
/// `Invisible_Stacker`). Each stands with the first and the last code point of the letters that it acts on. Khmer and
/// Burmese names need them.
const STACKERS: [(char, char, char); 14] = [
    ('\u{1039}', '\u{1000}', '\u{109f}'),
    ('\u{17d2}', '\u{1780}', '\u{17ff}'),
    ('\u{1a60}', '\u{1a20}', '\u{1aaf}'),
    ('\u{1bab}', '\u{1b80}', '\u{1bbf}'),
    ('\u{aaf6}', '\u{abc0}', '\u{abff}'),
    ('\u{10a3f}', '\u{10a00}', '\u{10a5f}'),
    ('\u{11133}', '\u{11100}', '\u{1114f}'),
    ('\u{113d0}', '\u{11380}', '\u{113ff}'),
    ('\u{1193e}', '\u{11900}', '\u{1195f}'),
    ('\u{11a47}', '\u{11a00}', '\u{11a4f}'),
    ('\u{11a99}', '\u{11a50}', '\u{11aaf}'),
    ('\u{11d45}', '\u{11d00}', '\u{11d5f}'),
    ('\u{11d97}', '\u{11d60}', '\u{11daf}'),
    ('\u{11f42}', '\u{11f00}', '\u{11f5f}'),
];

/// Whether this code point stacks letters.
#[must_use]
pub fn is_stacker(c: char) -> bool {
    STACKERS.iter().any(|(stacker, ..)| *stacker == c)
}

/// Returns the characters of a name, each with whether it is hidden in this name. A stacker is not hidden if it stands
/// between two letters of its own script, because there the reader sees its effect.
pub fn in_name(name: &str) -> impl Iterator<Item = (char, bool)> {
    let mut before = None;
    let mut rest = name.chars().peekable();
    std::iter::from_fn(move || {
        let c = rest.next()?;
        let is_hidden = match is_stacker(c) {
            true => {
                let stacks = |beside: Option<char>| beside.is_some_and(|beside| is_stacked_by(c, beside));
                !(stacks(before) && stacks(rest.peek().copied()))
            }
            false => is_invisible(c) || is_blank(c),
        };
        before = Some(c);
        Some((c, is_hidden))
    })
}

/// Whether `stacker` acts on the character beside it, which must be a letter of the stacker's script, with or without a
/// vowel.
fn is_stacked_by(stacker: char, beside: char) -> bool {
    let is_in =
        |(its, first, last): &(char, char, char)| *its == stacker && (*first..=*last).contains(&beside);
    STACKERS.iter().any(is_in) && beside.is_alphanumeric() && !is_stacker(beside)
}

/// Whether this code point is a mark that is drawn together with the character beside it. Such a mark alone does not
/// make a visible name.
#[must_use]
pub fn is_combining_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fillers_selectors_and_joiners_are_invisible_and_letters_are_not() {
        for c in
            ['\u{34f}', '\u{115f}', '\u{3164}', '\u{ffa0}', '\u{fe00}', '\u{fe0f}', '\u{e0100}', '\u{200d}']
        {
            assert!(is_invisible(c), "{c:?}");
        }
        for c in ['a', 'ü', '한', '्', '\u{301}', '葛', '_', ' '] {
            assert!(!is_invisible(c), "{c:?}");
        }
    }
}
