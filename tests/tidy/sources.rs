//! The sources of the workspace as text: where each file is, and its lines without comments and strings. This file
//! knows no rule.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// Folders that contain no sources of the project.
const PASSED_OVER: [&str; 2] = ["target", ".git"];

/// One source file, as text and as lines of code.
pub(crate) struct Source {
    /// The path of the file from the root, written with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The lines without comments and without the contents of strings.
    code: Vec<String>,
    /// The number of lines before the tests at the end of the file.
    tests_begin: Option<usize>,
}

impl Source {
    pub(crate) fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let (path, text) = (path.into(), text.into());
        let code = text.lines().map(code_of).collect();
        let tests_begin = text.lines().position(|line| line == "#[cfg(test)]");
        Self { path, text, code, tests_begin }
    }

    /// Returns the lines without comments and without the contents of strings, numbered from 1.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.iter().enumerate().map(|(index, line)| (index + 1, line.as_str()))
    }

    /// Whether line `number` belongs only to tests.
    pub(crate) fn is_test(&self, number: usize) -> bool {
        let in_test_file = self.path.split('/').any(|part| part == "tests" || part == "tests.rs");
        in_test_file || self.tests_begin.is_some_and(|index| number > index)
    }
}

/// Returns a line of Rust without its comment and with its strings emptied. This is good enough for searching words; a
/// string over several lines counts as code.
pub(crate) fn code_of(line: &str) -> String {
    let mut code = String::new();
    let mut chars = line.chars().peekable();
    let mut in_string = false;
    while let Some(c) = chars.next() {
        match (in_string, c) {
            (true, '\\') => drop(chars.next()),
            (_, '"') => {
                in_string = !in_string;
                code.push(c);
            }
            (true, _) => {}
            // A quote as a character does not begin a string.
            (false, '\'') if chars.peek() == Some(&'"') => drop(chars.next()),
            (false, '/') if chars.peek() == Some(&'/') => break,
            (false, _) => code.push(c),
        }
    }
    code
}

pub(crate) fn has_word(code: &str, word: &str) -> bool {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found == word)
}

/// Returns every source file of the workspace; they are read once.
pub(crate) fn sources() -> &'static [Source] {
    static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| {
        let mut found = Vec::new();
        gather(Path::new(env!("CARGO_MANIFEST_DIR")), "", &mut found);
        assert!(found.iter().any(|source| source.path == "src/lib.rs"), "the root was not found");
        found
    });
    &SOURCES
}

fn gather(folder: &Path, prefix: &str, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{prefix}{name}");
        if entry.file_type().unwrap().is_dir() {
            if !PASSED_OVER.contains(&name.as_str()) {
                gather(&entry.path(), &format!("{path}/"), found);
            }
        } else if name.ends_with(".rs") {
            found.push(Source::new(path, fs::read_to_string(entry.path()).unwrap()));
        }
    }
}
