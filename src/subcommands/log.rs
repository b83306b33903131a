//! `hobnob log`: writes what this machine has stored, the oldest first and each message on one line, for `grep` and
//! `less`. It asks no server, and nobody has to be online. A million messages take no more memory than one.

use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Result, anyhow};
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use jiff::tz::TimeZone;
use nu_ansi_term::{Color, Style};

use super::Outputs;
use crate::cli::{Cli, LogOptions};
use crate::client::found;
use crate::config;
use crate::data::history;
use crate::data::history::question::{In, Question};
use crate::show::Notice;
use crate::show::json;
use crate::show::kept::{KeptMessage, find_word_beginnings};
use crate::show::room::label;
use crate::timestamp;

/// Writes all messages that fit the options.
///
/// # Errors
/// Fails if an option is wrong, if the history cannot be read, or if the output cannot be written.
pub fn run(
    options: &LogOptions,
    cli: Cli,
    env: &dyn Fn(&str) -> Option<OsString>,
    outputs: &mut Outputs<'_>,
) -> Result<()> {
    let name = cli.name.clone();
    let settings = config::settings(Cli { json: cli.json, ..cli }, env)?;
    let question = question(options, name.as_deref())?;
    let form = match (settings.json, outputs.color && settings.color != crate::cli::ColorChoice::Never) {
        (true, _) => Form::Json,
        (false, color) => Form::Line { color, zone: TimeZone::system() },
    };
    write(&settings.data_dir, &question, &form, outputs)
}

/// The form in which a message is written.
enum Form {
    Json,
    Line { color: bool, zone: TimeZone },
}

impl Form {
    fn of(&self, kept: KeptMessage) -> String {
        match self {
            Self::Json => json::line(&Notice::Kept(kept)),
            Self::Line { color: false, zone } => kept.line(zone) + "\n",
            Self::Line { color: true, zone } => painted(&kept, &kept.line(zone), &kept.head(zone)),
        }
    }
}

fn painted(kept: &KeptMessage, line: &str, head: &str) -> String {
    let text = &line[head.len()..];
    let mut shown = Style::new().dimmed().paint(head).to_string();
    let mut from = 0;
    for place in find_word_beginnings(text, &kept.words) {
        shown.push_str(&text[from..place.start]);
        shown.push_str(&Color::Red.bold().paint(&text[place.clone()]).to_string());
        from = place.end;
    }
    shown + &text[from..] + "\n"
}

fn question(options: &LogOptions, own_name: Option<&str>) -> Result<Question> {
    let name = |option: &str, text: &str| {
        text.parse::<UserName>().map_err(|err| anyhow!("{option} {text:?} is no name: {err}"))
    };
    let time = |option: &str, text: &Option<String>| {
        let (now, zone) = (timestamp::now(), TimeZone::system());
        let read = text.as_deref().map(|text| timestamp::parse_when(text, now, &zone)).transpose();
        read.map(|time| time.map(|time| time.0)).map_err(|reason| anyhow!("{option}: {reason}"))
    };
    let place = match (&options.with, &options.room) {
        (Some(with), _) => In::Private(name("--with", with)?),
        (None, Some(room)) => {
            let named = RoomName::typed(room);
            In::Room(named.map_err(|err| anyhow!("--room {room:?} is no name of a room: {err}"))?)
        }
        (None, None) => In::Everywhere,
    };
    Ok(Question {
        words: options.words.join(" "),
        from: None,
        place,
        since: time("--since", &options.since)?,
        until: time("--until", &options.until)?,
        own_name: own_name.map(|own| name("--name", own)).transpose()?,
    })
}

fn write(data_dir: &Path, question: &Question, form: &Form, outputs: &mut Outputs<'_>) -> Result<()> {
    let words: Vec<String> = question.words.split_whitespace().map(str::to_owned).collect();
    let mut out = BufWriter::new(&mut outputs.out);
    let mut failed: Option<io::Error> = None;
    let mut is_empty = true;
    let any = history::each(data_dir, question, |kept| {
        is_empty = false;
        let kept = KeptMessage { words: words.clone(), ..found::shown(&kept) };
        failed = out.write_all(form.of(kept).as_bytes()).err();
        failed.is_none()
    })?;
    if failed.is_none() {
        failed = out.flush().err();
    }
    drop(out);
    if let Some(err) = failed {
        return Err(err.into());
    }
    if !any {
        writeln!(outputs.err, "hobnob: nothing is kept in {} yet", data_dir.display())?;
    } else if is_empty && let In::Room(room) = &question.place {
        tell_of_unknown_room(room, &history::rooms(data_dir)?, outputs)?;
    } else if is_empty && let In::Private(with) = &question.place {
        let (place, own_name) = (question.place.clone(), question.own_name.clone());
        let mut has_talk = false;
        history::each(data_dir, &Question { place, own_name, ..Question::default() }, |_| {
            has_talk = true;
            false
        })?;
        if !has_talk {
            writeln!(outputs.err, "hobnob: nothing is kept of talk with {with}")?;
        }
    }
    Ok(())
}

/// Says that nothing is kept of a room, if that is so, and of which rooms something is. A name that was mistyped would
/// otherwise look like a room in which nothing was said.
fn tell_of_unknown_room(room: &RoomName, kept: &[RoomName], outputs: &mut Outputs<'_>) -> io::Result<()> {
    if kept.contains(room) {
        return Ok(());
    }
    let rooms = match kept {
        [] => "nor of any other room".to_owned(),
        kept => format!("the rooms are {}", kept.iter().map(label).collect::<Vec<_>>().join(", ")),
    };
    writeln!(outputs.err, "hobnob: nothing is kept of the room {}; {rooms}", label(room))
}
