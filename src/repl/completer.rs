//! Completion with Tab: commands after `\`, the arguments of commands, and the names of users in a text. It also puts
//! the result of a search into the line, because rustyline lets nothing else replace a whole line.
//!
//! It reads a snapshot of the words and changes nothing. It offers only as many candidates as fit on the screen,
//! because rustyline shows no messages while it asks or pages.

use std::sync::{Arc, Mutex, PoisonError};

use rustyline::completion::{Completer, Pair};
use rustyline::line_buffer::LineBuffer;
use rustyline::{Changeset, Context};

use super::Watched;
use super::canvas::Size;
use super::page::Page;
use super::terminal;
use super::words::{Argument, EditorWords, fold};
use crate::input::line::{self, Call, Habit, Line, Source};

/// How many candidates are offered at most. With more, rustyline would ask before it shows them.
pub(super) const MAX_CANDIDATES: usize = 99;

/// Completes from the words that the app published last.
pub(super) struct Completions {
    pub(super) words: Watched,
    pub(super) page: Arc<Mutex<Page>>,
}

impl Completer for Completions {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        if page.search.exchanges() {
            // A single candidate is inserted without a message; `update` then replaces the whole line.
            return Ok((0, vec![pair(String::new())]));
        }
        let words = self.words.borrow().clone();
        let (start, candidates) = candidates(&line[..pos], &words);
        let size = terminal::size().unwrap_or(page.size);
        Ok((start, fit(candidates, size, &page)))
    }

    fn update(&self, line: &mut LineBuffer, start: usize, elected: &str, changes: &mut Changeset) {
        let exchange = self.page.lock().unwrap_or_else(PoisonError::into_inner).exchange();
        match exchange {
            Some((text, cursor)) => line.update(&text, cursor, changes),
            None => line.replace(start..line.pos(), elected, changes),
        }
    }
}

/// Returns where the word at the end of `head` begins, and what it could be completed to.
fn candidates(head: &str, words: &EditorWords) -> (usize, Vec<Pair>) {
    match line::parse(head, Source::Terminal(words)) {
        Line::Command(Call { word, argument: None, .. }) => (0, command_names(word, words, "\\")),
        Line::Command(Call { word, argument: Some(at), .. }) => argument(head, word, at.start, words),
        Line::Slash(Call { argument: Some(at), .. }, Habit::Same(word)) => {
            argument(head, &word, at.start, words)
        }
        _ => {
            let start = start_of_word(head);
            (start, mentions(&head[start..], start == 0, words))
        }
    }
}

/// Returns candidates for the end of the argument that begins at byte `at`.
fn argument(head: &str, command: &str, at: usize, words: &EditorWords) -> (usize, Vec<Pair>) {
    let typed = &head[at..];
    let kind = words.command(command).map(|command| command.argument);
    let in_text = match kind {
        Some(Argument::Said) => true,
        Some(Argument::UserAndSaid) => typed.contains(char::is_whitespace),
        _ => false,
    };
    if in_text {
        let start = start_of_word(head);
        return (start, mentions(&head[start..], false, words));
    }
    if let Some((start, values)) = setting_values(command, typed, words) {
        return (head.len() - start.len(), values);
    }
    (at, arguments(command, typed, words))
}

fn start_of_word(head: &str) -> usize {
    head.char_indices().rev().find(|(_, c)| c.is_whitespace()).map_or(0, |(at, c)| at + c.len_utf8())
}

fn command_names(start: &str, words: &EditorWords, lead: &str) -> Vec<Pair> {
    words
        .commands_from(start)
        .map(|command| {
            let space = if lead.is_empty() || command.argument == Argument::None { "" } else { " " };
            let own = if words.own.contains_key(&command.name) { " (your own)" } else { "" };
            Pair {
                display: format!("\\{}{own}", command.name),
                replacement: format!("{lead}{}{space}", command.name),
            }
        })
        .collect()
}

