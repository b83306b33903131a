//! How incoming messages look on the screen.

use crate::person::{Person, WIDTHS, bobby_forks_anna};
use crate::support::home::Home;
use crate::support::server::Server;

#[test]
fn messages_have_times_and_hang_beside_their_names_at_every_width() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    for (number, columns) in WIDTHS.into_iter().enumerate() {
        let anna = Person::join(&server, &format!("anna{number}"), (columns, 24));
        let text =
            format!("{} end{number}", "one two three four five six seven eight nine ten ".repeat(3).trim());
        bobby.say(&text);
        anna.sees(&format!("end{number}"));
        anna.sees_last("lobby>");
        let rows = anna.rows();
        let first = rows.iter().position(|row| row.starts_with("* bobby: one two")).unwrap();
        let columns = usize::from(columns);
        let said: Vec<&String> = rows[first..]
            .iter()
            .take_while(|row| !row.starts_with("lobby") && !row.starts_with(">>>"))
            .collect();
        assert!(
            said[1..].iter().all(|row| row.starts_with("             ") && row.len() <= columns),
            "{rows:#?}"
        );
        let read: Vec<&str> = said.iter().flat_map(|row| row.split_whitespace()).skip(2).collect();
        assert_eq!(read.join(" "), text);
    }
}

#[test]
fn wide_characters_and_several_lines_stay_aligned() {
    let text = "日本語の長い文章は行の終わりで折り返されます 👍";
    for (columns, rows) in [
        (40, vec!["* 日本: 日本語の長い文章は行の終わり", "            で折り返されます 👍"]),
        (80, vec!["* 日本: 日本語の長い文章は行の終わりで折り返されます 👍"]),
        (200, vec!["* 日本: 日本語の長い文章は行の終わりで折り返されます 👍"]),
    ] {
        let server = Server::start(&[]);
        let bobby = server.join("日本");
        let anna = Person::join(&server, "anna", (columns, 24));
        bobby.send(&format!("{text}\\"));
        bobby.send("second");
        anna.sees("second");
        let seen = anna.rows();
        let first = seen.iter().position(|row| row.starts_with("* 日本: ")).unwrap();
        assert_eq!(seen[first..first + rows.len()], rows);
        assert_eq!(seen[first + rows.len()], "            second");
    }
}

#[test]
fn a_mention_is_marked_and_rings_and_a_flood_of_them_rings_once() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let anna = Person::join(&server, "Anna", (columns, 24));
        let rings = |person: &Person| person.terminal.raw().iter().filter(|&&byte| byte == 7).count();
        bobby.say("joanna and annabel");
        bobby.say("hello");
        anna.sees_row("* bobby: hello");
        assert_eq!(rings(&anna), 0);
        for n in 0..20 {
            bobby.say(&format!("anna, {n}"));
        }
        anna.sees_row("*!bobby: anna, 19");
        assert!((1..=3).contains(&rings(&anna)), "{}", rings(&anna));
    }
}

#[test]
fn a_desktop_notification_is_sent_where_it_is_wanted() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let mut anna = Person::join(&server, "anna", (columns, 24));
        anna.enter("\\set notify osc9");
        anna.sees("notify = osc9");
        bobby.say("anna: look");
        anna.sees_row("*!bobby: anna: look");
        let raw = String::from_utf8_lossy(&anna.terminal.raw()).into_owned();
        assert!(raw.contains("\u{1b}]9;bobby in the lobby: anna: look\u{7}"));
    }
}

#[test]
fn replayed_messages_are_set_apart() {
    for columns in WIDTHS {
        let mut server = Server::start(&[]);
        let bobby = server.join("bobby");
        let mut anna = Person::join(&server, "anna", (columns, 24));
        bobby.say("new");
        anna.sees_row("* bobby: new");
        anna.enter("\\history 1");
        anna.sees_row("*│bobby: new");
        server.kill();
        anna.sees("the lobby is down");
        server.restart();
        anna.sees("the lobby is back");
    }
}

#[test]
fn users_who_come_together_share_a_row() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let anna = Person::join(&server, "anna", (columns, 24));
        let crowd: Vec<_> = (0..6).map(|n| server.client(&format!("u{n}")).start_json()).collect();
        anna.terminal.wait_until("a folded row", |screen| {
            screen
                .lines()
                .any(|row| row.starts_with(">>> ") && row.contains(" and ") && row.ends_with("joined"))
        });
        drop(crowd);
        anna.terminal.wait_until("another", |screen| {
            screen
                .lines()
                .any(|row| row.starts_with(">>> ") && row.contains(" and ") && row.ends_with("left"))
        });
    }
}

