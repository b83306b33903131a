//! Shows what a search has found as the grey text behind the query: harmless, in one row, and with the part that was
//! searched for in it. The hinter calls this. It knows no history and changes nothing.

use std::ops::Range;

use super::page::Page;
use super::search::{Step, Told};
use crate::show::harmless::harmless_line;

/// From this number of columns on, the hint also says in words what is shown. On a narrower terminal, what was found
/// needs all of the columns.
const WORDY: u16 = 60;

/// One out of how many columns may show the part of a long line that stands before the match.
const BEFORE: usize = 3;

/// Returns the hint behind `query`, if a search is open.
pub(super) fn hint(page: &Page, query: &str, color: bool) -> Option<String> {
    let told = page.search.told()?;
    // Without colours, a hint must not look like something that was typed.
    let (open, close) = if color { ("  ← ", "") } else { ("  [← ", "]") };
    let room = page.room_after(query).saturating_sub(page.width(open) + close.len());
    let body = body(&told, room, page);
    Some(format!("{open}{body}{close}"))
}

fn body(told: &Told<'_>, room: usize, page: &Page) -> String {
    let wordy = page.size.columns >= WORDY;
    match told {
        Told::Begun if wordy => {
            page.cut("type to search; Ctrl-R goes back, Enter takes it, Esc leaves", room)
        }
        Told::Begun => page.cut("type to search, Esc leaves", room),
        Told::Nothing if wordy => page.cut("search: nothing typed before has this", room),
        Told::Nothing => page.cut("nothing has this", room),
        Told::Found { line, place, end } => {
            let lead = match end {
                Some(Step::Older) => "oldest: ",
                Some(Step::Newer) => "newest: ",
                None if wordy => "search: ",
                None => "",
            };
            format!("{lead}{}", around(line, place, room.saturating_sub(lead.len()), page))
        }
    }
}

/// Returns a part of `line` that fits into `room` columns and contains the match at `place`.
fn around(line: &str, place: &Range<usize>, room: usize, page: &Page) -> String {
    let before = harmless_line(&line[..place.start]);
    let found = harmless_line(&line[place.clone()]);
    let after = harmless_line(&line[place.end..]);
    let whole = format!("{before}{found}{after}");
    if page.width(&whole) <= room || page.width(&before) + page.width(&found) < room {
        return page.cut(&whole, room);
    }
    let spare = room.saturating_sub(page.width(&found) + 2).min(room / BEFORE);
    let near = before.char_indices().map(|(at, _)| &before[at..]).find(|tail| page.width(tail) <= spare);
    page.cut(&format!("…{}{found}{after}", near.unwrap_or_default()), room)
}

#[cfg(test)]
mod tests {
    use rustyline::GraphemeClusterMode;
    use rustyline::history::{DefaultHistory, History};

    use super::super::canvas::Size;
    use super::super::prompt::Prompt;
    use super::super::search::Line;
    use super::*;

    /// Returns the hint behind `query` if `line` was typed before.
    fn shown(line: &str, query: &str, columns: u16, color: bool) -> String {
        let mut history = DefaultHistory::new();
        history.add(line).unwrap();
        let mut page = Page::new(GraphemeClusterMode::WcWidth);
        page.begin(Prompt::plain("lobby> "), Size { columns, rows: 24 });
        page.search.begin(Line::default());
        page.search.look(query, &history);
        let hint = hint(&page, query, color).unwrap();
        let columns = usize::from(columns);
        assert!("lobby> ".len() + page.width(query) + page.width(&hint) < columns, "{hint:?} is too long");
        hint
    }

    #[test]
    fn the_hint_of_a_search_fits_every_width() {
        let line = "a needle in a haystack";
        assert_eq!(shown(line, "need", 80, true), "  ← search: a needle in a haystack");
        assert_eq!(shown(line, "need", 80, false), "  [← search: a needle in a haystack]");
        assert_eq!(shown(line, "need", 40, true), "  ← a needle in a haystack");
        assert_eq!(shown(line, "need", 40, false), "  [← a needle in a haystack]");
        let longer = "a needle in a haystack, at last";
        assert_eq!(shown(longer, "need", 40, false), "  [← a needle in a haystac…]");
        assert_eq!(shown(line, "", 40, false), "  [← type to search, Esc leaves]");
        assert_eq!(
            shown(line, "", 80, false),
            "  [← type to search; Ctrl-R goes back, Enter takes it, Esc leaves]"
        );
        assert_eq!(shown(line, "x", 40, true), "  ← nothing has this");
        assert_eq!(shown(line, "x", 200, true), "  ← search: nothing typed before has this");
    }

    #[test]
    fn the_match_is_always_visible_in_the_hint() {
        let line = format!("{} the needle {}", "before ".repeat(40), "after ".repeat(40));
        for columns in [40, 80, 200] {
            let hint = shown(&line, "needle", columns, true);
            assert!(hint.contains('…') && hint.contains(" the needle"), "{hint:?}");
        }
        assert_eq!(shown("日本語日本語日本語日本語日本語x", "x", 40, true), "  ← …語日本語x");
    }

    #[test]
    fn the_hint_of_a_search_is_harmless() {
        assert_eq!(
            shown("one\ntwo\x1b[2J\u{202e}\tx", "two", 80, true),
            "  ← search: one␤two␛[2J\u{fffd}    x"
        );
    }
}
