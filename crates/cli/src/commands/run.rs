use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::{Args, Parser};
use rayon::prelude::*;
use tenure_analysis::{RetentionMatrix, RetentionQuery, retentions};
use tenure_history::History;
use tenure_model::grouped;
use tenure_report::{Align, TextTable, bytes_text};

use crate::Status;
use crate::args::MappingArgs;
use crate::commands::retention::{ShapeArgs, warn};
use crate::input::{Opened, Wanted, open_for};
use crate::output::{OutputArgs, write_stdout};
use crate::query::QueryArgs;
use crate::saved::flags_of;
use crate::term::Term;

const EXAMPLES: &str = "Examples:
  tenure run history/queries.toml
  tenure run history/queries.toml --over history

A file of queries has flags by their names:
  input = \"history\"
  [[query]]
  name = \"monthly\"
  command = \"retention\"
  cohort = \"month\"
  by = [\"plan\"]
  output = \"monthly.parquet\"";

/// Many queries in one pass over the data; each writes its own file.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunArgs {
    /// A TOML file of queries; such as retention --save adds them to
    queries: PathBuf,
    /// Ask this history or export instead of the file's input
    #[arg(long, value_name = "INPUT")]
    over: Option<PathBuf>,
    #[command(flatten)]
    mapping: MappingArgs,
}

/// A query of the file, as the same flags on the command line would be.
#[derive(Debug, Parser)]
#[command(name = "query", no_binary_name = true, disable_help_flag = true)]
struct Listed {
    #[command(flatten)]
    query: QueryArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    shape: ShapeArgs,
}

struct Named {
    name: String,
    listed: Listed,
    query: RetentionQuery,
}

pub(crate) fn run(args: &RunArgs, term: &Term) -> anyhow::Result<Status> {
    let file = Queries::read(&args.queries)?;
    let input = match &args.over {
        Some(over) => over.clone(),
        None => file.input()?,
    };
    let wanted = Wanted {
        columns: file.queries.iter().flat_map(|named| named.listed.query.asked_columns()).collect(),
        plain: file.queries.iter().all(|named| named.query.is_plain()),
    };
    let Opened::History(history) = open_for(&input, &args.mapping, &wanted, term)? else { return Ok(Status::LimitCrossed) };
    for named in &file.queries {
        let wrong = |error: anyhow::Error| anyhow!("{}: query \"{}\": {error}", args.queries.display(), named.name);
        named.listed.output.check_input(&input).map_err(wrong)?;
        named.listed.query.check_amounts(&history).map_err(wrong)?;
    }
    file.answer(&history, term)
}

struct Queries {
    path: PathBuf,
    input: Option<PathBuf>,
    queries: Vec<Named>,
}

