//! Draws a screen as an SVG image that needs no other file: a window with rounded corners, and the text as text on a
//! grid, in the colours of the screen. This file knows nothing of how the screen came about.

use std::fmt::Write;

use vt100::{Cell, Color, Screen};

/// The width and height of one cell in pixels. Fonts differ in how wide their characters are, so every run of text is
/// given its length.
const CELL: (f32, f32) = (8.4, 20.0);
/// The size of a font that fits a cell, in pixels.
const FONT: f32 = 14.0;
/// The distance from the top of a cell to the baseline of its characters, in pixels.
const BASELINE: f32 = 14.5;
/// The distance from the edge of the window to its text, in pixels.
const MARGIN: f32 = 18.0;
/// The height of the title bar, in pixels.
const BAR: f32 = 34.0;

const WINDOW: &str = "#171a21";
const TITLE_BAR: &str = "#232833";
/// The colour of the line around the window, so that its edge can be seen on a dark page too.
const EDGE: &str = "#454d5e";
const TEXT: &str = "#dde1e8";
/// The colour of dimmed text, which is still easy to read on the window.
const DIMMED: &str = "#949cab";
/// The sixteen colours of a terminal, in the order of their numbers.
const PALETTE: [&str; 16] = [
    "#171a21", "#f2777a", "#8fd07a", "#f0c674", "#6aa9f4", "#cf9cf0", "#5fd0cf", "#dde1e8", //
    "#7f8797", "#ff9a8b", "#a8e08f", "#ffe08a", "#8ec5ff", "#f0a8dc", "#8ae6e1", "#ffffff",
];
/// The fonts for the text; a viewer takes the first one that it has.
const FONTS: &str = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";

/// How a part of a row is painted: the colour of its text, the colour behind it if there is one, and whether it is
/// bold.
#[derive(Clone, PartialEq)]
struct Look {
    ink: &'static str,
    ground: Option<&'static str>,
    bold: bool,
}

/// Neighbouring cells of one row that are painted in the same way.
struct Run {
    column: u16,
    cells: u16,
    text: String,
    look: Look,
}

