//! A preset and a header made into a mapping.

use std::sync::Arc;

use tenure_model::{Table, column};

use super::recognise::{containing, recognise};
use super::{ALIAS, Alternative, CUSTOMER, Hints, Origin, Preset, PresetChoice};
use crate::detect;
use crate::error::{Error, ErrorKind};
use crate::options::{Attributes, Field, Mapping, Source};
use tenure_expression::Parsed;

/// What a survey may ask.
const KINDS: [&str; 4] = ["nps", "csat", "ces", "returned"];

/// The scale of the question whether one would recommend.
const NPS_SCALE: &str = "0-10";

/// What is known of an export once its header has been seen.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    /// Where everything comes from. Columns that can't be told are not in it; required ones are, except the event.
    pub(crate) mapping: Mapping,
    /// How the file is to be read. Where this is not how its header was read, it is to be read and resolved again.
    pub(crate) hints: Hints,
    /// What was found without being told.
    pub(crate) notes: Vec<String>,
    /// The preset that was used.
    pub(crate) preset: Option<Arc<Preset>>,
}

/// Settles what the columns of a header mean: by the flags, then by the preset, then by their names.
///
/// # Errors
///
/// Where a required column has no source, a filter no columns, or a flag belongs to another table.
pub(crate) fn resolve(choice: &PresetChoice, header: &[Arc<str>], flags: &Mapping) -> Result<Resolved, Error> {
    let preset = recognise(choice, header, flags)?;
    let table = match (&preset, choice) {
        (Some(preset), _) => preset.table,
        (None, PresetChoice::AutoFor(table)) => *table,
        (None, _) => flags.table,
    };
    if let Some(preset) = &preset
        && flags.table != Table::Activity
        && flags.table != table
    {
        let (name, wanted) = (&preset.name, flags.table.name());
        return Err(column_error(format!("the preset {name} is for the table {}, not {wanted}", table.name())));
    }
    if let Some(message) = table_misfit(flags.columns.keys().copied(), table) {
        return Err(column_error(message));
    }
    let mut draft = Draft {
        header,
        mapping: Mapping { table, ..flags.clone() },
        notes: Vec::new(),
        taken: flags.customer.iter().chain(flags.columns.values()).filter_map(|source| place_of(header, source)).collect(),
    };
    if let Some(preset) = &preset {
        if !matches!(choice, PresetChoice::Named(_)) {
            draft.notes.push(format!("recognised as {} (set --preset generic to read it without)", preset.name));
        }
        draft.apply(preset)?;
    }
    if preset.as_ref().is_none_or(|preset| preset.detected) {
        draft.detect();
    }
    if table == Table::Surveys {
        draft.complete_survey()?;
    }
    draft.check_required(preset.as_deref())?;
    let hints = preset.as_ref().map(|preset| preset.hints.clone()).unwrap_or_default();
    Ok(Resolved { mapping: draft.mapping, hints, notes: draft.notes, preset })
}

/// Why columns that are named by flags do not fit a table: the first that it does not have, and the tables that do.
pub fn table_misfit<'a>(columns: impl IntoIterator<Item = &'a str>, table: Table) -> Option<String> {
    let has = |table: Table, name: &str| table.columns().iter().any(|column| column.name == name);
    let name = columns.into_iter().find(|name| !has(table, name))?;
    let others: Vec<&str> = Table::ALL.into_iter().filter(|other| has(*other, name)).map(Table::name).collect();
    let (tables, example) = (others.join(" and "), others.first().copied().unwrap_or_default());
    Some(format!(
        "{} belongs to the table {tables}, and the rows are for {} (choose with --table {example})",
        flag(name),
        table.name()
    ))
}

fn flag(role: &str) -> String {
    format!("--{}", role.replace('_', "-"))
}

fn column_error(message: String) -> Error {
    Error::new(ErrorKind::Column, message)
}

fn find(header: &[Arc<str>], name: &str) -> Option<usize> {
    header.iter().position(|column| **column == *name)
}

/// The column that a source is, where it is one of the header's.
fn place_of(header: &[Arc<str>], source: &Source) -> Option<usize> {
    match source {
        Source::Given(name) => find(header, name),
        Source::Columns(field) => field.columns.first().and_then(|name| find(header, name)),
        Source::Constant(_) | Source::Expression(_) => None,
    }
}

fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

