//! Addresses of the web in a text, and the sequence that tells a terminal where such an address begins and ends.
//! Without it, an address that is broken into rows cannot be opened, because the terminal takes each row for itself.
//! This file owns what counts as an address; it knows nothing of rows.

use std::ops::Range;

use super::names;

/// Longer addresses are left as they are, because terminals accept about this many bytes in such a sequence.
const LONGEST: usize = 2000;

/// Terminals, by the beginning of `TERM`, that accept the sequence or silently ignore it. An old terminal that does
/// neither would show it.
const TAKE_LINKS: [&str; 14] = [
    "xterm",
    "tmux",
    "alacritty",
    "foot",
    "wezterm",
    "kitty",
    "ghostty",
    "contour",
    "vte",
    "gnome",
    "konsole",
    "iterm",
    "mintty",
    "st-",
];

/// Whether a terminal of this name accepts links.
#[must_use]
pub fn are_taken_by(term: &str) -> bool {
    TAKE_LINKS.iter().any(|name| term.starts_with(name))
}

/// Returns where the addresses in a line are.
#[must_use]
pub fn find(line: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = line[from..].find("http").map(|at| from + at) {
        let length = length(&line[start..]);
        // In the middle of a word it is not an address.
        let alone = !line[..start].ends_with(char::is_alphanumeric);
        if alone && length > 0 {
            found.push(start..start + length);
        }
        from = start + length.max("http".len());
    }
    found
}

/// Returns the length of the address with which `text` begins; 0 if it begins with none. An address is visible ASCII,
/// without characters that end a sequence or an address.
fn length(text: &str) -> usize {
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else { return 0 };
    let ends = |c: char| !c.is_ascii_graphic() || "<>\"`{}|\\^".contains(c);
    let body = &rest[..rest.find(ends).unwrap_or(rest.len())];
    let opened = body.contains('(');
    let body = body.trim_end_matches(|c| ".,;:!?'\"*_".contains(c) || (c == ')' && !opened));
    let length = text.len() - rest.len() + body.len();
    if body.is_empty() || length > LONGEST { 0 } else { length }
}

/// Returns `shown` as a part of the link to `address`, which [`find`] has found. All parts of a link have the same id,
/// so that a person who points at one of them sees one link.
pub(super) fn part(address: &str, shown: &str) -> String {
    format!("{}{shown}{END}", begin(address))
}

/// Returns the sequence that begins a part of the link to `address`, which [`find`] has found.
#[must_use]
pub fn begin(address: &str) -> String {
    format!("\x1b]8;id={:x};{address}\x1b\\", names::mix(address.as_bytes()))
}

/// The sequence that ends a part of a link.
pub const END: &str = "\x1b]8;;\x1b\\";

/// Returns where the rows into which a line was broken are in that line: everything except the spaces at the breaks.
pub(super) fn places(line: &str, rows: &[String]) -> Vec<Range<usize>> {
    let mut at = 0;
    rows.iter()
        .map(|row| {
            while !line[at..].starts_with(row.as_str()) && line[at..].starts_with(' ') {
                at += 1;
            }
            let start = at;
            at = (at + row.len()).min(line.len());
            start..at
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, addresses: &[&str]) {
        let found: Vec<&str> = find(line).into_iter().map(|range| &line[range]).collect();
        assert_eq!(found, addresses);
    }

    #[test]
    fn only_web_addresses_are_found() {
        check("see https://a.example/b?c=d#e.", &["https://a.example/b?c=d#e"]);
        check("(http://a.example), http://b.example", &["http://a.example", "http://b.example"]);
        check("https://a.example/x_(y) 日https://b", &["https://a.example/x_(y)"]);
        check("<https://a.example>", &["https://a.example"]);
        check("ftp://a javascript:x https:// xhttp://a httpd", &[]);
        check("https://a\u{1b}\\b https://a\u{7}b", &["https://a", "https://a"]);
        check(&format!("https://{}", "a".repeat(LONGEST)), &[]);
    }

    #[test]
    fn wrapped_rows_are_found_again_in_their_line() {
        let rows = ["  one".to_owned(), "two".to_owned(), "three".to_owned()];
        assert_eq!(places("  one   twothree ", &rows), [0..5, 8..11, 11..16]);
    }

    #[test]
    fn terminals_that_do_not_support_links_get_none() {
        assert!(are_taken_by("xterm-256color") && are_taken_by("tmux-256color"));
        assert!(
            !are_taken_by("linux") && !are_taken_by("screen") && !are_taken_by("vt100") && !are_taken_by("")
        );
    }
}
