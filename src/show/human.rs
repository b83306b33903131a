//! Notices as plain lines on a pipe, in forms on which a script can rely. Each notice passes the gate first. This file
//! knows nothing of the JSON form, nor of how a terminal shows notices.

use hobnob_protocol::name::UserName;
use jiff::tz::TimeZone;
use nu_ansi_term::{Color, Style};

use super::gate::passed;
use super::harmless::{harmless, harmless_line};
use super::kept::KeptMessage;
use super::verification;
use super::{
    ClosedReason, ErrorCode, Failure, HelpRow, Message, MessageKind, Mode, Notice, operators, room, unsent,
};
use crate::session::path::Path;
use crate::session::{LinkState, SessionRow};
use crate::timestamp;

/// The mark before everything that hobnob says itself.
pub(super) const PROGRAM_VOICE: &str = ">>> ";

/// The indentation of the second and later lines of a message.
const INDENT: &str = "    ";

/// The form of output that people read on a pipe.
#[derive(Debug, Clone, Copy)]
pub struct Human {
    /// Whether lines carry colour.
    pub color: bool,
}

/// The text to show, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// The text goes to standard output.
    Out(String),
    /// The text goes to standard error.
    Err(String),
    /// Nothing is shown, because this form of output does not need it.
    Nothing,
}

impl Human {
    /// Returns `notice` as whole lines.
    #[must_use]
    pub fn show(&self, notice: &Notice) -> Shown {
        let notice = &passed(notice);
        match notice {
            Notice::Message(message) if message.ignored => Shown::Nothing,
            Notice::Joined { ignored: true, .. } | Notice::Left { ignored: true, .. } => Shown::Nothing,
            Notice::Message(message) => Shown::Out(self.message(message)),
            Notice::Error(failure) => {
                Shown::Err(self.paint(Color::Red.normal(), &own(&failure_text(failure))))
            }
            Notice::Unsent { text, reason, .. } => {
                let line = unsent::line(&harmless_line(reason), &harmless(text, INDENT));
                Shown::Err(self.paint(Color::Red.normal(), &own(&line)))
            }
            Notice::Act(act) if act.replayed => Shown::Nothing,
            Notice::Sent { .. } | Notice::Answer(_) | Notice::Missed { .. } | Notice::Unread { .. } => {
                Shown::Nothing
            }
            // A failure tells why the link does not come back.
            Notice::Link { for_good: true, .. } => Shown::Nothing,
            Notice::Kept(kept) => Shown::Out(self.kept(kept)),
            Notice::Help { commands } => Shown::Out(self.help(commands)),
            Notice::Sessions { sessions } => Shown::Out(self.sessions(sessions)),
            other => Shown::Out(self.paint(Style::new().dimmed(), &own(&told(other)))),
        }
    }

    fn paint(&self, style: Style, line: &str) -> String {
        match self.color {
            true => format!("{}\n", style.paint(line)),
            false => format!("{line}\n"),
        }
    }

    fn message(&self, message: &Message) -> String {
        let text = harmless(&message.text, INDENT);
        let name = message.from.as_str();
        let (before, color) = match (message.kind, message.mode) {
            (MessageKind::Peer, mode) => {
                (format!("{} <{name}>", mode.unwrap_or(Mode::B).prefix()), Color::Magenta)
            }
            (MessageKind::Lobby, _) => (format!("{name}:"), Color::Cyan),
            (MessageKind::Room, _) => (format!("{}{name}:", room::before(message)), Color::Blue),
        };
        match self.color {
            true => format!("{} {text}\n", color.bold().paint(before)),
            false => format!("{before} {text}\n"),
        }
    }

    /// Returns a message from the history. Only this form here has a local time, so it has to know the time zone.
    fn kept(&self, kept: &KeptMessage) -> String {
        let head = kept.head(&TimeZone::system());
        let head = if self.color { Style::new().dimmed().paint(head).to_string() } else { head };
        format!("{head}{}: {}\n", kept.from, kept.text(INDENT))
    }

