//! Queries kept as TOML: flags by their names.

use std::io::Write;
use std::path::Path;

use anyhow::{anyhow, bail};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command};

use crate::commands::retention::ShapeArgs;
use crate::output::OutputArgs;
use crate::query::QueryArgs;

/// Where a history keeps its queries.
const SAVED: &str = "queries.toml";

/// Flags that stand for a table of TOML: names may have underscores, lists are joined by commas.
pub(crate) fn flags_of(table: toml::Table) -> anyhow::Result<Vec<String>> {
    let mut flags = Vec::new();
    for (name, value) in table {
        let flag = format!("--{}", name.replace('_', "-"));
        let text = match value {
            toml::Value::Boolean(true) => {
                flags.push(flag);
                continue;
            }
            toml::Value::Boolean(false) => continue,
            toml::Value::Array(list) => list.iter().map(scalar).collect::<anyhow::Result<Vec<_>>>()?.join(","),
            other => scalar(&other)?,
        };
        // One word, so that a value may begin with a hyphen.
        flags.push(format!("{flag}={text}"));
    }
    Ok(flags)
}

fn scalar(value: &toml::Value) -> anyhow::Result<String> {
    Ok(match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Datetime(date) => date.to_string(),
        other => bail!("cannot use {other} (expected a text, a number or a list of them)"),
    })
}

/// The flags of a query that were typed, as lines of TOML.
pub(crate) fn typed(matches: &ArgMatches) -> Vec<(String, String)> {
    let known = ShapeArgs::augment_args(OutputArgs::augment_args(QueryArgs::augment_args(Command::new("query"))));
    let mut lines = Vec::new();
    for arg in known.get_arguments() {
        let id = arg.get_id().as_str();
        let Some(flag) = arg.get_long().filter(|_| matches.value_source(id) == Some(ValueSource::CommandLine)) else { continue };
        let values: Vec<String> =
            matches.get_raw(id).into_iter().flatten().map(|value| value.to_string_lossy().into_owned()).collect();
        let value = if !arg.get_action().takes_values() {
            toml::Value::Boolean(true)
        } else if id == "by" {
            toml::Value::Array(values.into_iter().map(toml::Value::String).collect())
        } else {
            let text = values.join(",");
            text.parse().map_or(toml::Value::String(text), toml::Value::Integer)
        };
        lines.push((flag.to_owned(), value.to_string()));
    }
    lines
}

/// Adds a query to those that a history keeps.
pub(crate) fn save(history: &Path, name: &str, flags: &[(String, String)]) -> anyhow::Result<()> {
    let path = history.join(SAVED);
    let shown = path.display();
    let before = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => bail!("{shown}: cannot read it: {error}"),
    };
    let table: toml::Table = before.parse().map_err(|error| anyhow!("{shown}: {error}"))?;
    let queries = table.get("query").and_then(toml::Value::as_array).into_iter().flatten();
    if queries.filter_map(|query| query.get("name")?.as_str()).any(|known| known == name) {
        bail!("--save {name}: {shown} has a query of that name; choose another, or remove it there");
    }
    let mut text = before;
    if !text.is_empty() && !text.ends_with("\n\n") {
        text.push('\n');
    }
    text.push_str(&format!("[[query]]\nname = {}\ncommand = \"retention\"\n", toml::Value::String(name.to_owned())));
    flags.iter().for_each(|(flag, value)| text.push_str(&format!("{flag} = {value}\n")));
    let write = || -> std::io::Result<()> {
        let mut file =
            tempfile::Builder::new().prefix(".queries-").permissions(crate::output::permissions()).tempfile_in(history)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error| anyhow!("{shown}: cannot write: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_flags_by_their_names() {
        let table: toml::Table =
            "cohort = \"week\"\nmin_returns = 2\nat = [1, 7]\nby = [\"a\", \"b\"]\nwide = true\nlevel = 0.9\nas-of = 2024-05-01"
                .parse()
                .unwrap();
        let mut flags = flags_of(table).unwrap();
        flags.sort();
        assert_eq!(
            flags,
            ["--as-of=2024-05-01", "--at=1,7", "--by=a,b", "--cohort=week", "--level=0.9", "--min-returns=2", "--wide"]
        );
        assert!(flags_of("x = { y = 1 }".parse().unwrap()).is_err());
    }
}