struct Draft<'a> {
    header: &'a [Arc<str>],
    mapping: Mapping,
    notes: Vec<String>,
    /// Columns that have a meaning already.
    taken: Vec<usize>,
}

impl Draft<'_> {
    fn apply(&mut self, preset: &Preset) -> Result<(), Error> {
        for (&role, alternatives) in &preset.roles {
            if self.is_given(role) {
                if alternatives.iter().any(Alternative::has_leading_number) {
                    self.keep_leading_number(role);
                }
                continue;
            }
            match self.first_possible(preset, role, alternatives)? {
                Some((source, note)) => {
                    self.notes.extend(note.map(|note| format!("{role}: {note}")));
                    self.set(role, source);
                }
                None if preset.built_in => {}
                None => {
                    let names = alternatives.iter().map(|alternative| alternative.wanted()).collect::<Vec<_>>().join(", ");
                    self.notes.push(format!("{role} is left out: the header has no {names}"));
                }
            }
        }
        let money = [column::VALUE, column::AMOUNT];
        if preset.built_in && money.iter().all(|role| !self.mapping.columns.contains_key(role)) {
            self.mapping.columns.remove(column::CURRENCY);
        }
        self.apply_key(preset)?;
        self.apply_filter(preset)?;
        if self.mapping.attributes == Attributes::Named(Vec::new()) {
            self.mapping.attributes = Attributes::Named(self.attributes(preset));
        }
        let mapping = &mut self.mapping;
        mapping.time_format = mapping.time_format.take().or_else(|| preset.time_format.clone());
        let zone_given = mapping.source_zone.is_some();
        mapping.source_zone = mapping.source_zone.take().or_else(|| preset.source_zone.clone());
        mapping.decimal_comma |= preset.decimal_comma;
        mapping.minor_units |= preset.minor_units;
        self.notes.extend(preset.note.clone());
        if preset.local_times && !zone_given {
            let note = "its times name no zone and are read as those of the home zone; name theirs with --source-zone";
            self.notes.push(note.to_owned());
        }
        Ok(())
    }

    fn is_given(&self, role: &str) -> bool {
        match role {
            CUSTOMER => self.mapping.customer.is_some(),
            ALIAS => self.mapping.alias.is_some(),
            role => self.mapping.columns.contains_key(role),
        }
    }

    fn set(&mut self, role: &'static str, source: Source) {
        self.taken.extend(place_of(self.header, &source));
        match role {
            CUSTOMER => self.mapping.customer = Some(source),
            ALIAS => self.mapping.alias = Some(source),
            role => {
                self.mapping.columns.insert(role, source);
            }
        }
    }

    /// A column that a flag names holds scores with their labels, as those that the preset knows do.
    fn keep_leading_number(&mut self, role: &'static str) {
        if let Some(Source::Given(name)) = self.mapping.columns.get(role)
            && find(self.header, name).is_some()
        {
            let field = Field { columns: vec![name.clone()], leading_number: true, ..Field::default() };
            self.mapping.columns.insert(role, Source::Columns(field));
        }
    }

    /// The first of a role's alternatives that the header allows, and its note.
    fn first_possible(
        &self,
        preset: &Preset,
        role: &str,
        alternatives: &[Alternative],
    ) -> Result<Option<(Source, Option<String>)>, Error> {
        let mut misfit = None;
        for alternative in alternatives {
            let source = match &alternative.place {
                Origin::Constant(text) => Some(Source::Constant(text.clone())),
                Origin::Columns(field) => self.present(role, field),
                Origin::HeaderContains(parts, field) => containing(self.header, parts)
                    .map(|place| Source::Columns(Field { columns: vec![self.header[place].to_string()], ..field.clone() })),
                Origin::Expression(text) => match Parsed::new("expression", text, self.header) {
                    Ok(_) => Some(Source::Expression(text.clone())),
                    Err(error) => {
                        misfit = misfit.or(Some(error));
                        None
                    }
                },
            };
            if let Some(source) = source {
                return Ok(Some((source, alternative.note.clone())));
            }
        }
        match misfit {
            Some(error) if !preset.built_in => Err(column_error(format!("{}: columns.{role}: {error}", preset.origin))),
            _ => Ok(None),
        }
    }

    /// A source's columns that the header has. A single text that is none of them may be what every row has.
    fn present(&self, role: &str, field: &Field) -> Option<Source> {
        let columns: Vec<String> = field.columns.iter().filter(|name| find(self.header, name).is_some()).cloned().collect();
        if !columns.is_empty() {
            return Some(Source::Columns(Field { columns, ..field.clone() }));
        }
        match field.columns.as_slice() {
            [text] if may_be_constant(role, text) => Some(Source::Constant(text.clone())),
            _ => None,
        }
    }

    fn apply_key(&mut self, preset: &Preset) -> Result<(), Error> {
        if preset.key.is_empty() || !self.mapping.key.is_empty() {
            return Ok(());
        }
        let present = |names: &&Vec<String>| names.iter().all(|name| find(self.header, name).is_some());
        match preset.key.iter().map(|key| &key.0).find(present) {
            Some(names) => self.mapping.key.clone_from(names),
            None if preset.built_in => {}
            None => {
                let names: Vec<&str> = preset.key.iter().flat_map(|key| &key.0).map(String::as_str).collect();
                let message = format!("{}: columns.id: no column {}{}", preset.origin, quoted(names), self.columns_there());
                return Err(column_error(message));
            }
        }
        Ok(())
    }

    fn apply_filter(&mut self, preset: &Preset) -> Result<(), Error> {
        let mut misfit = None;
        for text in &preset.filters {
            match Parsed::new("where", text, self.header) {
                Ok(_) => {
                    // What the preset leaves out is not what it is about, so a filter of one's own goes on top.
                    self.mapping.filter = Some(match self.mapping.filter.take() {
                        Some(given) => format!("({text}) and ({given})"),
                        None => text.clone(),
                    });
                    return Ok(());
                }
                Err(error) => misfit = misfit.or(Some(error)),
            }
        }
        // Without its filter an export would be read wrongly.
        misfit.map_or(Ok(()), |error| Err(column_error(format!("{}: {error}", preset.origin))))
    }

    /// The preset's attributes that the header has. A name may begin or end with `*`, which stands for any text.
    fn attributes(&mut self, preset: &Preset) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for name in &preset.attributes {
            let matches = |column: &str| match (name.strip_prefix('*'), name.strip_suffix('*')) {
                (Some(end), _) => column.ends_with(end),
                (_, Some(start)) => column.starts_with(start),
                _ => false,
            };
            let columns: Vec<&str> = match find(self.header, name) {
                Some(_) => vec![name],
                None => self.header.iter().map(|column| &**column).filter(|column| matches(column)).collect(),
            };
            if columns.is_empty() && !preset.built_in {
                self.notes.push(format!("attribute \"{name}\" is left out: the header has no such column"));
            }
            for column in columns {
                if !found.iter().any(|known| known == column) {
                    found.push(column.to_owned());
                }
            }
        }
        found
    }

    /// Finds what is not named yet by the names of columns.
    fn detect(&mut self) {
        let table = self.mapping.table;
        let roles = [CUSTOMER].into_iter().chain(table.columns().iter().map(|column| column.name));
        for role in roles {
            let priced_by_month = self.is_monthly_amount();
            let unasked = self.mapping.unasked.contains(&role);
            if self.is_given(role) || unasked || priced_by_month && role == column::QUANTITY {
                continue;
            }
            if priced_by_month && role == column::INTERVAL {
                self.set(role, Source::Constant("1 month".to_owned()));
                self.notes.push("interval = 1 month (since the amount is that of a month; set it with --interval)".to_owned());
                continue;
            }
            let Some(place) = detect::column(table, role, self.header, &self.taken) else { continue };
            let name = self.header[place].to_string();
            let flags = if role == column::EVENT { "--event or --event-name".to_owned() } else { flag(role) };
            self.notes.push(format!("{role} = \"{name}\" (detected; set it with {flags})"));
            self.set(role, Source::column(name));
        }
    }

    /// Whether the amount is a column of monthly recurring revenue, which has quantity and interval in it.
    fn is_monthly_amount(&self) -> bool {
        let is_monthly = |name: &String| name.to_lowercase().contains("mrr");
        match self.mapping.columns.get(column::AMOUNT) {
            Some(Source::Columns(field)) => field.columns.iter().any(is_monthly),
            Some(Source::Given(name)) => self.header.iter().any(|column| **column == **name) && is_monthly(name),
            _ => false,
        }
    }

    /// A survey's question, kind and scale follow from the column of its score.
    fn complete_survey(&mut self) -> Result<(), Error> {
        let score = self.mapping.columns.get(column::SCORE).and_then(|source| place_of(self.header, source));
        if let Some(place) = score {
            let question = self.header[place].to_string();
            if !self.is_given(column::KIND)
                && let Some(kind) = detect::survey_kind(&question)
            {
                self.notes.push(format!("kind = {kind} (since the score is \"{question}\"; set it with --kind)"));
                self.set(column::KIND, Source::Constant(kind.to_owned()));
            }
            if !self.is_given(column::QUESTION) && !detect::is_score(&question) {
                self.set(column::QUESTION, Source::Constant(question));
            }
        }
        if let Some(kind) = self.constant(column::KIND) {
            if !KINDS.contains(&kind) {
                let message =
                    format!("--kind \"{kind}\": expected one of {}, or a column{}", KINDS.join(", "), self.columns_there());
                return Err(column_error(message));
            }
            if kind == "nps" && !self.is_given(column::SCALE) {
                self.set(column::SCALE, Source::Constant(NPS_SCALE.to_owned()));
            }
        }
        if let Some(scale) = self.constant(column::SCALE).filter(|scale| !is_scale(scale)) {
            let message =
                format!("--scale \"{scale}\": expected the least and the most, such as 1-5, or a column{}", self.columns_there());
            return Err(column_error(message));
        }
        Ok(())
    }

    /// What every row has in a column of the table, if that is said.
    fn constant(&self, role: &str) -> Option<&str> {
        match self.mapping.columns.get(role)? {
            Source::Constant(text) => Some(text),
            Source::Given(text) if find(self.header, text).is_none() => Some(text),
            _ => None,
        }
    }

    fn check_required(&self, preset: Option<&Preset>) -> Result<(), Error> {
        let columns = self.mapping.table.columns().iter();
        let required = columns.filter(|column| column.required && column.name != column::EVENT).map(|column| column.name);
        let Some(role) = [CUSTOMER].into_iter().chain(required).find(|role| !self.is_given(role)) else { return Ok(()) };
        // A survey without scores is none, though single answers may be blank.
        let wanted = preset.and_then(|preset| Some((preset, preset.roles.get(role)?)));
        let column = if role == column::KIND { "nps|csat|ces|returned" } else { "COLUMN" };
        Err(column_error(match wanted {
            Some((preset, alternatives)) => {
                let names = alternatives.iter().map(|alternative| alternative.wanted()).collect::<Vec<_>>().join(", ");
                let preset = if preset.built_in { format!("preset {}", preset.name) } else { preset.origin.clone() };
                format!(
                    "{preset}: the header has no {names} for the {role}; name it with {} {column}{}",
                    flag(role),
                    self.columns_there()
                )
            }
            None => format!("no column looks like the {role}; name it with {} {column}{}", flag(role), self.columns_there()),
        }))
    }

    fn columns_there(&self) -> String {
        format!(" (the columns are {})", quoted(self.header.iter().map(|name| &**name)))
    }
}

