//! Figures as people and programs read them: a table on standard output, and JSON in a file.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

/// What a figure should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    /// At most this many times the limit.
    Times(f64),
    /// At least this part of the limit.
    Part(f64),
    /// At most this value.
    AtMost(f64),
    /// At least this value.
    AtLeast(f64),
    /// There is no goal; the figure is only shown.
    Shown,
}

/// One figure of one scenario, with a value for each round.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    pub(crate) scenario: &'static str,
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) ours: Vec<f64>,
    /// The values of the limit in the same rounds; empty where there is no limit.
    pub(crate) limit: Vec<f64>,
    /// The values of the limit that stores.
    pub(crate) storing: Vec<f64>,
    pub(crate) goal: Goal,
}

impl Figure {
    /// A figure without values.
    pub(crate) fn new(
        scenario: &'static str,
        name: impl Into<String>,
        unit: &'static str,
        goal: Goal,
    ) -> Self {
        Self {
            scenario,
            name: name.into(),
            unit,
            ours: Vec::new(),
            limit: Vec::new(),
            storing: Vec::new(),
            goal,
        }
    }

    /// The median over the rounds of each value as a multiple of the limit in the same round.
    fn ratio(&self) -> Option<f64> {
        self.ratio_to(&self.limit)
    }

    fn ratio_to(&self, limit: &[f64]) -> Option<f64> {
        let ratios: Vec<f64> = self.ours.iter().zip(limit).map(|(ours, limit)| ours / limit).collect();
        median(&ratios)
    }

    fn verdict(&self) -> Option<bool> {
        let (ours, ratio) = (median(&self.ours)?, self.ratio());
        match self.goal {
            Goal::Times(most) => ratio.map(|ratio| ratio <= most),
            Goal::Part(least) => ratio.map(|ratio| ratio >= least),
            Goal::AtMost(most) => Some(ours <= most),
            Goal::AtLeast(least) => Some(ours >= least),
            Goal::Shown => None,
        }
    }

    fn goal_text(&self) -> String {
        match self.goal {
            Goal::Times(most) => format!("<= {most} x"),
            Goal::Part(least) => format!(">= {least} x"),
            Goal::AtMost(most) => format!("<= {most}"),
            Goal::AtLeast(least) => format!(">= {least}"),
            Goal::Shown => String::new(),
        }
    }

    fn row(&self) -> String {
        let number = |value: Option<f64>| value.map_or_else(String::new, short);
        let mut row = format!(
            "{:<8} {:<52} {:>9} {:<7}",
            self.scenario,
            self.name,
            number(median(&self.ours)),
            self.unit
        );
        let verdict = match self.verdict() {
            Some(true) => "reached",
            Some(false) => "missed",
            None => "",
        };
        let times = |ratio: Option<f64>| ratio.map_or_else(String::new, |ratio| format!("{ratio:.2} x"));
        let (ratio, storing) = (times(self.ratio()), times(self.ratio_to(&self.storing)));
        let limit = number(median(&self.limit));
        let _in_memory =
            write!(row, " {limit:>9} {ratio:>9} {storing:>9} {:>10} {verdict}", self.goal_text());
        row.trim_end().to_owned()
    }

    fn json(&self) -> Value {
        json!({
            "scenario": self.scenario,
            "figure": self.name,
            "unit": self.unit,
            "hobnob": median(&self.ours),
            "limit": median(&self.limit),
            "ratio": self.ratio(),
            "storing": median(&self.storing),
            "ratio_to_storing": self.ratio_to(&self.storing),
            "goal": self.goal_text(),
            "reached": self.verdict(),
            "rounds": { "hobnob": self.ours, "limit": self.limit, "storing": self.storing },
        })
    }
}

/// The median; `None` without values.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 1000.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

/// Prints the head of the table. "storing" is the ratio to the limit that stores.
pub(crate) fn head() -> io::Result<()> {
    let (hobnob, limit, ratio, storing, goal) = ("hobnob", "limit", "ratio", "storing", "goal");
    writeln!(
        io::stdout(),
        "{:<8} {:<52} {hobnob:>9} {:<7} {limit:>9} {ratio:>9} {storing:>9} {goal:>10}",
        "",
        "",
        ""
    )
}

/// Prints these figures as rows of the table.
pub(crate) fn rows(figures: &[Figure]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    figures.iter().try_for_each(|figure| writeln!(out, "{}", figure.row()))?;
    out.flush()
}

/// Writes all figures to a file.
pub(crate) fn save(figures: &[Figure], file: &Path) -> anyhow::Result<()> {
    let figures: Vec<Value> = figures.iter().map(Figure::json).collect();
    std::fs::write(file, serde_json::to_vec_pretty(&json!({ "figures": figures }))?)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_computed_within_each_round() {
        let mut figure = Figure::new("x", "y", "ms", Goal::Times(1.5));
        figure.ours = vec![2.0, 30.0, 4.0];
        figure.limit = vec![1.0, 20.0, 4.0];
        assert_eq!(figure.ratio(), Some(1.5));
        assert_eq!(figure.verdict(), Some(true));
    }
}
