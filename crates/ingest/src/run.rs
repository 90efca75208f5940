use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tenure_exports::{Export, Hints, Input, Rows};
use tenure_history::{LoadOptions, Loaded, Loader, RowLayout, Source as Origin, Target, Writer};
use tenure_model::Table;

use crate::draft::{Attribute, Draft, Typed};
use crate::error::{Error, ErrorKind};
use crate::identity;
use crate::mapper::{Account, Mapper, Sinks};
use crate::operands::{Operands, operands};
use crate::options::Options;
use crate::preset::{self, PresetChoice};
use crate::rejects::RejectsFile;
use crate::report::{InputReport, Report};
use crate::shapes;
use crate::style::{Styles, styles};

/// A step of an ingest, for progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reading exports, counted in bytes.
    Reading,
    /// Laying out the history, counted in rows.
    Writing,
}

/// Is told how far an ingest has come. Called from many threads.
pub trait Progress: Sync {
    /// A stage begins, with so much to do.
    fn begin(&self, stage: Stage, total: u64);
    /// So much of the stage is done, counted from its beginning.
    fn reached(&self, done: u64);
}

/// What an ingest gave.
#[derive(Debug)]
pub struct Ingested {
    /// What became of the rows.
    pub report: Report,
    /// The history with its new rows; nothing where more rows were rejected than is tolerated: then it is as it was.
    pub loaded: Option<Loaded>,
}

/// Reads exports into a history.
///
/// # Errors
///
/// [`ErrorKind::Input`] where an export can't be read, [`ErrorKind::Column`] and [`ErrorKind::Expression`] where the
/// mapping does not fit it, [`ErrorKind::History`] where the history can't be written. The history is then as it was.
pub fn ingest(exports: &[Export], options: &Options, mut target: Target, progress: &dyn Progress) -> Result<Ingested, Error> {
    let opened = exports.iter().map(|export| Opened::new(export, options)).collect::<Result<Vec<_>, Error>>()?;
    let table = one_table(&opened)?;
    let names: BTreeSet<&String> = opened.iter().flat_map(|one| one.draft.attributes.iter().map(|a| &a.stored)).collect();
    let attributes: Vec<String> = names.into_iter().cloned().collect();
    let bytes_in: u64 = opened.iter().map(|one| one.input.bytes()).sum();
    progress.begin(Stage::Reading, bytes_in);
    let operands = operands(&opened)?;
    let drafts = opened.iter().zip(&operands).map(|(one, operands)| one.typed(options, operands));
    let drafts = drafts.collect::<Result<Vec<_>, Error>>()?;
    let aliases = identity::aliases(&opened, options, &target)?;
    // A dry run finds the rows where they would lie; what it prepares goes with the writer.
    if let Target::Directory(writer) | Target::DryRun(writer) = &mut target {
        writer.merge_identities(&aliases.all, &options.home_zone, options.memory)?;
    }
    let keyed = opened.iter().any(|one| !one.draft.key.is_empty());
    let load_options = LoadOptions {
        layout: RowLayout { table, attributes, keyed },
        home_zone: options.home_zone.clone(),
        compare: options.compare,
        memory: options.memory,
    };
    let earlier = writer(&target).map_or_else(Vec::new, |writer| writer.earlier(table));
    let loader = Loader::new(load_options, target).with_shapes(shapes::all(&opened));
    let rejects = options.rejects.as_ref().map(|path| RejectsFile::begin(path, all_columns(&opened))).transpose()?;
    let mut inputs = Vec::new();
    let mut observed_until = None;
    let mut done = 0;
    for (export, (one, draft)) in opened.iter().zip(&drafts).enumerate() {
        let read = one.read(draft, export as u32, options, &loader, &aliases.all, rejects.as_ref(), &|consumed| {
            progress.reached(done + consumed.min(one.input.bytes()));
        })?;
        done += one.input.bytes();
        observed_until = observed_until.max(read.observed_until);
        let mut report = read.report;
        report.notes.extend(aliases.notes.get(export).into_iter().flatten().cloned());
        inputs.push(report);
    }
    if let Some(rejects) = rejects {
        rejects.finish()?;
    }
    let mut report =
        Report { table, inputs, span: None, customers: 0, events: 0, replaced: 0, bytes_out: 0, warnings: Vec::new() };
    let total = report.total();
    if !options.max_rejects.allows(total.rejected, total.read) {
        return Ok(Ingested { report, loaded: None });
    }
    progress.begin(Stage::Writing, total.kept);
    let written = std::sync::atomic::AtomicU64::new(0);
    let origin = |one: &Opened| Origin { name: one.input.short_name().to_owned(), rows: 0, sent: options.sent };
    let loaded = loader.finish(opened.iter().map(origin).collect(), observed_until, &|rows| {
        progress.reached(written.fetch_add(rows, Ordering::Relaxed) + rows);
    })?;
    for (input, &duplicate) in report.inputs.iter_mut().zip(&loaded.duplicates) {
        input.rows.duplicate = duplicate;
        input.rows.kept -= duplicate;
    }
    report.span = loaded.span;
    report.customers = loaded.customers;
    report.events = loaded.events;
    report.replaced = loaded.replaced;
    report.warnings = shapes::warnings(&opened, &report, &earlier);
    report.bytes_out = loaded.bytes;
    Ok(Ingested { report, loaded: Some(loaded) })
}

