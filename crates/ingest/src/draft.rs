//! What the columns of an export mean, before its rows are looked at.

use std::collections::BTreeSet;
use std::sync::Arc;

use tenure_exports::{Input, Rows, normal_interval};
use tenure_history::Loader;
use tenure_model::{ColumnKind, Decimal, Table, TimePoint, Zone, column};

use crate::error::{Error, ErrorKind};
use crate::fields::Fields;
use crate::mapper::{ColumnSource, Mapper};
use crate::operands::Operands;
use crate::options::{Attributes, Field, Mapping, Options, Source};
use crate::rejects::REJECT_COLUMNS;
use crate::run::Opened;
use crate::style::Styles;
use tenure_expression::{Evaluator, Parsed, Wanted};
use tenure_expression::{plain, suggestion};

/// An attribute of an export: the column, and the name it is stored by.
pub(crate) struct Attribute {
    pub(crate) column: usize,
    pub(crate) stored: String,
}

/// Columns of the header, and how their text is put right.
#[derive(Debug, Clone)]
pub(crate) struct DraftFields {
    pub(crate) places: Vec<usize>,
    pub(crate) field: Field,
}

/// Where one of the table's columns comes from.
#[derive(Debug, Clone)]
pub(crate) enum DraftSource {
    Missing,
    Fields(DraftFields),
    Name(String),
    Amount(Decimal),
    Moment(TimePoint),
    Expression(Parsed),
}

/// What the columns of an export mean. Columns are places in the header.
pub(crate) struct Draft {
    pub(crate) table: Table,
    pub(crate) customer: DraftFields,
    pub(crate) alias: Option<DraftFields>,
    pub(crate) sources: Vec<DraftSource>,
    pub(crate) key: Vec<usize>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) filter: Option<Parsed>,
    pub(crate) mapping: Mapping,
}

/// The columns' names as a mapping knows them: the first columns of a file of rejected rows are not the export's.
pub(crate) fn header(rows: &dyn Rows) -> (Vec<Arc<str>>, Option<String>) {
    let mut header = rows.header().to_vec();
    if header.len() <= REJECT_COLUMNS.len() || !header.iter().zip(REJECT_COLUMNS).all(|(name, wanted)| **name == *wanted) {
        return (header, None);
    }
    for (name, of) in header.iter_mut().zip(REJECT_COLUMNS) {
        *name = format!("reject.{of}").into();
    }
    (header, Some("a file of rejected rows: the columns that say what was wrong are left out".to_owned()))
}

impl Draft {
    pub(crate) fn new(input: &Input, header: &[Arc<str>], mapping: &Mapping, notes: &mut Vec<String>) -> Result<Self, Error> {
        let table = mapping.table;
        let names = Names { input, header };
        let customer = match &mapping.customer {
            Some(source) => names.fields(source, "--customer")?,
            None => return Err(names.undetected("customer")),
        };
        let alias = mapping.alias.as_ref().map(|source| names.fields(source, "the alias")).transpose()?;
        let mut sources = Vec::new();
        for spec in table.columns() {
            let flag = format!("--{}", spec.name.replace('_', "-"));
            let source = match mapping.columns.get(spec.name) {
                None if spec.name == column::EVENT => DraftSource::Name(tenure_model::DEFAULT_EVENT.to_owned()),
                None if spec.required => return Err(names.undetected(spec.name)),
                None => DraftSource::Missing,
                Some(source) => names.source(source, spec.kind, spec.name, &flag)?,
            };
            sources.push(source);
        }
        let key = mapping.key.iter().map(|name| names.find(name, "--id")).collect::<Result<Vec<_>, _>>()?;
        let filter = mapping.filter.as_deref().map(|text| Parsed::new("--where", text, header)).transpose()?;
        let mut draft = Self { table, customer, alias, sources, key, attributes: Vec::new(), filter, mapping: mapping.clone() };
        draft.attributes = draft.named_attributes(&names, notes)?;
        Ok(draft)
    }

