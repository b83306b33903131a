//! What a line means before it is parsed as a command: `\me`, and the user's own aliases. Pure; owns
//! what an alias may be called. It does not know the commands: whoever calls it hands in their names.

use hobnob_protocol::name::UserName;

use crate::data::table::Table;

/// Finds the command that a word names, by its name or a shorter word for it, and gives its name.
pub type CommandNamed = fn(&str) -> Option<&'static str>;

/// Characters an alias may have.
const LONGEST: usize = 32;

/// Stands in an alias for what is typed after it.
const ARGUMENTS: &str = "$*";

/// Whether an alias may have this name: a word, and no command's.
///
/// # Errors
/// What is wrong with it.
pub fn check(name: &str, command_named: CommandNamed) -> Result<(), String> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    if name.is_empty() || name.chars().count() > LONGEST || !name.chars().all(is_word) {
        return Err(format!("an alias is 1 to {LONGEST} letters, digits, _ or -"));
    }
    match command_named(name) {
        Some(command) => Err(format!("\\{command} is a command and stays one")),
        None => Ok(()),
    }
}

/// What `line` stands for: the text of `\me`, or of an alias. Once only: an alias may name a command,
/// never another alias. `None` for every other line.
#[must_use]
pub fn expand(line: &str, aliases: &Table, own: &UserName, command_named: CommandNamed) -> Option<String> {
    let rest = line.strip_prefix('\\').filter(|rest| !rest.starts_with('\\') && !rest.contains('\n'))?;
    let (word, args) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let args = args.trim();
    if word == "me" {
        return (!args.is_empty()).then(|| action(own, args));
    }
    if command_named(word).is_some() {
        // A command that came with a later hobnob than the alias.
        return None;
    }
    let text = aliases.get(word)?;
    let text = match (text.contains(ARGUMENTS), args) {
        (true, args) => text.replace(ARGUMENTS, args),
        (false, "") => text.to_owned(),
        (false, args) => format!("{text} {args}"),
    };
    match text.strip_prefix("\\me ").map(str::trim) {
        Some(args) if !args.is_empty() => Some(action(own, args)),
        _ => Some(text),
    }
}

/// What `\me ARGS` says.
#[must_use]
pub fn action(own: &UserName, args: &str) -> String {
    format!("* {own} {args}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command_named(word: &str) -> Option<&'static str> {
        match word {
            "fork" => Some("fork"),
            "quit" | "q" => Some("quit"),
            "me" => Some("me"),
            _ => None,
        }
    }

    #[track_caller]
    fn check_line(line: &str, expected: Option<&str>) {
        let mut aliases = Table::default();
        for (name, text) in [
            ("brb", "be right back"),
            ("greet", "hello $*, welcome"),
            ("w", "\\whois $*"),
            ("loop", "\\loop"),
            ("wave", "\\me waves"),
            ("fork", "to the lobby!"),
        ] {
            aliases.set(name, Some(text)).unwrap();
        }
        let found = expand(line, &aliases, &"anna".parse().unwrap(), command_named);
        assert_eq!(found.as_deref(), expected, "{line}");
    }

    #[test]
    fn aliases_are_replaced_once_and_never_hide_a_command() {
        check_line("\\brb", Some("be right back"));
        check_line("\\brb  soon ", Some("be right back soon"));
        check_line("\\greet bobby", Some("hello bobby, welcome"));
        check_line("\\w bobby", Some("\\whois bobby"));
        check_line("\\loop", Some("\\loop"));
        check_line("\\fork bobby", None);
        check_line("\\\\brb", None);
        check_line("brb", None);
        check_line("\\brb\nsecret", None);
        check_line("\\nothing", None);
    }

    #[test]
    fn an_action_is_said_in_the_name_of_its_author() {
        check_line("\\me waves", Some("* anna waves"));
        check_line("\\me", None);
        check_line("\\wave", Some("* anna waves"));
        check_line("\\wave back", Some("* anna waves back"));
    }

    #[test]
    fn an_alias_is_a_word_of_its_own() {
        for bad in ["", "a b", "\\x", "fork", "q", "me", "a\nb"] {
            assert!(check(bad, command_named).is_err(), "{bad:?}");
        }
        check("brb", command_named).unwrap();
        check("日本", command_named).unwrap();
    }
}