fn arguments(command: &str, start: &str, words: &EditorWords) -> Vec<Pair> {
    let kind = words.command(command).map_or(Argument::None, |command| command.argument);
    if start.contains(char::is_whitespace) {
        return Vec::new();
    }
    let begins = |word: &&String| fold(word).starts_with(&fold(start));
    if let Some(own) = words.own.get(command) {
        return own.iter().filter(begins).map(|word| pair(word.clone())).collect();
    }
    match kind {
        Argument::Setting => {
            let keys = words.settings.iter().map(|(key, _)| key.as_str());
            let keys = keys.chain(["--save"]).filter(|key| key.starts_with(start));
            keys.map(|key| Pair {
                display: key.to_owned(),
                replacement: if key == "--save" { key.to_owned() } else { format!("{key} ") },
            })
            .collect()
        }
        Argument::None | Argument::Text | Argument::Said => Vec::new(),
        Argument::Alias => not_the_only_one(start, words.aliases.iter().map(|it| &it.name).filter(begins)),
        Argument::Program => not_the_only_one(start, words.programs.iter().filter(begins)),
        Argument::Ignored => not_the_only_one(start, words.ignored.iter().filter(begins)),
        Argument::UserAndSaid => {
            let name = |name: &str| Pair { display: name.to_owned(), replacement: format!("{name} ") };
            users(start, words).map(name).collect()
        }
        Argument::User => users(start, words).map(|name| pair(name.to_owned())).collect(),
        Argument::Session => sessions(start, words),
        Argument::Room => rooms(start, words),
        Argument::Command => match start.strip_prefix('\\') {
            Some(rest) => command_names(rest, words, "\\"),
            None => command_names(start, words, ""),
        },
    }
}

/// Returns words for a command that takes something back or gives rights. Tab inserts a single candidate at once, so a
/// single candidate is offered only if the user has begun to type it.
fn not_the_only_one<'w>(start: &str, fitting: impl Iterator<Item = &'w String>) -> Vec<Pair> {
    let found: Vec<Pair> = fitting.cloned().map(pair).collect();
    if start.is_empty() && found.len() == 1 { Vec::new() } else { found }
}

/// Returns the values of the setting whose name was typed, and the beginning of the value that is being typed.
fn setting_values<'a>(command: &str, argument: &'a str, words: &EditorWords) -> Option<(&'a str, Vec<Pair>)> {
    words.command(command).filter(|command| command.argument == Argument::Setting)?;
    let (key, start) = argument.split_once(char::is_whitespace)?;
    let start = start.trim_start();
    let values = words.settings.iter().find(|(known, _)| known == key).map(|(_, values)| values);
    let fits = values.into_iter().flatten().filter(|value| value.starts_with(start));
    Some((start, fits.cloned().map(pair).collect()))
}

/// Returns names as mentions: `NAME: ` at the beginning of a text and `NAME ` later, with or without a leading `@`.
fn mentions(start: &str, first: bool, words: &EditorWords) -> Vec<Pair> {
    let (at, name) = start.strip_prefix('@').map_or(("", start), |name| ("@", name));
    if start.is_empty() && !first {
        return Vec::new();
    }
    let end = if first && at.is_empty() { ": " } else { " " };
    users(name, words)
        .map(|user| Pair { display: user.to_owned(), replacement: format!("{at}{user}{end}") })
        .collect()
}

fn users<'w>(start: &str, words: &'w EditorWords) -> impl Iterator<Item = &'w str> {
    let start = fold(start);
    words.users.iter().filter(move |name| fold(name).starts_with(&start)).map(String::as_str)
}

/// Returns the names of rooms, with a `#` if the user typed one.
fn rooms(start: &str, words: &EditorWords) -> Vec<Pair> {
    let (sign, name) = start.strip_prefix('#').map_or(("", start), |name| ("#", name));
    let begins = |room: &&String| fold(room).starts_with(&fold(name));
    let room = |room: &String| Pair { display: format!("#{room}"), replacement: format!("{sign}{room}") };
    words.rooms.iter().filter(begins).map(room).collect()
}

/// Returns sessions by number if nothing or a number was typed, and otherwise by name.
fn sessions(start: &str, words: &EditorWords) -> Vec<Pair> {
    let by_number = words.sessions.iter().filter(|(id, _)| id.to_string().starts_with(start));
    let by_name =
        words.sessions.iter().filter(|(_, name)| !start.is_empty() && fold(name).starts_with(&fold(start)));
    by_number
        .map(|(id, name)| Pair { display: format!("{id} {name}"), replacement: id.to_string() })
        .chain(by_name.map(|(_, name)| pair(name.clone())))
        .collect()
}

fn pair(word: String) -> Pair {
    Pair { display: word.clone(), replacement: word }
}

/// Returns as many candidates as the screen can show. The last one always stays. The list is sorted, so what all
/// candidates have in common (which Tab inserts) is then the same as for the whole list.
fn fit(mut candidates: Vec<Pair>, size: Size, page: &Page) -> Vec<Pair> {
    candidates.sort_by_cached_key(|pair| fold(&pair.replacement));
    candidates.dedup_by(|a, b| a.replacement == b.replacement);
    let widest = candidates.iter().map(|pair| page.width(&pair.display)).max().unwrap_or(0);
    let across = (usize::from(size.columns) / (widest + 2)).max(1);
    let down = usize::from(size.rows).saturating_sub(3).max(1);
    let most = (across * down).clamp(2, MAX_CANDIDATES);
    if candidates.len() > most
        && let Some(last) = candidates.pop()
    {
        candidates.truncate(most - 1);
        candidates.push(last);
    }
    candidates
}

