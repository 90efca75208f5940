//! Defaults of a folder: a `tenure.toml` beside the history, whose flags hold where none are typed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use crate::saved::flags_of;

/// The file of defaults.
const FILE: &str = "tenure.toml";

/// What names the history, or the export, that a verb is about, in the order of preference.
const INPUTS: [&str; 3] = ["input", "history", "into"];

/// Verbs that are about no history of the user's.
const WITHOUT: [&str; 6] = ["run", "generate", "demo", "calc", "completions", "man"];

/// A command line.
pub(crate) struct Words {
    pub(crate) words: Vec<OsString>,
    /// The file that some of its flags are from.
    pub(crate) from: Option<PathBuf>,
}

/// Flags that go with another: where that one is typed, these are no defaults.
const WITH: [(&str, &str); 3] = [("period-origin", "period"), ("cohort-origin", "cohort"), ("quantile", "inactive-for")];

/// What was typed, with the defaults of the folder behind the verb.
///
/// # Errors
///
/// Where the file can't be read, or has what no verb knows.
pub(crate) fn with_defaults(command: &Command, typed: Vec<OsString>) -> anyhow::Result<Words> {
    let plain = |typed| Ok(Words { words: typed, from: None });
    // What is missing or wrong is told once the defaults are in.
    let Ok(matches) = command.clone().ignore_errors(true).try_get_matches_from(&typed) else { return plain(typed) };
    let Some((verb, given)) = matches.subcommand().filter(|(verb, _)| !WITHOUT.contains(verb)) else { return plain(typed) };
    let Some(path) = file_beside(given) else { return plain(typed) };
    let name = path.display();
    let text = std::fs::read_to_string(&path).map_err(|error| anyhow!("{name}: cannot read it: {error}"))?;
    let table: toml::Table =
        text.parse().map_err(|error: toml::de::Error| anyhow!("{name}: {}", error.to_string().trim_end()))?;
    let mut flags = toml::Table::new();
    let (mut shared, mut own) = (toml::Table::new(), toml::Table::new());
    for (key, value) in table {
        match value {
            toml::Value::Table(table) => {
                let Some(of) = command.find_subcommand(&key) else {
                    bail!("{name}: [{key}] is no verb (expected one such as [retention], or flags above all tables)");
                };
                if let Some(unknown) = table.keys().find(|flag| !has_flag(of, flag)) {
                    bail!("{name}: [{key}] {unknown}: tenure {key} has no flag --{}", unknown.replace('_', "-"));
                }
                if key == verb {
                    own = table;
                }
            }
            value if command.get_subcommands().any(|verb| has_flag(verb, &key)) => {
                shared.insert(key, value);
            }
            _ => bail!("{name}: {key}: no verb has a flag --{}", key.replace('_', "-")),
        }
    }
    let Some(of) = command.find_subcommand(verb) else { return plain(typed) };
    shared.retain(|flag, _| has_flag(of, flag));
    flags.extend(shared);
    flags.extend(own);
    flags.retain(|flag, _| !is_typed(of, given, flag));
    let flags = flags_of(flags).map_err(|error| anyhow!("{name}: {error}"))?;
    let Some(place) = typed.iter().position(|word| word == verb) else { return plain(typed) };
    let mut words = typed;
    let from = (!flags.is_empty()).then_some(path);
    words.splice(place + 1..place + 1, flags.into_iter().map(OsString::from));
    Ok(Words { words, from })
}

/// The file beside the history or export that a verb is about.
fn file_beside(given: &ArgMatches) -> Option<PathBuf> {
    let named = |id: &str| given.try_get_raw(id).ok().flatten().and_then(|mut values| values.next()).map(PathBuf::from);
    let input = INPUTS.into_iter().find_map(named).filter(|input| input != Path::new("-"))?;
    let folder = input.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let path = folder.join(FILE);
    path.is_file().then_some(path)
}

fn long(flag: &str) -> String {
    flag.replace('_', "-")
}

fn has_flag(verb: &Command, flag: &str) -> bool {
    verb.get_arguments().any(|arg| arg.get_long() == Some(&long(flag)))
}

/// Whether a flag was given on the command line, or one that it can't stand beside.
fn is_typed(verb: &Command, given: &ArgMatches, flag: &str) -> bool {
    let is_given = |id: &str| given.try_contains_id(id).is_ok() && given.value_source(id) == Some(ValueSource::CommandLine);
    let Some(arg) = verb.get_arguments().find(|arg| arg.get_long() == Some(&long(flag))) else { return false };
    let goes_with = WITH.iter().find(|(mine, _)| *mine == long(flag)).map(|(_, other)| other.replace('-', "_"));
    is_given(arg.get_id().as_str())
        || goes_with.is_some_and(|other| is_given(&other))
        || verb.get_arg_conflicts_with(arg).iter().any(|other| is_given(other.get_id().as_str()))
        // A conflict may be said of either.
        || verb.get_arguments().filter(|other| is_given(other.get_id().as_str())).any(|other| {
            verb.get_arg_conflicts_with(other).iter().any(|mine| mine.get_id() == arg.get_id())
        })
}
