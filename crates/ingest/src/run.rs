use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::AsArray;
use arrow::datatypes::DataType;
use tenure_history::{Loaded, Loader, Target};
use tenure_model::is_reserved_column;

use crate::batch::Rows;
use crate::detect;
use crate::error::{Error, ErrorKind};
use crate::expression::{ColumnKind, Parsed, TextProfile, Wanted};
use crate::input::{Hints, Input, open};
use crate::mapper::{Account, Mapper, NameSource, ValueSource};
use crate::near::suggestion;
use crate::options::{Attributes, Export, Mapping, Options, Source};
use crate::report::{InputReport, Report};
use crate::times::TimeReader;

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
pub fn ingest(exports: &[Export], options: &Options, target: Target, progress: &dyn Progress) -> Result<Ingested, Error> {
    let opened = exports.iter().map(|export| open(export, &Hints::default())).collect::<Result<Vec<_>, Error>>()?;
    let drafts =
        opened.iter().map(|(input, rows)| Draft::new(input, &**rows, &options.mapping)).collect::<Result<Vec<_>, Error>>()?;
    let attributes: Vec<String> = drafts
        .iter()
        .flat_map(|draft| draft.attributes.iter().map(|a| a.stored.clone()))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let loader = Loader::new(options.home_zone.clone(), attributes.clone());
    let bytes_in: u64 = opened.iter().map(|(input, _)| input.bytes()).sum();
    progress.begin(Stage::Reading, bytes_in);
    let mut inputs = Vec::new();
    let mut observed_until = None;
    let mut done = 0;
    for (export, ((input, rows), draft)) in opened.iter().zip(drafts).enumerate() {
        let notes = [rows.notes(), draft.notes.clone()].concat();
        let mapper = draft.mapper(export as u32, input, &**rows, options, &loader, &attributes)?;
        let account = Account::new();
        let places: Vec<usize> = mapper.columns.iter().map(|(_, place)| *place).collect();
        input.consumed.store(0, Ordering::Relaxed);
        rows.read(&places, &|batch| {
            mapper.map(&batch, &loader, &account)?;
            progress.reached(done + input.consumed.load(Ordering::Relaxed).min(input.bytes()));
            Ok(())
        })?;
        done += input.bytes();
        observed_until = observed_until.max(account.observed_until(&mapper.times));
        let (counts, rejects) = account.finish();
        if counts.read == 0 {
            return Err(Error::input(&input.name, "the file has a header but no rows; expected at least one row"));
        }
        let mut counts = counts;
        counts.kept = counts.read - counts.rejected - counts.filtered;
        inputs.push(InputReport {
            input: input.name.clone(),
            format: rows.format().to_owned(),
            rows: counts,
            rejects,
            bytes_in: input.bytes(),
            notes,
        });
    }
    let mut report = Report { inputs, span: None, customers: 0, events: 0, bytes_out: 0 };
    let total = report.total();
    if !options.max_rejects.allows(total.rejected, total.read) {
        return Ok(Ingested { report, loaded: None });
    }
    progress.begin(Stage::Writing, total.kept);
    let written = std::sync::atomic::AtomicU64::new(0);
    let sources = opened.iter().map(|(input, _)| input.short_name().to_owned()).collect();
    let loaded = loader.finish(sources, observed_until, target, &|rows| {
        progress.reached(written.fetch_add(rows, Ordering::Relaxed) + rows);
    })?;
    for (input, &duplicate) in report.inputs.iter_mut().zip(&loaded.duplicates) {
        input.rows.duplicate = duplicate;
        input.rows.kept -= duplicate;
    }
    report.span = loaded.span;
    report.customers = loaded.customers;
    report.events = loaded.events;
    report.bytes_out = loaded.bytes;
    Ok(Ingested { report, loaded: Some(loaded) })
}

/// An attribute of an export: the column, and the name it is stored by.
struct Attribute {
    column: usize,
    stored: String,
}

/// What the columns of an export mean, before its rows are looked at. Columns are places in the header.
struct Draft {
    customer: usize,
    time: usize,
    event: Result<usize, String>,
    value: Option<DraftValue>,
    currency: Option<Result<usize, String>>,
    attributes: Vec<Attribute>,
    filter: Option<Parsed>,
    notes: Vec<String>,
}

enum DraftValue {
    Column(usize),
    Expression(Parsed),
}