    fn named_attributes(&self, names: &Names<'_>, notes: &mut Vec<String>) -> Result<Vec<Attribute>, Error> {
        let header = names.header;
        let taken: BTreeSet<usize> = self.direct_places().collect();
        let own = |place: &usize| header[*place].starts_with("reject.") && *place < REJECT_COLUMNS.len();
        let places: Vec<usize> = match &self.mapping.attributes {
            Attributes::Named(wanted) => {
                wanted.iter().map(|name| names.find(name, "--attribute")).collect::<Result<Vec<_>, _>>()?
            }
            Attributes::All => (0..header.len()).filter(|place| !taken.contains(place) && !own(place)).collect(),
        };
        let mut attributes: Vec<Attribute> = Vec::new();
        // A query names attributes as they are stored.
        let welcome = self.mapping.welcome.iter().filter(|name| names.has(name)).map(|name| (*name, "--attribute"));
        let asked = self.mapping.asked.iter().map(|(name, flag)| (name.as_str(), *flag)).chain(welcome);
        let known: BTreeSet<&str> = places.iter().map(|place| &*header[*place]).collect();
        let asked = asked.filter(|(name, _)| !known.contains(name) && !self.table.has(name));
        let asked = asked.map(|(name, flag)| names.find(name, flag)).collect::<Result<Vec<_>, _>>()?;
        for column in places.iter().copied().chain(asked) {
            let name = header[column].to_string();
            let stored = match name.as_str() {
                "" => format!("attribute_{}", column + 1),
                name if self.table.reserves(name) => format!("attribute_{name}"),
                name => name.to_owned(),
            };
            if stored != name {
                let reason = if name.is_empty() { "it has no name" } else { "every history has a column of that name" };
                notes.push(format!("attribute \"{name}\" is kept as \"{stored}\", since {reason}"));
            }
            match attributes.iter().find(|a| a.stored == stored) {
                None => attributes.push(Attribute { column, stored }),
                Some(same) if same.column == column => {}
                Some(_) => {
                    let message = format!("{}: more than one column is called \"{name}\"; rename one of them", names.input.name);
                    return Err(Error::new(ErrorKind::Column, message));
                }
            }
        }
        Ok(attributes)
    }

    /// The columns that are taken as they are, attributes aside.
    fn direct_places(&self) -> impl Iterator<Item = usize> + '_ {
        let fields = self.sources.iter().filter_map(|source| match source {
            DraftSource::Fields(fields) => Some(fields),
            _ => None,
        });
        fields.chain([&self.customer]).flat_map(|fields| fields.places.iter().copied()).chain(self.key.iter().copied())
    }

    /// The columns that expressions read: name, and place in the header.
    pub(crate) fn operands(&self, header: &[Arc<str>]) -> Vec<(String, usize)> {
        let expressions = self.filter.iter().chain(self.sources.iter().filter_map(|source| match source {
            DraftSource::Expression(parsed) => Some(parsed),
            _ => None,
        }));
        let names: BTreeSet<&str> = expressions.flat_map(Parsed::columns).collect();
        let place_of = |name: &str| header.iter().position(|column| **column == *name);
        names.into_iter().filter_map(|name| Some((name.to_owned(), place_of(name)?))).collect()
    }

    /// Gives the columns of expressions their types.
    pub(crate) fn typed(&self, header: &[Arc<str>], every_column: bool, operands: &Operands) -> Result<Typed<'_>, Error> {
        let kind = |name: &str| operands[name].clone();
        let filter = self.filter.clone().map(|parsed| parsed.resolve(Wanted::Condition, kind)).transpose()?;
        let amounts = self
            .sources
            .iter()
            .map(|source| match source {
                DraftSource::Expression(parsed) => parsed.clone().resolve(Wanted::Number, kind).map(Some),
                _ => Ok(None),
            })
            .collect::<Result<Vec<_>, tenure_expression::Error>>()?;
        let mut columns: Vec<(Arc<str>, usize)> =
            self.operands(header).into_iter().map(|(_, place)| (header[place].clone(), place)).collect();
        let attributes = self.attributes.iter().map(|attribute| attribute.column);
        let all = if every_column { header.len() } else { 0 };
        for place in self.direct_places().chain(attributes).chain(0..all) {
            if !columns.iter().any(|(_, p)| *p == place) {
                columns.push((header[place].clone(), place));
            }
        }
        Ok(Typed { draft: self, columns, filter, amounts })
    }
}

