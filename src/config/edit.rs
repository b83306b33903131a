//! Writes settings into the config file. Everything else in the file stays as it is, including comments. This file owns
//! how settings are written, at the top of the config file and in its `[terminal]` table.
//! [`crate::config::preferences`] owns what a value means.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use toml_edit::{DocumentMut, Item, Table, TableLike, TomlError, Value};

use crate::config::preferences::Preferences;
use crate::config::setting::SETTINGS;
use crate::data::whole_file::write_whole;

/// Why settings could not be written into a config file.
#[derive(Debug, Error)]
pub enum EditError {
    /// The file could not be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The path of the config file.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
    /// The file is not valid TOML.
    #[error("it is not TOML: {0}")]
    NotToml(TomlError),
    /// The file has a `terminal` that is not a table, so there is no place for the settings.
    #[error("terminal is not a table in it")]
    NotATable,
}

/// Writes every setting that is already in the file or whose value is not the default.
///
/// # Errors
/// Fails if the file cannot be read, understood or written. The file is then unchanged.
pub fn save(path: &Path, preferences: &Preferences) -> Result<(), EditError> {
    let not_done = |error: io::Error| EditError::File { path: path.to_owned(), error };
    let old = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(err) if err.kind() == io::ErrorKind::NotFound => String::new(),
        Err(err) => return Err(not_done(err)),
    };
    let new = edited(&old, preferences)?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(not_done)?;
    }
    write_whole(path, new.as_bytes()).map_err(not_done)
}

fn edited(text: &str, preferences: &Preferences) -> Result<String, EditError> {
    let mut document: DocumentMut = text.parse().map_err(EditError::NotToml)?;
    document
        .entry("terminal")
        .or_insert_with(|| Item::Table(Table::new()))
        .as_table_like()
        .ok_or(EditError::NotATable)?;
    for setting in SETTINGS {
        let table: &mut dyn TableLike = match setting.is_of_terminal() {
            true => document["terminal"].as_table_like_mut().ok_or(EditError::NotATable)?,
            false => document.as_table_mut(),
        };
        let value = setting.value(preferences);
        let is_default = value == setting.value(&Preferences::default());
        if is_default && !table.contains_key(setting.key) {
            continue;
        }
        let new = toml_value(&value);
        match table.get_mut(setting.key).and_then(Item::as_value_mut) {
            Some(old) => {
                // A comment after the value belongs to the value's decoration, so the decoration is kept.
                let decor = old.decor().clone();
                *old = new;
                *old.decor_mut() = decor;
            }
            None => drop(table.insert(setting.key, Item::Value(new))),
        }
    }
    Ok(document.to_string())
}

fn toml_value(text: &str) -> Value {
    match (text, text.parse::<i64>()) {
        ("on", _) => true.into(),
        ("off", _) => "off".into(),
        (_, Ok(number)) => number.into(),
        (text, _) => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::preferences::Times;
    use crate::config::setting::Setting;

    #[test]
    fn saving_settings_leaves_the_rest_of_the_file_unchanged() {
        let old = "# mine\nname = \"anna\" # me\n\n[terminal]\n# no clock\ntimes = \"short\" # for now\n";
        let preferences = Preferences { times: Times::Off, fold: false, ..Preferences::default() };
        assert_eq!(
            edited(old, &preferences).unwrap(),
            "# mine\nname = \"anna\" # me\n\n[terminal]\n# no clock\ntimes = \"off\" # for now\nfold = \"off\"\n"
        );
    }

    #[test]
    fn saved_settings_are_read_back_with_the_same_values() {
        let mut preferences = Preferences::default();
        for setting in SETTINGS {
            let values = setting.values();
            let last = values.last().unwrap();
            setting.set(&mut preferences, last).unwrap();
        }
        let read = |text: &str| {
            let table: toml::Table = text.parse().unwrap();
            let mut read = Preferences::from_table(table["terminal"].as_table().unwrap()).unwrap();
            let private = table.get("private").map_or("open", |private| private.as_str().unwrap());
            Setting::find("private").unwrap().set(&mut read, private).unwrap();
            read
        };
        let text = edited("", &preferences).unwrap();
        assert_eq!(read(&text), preferences);
        let back = edited(&text, &Preferences::default()).unwrap();
        assert_eq!(read(&back), Preferences::default());
    }

    #[test]
    fn saving_keeps_the_mode_of_the_file_and_leaves_a_broken_file_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/config.toml");
        save(&path, &Preferences::default()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let mut preferences = Preferences::default();
        Setting::find("times").unwrap().set(&mut preferences, "off").unwrap();
        save(&path, &preferences).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        fs::write(&path, "name = ").unwrap();
        assert!(save(&path, &preferences).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "name = ");
    }
}
