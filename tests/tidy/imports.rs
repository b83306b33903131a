//! Which module of a crate names which other module. This file reads the paths that begin with `crate`, `super` or
//! `self` from the sources, outside of tests. It knows how Rust is written, and not which import is allowed.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::Source;

/// A path of modules below a crate's root, and perhaps an item at its end: `["peer", "link"]`.
pub(crate) type ModulePath = Vec<String>;

/// One place where a module names another.
pub(crate) struct Import {
    /// The file, as a path from the workspace's root, and the line counted from 1.
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) from: ModulePath,
    pub(crate) to: ModulePath,
}

/// The modules of a crate, and every import between them.
pub(crate) struct Imports {
    pub(crate) modules: BTreeSet<ModulePath>,
    pub(crate) all: Vec<Import>,
}

impl Imports {
    /// Reads the crate whose sources are in `root` (`src/`). Two files are left out: `main.rs` is a crate of its own on
    /// top of all others, and `lib.rs` only lists the modules.
    pub(crate) fn of(root: &str, sources: &[Source]) -> Self {
        let files: Vec<(ModulePath, &Source)> = sources
            .iter()
            .filter_map(|source| Some((module_path(source.path.strip_prefix(root)?)?, source)))
            .collect();
        let parsed: Vec<Code<'_>> = files.iter().map(|(_, source)| Code::of(&source.text)).collect();
        let mut for_tests = BTreeSet::new();
        for ((module, _), code) in files.iter().zip(&parsed) {
            for name in &code.test_modules {
                for_tests.insert([module.as_slice(), &[(*name).to_owned()]].concat());
            }
        }
        let is_for_tests = |path: &[String]| (1..=path.len()).any(|end| for_tests.contains(&path[..end]));
        let mut imports = Self { modules: BTreeSet::new(), all: Vec::new() };
        for ((module, source), code) in files.iter().zip(&parsed) {
            if module.is_empty() || is_for_tests(module) {
                continue;
            }
            imports.modules.insert(module.clone());
            imports.all.extend(code.paths().into_iter().filter_map(|(line, path)| {
                let to = resolve(module, &path)?;
                Some(Import { file: source.path.clone(), line, from: module.clone(), to })
            }));
        }
        imports
    }

    /// Returns the names at the top of the crate: files without `.rs`, and folders.
    pub(crate) fn tops(&self) -> BTreeSet<&str> {
        self.modules.iter().map(|path| path[0].as_str()).collect()
    }

    /// Returns which of the neighbours in one folder name each other: for each folder, for each of its files and
    /// folders, the neighbours that it names, with the first place where it does. The folder's own file (`mod.rs`) is
    /// not a neighbour of its parts.
    pub(crate) fn neighbours(&self) -> BTreeMap<ModulePath, Graph<'_>> {
        let mut folders: BTreeMap<ModulePath, Graph<'_>> = BTreeMap::new();
        for import in &self.all {
            let shared = import.from.iter().zip(&import.to).take_while(|(from, to)| from == to).count();
            let (Some(from), Some(to)) = (import.from.get(shared), import.to.get(shared)) else { continue };
            if self.modules.contains(&import.to[..=shared]) {
                let graph = folders.entry(import.from[..shared].to_vec()).or_default();
                graph.entry(from).or_default().entry(to).or_insert(import);
            }
        }
        folders
    }
}

/// For each name, the names that it uses, with the first place where it does.
pub(crate) type Graph<'a> = BTreeMap<&'a str, BTreeMap<&'a str, &'a Import>>;

/// Returns a way through the graph that ends where it began, with each step once; `None` if there is no such way.
pub(crate) fn circle<'a>(graph: &Graph<'a>) -> Option<Vec<&'a Import>> {
    graph.keys().find_map(|start| {
        // The shortest way back is taken, so that the message is easy to follow.
        let mut came_by: BTreeMap<&str, &Import> = BTreeMap::new();
        let mut next = vec![*start];
        while !next.is_empty() {
            let mut later = Vec::new();
            for at in next {
                for (to, import) in graph.get(at).into_iter().flatten() {
                    if !came_by.contains_key(to) {
                        came_by.insert(to, import);
                        later.push(*to);
                    }
                }
            }
            next = later;
        }
        way_back(start, &came_by)
    })
}