    fn help(&self, commands: &[HelpRow]) -> String {
        let width = commands.iter().map(|row| row.usage.chars().count()).max().unwrap_or(0);
        let mut out = String::new();
        let mut group = "";
        for row in commands {
            if row.heading() != group && commands.len() > 1 {
                group = row.heading();
                out.push_str(&format!("{PROGRAM_VOICE}{}:\n", harmless_line(group)));
            }
            // These words may come from a user's program.
            let (usage, about) = (harmless_line(&row.usage), harmless_line(&row.about));
            let aliases = match row.aliases.as_slice() {
                [] => String::new(),
                aliases => format!(" (also \\{})", aliases.join(", \\")),
            };
            out.push_str(&format!("{PROGRAM_VOICE}{usage:width$}  {about}{aliases}\n"));
            for example in &row.examples {
                out.push_str(&format!("{PROGRAM_VOICE}  e.g. {}\n", harmless_line(example)));
            }
        }
        if commands.len() > 1 {
            out.push_str(&anything_else(width));
        }
        out
    }

    fn sessions(&self, rows: &[SessionRow]) -> String {
        let lines = rows.iter().map(|row| {
            let mark = if row.current { '*' } else { ' ' };
            let who = with_whom(row);
            let unread = unread_words(row);
            let verified = if row.verified == Some(true) { ", verified" } else { "" };
            let (state, path) = (state_word(row.state), path_word(row));
            format!("{PROGRAM_VOICE}{mark} {} {who} ({state}{path}{verified}{unread})\n", row.id)
        });
        lines.collect()
    }
}

/// Returns how much is unread in a session and how much of it names this user, in words.
pub(super) fn unread_words(row: &SessionRow) -> String {
    match (row.unread, row.mentions) {
        (0, _) => String::new(),
        (count, 0) => format!(", {count} unread"),
        (count, 1) => format!(", {count} unread, 1 names you"),
        (count, mentions) => format!(", {count} unread, {mentions} name you"),
    }
}

/// Returns with whom a session is, in words.
pub(super) fn with_whom(row: &SessionRow) -> String {
    match (&row.peer, row.mode, &row.room) {
        (Some(peer), Some(mode), _) => format!("{} {peer}", mode.prefix()),
        (_, _, Some(room)) => room::label(room),
        _ => "lobby".to_owned(),
    }
}

fn anything_else(width: usize) -> String {
    format!("{PROGRAM_VOICE}{:width$}  any other line is said in the current session\n", "TEXT")
}

fn own(text: &str) -> String {
    format!("{PROGRAM_VOICE}{}", text.replace('\n', &format!("\n{PROGRAM_VOICE}{INDENT}")))
}

pub(super) fn failure_text(failure: &Failure) -> String {
    let text = harmless_line(&failure.text).into_owned();
    match (&failure.command, failure.code) {
        (Some(command), code) if code != ErrorCode::UnknownCommand => format!("\\{command}: {text}"),
        _ => text,
    }
}

/// Returns the word for the path of a session's texts, which follows the state of its link.
pub(super) fn path_word(row: &SessionRow) -> &'static str {
    match row.path {
        None => "",
        Some(Path::Direct) => ", direct",
        Some(Path::Relay) => ", relayed",
    }
}

pub(super) fn state_word(state: LinkState) -> &'static str {
    match state {
        LinkState::Up => "up",
        LinkState::Connecting => "connecting",
        LinkState::Down => "down",
    }
}

/// Returns a sentence about who a user is, and since when he is in the lobby; empty for any other notice.
pub(super) fn whois(notice: &Notice, since: &str) -> String {
    let Notice::Whois { name, fingerprint, trusted, own, seen_first, verified, away, .. } = notice else {
        return String::new();
    };
    let mut known = match seen_first {
        // This user's own key is not pinned; it is in a file of its own.
        _ if *own => "your own".to_owned(),
        Some(at) => format!("seen first {}, pinned", timestamp::day_told(*at)),
        None if *trusted => "pinned".to_owned(),
        None => "not pinned".to_owned(),
    };
    if *verified {
        known.push_str(", verified");
    }
    let away = match away.as_deref() {
        None => String::new(),
        Some("") => ", away".to_owned(),
        Some(why) => format!(", away: {}", harmless_line(why)),
    };
    format!("{name}: key {fingerprint} ({known}), in the lobby since {since}{away}")
}