#[cfg(test)]
mod tests {
    use rustyline::GraphemeClusterMode;

    use super::super::words::CommandWord;
    use super::*;
    use crate::session::id::SessionId;

    fn command(name: &str, alias: &str, argument: Argument) -> CommandWord {
        CommandWord {
            name: name.into(),
            aliases: vec![alias.into()],
            usage: format!("\\{name} X"),
            about: String::new(),
            argument,
        }
    }

    fn words() -> EditorWords {
        EditorWords {
            commands: vec![
                command("fork", "f", Argument::User),
                command("switch", "sw", Argument::Session),
                command("sessions", "ss", Argument::None),
                command("help", "?", Argument::Command),
                command("set", "se", Argument::Setting),
                command("unalias", "ua", Argument::Alias),
                command("allow", "al", Argument::Program),
                command("unignore", "ui", Argument::Ignored),
                command("me", "act", Argument::Said),
                command("msg", "m", Argument::UserAndSaid),
            ],
            habits: Vec::new(),
            own: [("roll".to_owned(), vec!["2d6".to_owned(), "1d20".to_owned()])].into(),
            aliases: vec![command("brb", "b", Argument::Text)],
            rooms: vec!["tea".into(), "Dev".into()],
            programs: vec!["load".into(), "links".into()],
            ignored: vec!["Carmen".into()],
            users: vec!["anna".into(), "Anton".into(), "bobby".into()],
            sessions: vec![(SessionId(0), "lobby".into()), (SessionId(1), "bobby".into())],
            settings: vec![("times".into(), vec!["off".into(), "short".into()])],
            private: Vec::new(),
        }
    }

    #[track_caller]
    fn check(head: &str, expected: &[&str]) {
        let (start, found) = candidates(head, &words());
        let found: Vec<_> =
            found.iter().map(|pair| format!("{}{}", &head[..start], pair.replacement)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn commands_and_their_arguments_are_completed() {
        check("\\fo", &["\\fork "]);
        check("\\S", &["\\switch ", "\\sessions", "\\set "]);
        check("\\ss", &["\\sessions"]);
        check("\\fork AN", &["\\fork anna", "\\fork Anton"]);
        check("\\f b", &["\\f bobby"]);
        check("\\sw ", &["\\sw 0", "\\sw 1"]);
        check("\\sw LO", &["\\sw lobby"]);
        check("\\help fo", &["\\help fork"]);
        check("\\? \\fo", &["\\? \\fork "]);
        check("\\roll 1", &["\\roll 1d20"]);
        check("\\unalias b", &["\\unalias brb"]);
        check("\\allow lo", &["\\allow load"]);
        check("\\unignore c", &["\\unignore Carmen"]);
        check("\\sessions x", &[]);
        check("\\nothing x", &[]);
        check("/fork bo", &["/fork bobby"]);
        check("\\me hugs BO", &["\\me hugs bobby "]);
        check("\\me ", &[]);
        check("\\m an", &["\\m anna ", "\\m Anton "]);
        check("\\msg bobby say an", &["\\msg bobby say anna ", "\\msg bobby say Anton "]);
    }

    #[test]
    fn a_single_word_is_offered_to_commands_that_take_something_back_only_if_begun() {
        check("\\unalias ", &[]);
        check("\\unignore ", &[]);
        check("\\allow l", &["\\allow load", "\\allow links"]);
    }

    #[test]
    fn settings_and_their_values_are_completed() {
        check("\\set ti", &["\\set times "]);
        check("\\set --", &["\\set --save"]);
        check("\\set times ", &["\\set times off", "\\set times short"]);
        check("\\set times  s", &["\\set times  short"]);
        check("\\set nothing x", &[]);
    }

    #[test]
    fn names_in_a_text_are_completed() {
        check("an", &["anna: ", "Anton: "]);
        check("hi BO", &["hi bobby "]);
        check("@bo", &["@bobby "]);
        check("hi ", &[]);
        check("\\\\fo", &[]);
        check("日本\u{3000}bo", &["日本\u{3000}bobby "]);
    }

    #[test]
    fn too_many_candidates_are_cut_and_keep_their_common_beginning() {
        let page = Page::new(GraphemeClusterMode::WcWidth);
        let crowd: Vec<_> = (0..5000).map(|n| pair(format!("user{n:04}"))).collect();
        let shown = fit(crowd, page.size, &page);
        assert!(shown.len() <= MAX_CANDIDATES);
        assert_eq!(shown.last().map(|pair| pair.replacement.as_str()), Some("user4999"));
    }
}
