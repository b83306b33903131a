//! Checks that the code map in docs/ARCHITECTURE.md lists exactly what is in the source tree. This file knows the form
//! of the map: a heading for each crate, and below it a table whose first column names files and folders of that
//! crate's sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::sources::sources;

/// Crates that only test or measure the others. A sentence under "Tests" is their map.
const TOOLS: [&str; 2] = ["yardstick", "fuzz"];

/// Files that need no row, because they only list other files, as the map does.
const UNNAMED: [&str; 2] = ["lib.rs", "mod.rs"];

/// A row of the map: the files and folders in its first column, and the names in its second.
struct Row {
    names: Vec<String>,
    told: Vec<String>,
}

/// Returns the rows of the table under a heading.
fn rows(document: &str, heading: &str) -> Vec<Row> {
    let between_backticks =
        |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<String>>();
    let section = document.lines().skip_while(|line| !line.starts_with(heading)).skip(1);
    section
        .take_while(|line| !line.starts_with('#'))
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let mut cells = line.split('|').skip(1).map(between_backticks);
            Row { names: cells.next().unwrap_or_default(), told: cells.next().unwrap_or_default() }
        })
        .collect()
}

/// Returns the heading in the map for each crate of the workspace, and the folder of its sources.
fn crates() -> Vec<(String, String)> {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    let folders = members.iter().filter_map(toml::Value::as_str).filter(|member| !TOOLS.contains(member));
    folders
        .map(|member| match member {
            "." => ("### `src/`".to_owned(), "src/".to_owned()),
            member => (format!("### `{member}/`"), format!("{member}/src/")),
        })
        .collect()
}

/// Whether a name in the map is one of `files`, or, if it ends with `/`, a folder that contains one.
fn is_there(name: &str, files: &BTreeSet<String>) -> bool {
    files.contains(name) || name.ends_with('/') && files.iter().any(|file| file.starts_with(name))
}

/// Returns the parts that a folder's row names and that are not in the folder. Parts are written like modules; other
/// names in backticks, of types and functions, have capitals or signs.
fn missing_parts<'a>(row: &'a Row, files: &'a BTreeSet<String>) -> Vec<&'a str> {
    let [folder] = row.names.as_slice() else { return Vec::new() };
    let is_part = |name: &str| name.trim_end_matches('/').chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let is_missing = |name: &str| {
        let name = name.trim_end_matches('/');
        let (file, inner) = (format!("/{name}.rs"), format!("/{name}/"));
        let mut inside = files.iter().filter(|path| path.starts_with(folder.as_str()));
        !inside.any(|path| path.ends_with(&file) || path.contains(&inner))
    };
    let told = row.told.iter().map(String::as_str);
    told.filter(|name| folder.ends_with('/') && is_part(name) && is_missing(name)).collect()
}

/// Compares the names in a crate's rows with its files. Returns a line for each difference.
fn compare(rows: &[Row], root: &str, files: &BTreeSet<String>) -> String {
    let mut wrong = String::new();
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for name in rows.iter().flat_map(|row| &row.names) {
        *times.entry(name).or_default() += 1;
    }
    for (name, times) in &times {
        if !is_there(name, files) {
            writeln!(wrong, "  the map names {root}{name}, which is not there").unwrap();
        }
        if *times > 1 {
            writeln!(wrong, "  the map names {root}{name} {times} times").unwrap();
        }
    }
    for row in rows {
        for part in missing_parts(row, files) {
            writeln!(wrong, "  the map tells of `{part}` in {root}{}, which is not there", row.names[0])
                .unwrap();
        }
    }
    let is_covered =
        |file: &str| times.keys().any(|name| *name == file || name.ends_with('/') && file.starts_with(name));
    for file in files.iter().filter(|file| !UNNAMED.contains(&file.as_str()) && !is_covered(file)) {
        writeln!(wrong, "  the map does not name {root}{file}").unwrap();
    }
    wrong
}

#[test]
fn the_map_in_the_architecture_page_names_every_file() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ARCHITECTURE.md");
    let document = fs::read_to_string(path).unwrap();
    let mut wrong = String::new();
    for (heading, root) in crates() {
        let rows = rows(&document, &heading);
        assert!(!rows.is_empty(), "docs/ARCHITECTURE.md has no table under {heading}");
        let files = sources()
            .iter()
            .filter_map(|source| source.path.strip_prefix(&root))
            .map(str::to_owned)
            .collect();
        wrong += &compare(&rows, &root, &files);
    }
    assert!(wrong.is_empty(), "the code map in docs/ARCHITECTURE.md and the tree differ:\n{wrong}");
}

#[test]
fn files_that_are_missing_gone_or_named_twice_in_the_map_are_found() {
    let document = "### `a/`\n\n| file | owns |\n| --- | --- |\n| `b.rs` | one `x` |\n| `b.rs` | two |\n\
                    | `c/` | `f`, `h` and `Camel` |\n| `d/` | gone |\n\n## Next\n| `e.rs` | not of the map |\n";
    let files = ["b.rs", "c/mod.rs", "c/f.rs", "g.rs", "lib.rs"].map(str::to_owned).into();
    let wrong = compare(&rows(document, "### `a/`"), "a/", &files);
    assert_eq!(
        wrong.lines().map(str::trim).collect::<Vec<_>>(),
        [
            "the map names a/b.rs 2 times",
            "the map names a/d/, which is not there",
            "the map tells of `h` in a/c/, which is not there",
            "the map does not name a/g.rs"
        ]
    );
}
