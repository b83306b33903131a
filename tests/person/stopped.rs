//! A terminal that takes no output for a while, as that of a laptop that sleeps: what others see of it.

use crate::person::Person;
use crate::pty::last_row;
use crate::support::home::Home;
use crate::support::server::Server;

/// More lines than the system holds for a terminal that is not read.
const MANY: usize = 300;

#[test]
fn a_private_text_that_is_kept_nowhere_is_on_its_way_until_the_terminal_has_taken_it() {
    let server = Server::start(&["--rate", "1000000"]);
    let mut bobby = Person::join(&server, "bobby", (80, 24));
    let arguments = ["--server", server.address(), "--name", "anna", "--no-history"];
    let mut anna = Person::start(&arguments, (80, 24), &[], &Home::new());
    anna.sees_last("lobby>");
    bobby.enter("\\fork anna");
    bobby.sees_last("1 P-> anna>");
    anna.sees("bobby opened private session 1");
    anna.enter("\\sw 1");
    anna.enter("hello bobby");
    bobby.sees("<anna> hello bobby");
    anna.terminal.stop_reading();
    let carmen = server.join("carmen");
    (0..MANY).for_each(|_| carmen.send(&"x".repeat(1000)));
    // The session is open when Anna's client has heard everything before.
    carmen.fork("anna");
    bobby.enter("are you there?");
    bobby.terminal.type_text("a draft");
    bobby.terminal.wait_until("a text on its way", |screen| last_row(screen).ends_with("… 1> a draft"));
    anna.terminal.read_on();
    anna.sees("<bobby> are you there?");
    bobby.terminal.wait_until("no text on its way", |screen| {
        last_row(screen).ends_with("> a draft") && !last_row(screen).contains("… 1>")
    });
}
