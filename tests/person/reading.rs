//! What comes in, as it stands on the screen.

use crate::person::Person;
use crate::support::home::Home;
use crate::support::server::Server;

const SIZES: [(u16, u16); 3] = [(40, 24), (80, 24), (200, 24)];

#[test]
fn messages_have_times_and_hang_beside_their_names_at_every_width() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    for (number, size) in SIZES.into_iter().enumerate() {
        let anna = Person::join(&server, &format!("anna{number}"), size);
        let text =
            format!("{} end{number}", "one two three four five six seven eight nine ten ".repeat(3).trim());
        bobby.say(&text);
        anna.sees(&format!("end{number}"));
        anna.sees_last("lobby>");
        let rows = anna.rows();
        let first = rows.iter().position(|row| row.starts_with("* bobby: one two")).unwrap();
        let columns = usize::from(size.0);
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
    let server = Server::start(&[]);
    let bobby = server.join("日本");
    let anna = Person::join(&server, "anna", (40, 24));
    bobby.send("日本語の長い文章は行の終わりで折り返されます 👍\\");
    bobby.send("second");
    anna.sees("second");
    let rows = anna.rows();
    let first = rows.iter().position(|row| row.starts_with("* 日本: ")).unwrap();
    assert_eq!(rows[first], "* 日本: 日本語の長い文章は行の終わり", "{rows:#?}");
    assert_eq!(rows[first + 1], "            で折り返されます 👍", "{rows:#?}");
    assert_eq!(rows[first + 2], "            second");
}

#[test]
fn a_mention_is_marked_and_rings_and_a_flood_of_them_rings_once() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let anna = Person::join(&server, "Anna", (80, 24));
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

#[test]
fn a_desktop_notification_is_sent_where_it_is_wanted() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let mut anna = Person::join(&server, "anna", (80, 24));
    anna.enter("\\set notify osc9");
    anna.sees("notify = osc9");
    bobby.say("anna: look");
    anna.sees_row("*!bobby: anna: look");
    let raw = String::from_utf8_lossy(&anna.terminal.raw()).into_owned();
    assert!(raw.contains("\u{1b}]9;bobby in the lobby: anna: look\u{7}"));
}

#[test]
fn replayed_messages_are_set_apart() {
    let mut server = Server::start(&[]);
    let bobby = server.join("bobby");
    let mut anna = Person::join(&server, "anna", (80, 24));
    bobby.say("new");
    anna.sees_row("* bobby: new");
    anna.enter("\\history 1");
    anna.sees_row("*│bobby: new");
    server.kill();
    anna.sees("the lobby is down");
    server.restart();
    anna.sees("the lobby is back");
}

#[test]
fn many_who_come_together_share_a_row() {
    let server = Server::start(&[]);
    let anna = Person::join(&server, "anna", (80, 24));
    let crowd: Vec<_> = (0..6).map(|n| server.client(&format!("u{n}")).start_json()).collect();
    anna.terminal.wait_until("a folded row", |screen| {
        screen.lines().any(|row| row.starts_with(">>> ") && row.contains(" and ") && row.ends_with("joined"))
    });
    drop(crowd);
    anna.terminal.wait_until("another", |screen| {
        screen.lines().any(|row| row.starts_with(">>> ") && row.contains(" and ") && row.ends_with("left"))
    });
}

#[test]
fn names_keep_their_colors_and_no_color_means_none() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let home = Home::new();
    let colored = Person::join(&server, "anna", (40, 24));
    let plain = Person::join_with(&server, "carmen", (40, 24), &[("NO_COLOR", "1")], &home);
    bobby.say("hello anna and carmen");
    colored.sees_row("*!bobby: hello anna and carmen");
    plain.sees_row("*!bobby: hello anna and carmen");
    let raw = String::from_utf8_lossy(&colored.terminal.raw()).into_owned();
    assert!(raw.contains("\u{1b}[1;7manna\u{1b}[0m"), "{raw:?}");
    let raw = String::from_utf8_lossy(&plain.terminal.raw()).into_owned();
    assert!(
        !raw.split("\u{1b}[").skip(1).any(|rest| {
            rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m')
                && !rest.starts_with("0m")
        }),
        "{raw:?}"
    );
}

#[test]
fn a_private_session_is_apart_and_unread_counts_stand_in_the_prompt() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let mut anna = Person::join(&server, "anna", (80, 24));
    bobby.fork("anna");
    anna.sees("bobby opened private session 1");
    bobby.say("one");
    anna.sees_row("* P~> <bobby> one");
    anna.sees_last("lobby (1:1)>");
    bobby.say("two");
    anna.sees_last("lobby (1:2)>");
    // Something is typed: the prompt stays as it is, and the draft too.
    anna.terminal.type_text("hel");
    anna.sees_last("lobby (1:2)> hel");
    bobby.say("three");
    anna.sees_row("* P~> <bobby> three");
    anna.sees_last("lobby (1:2)> hel");
    anna.enter("lo");
    anna.sees_last("lobby (1:3)>");
    anna.enter("\\sw 1");
    anna.sees_last("1 P~> bobby>");
    anna.enter("\\ss");
    anna.sees(">>> * 1 P~> bobby (up)");
}

#[test]
fn times_can_be_left_out_and_what_is_set_can_be_kept() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let home = Home::new();
    home.write_config("# mine\n[terminal]\nbanner = false # quiet\n");
    let mut anna = Person::join_with(&server, "anna", (80, 24), &[], &home);
    assert!(!anna.terminal.screen().contains("type to talk"));
    anna.terminal.type_text("\\set ti\t");
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

#[test]
fn the_banner_is_short_and_says_what_to_type_next() {
    let server = Server::start(&[]);
    for size in SIZES {
        let person = Person::join(&server, &format!("anna{}", size.0), size);
        let screen = person.terminal.screen();
        assert!(screen.contains("type to talk"), "{screen}");
        assert!(screen.contains("\\help"), "{screen}");
        if size.0 >= 80 {
            assert!(screen.lines().count() <= 5, "{screen}");
        }
        assert!(screen.lines().all(|row| row.starts_with(">>> ") || row.starts_with("lobby>")), "{screen}");
    }
}