/// Returns the text of a notice that is one plain line.
pub(super) fn told(notice: &Notice) -> String {
    match notice {
        Notice::Welcome { name, server, hosted, fingerprint, .. } => {
            let how = if *hosted { "hosting" } else { "in" };
            format!("{name}, you are {how} the lobby at {} (your key: {fingerprint})", harmless_line(server))
        }
        Notice::Joined { name, room: None, .. } => format!("{name} joined"),
        Notice::Joined { name, room: Some(room), .. } => format!("{name} joined {}", room::label(room)),
        Notice::Left { name, room: None, .. } => format!("{name} left"),
        Notice::Left { name, room: Some(room), .. } => format!("{name} left {}", room::label(room)),
        Notice::Users { names, away, room, .. } => {
            let shown = names.iter().map(|name| match away.contains(name) {
                true => format!("{name} (away)"),
                false => name.to_string(),
            });
            let place = room::place(room.as_ref());
            format!("in {place} ({}): {}", names.len(), shown.collect::<Vec<_>>().join(" "))
        }
        Notice::Forking { session, peer } => format!("opening session {session} with {peer} …"),
        Notice::Opened { session, peer, mode: Mode::A, .. } => {
            format!("session {session} with {peer} is open")
        }
        Notice::Opened { session, peer, mode: Mode::B, .. } => {
            format!("{peer} opened private session {session} with you: \\sw {session} to answer there")
        }
        Notice::Asked { peer, .. } => {
            format!("{peer} wants to talk in private: \\accept {peer} or \\decline {peer}")
        }
        Notice::Verify { session, peer, words, outcome, ended_by } => {
            verification::told((*session, peer), words, *outcome, *ended_by)
        }
        Notice::Path { session, path: Path::Direct } => format!("session {session} is direct now"),
        Notice::Path { session, path: Path::Relay } => {
            format!("session {session} is relayed now: it pauses while the server is down")
        }
        Notice::Closed { session, peer, reason } => {
            let why = match reason {
                ClosedReason::Left => {
                    return format!("session {session} with {peer} is over: {peer} ended it");
                }
                ClosedReason::Ended => "you ended it",
                ClosedReason::Gone => "the link was lost for good",
                ClosedReason::Failed => "it could not be opened",
            };
            format!("session {session} with {peer} is over: {why}")
        }
        Notice::RoomOpened(opened) => room::opened(opened),
        Notice::RoomClosed(closed) => room::closed(closed),
        Notice::Rooms { rooms } => room::list(rooms),
        Notice::Topic { room, text, by, .. } => {
            room::topic(room.as_ref(), text, by.as_ref().map(UserName::as_str))
        }
        Notice::Motd { text } => harmless(text, "").into_owned(),
        Notice::Act(act) => operators::act(act),
        Notice::Bans { bans } => operators::bans(bans),
        Notice::Mutes { mutes } => operators::mutes(mutes),
        Notice::Ops { ops } => operators::ops(ops),
        Notice::Switched { session } => format!("session {session} is current"),
        Notice::Link { session, state, .. } => match (session.0, state) {
            (0, LinkState::Up) => "the lobby is back".to_owned(),
            (0, _) => "the lobby is down; reconnecting".to_owned(),
            (_, LinkState::Up) => format!("the link of session {session} is back"),
            _ => format!("the link of session {session} is down; reconnecting"),
        },
        Notice::Whois { since, .. } => whois(notice, &timestamp::told(*since)),
        Notice::Notice { text } => harmless(text, "").into_owned(),
        // The caller shows these in forms of their own.
        Notice::Message(_)
        | Notice::Missed { .. }
        | Notice::Unread { .. }
        | Notice::Kept(_)
        | Notice::Sent { .. }
        | Notice::Unsent { .. }
        | Notice::Sessions { .. }
        | Notice::Help { .. }
        | Notice::Answer(_)
        | Notice::Error(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::SessionId;
    use crate::timestamp::Timestamp;

    const PLAIN: Human = Human { color: false };

    fn message(mode: Option<Mode>, text: &str) -> Notice {
        let session = mode.map_or(SessionId::LOBBY, |_| SessionId(1));
        Notice::Message(Message::new(session, mode, "anna".parse().unwrap(), text, Timestamp(0)))
    }

    #[track_caller]
    fn shows(notice: &Notice, line: &str) {
        assert_eq!(PLAIN.show(notice), Shown::Out(line.to_owned()));
    }

    #[test]
    fn a_link_that_ended_for_good_is_not_said_to_reconnect() {
        let down = |for_good| Notice::Link { session: SessionId::LOBBY, state: LinkState::Down, for_good };
        shows(&down(false), ">>> the lobby is down; reconnecting\n");
        assert_eq!(PLAIN.show(&down(true)), Shown::Nothing);
    }

    #[test]
    fn messages_have_the_forms_a_script_can_rely_on() {
        shows(&message(None, "hi"), "anna: hi\n");
        shows(&message(Some(Mode::A), "hi"), "P-> <anna> hi\n");
        shows(&message(Some(Mode::B), "hi"), "P~> <anna> hi\n");
    }

    #[test]
    fn a_message_of_a_room_begins_with_the_name_of_the_room() {
        let room: hobnob_protocol::room::RoomName = "tea".parse().unwrap();
        let said = Message::new(SessionId(2), None, "anna".parse().unwrap(), "hi\nbobby: no", Timestamp(0));
        let said = Notice::Message(said.in_room(Some(room.clone())));
        shows(&said, "#tea anna: hi\n    bobby: no\n");
        let (session, room) = (Some(SessionId(2)), Some(room));
        let name: UserName = "bobby".parse().unwrap();
        let joined = Notice::Joined { name: name.clone(), session, room: room.clone(), ignored: false };
        shows(&joined, ">>> bobby joined #tea\n");
        let users = Notice::Users { session, room, names: vec![name], away: Vec::new() };
        shows(&users, ">>> in #tea (1): bobby\n");
    }

    #[test]
    fn one_message_never_looks_like_two_and_moves_no_cursor() {
        shows(&message(None, "hi\nbobby: no\u{1b}[1A"), "anna: hi\n    bobby: no␛[1A\n");
    }

    #[test]
    fn errors_and_unsent_texts_go_to_standard_error() {
        let error =
            Notice::Error(Failure { code: ErrorCode::TooLong, text: "too long".into(), command: None });
        assert_eq!(PLAIN.show(&error), Shown::Err(">>> too long\n".to_owned()));
        let unsent = Notice::Unsent { session: None, text: "x\ny".into(), reason: "no session".into() };
        assert_eq!(
            PLAIN.show(&unsent),
            Shown::Err(">>> not sent (no session): x\n>>>         y\n".to_owned())
        );
        let reason = unsent::perhaps_delivered(&unsent::Unsent::OtherLeft(&"bobby".parse().unwrap()));
        let unsent = Notice::Unsent { session: None, text: "x".into(), reason };
        assert_eq!(PLAIN.show(&unsent), Shown::Err(">>> perhaps not delivered (bobby left): x\n".to_owned()));
    }

    #[test]
    fn commands_of_the_users_own_are_listed_under_a_heading_and_made_harmless() {
        let row = |name: &str, own| HelpRow {
            name: name.to_owned(),
            aliases: Vec::new(),
            usage: format!("\\{name}"),
            about: "does\u{1b}[2J".to_owned(),
            own,
            group: String::new(),
            examples: Vec::new(),
        };
        let help = Notice::Help { commands: vec![row("quit", false), row("roll", true)] };
        let expected = ">>> \\quit  does␛[2J\n>>> commands of your own:\n>>> \\roll  does␛[2J\n\
                        >>> TEXT   any other line is said in the current session\n";
        shows(&help, expected);
    }

    #[test]
    fn colours_are_written_only_when_they_are_asked_for() {
        let colored = Human { color: true };
        let Shown::Out(line) = colored.show(&message(None, "hi")) else { panic!() };
        assert!(line.contains('\u{1b}'));
    }
}