impl Queries {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let name = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => anyhow!("{name}: no such file"),
            _ => anyhow!("{name}: cannot read it: {error}"),
        })?;
        let table: toml::Table = text.parse().map_err(|error| anyhow!("{name}: {error}"))?;
        let mut input = None;
        let mut queries: Vec<Named> = Vec::new();
        let mut outputs: HashMap<PathBuf, String> = HashMap::new();
        for (key, value) in table {
            match (key.as_str(), value) {
                ("input", toml::Value::String(path)) => input = Some(PathBuf::from(path)),
                ("query", toml::Value::Array(list)) => {
                    for (place, entry) in list.into_iter().enumerate() {
                        let toml::Value::Table(entry) = entry else { bail!("{name}: expected [[query]] tables") };
                        let query = Named::read(entry, place).map_err(|error| anyhow!("{name}: {error:#}"))?;
                        if queries.iter().any(|other| other.name == query.name) {
                            bail!("{name}: two queries are called \"{}\"; rename one of them", query.name);
                        }
                        if let Some(output) = query.listed.output.path()
                            && let Some(other) = outputs
                                .insert(std::path::absolute(output).unwrap_or_else(|_| output.to_owned()), query.name.clone())
                        {
                            bail!("{name}: \"{other}\" and \"{}\" both write {}", query.name, output.display());
                        }
                        queries.push(query);
                    }
                }
                _ => bail!("{name}: cannot use \"{key}\" here (expected input = \"HISTORY\" and [[query]] tables)"),
            }
        }
        if queries.is_empty() {
            bail!("{name}: it has no [[query]]");
        }
        Ok(Self { path: path.to_owned(), input, queries })
    }

    /// The input that the file names, or the history that it lies in.
    fn input(&self) -> anyhow::Result<PathBuf> {
        if let Some(input) = &self.input {
            return Ok(input.clone());
        }
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if History::open(folder).is_ok() {
            return Ok(folder.to_owned());
        }
        bail!("{}: it names no input; add input = \"HISTORY\", or use --over HISTORY", self.path.display())
    }

    fn answer(self, history: &History, term: &Term) -> anyhow::Result<Status> {
        let queries: Vec<RetentionQuery> = self.queries.iter().map(|named| named.query.clone()).collect();
        let matrices = retentions(history, &queries).map_err(|error| {
            let name = error.query_place().and_then(|place| self.queries.get(place)).map(|named| &named.name);
            name.map_or_else(|| anyhow!("{error}"), |name| anyhow!("{}: query \"{name}\": {error}", self.path.display()))
        })?;
        let columns = [
            ("query", Align::Left),
            ("cohorts", Align::Right),
            ("ages", Align::Right),
            ("written", Align::Left),
            ("", Align::Right),
        ];
        let mut summary = TextTable::new(&columns);
        self.queries.iter().zip(&matrices).for_each(|(_, matrix)| warn(history.window(), matrix, term));
        // Each thread has one answer at a time in memory as bytes.
        let write = |(Named { listed, .. }, matrix): (&Named, &RetentionMatrix)| {
            let Some(path) = listed.output.path() else { return Ok(None) };
            let format = listed.output.format()?;
            let bytes = listed.shape.render(matrix, &listed.output, format, term)?;
            listed.output.write(&bytes, format, term)?;
            Ok(Some((path.display().to_string(), bytes_text(bytes.len() as u64))))
        };
        let written: Vec<anyhow::Result<Option<(String, String)>>> =
            self.queries.par_iter().zip(&matrices).with_max_len(1).map(write).collect();
        for ((Named { name, listed, .. }, matrix), written) in self.queries.iter().zip(&matrices).zip(written) {
            let (written, size) = match written? {
                Some(written) => written,
                None => {
                    write_stdout(format!("{name}\n").as_bytes())?;
                    listed.shape.write(matrix, &listed.output, listed.output.format()?, term)?;
                    write_stdout(b"\n")?;
                    ("here".to_owned(), String::new())
                }
            };
            let (cohorts, ages) = (grouped(matrix.cohorts.len() as u64), grouped(matrix.ages.len() as u64));
            summary.row(vec![name.clone(), cohorts, ages, written, size]);
        }
        write_stdout(summary.render().as_bytes())?;
        Ok(Status::Done)
    }
}

impl Named {
    fn read(mut entry: toml::Table, place: usize) -> anyhow::Result<Self> {
        let name = match entry.remove("name") {
            Some(toml::Value::String(name)) => name,
            None => format!("query {}", place + 1),
            Some(other) => bail!("query {}: name = {other} (expected a text)", place + 1),
        };
        match entry.remove("command").as_ref().map(|command| command.as_str().unwrap_or_default()) {
            Some("retention") | None => {}
            Some(other) => bail!("query \"{name}\": command = \"{other}\" (expected \"retention\")"),
        }
        let flags = flags_of(entry).with_context(|| format!("query \"{name}\""))?;
        let listed = Listed::try_parse_from(flags).map_err(|error| {
            let text = error.render().to_string();
            let first = text.trim().trim_start_matches("error: ").split("\n\nUsage").next().unwrap_or_default().to_owned();
            anyhow!("query \"{name}\": {first}")
        })?;
        let query = listed.query.resolve().with_context(|| format!("query \"{name}\""))?;
        listed.output.format().with_context(|| format!("query \"{name}\""))?;
        Ok(Self { name, listed, query })
    }
}