impl Draft {
    fn new(input: &Input, rows: &dyn Rows, mapping: &Mapping) -> Result<Self, Error> {
        let header = rows.header();
        let mut notes = Vec::new();
        let customer = named_or_detected(
            input,
            header,
            mapping.customer.as_ref().and_then(given),
            "customer",
            detect::customer,
            &mut notes,
        )?;
        let time =
            named_or_detected(input, header, mapping.columns.get("time").and_then(given), "time", detect::time, &mut notes)?;
        let event = match mapping.columns.get("event") {
            Some(Source::Constant(name)) => Err(name.clone()),
            Some(source) => Ok(find(input, header, given(source).unwrap_or_default(), "--event")?),
            None => match detect::event(header).filter(|place| ![customer, time].contains(place)) {
                Some(place) => {
                    notes.push(format!("event = \"{}\" (detected; set it with --event or --event-name)", header[place]));
                    Ok(place)
                }
                None => Err(tenure_model::DEFAULT_EVENT.to_owned()),
            },
        };
        let value = match mapping.columns.get("value").and_then(given) {
            None => None,
            Some(text) => Some(match header.iter().position(|name| **name == *text) {
                Some(_) => DraftValue::Column(find(input, header, text, "--value")?),
                None => DraftValue::Expression(Parsed::new("--value", text, header)?),
            }),
        };
        let currency = match mapping.columns.get("currency").and_then(given) {
            None => None,
            Some(text) if header.iter().any(|name| **name == *text) => Some(Ok(find(input, header, text, "--currency")?)),
            Some(code) if code.len() == 3 && code.bytes().all(|b| b.is_ascii_alphabetic()) => Some(Err(code.to_uppercase())),
            Some(_) => {
                return Err(unknown(
                    input,
                    header,
                    mapping.columns.get("currency").and_then(given).unwrap_or_default(),
                    "--currency (expected a column or a code such as EUR)",
                ));
            }
        };
        let filter = mapping.filter.as_deref().map(|text| Parsed::new("--where", text, header)).transpose()?;
        let taken = |place: &usize| {
            *place == customer
                || *place == time
                || event.as_ref() == Ok(place)
                || matches!(&value, Some(DraftValue::Column(p)) if p == place)
                || matches!(&currency, Some(Ok(p)) if p == place)
        };
        let places = match &mapping.attributes {
            Attributes::Named(names) => {
                names.iter().map(|name| find(input, header, name, "--attribute")).collect::<Result<Vec<_>, _>>()?
            }
            Attributes::All => (0..header.len()).filter(|place| !taken(place)).collect(),
        };
        let mut attributes = Vec::new();
        for column in places {
            let name = header[column].to_string();
            let stored = match name.as_str() {
                "" => format!("attribute_{}", column + 1),
                name if is_reserved_column(name) => format!("attribute_{name}"),
                name => name.to_owned(),
            };
            if stored != name {
                let reason = if name.is_empty() { "it has no name" } else { "every history has a column of that name" };
                notes.push(format!("attribute \"{name}\" is kept as \"{stored}\", since {reason}"));
            }
            match attributes.iter().find(|a: &&Attribute| a.stored == stored) {
                None => attributes.push(Attribute { column, stored }),
                Some(same) if same.column == column => {}
                Some(_) => {
                    let message = format!("{}: more than one column is called \"{name}\"; rename one of them", input.name);
                    return Err(Error::new(ErrorKind::Column, message));
                }
            }
        }
        Ok(Self { customer, time, event, value, currency, attributes, filter, notes })
    }

    fn mapper(
        self,
        export: u32,
        input: &Input,
        rows: &dyn Rows,
        options: &Options,
        loader: &Loader,
        attributes: &[String],
    ) -> Result<Mapper, Error> {
        let header = rows.header();
        let place_of = |name: &str| header.iter().position(|column| **column == *name);
        let expressions = self.filter.iter().chain(match &self.value {
            Some(DraftValue::Expression(parsed)) => Some(parsed),
            _ => None,
        });
        let operands: BTreeSet<usize> =
            expressions.flat_map(|parsed| parsed.columns().filter_map(place_of).collect::<Vec<_>>()).collect();
        let kinds = profile(input, rows, &operands.iter().copied().collect::<Vec<_>>())?;
        let kind = |name: &str| {
            let at = operands.iter().position(|&place| Some(place) == place_of(name));
            at.map_or(ColumnKind::Typed(DataType::Utf8), |at| kinds[at].clone())
        };
        let filter = self.filter.map(|parsed| parsed.resolve(Wanted::Condition, kind)).transpose()?;
        let mut columns: Vec<(Arc<str>, usize)> = operands.iter().map(|&place| (header[place].clone(), place)).collect();
        let mut read = |place: usize| {
            columns.iter().position(|(_, p)| *p == place).unwrap_or_else(|| {
                columns.push((header[place].clone(), place));
                columns.len() - 1
            })
        };
        let customer = read(self.customer);
        let time = read(self.time);
        let event = match self.event {
            Ok(place) => NameSource::Column(read(place)),
            Err(name) => NameSource::Constant(loader.events().code(&name)),
        };
        let value = match self.value {
            None => ValueSource::Missing,
            Some(DraftValue::Column(place)) => ValueSource::Column(read(place)),
            Some(DraftValue::Expression(parsed)) => ValueSource::Expression(Box::new(parsed.resolve(Wanted::Number, kind)?)),
        };
        let currency = match self.currency {
            None => NameSource::Missing,
            Some(Ok(place)) => NameSource::Column(read(place)),
            Some(Err(code)) => NameSource::Constant(loader.currencies().code(&code)),
        };
        let attributes = attributes
            .iter()
            .map(|stored| self.attributes.iter().find(|a| a.stored == *stored).map(|a| read(a.column)))
            .collect();
        let zone = options.mapping.source_zone.clone().unwrap_or_else(|| options.home_zone.clone());
        Ok(Mapper {
            export,
            input: input.name.clone(),
            columns,
            customer,
            time,
            event,
            value,
            currency,
            attributes,
            filter,
            times: TimeReader::new(options.mapping.time_format.clone(), zone),
            now: options.now,
        })
    }
}

