//! Checks README.md against the code: its table of commands is made from the program's table of commands. Nothing else
//! of the page is checked here.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test, in helpers too")]

use std::fmt::Write;

use hobnob::commands::{COMMANDS, Command};

const BEGIN: &str = "<!-- commands -->\n";
const END: &str = "<!-- /commands -->";

#[test]
fn the_command_table_is_that_of_the_program() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, rest) = readme.split_once(BEGIN).expect("README.md has a <!-- commands --> line");
    let (shown, _) = rest.split_once(END).expect("README.md has a <!-- /commands --> line after it");
    let made = table();
    assert!(shown == made, "README.md shows\n{shown}\nbetween its markers; it is now\n{made}");
}

fn table() -> String {
    let mut table = "| command | aliases | does |\n| --- | --- | --- |\n".to_owned();
    for command in COMMANDS {
        writeln!(table, "| {} | {} | {} |", code(command.usage), aliases(command), about(command)).unwrap();
    }
    table
}

fn aliases(command: &Command) -> String {
    let aliases: Vec<String> = command.aliases.iter().map(|alias| code(&format!("\\{alias}"))).collect();
    aliases.join(", ")
}

/// Returns the description of a command. Outside of code a star would be taken for emphasis and a backslash for an
/// escape, so both are escaped.
fn about(command: &Command) -> String {
    cell(&command.about.replace('\\', "\\\\").replace('*', "\\*"))
}

fn code(text: &str) -> String {
    format!("`{}`", cell(text))
}

/// Returns the text of a table cell, in which a bar is escaped because it would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