/// A draft whose expressions can be evaluated, and the columns that it reads.
pub(crate) struct Typed<'a> {
    pub(crate) draft: &'a Draft,
    /// Name, and place in the header.
    pub(crate) columns: Vec<(Arc<str>, usize)>,
    filter: Option<Evaluator>,
    amounts: Vec<Option<Evaluator>>,
}

impl Typed<'_> {
    fn read(&self, place: usize) -> usize {
        self.columns.iter().position(|(_, p)| *p == place).unwrap_or_default()
    }

    fn fields(&self, fields: &DraftFields) -> Fields {
        Fields::new(fields.places.iter().map(|&place| self.read(place)).collect(), &fields.field)
    }

    pub(crate) fn mapper(
        &self,
        reading: u32,
        opened: &Opened,
        options: &Options,
        loader: &Loader,
        styles: &Styles,
    ) -> Result<Mapper, Error> {
        let draft = self.draft;
        let mut names = 0;
        let mut sources = Vec::new();
        for ((spec, source), amount) in draft.table.columns().iter().zip(&draft.sources).zip(&self.amounts) {
            sources.push(match source {
                DraftSource::Missing => ColumnSource::Missing,
                DraftSource::Fields(fields) => ColumnSource::Fields(self.fields(fields)),
                DraftSource::Amount(amount) => ColumnSource::Amount(*amount),
                DraftSource::Moment(moment) => ColumnSource::Moment(*moment),
                DraftSource::Name(name) => {
                    ColumnSource::Name(loader.names(names).code(name).ok_or_else(|| {
                        Error::new(ErrorKind::Column, format!("{}: too many different names", opened.input.name))
                    })?)
                }
                DraftSource::Expression(_) => {
                    amount.clone().map_or(ColumnSource::Missing, |e| ColumnSource::Expression(Box::new(e)))
                }
            });
            names += usize::from(spec.kind == ColumnKind::Name);
        }
        let layout = loader.layout();
        let attributes = layout
            .attributes
            .iter()
            .map(|stored| opened.attribute(stored).map(|attribute| self.read(attribute.column)))
            .collect();
        Ok(Mapper {
            reading,
            input: opened.input.name.clone(),
            table: draft.table,
            columns: self.columns.clone(),
            customer: self.fields(&draft.customer),
            sources,
            key: draft.key.iter().map(|&place| self.read(place)).collect(),
            attributes,
            filter: self.filter.clone(),
            times: styles.times(&draft.mapping, options),
            numbers: styles.numbers(),
            source_zone: source_zone(&draft.mapping, options),
            home_zone: options.home_zone.clone(),
            minor_units: draft.mapping.minor_units,
            now: options.now,
            trial: styles.trial,
        })
    }
}

/// The zone of times that name none.
pub(crate) fn source_zone(mapping: &Mapping, options: &Options) -> Zone {
    mapping.source_zone.clone().unwrap_or_else(|| options.home_zone.clone())
}

/// The header of an export, to find columns in.
struct Names<'a> {
    input: &'a Input,
    header: &'a [Arc<str>],
}