/// Whether a text that is no column may be what every row has.
fn may_be_constant(role: &str, text: &str) -> bool {
    match role {
        column::CURRENCY => text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic()),
        column::KIND => KINDS.contains(&text),
        column::SCALE => is_scale(text),
        column::INTERVAL => {
            let (count, unit) = text.split_once(' ').unwrap_or(("1", text));
            count.parse::<u32>().is_ok()
                && ["day", "week", "month", "quarter", "half-year", "year"].contains(&unit.trim_end_matches('s'))
        }
        _ => false,
    }
}

fn is_scale(text: &str) -> bool {
    let ends =
        text.split_once('-').and_then(|(least, most)| Some((least.trim().parse::<u32>().ok()?, most.trim().parse().ok()?)));
    ends.is_some_and(|(least, most)| least < most)
}

impl Alternative {
    /// What it needs of a header, for messages.
    fn wanted(&self) -> String {
        match &self.place {
            Origin::Columns(field) => quoted(field.columns.iter().map(String::as_str)),
            Origin::HeaderContains(parts, _) => {
                format!("name that contains {}", parts.iter().map(|part| format!("\"{part}\"")).collect::<Vec<_>>().join(" or "))
            }
            Origin::Constant(text) | Origin::Expression(text) => format!("\"{text}\""),
        }
    }

    fn has_leading_number(&self) -> bool {
        match &self.place {
            Origin::Columns(field) | Origin::HeaderContains(_, field) => field.leading_number,
            _ => false,
        }
    }
}
