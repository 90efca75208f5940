//! Defaults of a folder: a `tenure.toml` beside the history, whose flags hold where none are typed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use toml::{Table, Value};

use crate::saved::flags_of;

/// The file of defaults.
const FILE: &str = "tenure.toml";

/// What names the history, or the export, that a verb is about, in the order of preference.
const INPUTS: [&str; 3] = ["input", "history", "into"];

/// Verbs that are about no history of the user's.
const WITHOUT: [&str; 6] = ["run", "generate", "demo", "calc", "completions", "man"];

/// Flags that go with another: where that one is given elsewhere, these are no defaults.
const WITH: [(&str, &str); 3] = [("period-origin", "period"), ("cohort-origin", "cohort"), ("quantile", "inactive-for")];

/// Flags that ask for something else than a result, or say where something is written: a folder that somebody sent must not.
const NO_DEFAULTS: [&str; 8] = ["help", "version", "output", "rejects", "save", "to", "into", "outbox"];

/// A command line with the defaults of a folder.
pub(crate) struct Words {
    pub(crate) words: Vec<OsString>,
    /// What the defaults add, for whom the command line alone does not explain an error.
    pub(crate) told: Option<String>,
}

/// What was typed, with the defaults of the folder behind the verb.
///
/// # Errors
///
/// Where the file can't be read, or has what no verb knows or can use.
pub(crate) fn with_defaults(command: &Command, typed: Vec<OsString>) -> anyhow::Result<Words> {
    let as_typed = |words| Ok(Words { words, told: None });
    // What is missing or wrong is told once the defaults are in.
    let Ok(matches) = command.clone().ignore_errors(true).try_get_matches_from(&typed) else { return as_typed(typed) };
    let Some((verb, given)) = matches.subcommand().filter(|(verb, _)| !WITHOUT.contains(verb)) else { return as_typed(typed) };
    let Some(path) = file_beside(given) else { return as_typed(typed) };
    let Some(place) = typed.iter().position(|word| word == verb) else { return as_typed(typed) };
    let flags = defaults(&path, command, verb, given).map_err(|error| anyhow!("{}: {error}", path.display()))?;
    if flags.is_empty() {
        return as_typed(typed);
    }
    let told = Some(format!("{} adds {}", path.display(), flags.join(" ")));
    let mut words = typed.clone();
    words.splice(place + 1..place + 1, flags.into_iter().map(OsString::from));
    let parsed = |words: &[OsString]| command.clone().try_get_matches_from(words).err().filter(clap::Error::use_stderr);
    match parsed(&words) {
        // Without the defaults all is well: it is they that are wrong.
        Some(error) if parsed(&typed).is_none() => bail!("{}: {}", path.display(), in_short(&error)),
        _ => Ok(Words { words, told }),
    }
}

/// The file beside the history or export that a verb is about.
fn file_beside(given: &ArgMatches) -> Option<PathBuf> {
    let named = |id: &str| given.try_get_raw(id).ok().flatten().and_then(|mut values| values.next()).map(PathBuf::from);
    let input = INPUTS.into_iter().find_map(named).filter(|input| input != Path::new("-"))?;
    // A path such as `.` has its name elsewhere.
    let input = if input.file_name().is_none() { input.canonicalize().ok()? } else { input };
    let folder = input.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let path = folder.join(FILE);
    path.is_file().then_some(path)
}