impl Names<'_> {
    fn find(&self, name: &str, flag: &str) -> Result<usize, Error> {
        let mut places = self.header.iter().enumerate().filter(|(_, column)| ***column == *name).map(|(place, _)| place);
        let Some(place) = places.next() else {
            let near = suggestion(name, self.header.iter().map(|column| &**column));
            return Err(Error::new(ErrorKind::Column, format!("{}: {flag}: no column \"{name}\"; {near}", self.input.name)));
        };
        if places.next().is_some() {
            return Err(Error::new(
                ErrorKind::Column,
                format!("{}: {flag}: more than one column is called \"{name}\"; rename one of them", self.input.name),
            ));
        }
        Ok(place)
    }

    fn has(&self, name: &str) -> bool {
        self.header.iter().any(|column| **column == *name)
    }

    fn undetected(&self, role: &str) -> Error {
        let names: Vec<String> = self.header.iter().map(|name| format!("\"{name}\"")).collect();
        let flag = role.replace('_', "-");
        Error::new(
            ErrorKind::Column,
            format!(
                "{}: no column looks like the {role}; name it with --{flag} COLUMN (the columns are {})",
                self.input.name,
                names.join(", ")
            ),
        )
    }

    fn fields(&self, source: &Source, flag: &str) -> Result<DraftFields, Error> {
        let field = match source {
            Source::Columns(field) => field.clone(),
            Source::Given(name) => Field { columns: vec![name.clone()], ..Field::default() },
            Source::Constant(text) | Source::Expression(text) => {
                return Err(Error::new(
                    ErrorKind::Column,
                    format!("{}: {flag}: \"{text}\" is no column, and a column is expected", self.input.name),
                ));
            }
        };
        let places = field.columns.iter().map(|name| self.find(name, flag)).collect::<Result<Vec<_>, _>>()?;
        if places.is_empty() {
            return Err(Error::new(ErrorKind::Column, format!("{}: {flag} names no column", self.input.name)));
        }
        Ok(DraftFields { places, field })
    }

    fn source(&self, source: &Source, kind: ColumnKind, name: &str, flag: &str) -> Result<DraftSource, Error> {
        let (text, may_be_column) = match source {
            Source::Columns(_) => return Ok(DraftSource::Fields(self.fields(source, flag)?)),
            Source::Given(text) => (text, true),
            Source::Constant(text) => (text, false),
            Source::Expression(text) => {
                return Ok(DraftSource::Expression(Parsed::new(static_flag(flag), text, self.header)?));
            }
        };
        if may_be_column && self.has(text) {
            return Ok(DraftSource::Fields(self.fields(source, flag)?));
        }
        match kind {
            // Of an export that is a snapshot all rows have one date, which is known from elsewhere.
            ColumnKind::Time | ColumnKind::Date if let Ok(moment) = text.parse() => Ok(DraftSource::Moment(moment)),
            ColumnKind::Time | ColumnKind::Date => Err(self.find(text, flag).err().unwrap_or_else(|| self.undetected(name))),
            ColumnKind::Amount => match text.parse() {
                Ok(amount) => Ok(DraftSource::Amount(amount)),
                Err(_) => match Parsed::new(static_flag(flag), text, self.header) {
                    Ok(parsed) => Ok(DraftSource::Expression(parsed)),
                    // No expression, and a part of a column's name: a column was meant.
                    Err(_) if !is_one_word(text) && self.header.iter().any(|column| plain(column).contains(&plain(text))) => {
                        Err(self.find(text, flag).err().unwrap_or_else(|| self.undetected(name)))
                    }
                    Err(error) => Err(error.into()),
                },
            },
            ColumnKind::Name => self.constant(text, name, flag, may_be_column),
        }
    }

    fn constant(&self, text: &str, name: &str, flag: &str, may_be_column: bool) -> Result<DraftSource, Error> {
        let expected = match name {
            column::CURRENCY if text.len() == 3 && text.bytes().all(|b| b.is_ascii_alphabetic()) => {
                return Ok(DraftSource::Name(text.to_uppercase()));
            }
            column::CURRENCY => "a column or a code such as EUR",
            column::INTERVAL => match normal_interval(text) {
                Some(interval) => return Ok(DraftSource::Name(interval)),
                None => "a column or a period such as month or '3 month'",
            },
            column::KIND if ["nps", "csat", "ces", "returned"].contains(&text) => return Ok(DraftSource::Name(text.to_owned())),
            column::KIND => "a column, or one of nps, csat, ces and returned",
            column::EVENT | column::PLAN | column::REASON | column::COMMENT if may_be_column => "a column",
            _ => return Ok(DraftSource::Name(text.to_owned())),
        };
        let near = suggestion(text, self.header.iter().map(|column| &**column));
        Err(Error::new(
            ErrorKind::Column,
            format!("{}: {flag} (expected {expected}): no column \"{text}\"; {near}", self.input.name),
        ))
    }
}

/// Whether a text is a column's name without more, for which an expression's message is as good.
fn is_one_word(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// The flag that an expression's messages name.
fn static_flag(flag: &str) -> &'static str {
    ["--value", "--amount", "--quantity", "--score", "--weight"].into_iter().find(|known| *known == flag).unwrap_or("--value")
}
