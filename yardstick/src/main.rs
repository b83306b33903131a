//! The yardstick: what hobnob costs, compared with the least that a machine has to do for the same deliveries, in the
//! same run and in turns. docs/MEASURING.md says how to read it.

mod bare_copy;
mod crowd;
mod limit;
mod load;
mod nodes;
mod process;
mod report;
mod scenarios;
mod subject;
mod tally;
mod terminal;
mod text;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use crate::crowd::Keys;
use crate::scenarios::{Scenario, World};
use crate::subject::Programs;

/// Measures hobnob against the limit of this machine.
#[derive(Debug, Parser)]
#[command(name = "hobnob-yardstick", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    /// What to measure; all of it when none is named
    #[arg(value_enum)]
    scenarios: Vec<Scenario>,

    /// How often, by turns; medians are shown
    #[arg(long, default_value_t = 3)]
    rounds: usize,

    /// How long each stretch of speaking is
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,

    /// How many clients there are in all where a lobby is on several servers
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(3..=20_000))]
    clients: u16,

    /// Where the figures go as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// A little of everything, to see that it works; its figures mean nothing
    #[arg(long)]
    smoke: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves as the limit, until it is killed
    #[command(hide = true)]
    Limit {
        /// Writes and syncs what arrived to this file before anybody hears it
        #[arg(long)]
        store: Option<PathBuf>,
    },
    /// Serves as the limit of a relay, until it is killed
    #[command(hide = true)]
    BareCopy,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match cli.command {
        Some(Command::Limit { store }) => return limit::run(store.as_deref()),
        Some(Command::BareCopy) => return bare_copy::run(),
        None => {}
    }
    rlimit::increase_nofile_limit(u64::MAX)?;
    let all = Scenario::value_variants();
    let scenarios = if cli.scenarios.is_empty() { all } else { &cli.scenarios };
    let (rounds, seconds) = if cli.smoke { (1, 0.2) } else { (cli.rounds, cli.seconds) };
    let mut world = World {
        programs: Programs::build()?,
        keys: Keys::default(),
        rounds,
        stretch: Duration::from_secs_f64(seconds),
        smoke: cli.smoke,
        clients: usize::from(cli.clients),
    };
    let mut figures = Vec::new();
    report::head()?;
    for scenario in scenarios {
        let measured = scenario.run(&mut world)?;
        report::rows(&measured)?;
        figures.extend(measured);
    }
    if let Some(file) = &cli.json {
        report::save(&figures, file)?;
    }
    Ok(())
}