/// The history that a load may find.
pub(crate) fn writer(target: &Target) -> Option<&Writer> {
    match target {
        Target::Memory => None,
        Target::Directory(writer) | Target::DryRun(writer) => Some(writer),
    }
}

fn one_table(opened: &[Opened]) -> Result<Table, Error> {
    let Some(first) = opened.first() else {
        return Err(Error::new(ErrorKind::Input, "there is no export to read; name a file, a glob or - for standard input"));
    };
    let table = first.draft.table;
    match opened.iter().find(|one| one.draft.table != table) {
        None => Ok(table),
        Some(other) => Err(Error::new(
            ErrorKind::Column,
            format!(
                "{} is for the table {}, and {} for {}; ingest them one after the other",
                first.input.name,
                table.name(),
                other.input.name,
                other.draft.table.name()
            ),
        )),
    }
}

fn all_columns(opened: &[Opened]) -> Vec<Arc<str>> {
    let mut columns: Vec<Arc<str>> = Vec::new();
    for name in opened.iter().flat_map(|one| &one.header) {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    columns
}

/// An export whose columns have been given their meaning.
pub(crate) struct Opened {
    pub(crate) input: Input,
    pub(crate) rows: Box<dyn Rows>,
    /// The columns' names, as the mapping knows them.
    pub(crate) header: Vec<Arc<str>>,
    pub(crate) draft: Draft,
    /// Whether it is a file of rejected rows.
    pub(crate) mends: bool,
    pub(crate) notes: Vec<String>,
}

/// What came of reading an export.
struct Read {
    report: InputReport,
    observed_until: Option<tenure_model::Instant>,
}

impl Opened {
    pub(crate) fn new(export: &Export, options: &Options) -> Result<Self, Error> {
        let mut input = Input::open(export)?;
        let input_name = input.name.clone();
        let hints = |preset: preset::Hints| Hints { sheet: options.sheet.clone(), ..preset.into() };
        let resolve = |choice: &PresetChoice, header: &[Arc<str>]| {
            preset::resolve(choice, header, &options.mapping).map_err(|error| error.of(&input_name))
        };
        let mut choice = options.preset.clone();
        let mut read_with = choice.hints();
        let plain = preset::Hints::default();
        let mut rows = input.rows(export, &hints(plain.clone()));
        // A file of rejected rows is laid out as this program does, whatever its rows came from.
        let rejected = rows.as_ref().is_ok_and(|rows| crate::draft::header(&**rows).1.is_some());
        if rejected {
            read_with = plain;
        } else if read_with != plain {
            rows = input.rows(export, &hints(read_with.clone()));
        }
        let mut rows = rows?;
        let (mut header, mut skipped) = crate::draft::header(&*rows);
        let mut resolved = resolve(&choice, &header)?;
        let mut notes = Vec::new();
        if let Some(preset) = resolved.preset.clone().filter(|_| !rejected && resolved.hints != read_with) {
            // The preset was recognised by a header that it has more to say about.
            notes.extend(resolved.notes.first().cloned());
            read_with = resolved.hints.clone();
            choice = PresetChoice::Named(preset);
            rows = input.rows(export, &hints(read_with))?;
            (header, skipped) = crate::draft::header(&*rows);
            resolved = resolve(&choice, &header)?;
        }
        notes.extend(rows.notes());
        notes.extend(skipped);
        notes.extend(resolved.notes);
        let draft = Draft::new(&input, &header, &resolved.mapping, &mut notes)?;
        Ok(Self { input, rows, header, draft, mends: rejected, notes })
    }

    fn typed(&self, options: &Options, operands: &Operands) -> Result<Typed<'_>, Error> {
        let every_column = options.rejects.is_some();
        self.draft.typed(&self.header, every_column, operands).map_err(|error| error.of(&self.input.name))
    }

    #[expect(clippy::too_many_arguments, reason = "one export, and what the whole load shares")]
    fn read(
        &self,
        draft: &Typed<'_>,
        export: u32,
        options: &Options,
        loader: &Loader,
        aliases: &tenure_history::Aliases,
        rejects: Option<&RejectsFile>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Read, Error> {
        let mut notes = self.notes.clone();
        // Most exports write times and numbers plainly. Only where one does not, or not everywhere, is the whole column
        // looked at first to tell how they are written.
        let mut chosen = Styles::plain(draft, self);
        loop {
            let reading = loader.begin(export);
            let mapper: Mapper = draft.mapper(reading, self, options, loader, &chosen)?;
            let account = Account::new();
            let sinks = Sinks { loader, account: &account, aliases, rejects };
            let places: Vec<usize> = mapper.columns.iter().map(|(_, place)| *place).collect();
            self.input.consumed.store(0, Ordering::Relaxed);
            if let Some(rejects) = rejects {
                rejects.mark();
            }
            let read = if chosen.needs_a_look {
                Err(Error::interrupted().into())
            } else {
                self.rows.read(&places, &|batch| {
                    mapper.map(&batch, &sinks)?;
                    progress(self.input.consumed.load(Ordering::Relaxed));
                    Ok(())
                })
            };
            if chosen.needs_a_look || mapper.trial && account.not_plain.load(Ordering::Relaxed) {
                loader.discard(reading);
                if let Some(rejects) = rejects {
                    rejects.rewind()?;
                }
                self.input.consumed.store(0, Ordering::Relaxed);
                chosen = styles(draft, self, &mut notes)?;
                continue;
            }
            read.map_err(|error| match Error::from(error) {
                error if error.kind() == ErrorKind::Expression => error.of(&self.input.name),
                error => error,
            })?;
            let observed_until = account.observed_until(&mapper.source_zone);
            let (mut counts, rejected) = account.finish();
            if counts.read == 0 {
                return Err(Error::input(&self.input.name, "the file has a header but no rows; expected at least one row"));
            }
            counts.kept = counts.read - counts.rejected - counts.filtered;
            let report = InputReport {
                input: self.input.name.clone(),
                format: self.rows.format().to_owned(),
                rows: counts,
                rejects: rejected,
                bytes_in: self.input.bytes(),
                notes,
            };
            return Ok(Read { report, observed_until });
        }
    }

    /// The attributes that the export has, by the name that they are stored by.
    pub(crate) fn attribute(&self, stored: &str) -> Option<&Attribute> {
        self.draft.attributes.iter().find(|attribute| attribute.stored == stored)
    }
}