/// Returns the whole picture, with `title` in its title bar.
pub(crate) fn draw(screen: &Screen, title: &str) -> String {
    let (rows, columns) = screen.size();
    let (wide, high) = (
        f32::from(columns.get()) * CELL.0 + 2.0 * MARGIN,
        f32::from(rows.get()) * CELL.1 + 1.5 * MARGIN + BAR,
    );
    let mut out = String::new();
    let mut line = |text: String| out.push_str(&(text + "\n"));
    line(format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{wide:.0}" height="{high:.0}" viewBox="0 0 {wide:.0} {high:.0}" role="img" font-family="{FONTS}" font-size="{FONT}">"#
    ));
    line(format!("<title>{}</title>", escaped(title)));
    line(format!(
        r#"<rect x="0.5" y="0.5" width="{:.0}" height="{:.0}" rx="10" fill="{WINDOW}"/>"#,
        wide - 1.0,
        high - 1.0
    ));
    line(format!(
        r#"<path d="M0.5 {BAR}V10.5a10 10 0 0 1 10-10H{:.1}a10 10 0 0 1 10 10V{BAR}z" fill="{TITLE_BAR}"/>"#,
        wide - 10.5
    ));
    line(format!(
        r#"<rect x="0.5" y="0.5" width="{:.0}" height="{:.0}" rx="10" fill="none" stroke="{EDGE}"/>"#,
        wide - 1.0,
        high - 1.0
    ));
    for (number, color) in ["#f2777a", "#f0c674", "#8fd07a"].into_iter().enumerate() {
        line(format!(
            r#"<circle cx="{}" cy="{}" r="5.5" fill="{color}"/>"#,
            MARGIN + 4.0 + 20.0 * number as f32,
            BAR / 2.0
        ));
    }
    line(format!(
        r#"<text x="{:.0}" y="{:.1}" text-anchor="middle" font-size="13" fill="{DIMMED}">{}</text>"#,
        wide / 2.0,
        BAR / 2.0 + 4.5,
        escaped(title)
    ));
    line(format!(r#"<g transform="translate({MARGIN} {})" xml:space="preserve">"#, BAR + MARGIN / 2.0));
    for row in 0..rows.get() {
        for run in runs(screen, row) {
            line(drawn(&run, row));
        }
    }
    line("</g>\n</svg>".to_owned());
    out
}

/// Returns the SVG elements of one run: its background, if it has one, and its text.
fn drawn(run: &Run, row: u16) -> String {
    let (x, y) = (f32::from(run.column) * CELL.0, f32::from(row) * CELL.1);
    let length = f32::from(run.cells) * CELL.0;
    let mut out = String::new();
    // Writing to a `String` cannot fail.
    if let Some(ground) = run.look.ground {
        let _ = write!(
            out,
            r#"<rect x="{x:.1}" y="{y:.1}" width="{length:.1}" height="{}" fill="{ground}"/>"#,
            CELL.1
        );
    }
    if !run.text.trim().is_empty() {
        let weight = if run.look.bold { r#" font-weight="bold""# } else { "" };
        let _ = write!(
            out,
            r#"<text x="{x:.1}" y="{:.1}" textLength="{length:.1}" lengthAdjust="spacingAndGlyphs" fill="{}"{weight}>{}</text>"#,
            y + BASELINE,
            run.look.ink,
            escaped(&run.text)
        );
    }
    out
}

/// Splits a row into runs that are painted in the same way. A wide character is a run of its own, because fonts differ
/// most in its width. Blanks at both ends of a run are left out.
fn runs(screen: &Screen, row: u16) -> Vec<Run> {
    let (_, columns) = screen.size();
    let cursor = screen.cursor_position();
    let mut runs: Vec<Run> = Vec::new();
    let mut joins = false;
    for column in 0..columns.get() {
        let Some(cell) = screen.cell(row, column).filter(|cell| !cell.is_wide_continuation()) else {
            continue;
        };
        let look = look(cell, cursor == (row, column) && !screen.hide_cursor());
        let text = if cell.has_contents() { cell.contents() } else { " " };
        match runs.last_mut() {
            Some(run) if joins && !cell.is_wide() && run.look == look => {
                run.text.push_str(text);
                run.cells += 1;
            }
            _ => {
                let cells = if cell.is_wide() { 2 } else { 1 };
                runs.push(Run { column, cells, text: text.to_owned(), look });
            }
        }
        joins = !cell.is_wide();
    }
    runs.iter_mut().for_each(trim);
    runs.retain(|run| run.cells > 0);
    runs
}

/// Removes the blanks at both ends of a run that has no background, because nobody sees them.
fn trim(run: &mut Run) {
    if run.look.ground.is_some() {
        return;
    }
    let before = run.text.len() - run.text.trim_start_matches(' ').len();
    let blanks = run.text.len() - run.text.trim_matches(' ').len();
    run.text = run.text.trim_matches(' ').to_owned();
    // If a run has only blanks, each of them was counted twice.
    let (before, blanks) = (before as u16, (blanks as u16).min(run.cells));
    run.column += before;
    run.cells -= blanks;
}

fn look(cell: &Cell, cursor: bool) -> Look {
    let plain = if cell.dim() { DIMMED } else { TEXT };
    let ink = color(cell.fgcolor()).unwrap_or(plain);
    match (cursor, cell.inverse()) {
        (true, _) => Look { ink: WINDOW, ground: Some(TEXT), bold: false },
        (_, true) => Look { ink: WINDOW, ground: Some(ink), bold: cell.bold() },
        _ => Look { ink, ground: color(cell.bgcolor()), bold: cell.bold() },
    }
}

/// Returns the colour for a cell, or `None` for the default colour. hobnob uses only the sixteen colours of a terminal.
fn color(color: Color) -> Option<&'static str> {
    match color {
        Color::Idx(number) => PALETTE.get(usize::from(number)).copied(),
        Color::Default | Color::Rgb(..) => None,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
