//! What INPUT and EXPORT name: histories, files, globs, standard input.

use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use tenure_analysis::{COHORT, RetentionMatrix, RetentionQuery, retention_of_unordered};
use tenure_history::{History, Target, Unordered};
use tenure_ingest::{Export, Ingested, Options, RejectLimit, Report};
use tenure_model::{Instant, ObservationWindow, Table, Zone, column};

use crate::args::MappingArgs;
use crate::memory::default_memory;
use crate::progress::Bars;
use crate::term::Term;

/// How many rejected rows a message shows.
const SHOWN_REJECTS: usize = 5;

/// A history to ask, or the reason why there is none.
pub(crate) enum Opened {
    History(Box<History>),
    /// More rows were rejected than is tolerated; this has been said.
    TooManyRejects,
}

/// Opens a history, or reads an export into one that leaves nothing on disk.
pub(crate) fn open(input: &Path, mapping: &MappingArgs, term: &Term) -> anyhow::Result<Opened> {
    open_for(input, mapping, &Wanted::default(), term)
}

/// What a query wants of an export.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// The columns that it names, each with the flag that names it.
    pub(crate) columns: Vec<(String, &'static str)>,
    /// Whether customers and times alone answer it.
    pub(crate) plain: bool,
}

/// The same for a query about what customers did: of an export what the query wants is kept.
pub(crate) fn open_for(input: &Path, mapping: &MappingArgs, wanted: &Wanted, term: &Term) -> anyhow::Result<Opened> {
    let opened = open_any(input, mapping, wanted, term)?;
    if let Opened::History(history) = &opened
        && !input.is_dir()
        && history.rows() == 0
        && Table::ALL.into_iter().any(|table| history.rows_of(table) > 0)
    {
        bail!(
            "{}: this export is not about what customers did; ingest it into a history, beside an export of activity: tenure ingest {} --into HISTORY",
            input.display(),
            input.display()
        );
    }
    Ok(opened)
}

/// The same for a query about any table.
pub(crate) fn open_any(input: &Path, mapping: &MappingArgs, wanted: &Wanted, term: &Term) -> anyhow::Result<Opened> {
    if input.is_dir() {
        let history = History::open(input)?;
        if let Some(flag) = mapping.first_given() {
            bail!("{flag} goes with an export, and {} is a history: its columns were settled by ingest", input.display());
        }
        return Ok(Opened::History(Box::new(history)));
    }
    let exports = exports(&[input.to_owned()])?;
    let options = options_for(mapping, wanted)?;
    let ingested = tenure_ingest::ingest(&exports, &options, Target::Memory, &Bars::new(term))?;
    for input in &ingested.report.inputs {
        for note in &input.notes {
            term.note(&format!("{}: {note}", input.input));
        }
    }
    let Ingested { report, loaded } = ingested;
    match loaded {
        Some(loaded) => {
            let total = report.total();
            if total.rejected > 0 || total.duplicate > 0 {
                term.note(&format!("{} rows rejected, {} duplicate, of {} read", total.rejected, total.duplicate, total.read));
            }
            loaded.history.map(Box::new).map(Opened::History).ok_or_else(|| anyhow!("{}: nothing was read", input.display()))
        }
        None => {
            say_too_many_rejects(&report, options.max_rejects, "nothing was computed", term);
            Ok(Opened::TooManyRejects)
        }
    }
}

/// Answers a plain question where the rows of its export lie; nothing where these must be laid out first.
pub(crate) fn answer_directly(
    input: &Path,
    mapping: &MappingArgs,
    query: &RetentionQuery,
    term: &Term,
) -> anyhow::Result<Option<(RetentionMatrix, ObservationWindow)>> {
    if !query.is_plain() || input.is_dir() {
        return Ok(None);
    }
    let options = options_for(mapping, &Wanted { columns: Vec::new(), plain: true })?;
    let bars = Bars::new(term);
    let Some(direct) = tenure_ingest::direct(&exports(&[input.to_owned()])?, &options, &bars) else { return Ok(None) };
    let Some(matrix) = retention_of_unordered(&direct, query)? else { return Ok(None) };
    let notes: Vec<String> = direct.notes().map(|(export, note)| format!("{export}: {note}")).collect();
    let observed = direct.outline().window();
    drop(direct);
    drop(bars);
    notes.iter().for_each(|note| term.note(note));
    Ok(Some((matrix, observed)))
}

/// The options for a query at this moment.
fn options_for(mapping: &MappingArgs, wanted: &Wanted) -> anyhow::Result<Options> {
    let mut options = options(mapping, mapping.home_zone.clone().unwrap_or_else(Zone::utc))?;
    // Cohorts are made where no column bears their name.
    let (cohort, asked) = wanted.columns.iter().cloned().partition::<Vec<_>, _>(|(name, _)| name == COHORT);
    options.mapping.asked = asked;
    options.mapping.welcome = if cohort.is_empty() { Vec::new() } else { vec![COHORT] };
    if wanted.plain {
        options.mapping.unasked = vec![column::EVENT];
    }
    options.memory = default_memory();
    Ok(options)
}

/// The options of an ingest at this moment.
pub(crate) fn options(mapping: &MappingArgs, home_zone: Zone) -> anyhow::Result<Options> {
    let now = Instant(jiff::Timestamp::now().as_microsecond());
    Ok(Options {
        mapping: mapping.mapping(),
        preset: mapping.preset()?,
        sheet: mapping.sheet.clone(),
        home_zone,
        max_rejects: mapping.max_rejects.unwrap_or(RejectLimit::DEFAULT),
        sent: mapping.sent(),
        ..Options::new(now)
    })
}

/// The files that some names and globs stand for, each once.
pub(crate) fn exports(names: &[PathBuf]) -> anyhow::Result<Vec<Export>> {
    let mut files: Vec<PathBuf> = Vec::new();
    let mut exports = Vec::new();
    for name in names {
        if name == Path::new("-") {
            exports.push(Export::Stdin);
            continue;
        }
        let text = name.to_string_lossy();
        let found = if name.exists() || !text.contains(['*', '?', '[']) {
            vec![name.clone()]
        } else {
            let paths = glob::glob(&text).map_err(|error| anyhow!("{text}: cannot read this as a glob: {error}"))?;
            let mut found = paths.collect::<Result<Vec<_>, _>>().map_err(|error| anyhow!("{text}: {error}"))?;
            found.retain(|path| path.is_file());
            found.sort();
            if found.is_empty() {
                bail!("{text}: no file matches this glob");
            }
            found
        };
        for path in found {
            if !files.contains(&path) {
                files.push(path.clone());
                exports.push(Export::File(path));
            }
        }
    }
    Ok(exports)
}

/// Says which rows could not be read, and how to go on without them.
pub(crate) fn say_too_many_rejects(report: &Report, limit: RejectLimit, consequence: &str, term: &Term) {
    let total = report.total();
    let (limit, enough) = match limit {
        RejectLimit::Rows(rows) => (rows.to_string(), total.rejected.to_string()),
        RejectLimit::Percent(percent) => {
            let share = (total.rejected as f64 * 1000.0 / total.read as f64).ceil() / 10.0;
            (format!("{percent}%"), format!("{share}%"))
        }
    };
    let mut text = format!(
        "{} of {} rows can't be read, and --max-rejects allows {limit}; {consequence}. To go on without them: --max-rejects {enough}",
        total.rejected, total.read
    );
    for reject in report.first_rejects().take(SHOWN_REJECTS) {
        text.push_str(&format!("\n  {reject}"));
    }
    term.error(&text);
}