/// The flags of the file that hold for what was typed: those of the verb's own table, and those above all tables that the
/// verb has and that neither that table nor the command line speak of.
fn defaults(path: &Path, command: &Command, verb: &str, given: &ArgMatches) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(path).map_err(|error| anyhow!("cannot read it: {error}"))?;
    let table: Table = text.parse().map_err(|error: toml::de::Error| anyhow!("{}", error.to_string().trim_end()))?;
    // Flags of the program as a whole are flags of each verb once it is built.
    let mut program = command.clone();
    program.build();
    let verbs: Vec<&Command> = program.get_subcommands().filter(|verb| !WITHOUT.contains(&verb.get_name())).collect();
    let (mut shared, mut own) = (Table::new(), Table::new());
    for (key, value) in table {
        match value {
            Value::Table(table) => {
                let Some(of) = verbs.iter().find(|verb| verb.get_name() == key) else {
                    bail!("[{key}] is no verb that takes defaults (expected one such as [retention], or flags above all tables)");
                };
                for (flag, value) in table {
                    let Some(arg) = flag_of(of, &flag) else {
                        bail!("[{key}] {flag}: tenure {key} has no flag --{}", long(&flag))
                    };
                    check(arg, &value).map_err(|error| anyhow!("[{key}] {flag}: {error}"))?;
                    if key == verb && own.insert(long(&flag), value).is_some() {
                        bail!("[{key}] {flag} is there twice");
                    }
                }
            }
            value => {
                let Some(arg) = verbs.iter().find_map(|verb| flag_of(verb, &key)) else {
                    bail!("{key}: no verb that takes defaults has a flag --{}", long(&key));
                };
                check(arg, &value).map_err(|error| anyhow!("{key}: {error}"))?;
                if shared.insert(long(&key), value).is_some() {
                    bail!("{key} is there twice");
                }
            }
        }
    }
    let Some(of) = verbs.into_iter().find(|of| of.get_name() == verb) else { return Ok(Vec::new()) };
    let names: Vec<String> = own.keys().cloned().collect();
    let is_own = |arg: &Arg| names.iter().any(|name| arg.get_long() == Some(name));
    let is_typed = |arg: &Arg| {
        let id = arg.get_id().as_str();
        given.try_contains_id(id).is_ok() && given.value_source(id) == Some(ValueSource::CommandLine)
    };
    shared.retain(|flag, _| flag_of(of, flag).is_some_and(|arg| !speaks_of(of, arg, &is_own)));
    shared.extend(own);
    shared.retain(|flag, _| flag_of(of, flag).is_some_and(|arg| !speaks_of(of, arg, &is_typed)));
    let mut flags = Vec::new();
    for (flag, value) in shared {
        // A flag that is typed once for each value is so here; others take a list.
        let many = flag_of(of, &flag)
            .is_some_and(|arg| matches!(arg.get_action(), ArgAction::Append) && arg.get_value_delimiter().is_none());
        let values = match value {
            Value::Array(values) if many => values,
            value => vec![value],
        };
        for value in values {
            flags.extend(flags_of(Table::from_iter([(flag.clone(), value)]))?);
        }
    }
    Ok(flags)
}

/// Whether one of these flags is the one asked about, one that it goes with, or can't stand beside it.
fn speaks_of(verb: &Command, arg: &Arg, is_one: &impl Fn(&Arg) -> bool) -> bool {
    let against = |one: &Arg, other: &Arg| verb.get_arg_conflicts_with(one).iter().any(|found| found.get_id() == other.get_id());
    let with = |other: &Arg| WITH.iter().any(|(mine, its)| arg.get_long() == Some(mine) && other.get_long() == Some(its));
    let mut others = verb.get_arguments().filter(|other| is_one(other));
    others.any(|other| other.get_id() == arg.get_id() || with(other) || against(arg, other) || against(other, arg))
}

/// Whether a value is of the kind that its flag takes.
fn check(arg: &Arg, value: &Value) -> anyhow::Result<()> {
    match (arg.get_action().takes_values(), value) {
        (true, Value::Boolean(_)) => bail!("found {value} (expected what --{} takes)", arg.get_long().unwrap_or_default()),
        (true, _) | (false, Value::Boolean(_)) => Ok(()),
        (false, _) => bail!("found {value} (expected true or false)"),
    }
}

/// What an error says first, without the usage.
fn in_short(error: &clap::Error) -> String {
    let text = error.render().to_string();
    text.trim().trim_start_matches("error: ").split("\n\n").next().unwrap_or_default().to_owned()
}

fn long(flag: &str) -> String {
    flag.replace('_', "-")
}

fn flag_of<'a>(verb: &'a Command, flag: &str) -> Option<&'a Arg> {
    let name = long(flag);
    verb.get_arguments().find(|arg| arg.get_long() == Some(&name) && !NO_DEFAULTS.contains(&name.as_str()))
}
