//! Which code points are made to be invisible: Unicode's property `Default_Ignorable_Code_Point`.
//! Owns that list, and which code points are drawn with another. Names must hold none of them; what texts may hold of them is decided by
//! whoever shows the texts.

/// Whether a code point is one that a renderer leaves out: joiners, variation selectors, fillers,
/// directional marks, tags. As in Unicode 16, where the property covers the ranges that are reserved
/// for future ones, too.
#[must_use]
pub const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a code point is a mark that is drawn with the character beside it, so that alone it is none to be seen.
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