/// Returns the steps that led to `start`, in order.
fn way_back<'a>(start: &str, came_by: &BTreeMap<&str, &'a Import>) -> Option<Vec<&'a Import>> {
    let mut way: Vec<&Import> = vec![came_by.get(start)?];
    loop {
        let earliest = way.last().expect("begun with one");
        // The names are taken at the level where the two paths part.
        let shared = earliest.from.iter().zip(&earliest.to).take_while(|(from, to)| from == to).count();
        let from = earliest.from[shared].as_str();
        if from == start {
            way.reverse();
            return Some(way);
        }
        way.push(came_by[from]);
    }
}

/// Returns the module that a file holds. `peer/link.rs` and `peer/link/mod.rs` are `["peer", "link"]`, `lib.rs` is the
/// root, and `main.rs` is none.
fn module_path(file: &str) -> Option<ModulePath> {
    if file == "main.rs" {
        return None;
    }
    let path = file.strip_suffix(".rs")?;
    let path = path.strip_suffix("/mod").unwrap_or(path);
    Some(if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() })
}

/// Returns the module or item that a path names if it stands in `module`; `None` if it leads out of the crate.
fn resolve(module: &[String], path: &[&str]) -> Option<ModulePath> {
    let mut at = module.to_vec();
    let mut rest = path;
    while let Some((first, others)) = rest.split_first() {
        match *first {
            "crate" => at.clear(),
            "self" => {}
            "super" => drop(at.pop()?),
            _ => break,
        }
        rest = others;
    }
    at.extend(rest.iter().map(|&name| name.to_owned()));
    Some(at)
}

/// The part of a file that matters here: its words and signs, without tests.
struct Code<'a> {
    tokens: Vec<(usize, &'a str)>,
    /// The modules that are declared only for tests.
    test_modules: Vec<&'a str>,
}

impl<'a> Code<'a> {
    fn of(text: &'a str) -> Self {
        let all = tokens(text);
        let mut code = Self { tokens: Vec::new(), test_modules: Vec::new() };
        let mut at = 0;
        while at < all.len() {
            let words: Vec<&str> = all[at..].iter().take(7).map(|token| token.1).collect();
            if words == ["#", "[", "cfg", "(", "test", ")", "]"] {
                let end = item_end(&all, at + words.len());
                let item = &all[at + words.len()..end];
                if let Some(index) = item.iter().position(|token| token.1 == "mod") {
                    code.test_modules.extend(item.get(index + 1).map(|token| token.1));
                }
                at = end;
            } else {
                code.tokens.push(all[at]);
                at += 1;
            }
        }
        code
    }

    /// Returns every path that begins with `crate`, `super` or `self`, with its line. A tree in braces gives one path
    /// for each of its ends.
    fn paths(&self) -> Vec<(usize, Vec<&'a str>)> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            let begins = ["crate", "super", "self"].contains(&self.tokens[at].1);
            let goes_on = self.tokens.get(at + 1).is_some_and(|token| token.1 == "::");
            at = if begins && goes_on { self.tree(at, &[], &mut found) } else { at + 1 };
        }
        found
    }

    /// Reads a path or tree that begins at `at`. Returns where it ends.
    fn tree(&self, mut at: usize, prefix: &[&'a str], found: &mut Vec<(usize, Vec<&'a str>)>) -> usize {
        let mut path = prefix.to_vec();
        let line = self.tokens.get(at).map_or(0, |token| token.0);
        while let Some(&(_, word)) = self.tokens.get(at) {
            if word == "{" {
                return self.branches(at + 1, &path, found);
            }
            at += 1;
            if word != "*" {
                path.push(word);
            }
            if self.tokens.get(at).is_none_or(|token| token.1 != "::") {
                break;
            }
            // After `::` comes a name, a tree in braces, or the `<` of a generic argument, at which the path ends.
            if !self
                .tokens
                .get(at + 1)
                .is_some_and(|token| token.1 == "{" || token.1 == "*" || is_word(token.1))
            {
                break;
            }
            at += 1;
        }
        found.push((line, path));
        at
    }

    /// Reads the branches after an opening brace. Returns where the closing brace ends.
    fn branches(&self, mut at: usize, path: &[&'a str], found: &mut Vec<(usize, Vec<&'a str>)>) -> usize {
        while let Some(&(_, word)) = self.tokens.get(at) {
            at = match word {
                "}" => return at + 1,
                "as" => at + 2,
                _ if word == "{" || is_word(word) => self.tree(at, path, found),
                _ => at + 1,
            };
        }
        at
    }
}

