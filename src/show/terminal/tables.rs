//! `\help` and `\sessions` on a terminal: in columns if there is room, and otherwise in rows below each other.

use nu_ansi_term::{Color, Style};

use super::super::HelpRow;
use super::super::harmless::harmless_line;
use super::super::human::{PROGRAM_VOICE, path_word, state_word, unread_words, with_whom};
use super::TerminalForm;
use super::wrap::width;
use crate::session::SessionRow;

/// The greatest width of the column of usages; a longer usage has a row of its own.
const USAGE: usize = 25;

/// If the explanation had fewer columns than this beside the usage, it is written below the usage.
const BESIDE: usize = 30;

/// The last rows of the list of all commands.
const HELP_ENDS_WITH: [&str; 2] =
    ["any other line is said in the current session; //text says /text", "\\help COMMAND has examples"];

impl TerminalForm {
    pub(super) fn help(&self, commands: &[HelpRow], columns: usize) -> String {
        let mut shown = String::new();
        let mut group = "";
        for row in commands {
            if row.heading() != group && commands.len() > 1 {
                group = row.heading();
                let line = format!("{PROGRAM_VOICE}{}", harmless_line(group));
                shown.push_str(&format!("{}\n", self.paint(Style::new().bold(), &line)));
            }
            shown.push_str(&self.help_row(row, columns));
        }
        if commands.len() > 1 {
            for told in HELP_ENDS_WITH {
                shown.push_str(&self.say(told, columns));
            }
        }
        shown
    }

    fn help_row(&self, row: &HelpRow, columns: usize) -> String {
        let usage = harmless_line(&row.usage);
        let aliases = match row.aliases.as_slice() {
            [] => String::new(),
            aliases => format!(" (\\{})", aliases.join(", \\")),
        };
        let about = harmless_line(&row.about);
        let wide = width(&usage) + width(&aliases);
        let indent = if columns >= 2 + USAGE + 2 + BESIDE { 2 + USAGE + 2 } else { 6 };
        let beside = 2 + wide + 2 <= indent;
        let mut shown = format!("  {}{aliases}", self.paint(Color::Cyan.normal(), &usage));
        shown.push_str(&if beside {
            " ".repeat(indent - 2 - wide)
        } else {
            format!("\n{}", " ".repeat(indent))
        });
        let rows = self.rows(&about, columns - indent, columns - indent);
        shown.push_str(&rows.join(&format!("\n{}", " ".repeat(indent))));
        shown.push('\n');
        for example in &row.examples {
            let line = format!("    e.g. {}", harmless_line(example));
            shown.push_str(&format!("{}\n", self.paint(Style::new().dimmed(), &line)));
        }
        shown
    }

    pub(super) fn sessions(&self, rows: &[SessionRow], columns: usize) -> String {
        let lines = rows.iter().map(|row| {
            let mark = if row.current { '*' } else { ' ' };
            let who = with_whom(row);
            let unread = unread_words(row);
            let style = match (row.current, row.unread) {
                (true, _) => Style::new().bold(),
                (false, 0) => Style::new(),
                (false, _) => Color::Magenta.normal(),
            };
            let verified = if row.verified == Some(true) { ", verified" } else { "" };
            let (state, path) = (state_word(row.state), path_word(row));
            let line = format!("{mark} {} {who} ({state}{path}{verified}{unread})", row.id);
            self.program_voice(style, &line, columns)
        });
        lines.collect()
    }
}