fn given(source: &Source) -> Option<&str> {
    match source {
        Source::Given(text) | Source::Constant(text) | Source::Expression(text) => Some(text),
        Source::Columns(field) => field.columns.first().map(String::as_str),
    }
}

fn named_or_detected(
    input: &Input,
    header: &[Arc<str>],
    name: Option<&str>,
    role: &str,
    detect: fn(&[Arc<str>]) -> Option<usize>,
    notes: &mut Vec<String>,
) -> Result<usize, Error> {
    if let Some(name) = name {
        return find(input, header, name, &format!("--{role}"));
    }
    let place = detect(header).ok_or_else(|| {
        let names: Vec<String> = header.iter().map(|name| format!("\"{name}\"")).collect();
        Error::new(
            ErrorKind::Column,
            format!(
                "{}: no column looks like the {role}; name it with --{role} COLUMN (the columns are {})",
                input.name,
                names.join(", ")
            ),
        )
    })?;
    notes.push(format!("{role} = \"{}\" (detected; set it with --{role})", header[place]));
    find(input, header, &header[place], &format!("--{role}"))
}

fn find(input: &Input, header: &[Arc<str>], name: &str, flag: &str) -> Result<usize, Error> {
    let mut places = header.iter().enumerate().filter(|(_, column)| ***column == *name).map(|(place, _)| place);
    let Some(place) = places.next() else { return Err(unknown(input, header, name, flag)) };
    if places.next().is_some() {
        return Err(Error::new(
            ErrorKind::Column,
            format!("{}: {flag}: more than one column is called \"{name}\"; rename one of them", input.name),
        ));
    }
    Ok(place)
}

fn unknown(input: &Input, header: &[Arc<str>], name: &str, flag: &str) -> Error {
    let near = suggestion(name, header.iter().map(|column| &**column));
    Error::new(ErrorKind::Column, format!("{}: {flag}: no column \"{name}\"; {near}", input.name))
}

/// What the columns that expressions read hold. Texts are looked at over all rows; other types are known.
fn profile(input: &Input, rows: &dyn Rows, columns: &[usize]) -> Result<Vec<ColumnKind>, Error> {
    let texts: Vec<usize> = columns.iter().copied().filter(|&column| rows.column_type(column) == DataType::Utf8).collect();
    let profiles = Mutex::new(vec![TextProfile::default(); texts.len()]);
    if !texts.is_empty() {
        rows.read(&texts, &|batch| {
            let found = batch.columns.iter().map(|array| {
                let mut profile = TextProfile::default();
                array.as_string::<i32>().iter().flatten().for_each(|text| profile.add(text));
                profile
            });
            let found: Vec<TextProfile> = found.collect();
            let mut profiles = profiles.lock().unwrap_or_else(PoisonError::into_inner);
            profiles.iter_mut().zip(&found).for_each(|(all, more)| all.join(more));
            Ok(())
        })?;
        input.consumed.store(0, Ordering::Relaxed);
    }
    let mut profiles = profiles.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter();
    let kind = |&column: &usize| match rows.column_type(column) {
        DataType::Utf8 if rows.is_text(column) => {
            profiles.next();
            ColumnKind::Text(TextProfile::of_text())
        }
        DataType::Utf8 => ColumnKind::Text(profiles.next().unwrap_or_default()),
        other => ColumnKind::Typed(other),
    };
    Ok(columns.iter().map(kind).collect())
}