/// Returns where the item that begins at `at` ends: after its semicolon, or after its block.
fn item_end(all: &[(usize, &str)], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(&(_, word)) = all.get(at) {
        at += 1;
        match word {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" => depth = depth.saturating_sub(1),
            "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            }
            ";" if depth == 0 => break,
            _ => {}
        }
    }
    at
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Returns the words and signs of a file with their lines, without comments, strings and characters.
fn tokens(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let passed = if "/\"'brc".contains(first) { passed_over(rest) } else { None };
        let length = if let Some(passed) = passed {
            passed
        } else if is_word(rest) {
            rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(length);
        if passed.is_none() && !first.is_whitespace() {
            found.push((line, token));
        }
        line += token.matches('\n').count();
        rest = after;
    }
    found
}

/// Returns the length of the comment, string or character with which `text` begins.
fn passed_over(text: &str) -> Option<usize> {
    let until =
        |end: &str, from: usize| text[from..].find(end).map_or(text.len(), |at| from + at + end.len());
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(until("*/", 2));
    }
    let unprefixed = text.trim_start_matches(['b', 'r', 'c']);
    let prefix = text.len() - unprefixed.len();
    if prefix <= 2 && text[..prefix].contains('r') {
        let hashes = unprefixed.len() - unprefixed.trim_start_matches('#').len();
        if unprefixed[hashes..].starts_with('"') {
            return Some(until(&format!("\"{}", "#".repeat(hashes)), prefix + hashes + 1));
        }
    }
    if prefix <= 1 && unprefixed.starts_with('"') {
        return Some(prefix + quoted(unprefixed, '"'));
    }
    if prefix <= 1 && unprefixed.starts_with('\'') {
        // A lifetime has no second quote after its first character.
        let mut chars = unprefixed.chars().skip(1);
        let (second, third) = (chars.next()?, chars.next());
        return (second == '\\' || third == Some('\'')).then(|| prefix + quoted(unprefixed, '\''));
    }
    None
}

/// Returns the length of the text between two of the same quotes, including both.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

mod tests {
    use super::*;

    fn imports(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> = files.iter().map(|&(path, text)| Source::new(path, text)).collect();
        let found = Imports::of("src/", &sources);
        found
            .all
            .iter()
            .map(|import| format!("{} {} {}", import.line, import.from.join("::"), import.to.join("::")))
            .collect()
    }

    #[test]
    fn import_paths_are_read_from_use_trees_and_from_code() {
        let text = "use crate::{a::{self, B as C}, d::*};\nuse super::super::e::F;\n\
                    fn f() { crate::g::h::<u8>(self::i::J, super::K) }\nuse std::fmt;\n";
        let expected = [
            "1 p::q a::self",
            "1 p::q a::B",
            "1 p::q d",
            "2 p::q e::F",
            "3 p::q g::h",
            "3 p::q p::q::i::J",
            "3 p::q p::K",
        ];
        assert_eq!(imports(&[("src/p/q.rs", text)]), expected);
    }

    #[test]
    fn comments_strings_and_tests_import_nothing() {
        let text = "//! See [`crate::a`].\nconst A: &str = \"crate::b\"; const B: &str = r#\"\"crate::c\"#;\n\
                    const C: char = '\"'; fn f<'a>(x: &'a str) { crate::d::e() }\n\
                    #[cfg(test)]\nfn g() { crate::f::g() }\n#[cfg(test)]\nmod checks;\n";
        let checks = ("src/p/checks.rs", "use crate::h::i;");
        assert_eq!(imports(&[("src/p/mod.rs", text), checks]), ["3 p d::e"]);
    }

    #[test]
    fn a_circle_is_found_at_any_depth_and_named_by_its_shortest_path() {
        let sources: Vec<Source> = [
            ("src/p/mod.rs", "mod a; mod b; mod c;"),
            ("src/p/a.rs", "use super::b::B;"),
            ("src/p/b.rs", "use crate::p::c::C;"),
            ("src/p/c.rs", "use super::a::A; use super::Own;"),
            ("src/q.rs", "use crate::p::a::A;"),
        ]
        .into_iter()
        .map(|(path, text)| Source::new(path, text))
        .collect();
        let found = Imports::of("src/", &sources);
        let neighbours = found.neighbours();
        let way = circle(&neighbours[&vec!["p".to_owned()]]).expect("a, b and c name each other");
        assert_eq!(
            way.iter().map(|step| step.file.as_str()).collect::<Vec<_>>(),
            ["src/p/a.rs", "src/p/b.rs", "src/p/c.rs"]
        );
        assert!(circle(&neighbours[&Vec::new()]).is_none());
    }
}
