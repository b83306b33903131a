//! Writes settings into the config file and leaves all else in it as it stands, comments too. Owns
//! the form of its `[terminal]` table; what a value means is [`crate::config::preferences`]'.

use std::fs;
use std::io;
use std::path::Path;

use toml_edit::{DocumentMut, Item, Table, Value};

use crate::config::preferences::{Preferences, SETTINGS};
use crate::data::whole_file::write_whole;

/// Writes every setting that is not the default, or stands in the file already.
///
/// # Errors
/// Why the file cannot be changed; it is as it was then.
pub fn save(path: &Path, preferences: &Preferences) -> Result<(), String> {
    let told = |err: io::Error| format!("{}: {err}", path.display());
    let old = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(err) if err.kind() == io::ErrorKind::NotFound => String::new(),
        Err(err) => return Err(told(err)),
    };
    let new = edited(&old, preferences)?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(told)?;
    }
    write_whole(path, new.as_bytes()).map_err(told)
}

fn edited(text: &str, preferences: &Preferences) -> Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|err| format!("it is not TOML: {err}"))?;
    let table = document.entry("terminal").or_insert_with(|| Item::Table(Table::new()));
    let table = table.as_table_like_mut().ok_or("terminal is not a table in it")?;
    for setting in SETTINGS {
        let value = setting.value(preferences);
        let is_default = value == setting.value(&Preferences::default());
        if is_default && !table.contains_key(setting.key) {
            continue;
        }
        let new = toml_value(&value);
        match table.get_mut(setting.key).and_then(Item::as_value_mut) {
            Some(old) => {
                // Its comment hangs on the value.
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
    use crate::config::preferences::{Setting, Times};

    #[test]
    fn what_is_not_a_setting_stays_as_it_was() {
        let old = "# mine\nname = \"anna\" # me\n\n[terminal]\n# no clock\ntimes = \"short\" # for now\n";
        let preferences = Preferences { times: Times::Off, fold: false, ..Preferences::default() };
        assert_eq!(
            edited(old, &preferences).unwrap(),
            "# mine\nname = \"anna\" # me\n\n[terminal]\n# no clock\ntimes = \"off\" # for now\nfold = \"off\"\n"
        );
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut preferences = Preferences::default();
        for setting in SETTINGS {
            let last = setting.values.last().unwrap();
            setting.set(&mut preferences, last).unwrap();
        }
        let text = edited("", &preferences).unwrap();
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(Preferences::from_table(table["terminal"].as_table().unwrap()).unwrap(), preferences);
        let back = edited(&text, &Preferences::default()).unwrap();
        let table: toml::Table = back.parse().unwrap();
        let read = Preferences::from_table(table["terminal"].as_table().unwrap()).unwrap();
        assert_eq!(read, Preferences::default());
    }

    #[test]
    fn the_file_keeps_its_mode_and_a_broken_one_is_left_alone() {
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
