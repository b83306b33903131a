//! `\set [KEY [VALUE]]`: shows or changes the user's preferences; `\set --save` saves them.

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::config::edit;
use crate::config::setting::{self, SETTINGS, Setting};
use crate::show::failing::Worded;
use crate::show::{ErrorCode, failing, saying};

pub(super) const SET: Command = Command {
    name: "set",
    aliases: &[],
    usage: "\\set [KEY [VALUE]]",
    about: "settings of the terminal; \\set --save keeps them",
    argument: Argument::Setting,
    optional: true,
    group: Group::Yours,
    examples: &["\\set", "\\set times long", "\\set highlight deploy release", "\\set --save"],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let (key, value) = args.split_once(char::is_whitespace).unwrap_or((args, ""));
    match (key, value.trim()) {
        ("", _) => SETTINGS.iter().for_each(|setting| tell(state, setting)),
        ("--save", "") => save(state)?,
        (key, "") => tell(state, find(key)?),
        (key, value) => {
            let setting = find(key)?;
            setting
                .set(&mut state.user.preferences, value)
                .map_err(|err| Worded::new(ErrorCode::Usage, err))?;
            state.screen.prefer(state.user.preferences.clone());
            tell(state, setting);
        }
    }
    Ok(Progress::Done)
}

fn tell(state: &mut State, setting: &Setting) {
    let value = setting.value(&state.user.preferences);
    let (value, choices) = (value.as_str(), setting.choices());
    let (key, about) = (setting.key, setting.about);
    state.emit(saying::User::Setting { key, value, about, choices: &choices }.into());
}

fn find(key: &str) -> Result<&'static Setting, CommandError> {
    let names = setting::names();
    Setting::find(key).ok_or_else(|| failing::User::NoSetting { key, names: &names }.into())
}

fn save(state: &mut State) -> Result<(), CommandError> {
    let Some(path) = state.user.config_file.clone() else {
        return Err(failing::User::NoConfigFile.into());
    };
    edit::save(&path, &state.user.preferences).map_err(failing::User::NotSaved)?;
    state.emit(saying::User::SettingsSaved { path: &path }.into());
    Ok(())
}
