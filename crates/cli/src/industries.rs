//! Reference values of industries, from a file that the user may edit.

use std::path::Path;

use anyhow::{Context, anyhow, bail};
use serde::Deserialize;
use tenure_analysis::{Benchmark, MetricKind, metric_named};

/// The file that is looked for in a history.
const FILE: &str = "industries.toml";

/// The values that come with the program.
const SHIPPED: &str = include_str!("../industries.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Industries {
    #[serde(default)]
    benchmark: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    industry: String,
    metric: String,
    period: String,
    value: f64,
    source: String,
}

/// The reference values of an industry: of the file named, else of the one in the history, else those that come along.
pub(crate) fn benchmarks_of(industry: &str, file: Option<&Path>, input: &Path) -> anyhow::Result<Vec<Benchmark>> {
    let beside = input.join(FILE);
    let (name, text) = match file {
        Some(path) => (path.display().to_string(), read(path)?),
        None if beside.is_file() => (beside.display().to_string(), read(&beside)?),
        None => ("the values that come with tenure".to_owned(), SHIPPED.to_owned()),
    };
    let known: Industries = toml::from_str(&text).map_err(|error| anyhow!("{name}: {error}"))?;
    let mut found: Vec<Benchmark> = Vec::new();
    for entry in known.benchmark.iter().filter(|entry| entry.industry == industry) {
        let wrong = |what: String| anyhow!("{name}: the benchmark of {} in {industry}: {what}", entry.metric);
        if entry.source.trim().is_empty() {
            return Err(wrong("it has no source; say where the value comes from".to_owned()));
        }
        let metric = metric_named(&entry.metric);
        if metric.is_ok_and(|metric| metric.kind == MetricKind::Rate) && !(0.0..=2.0).contains(&entry.value) {
            return Err(wrong(format!("value {}: a share, of which 1 is 100 %, is expected", entry.value)));
        }
        let again = |other: &&Benchmark| other.metric.name == entry.metric && other.period.to_string() == entry.period;
        if found.iter().any(|other| again(&other)) {
            return Err(wrong(format!("it is there twice for a {}; remove one", entry.period)));
        }
        found.push(Benchmark {
            industry: entry.industry.clone(),
            metric: metric_named(&entry.metric).map_err(|error| wrong(error.to_string().replace("--metric", "metric")))?,
            period: entry.period.parse().map_err(|error| wrong(format!("period: {error}")))?,
            value: entry.value.to_string().parse().map_err(|error| wrong(format!("value: {error}")))?,
            source: entry.source.clone(),
        });
    }
    if found.is_empty() {
        let mut names: Vec<&str> = known.benchmark.iter().map(|entry| entry.industry.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let names = if names.is_empty() { "none at all".to_owned() } else { names.join(", ") };
        bail!("--industry {industry}: {name} has no values of it (it has {names})");
    }
    Ok(found)
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{}: cannot read it", path.display()))
}