#[test]
fn only_the_sixteen_colours_are_used_and_no_color_is_obeyed() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let home = Home::new();
        let mut colored = Person::join(&server, "anna", (columns, 24));
        let mut plain = Person::join_with(&server, "carmen", (columns, 24), &[("NO_COLOR", "1")], &home);
        bobby.say("hello anna and carmen");
        for person in [&mut colored, &mut plain] {
            person.sees_row("*!bobby: hello anna and carmen");
            for line in ["\\help", "\\nonsense", "\\set", "\\ss", "\\whois bobby"] {
                person.enter(line);
            }
            person.sees("in the lobby since");
        }
        let raw = String::from_utf8_lossy(&colored.terminal.raw()).into_owned();
        assert!(raw.contains("\u{1b}[1;7manna\u{1b}[0m"), "{raw:?}");
        let known = |number: &str| matches!(number.parse(), Ok(0..=9 | 21..=29 | 30..=37 | 39 | 90..=97));
        let all = colors(&raw);
        assert!(all.iter().all(|color| color.split(';').all(known)), "{all:?}");
        let raw = String::from_utf8_lossy(&plain.terminal.raw()).into_owned();
        assert!(colors(&raw).iter().all(|color| color == "0"), "{:?}", colors(&raw));
    }
}

/// Returns the numbers of every sequence that sets colours.
fn colors(raw: &str) -> Vec<String> {
    let sequences = raw.split("\u{1b}[").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';')?;
        rest[end..].starts_with('m').then(|| rest[..end].to_owned())
    });
    sequences.collect()
}

#[test]
fn a_new_day_is_shown_before_its_messages() {
    let home = Home::new();
    let file = home.path().join("record");
    let said = |day: u8, text: &str| {
        format!(
            r#"{{"event":"message","session":0,"kind":"lobby","from":"bobby","text":"{text}","at":"2026-01-0{day}T03:04:05Z","replayed":false}}"#
        )
    };
    std::fs::write(&file, [said(2, "one"), said(2, "two"), said(3, "three")].join("\n")).unwrap();
    for columns in WIDTHS {
        let mut anna = Person::start(&["replay", file.to_str().unwrap()], (columns, 24), &[], &home);
        assert!(anna.terminal.wait_for_end().success());
        let rows = anna.rows();
        let expected = [
            "── Friday, 2 January 2026 ──",
            "* bobby: one",
            "* bobby: two",
            "── Saturday, 3 January 2026 ──",
            "* bobby: three",
        ];
        assert_eq!(rows[..5], expected);
    }
}

#[test]
fn private_texts_are_marked_and_unread_counts_stand_in_the_prompt() {
    for columns in WIDTHS {
        let (_server, bobby, mut anna) = bobby_forks_anna(columns);
        bobby.say("one");
        anna.sees_row("* P~> <bobby> one");
        anna.sees_last("lobby (1:1)>");
        bobby.say("two");
        anna.sees_last("lobby (1:2)>");
        // Something is typed: the typed text stays as it is, and the new count is shown at once.
        anna.terminal.type_text("hel");
        anna.sees_last("lobby (1:2)> hel");
        bobby.say("three");
        anna.sees_row("* P~> <bobby> three");
        anna.sees_last("lobby (1:3)> hel");
        anna.enter("lo");
        anna.sees_last("lobby (1:3)>");
        anna.enter("\\sw 1");
        anna.sees_last("1 P~> bobby>");
        anna.enter("\\ss");
        anna.sees(">>> * 1 P~> bobby (up, direct)");
    }
}

#[test]
fn times_can_be_hidden_and_settings_can_be_kept() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let home = Home::new();
        home.write_config("# mine\n[terminal]\nbanner = false # quiet\n");
        let mut anna = Person::join_with(&server, "anna", (columns, 24), &[], &home);
        assert!(!anna.terminal.screen().contains("type to talk"));
        anna.terminal.type_text("\\set tim\t");
        anna.sees_last("lobby> \\set times");
        anna.terminal.type_text("of\t");
        anna.sees_last("lobby> \\set times off");
        anna.enter("");
        anna.sees(">>> times = off");
        bobby.say("no clock");
        anna.sees_row("bobby: no clock");
        anna.enter("\\set times purple");
        anna.sees("times is one of off, short, long");
        anna.enter("\\set --save");
        anna.sees(">>> saved in");
        let kept = std::fs::read_to_string(home.path().join("config/hobnob/config.toml")).unwrap();
        assert_eq!(kept, "# mine\n[terminal]\nbanner = \"off\" # quiet\ntimes = \"off\"\n");
    }
}

#[test]
fn the_banner_is_short_and_says_what_to_type_next() {
    let server = Server::start(&[]);
    for columns in WIDTHS {
        let person = Person::join(&server, &format!("anna{columns}"), (columns, 24));
        let screen = person.terminal.screen();
        assert!(screen.contains("type to talk"), "{screen}");
        assert!(screen.contains("\\help"), "{screen}");
        assert!(screen.lines().count() <= 5, "{screen}");
        assert!(screen.lines().all(|row| row.starts_with(">>> ") || row.starts_with("lobby>")), "{screen}");
    }
}
