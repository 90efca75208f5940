//! The members of a cell, one row each.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema};
use serde::Serialize;
use tenure_analysis::{Definition, Members};

use crate::error::Error;
use crate::exhibit::{Meaning, of_batch};
use crate::figures::definition;
use crate::format::Format;
use crate::long::by_column;
use crate::retention::{arrow, batch_csv, exhibited, parquet, short_content, text_rows};
use crate::text_table::{Align, TextTable};
use crate::wide::NONE;

/// The members of a cell as the bytes of a format.
///
/// # Errors
///
/// Where an encoder fails.
pub fn render_members(members: &Members, format: Format) -> Result<Vec<u8>, Error> {
    match format {
        Format::Csv => batch_csv(&batch(members)?),
        Format::Parquet => parquet(&batch(members)?),
        Format::Arrow => arrow(&batch(members)?),
        Format::Json => json(members),
        Format::Table | Format::Markdown => table(members, format),
        Format::Xlsx | Format::Html | Format::Svg | Format::Png => {
            let which = match members.age.to {
                Some(to) if to == members.age.from => format!("age {}", members.age),
                _ => format!("ages {}", members.age),
            };
            let title = format!("Members of the cohort {} at {which}", members.cohort);
            let (zone, content) = (&members.definition.zone, short_content(&members.definition.content));
            let meaning = Meaning {
                sentence: format!("{title}, a row each; zone {zone}; content {content}"),
                definition: definition(&members.definition),
                ..Meaning::default()
            };
            exhibited(&of_batch(&batch(members)?, "Members", title, meaning)?, format)
        }
    }
}

fn table(members: &Members, format: Format) -> Result<Vec<u8>, Error> {
    let (header, rows) = text_rows(&batch(members)?)?;
    if format == Format::Markdown {
        return Ok(crate::retention::markdown_table(&header, &rows, |_| "---").into_bytes());
    }
    let numbers = ["age", "age_to", "returns"];
    let columns: Vec<(&str, Align)> = header
        .iter()
        .map(|name| (name.as_str(), if numbers.contains(&name.as_str()) { Align::Right } else { Align::Left }))
        .collect();
    let mut table = TextTable::new(&columns);
    let by = members.definition.by.len();
    for mut row in rows {
        // The columns of segments come after customer and cohort.
        row.iter_mut().skip(2).take(by).filter(|text| text.is_empty()).for_each(|text| text.push_str(NONE));
        table.row(row);
    }
    Ok(table.render().into_bytes())
}

fn batch(members: &Members) -> Result<RecordBatch, Error> {
    let rows = &members.rows;
    let mut fields: Vec<Field> = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    let mut add = |name: &str, array: ArrayRef| {
        fields.push(Field::new(name, array.data_type().clone(), true));
        arrays.push(array);
    };
    let texts = |text: &dyn Fn(usize) -> Option<String>| Arc::new((0..rows.len()).map(text).collect::<StringArray>()) as ArrayRef;
    let integers =
        |number: &dyn Fn(usize) -> Option<i64>| Arc::new((0..rows.len()).map(number).collect::<Int64Array>()) as ArrayRef;
    let booleans = |truth: &dyn Fn(usize) -> bool| {
        Arc::new((0..rows.len()).map(|row| Some(truth(row))).collect::<BooleanArray>()) as ArrayRef
    };
    add("customer", texts(&|row| Some(rows[row].customer.clone())));
    add("cohort", texts(&|_| Some(members.cohort.to_string())));
    for (place, name) in members.definition.by.iter().enumerate() {
        add(&by_column(name), texts(&|row| rows[row].segment.get(place).cloned().flatten()));
    }
    let births: TimestampMicrosecondArray = rows.iter().map(|row| Some(row.birth.0)).collect();
    add("birth", Arc::new(births.with_timezone("+00:00")));
    add("age", integers(&|_| Some(members.age.from.0.into())));
    add("age_to", integers(&|_| members.age.to.map(|to| to.0.into())));
    add("exposed", booleans(&|row| rows[row].exposed));
    add("retained", booleans(&|row| rows[row].retained));
    add("returns", integers(&|row| i64::try_from(rows[row].returns).ok()));
    let definition = serde_json::to_string(&members.definition).map_err(|error| Error::encoding("the definition", error))?;
    let schema = Schema::new(fields).with_metadata([("tenure.definition".to_owned(), definition)].into());
    RecordBatch::try_new(Arc::new(schema), arrays).map_err(|error| Error::encoding("the table", error))
}

#[derive(Serialize)]
struct MembersObject<'a> {
    definition: &'a Definition,
    cohort: String,
    age: u32,
    age_to: Option<u32>,
    state: &'static str,
    members: Vec<MemberObject<'a>>,
}

#[derive(Serialize)]
struct MemberObject<'a> {
    customer: &'a str,
    segment: serde_json::Map<String, serde_json::Value>,
    birth: String,
    exposed: bool,
    retained: bool,
    returns: u64,
}

fn json(members: &Members) -> Result<Vec<u8>, Error> {
    let rows = members.rows.iter().map(|row| MemberObject {
        customer: &row.customer,
        segment: crate::json::segment(&members.definition.by, &row.segment),
        birth: row.birth.to_string(),
        exposed: row.exposed,
        retained: row.retained,
        returns: row.returns,
    });
    let object = MembersObject {
        definition: &members.definition,
        cohort: members.cohort.to_string(),
        age: members.age.from.0,
        age_to: members.age.to.map(|to| to.0),
        state: members.state.name(),
        members: rows.collect(),
    };
    let mut bytes = serde_json::to_vec_pretty(&object).map_err(|error| Error::encoding("JSON", error))?;
    bytes.push(b'\n');
    Ok(bytes)
}
