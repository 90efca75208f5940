//! Exhibits as an Excel workbook: a sheet for each, and one that says what the numbers mean.

use rust_xlsxwriter::{
    Color, ConditionalFormat3ColorScale, DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, Worksheet,
    XlsxError,
};
use serde_json::Value;
use tenure_model::{Day, Decimal};
use unicode_width::UnicodeWidthStr;

use crate::error::Error;
use crate::exhibit::{Datum, Exhibit, Meaning, Row, RowKind, Shown};
use crate::text::plain;
use crate::text_table::Align;

/// What a sheet can hold.
const MOST_ROWS: usize = 1_048_575;
const MOST_COLUMNS: usize = 16_384;
const LONGEST_TEXT: usize = 32_767;

/// Columns are made no wider than this, in letters.
const WIDEST: usize = 60;

/// Decimals that an amount shows at most.
const MOST_DECIMALS: u8 = 6;

/// Ranges that a scale of colours is laid over; of a matrix more ragged than this also cells in progress are coloured.
const MOST_RANGES: usize = 500;

/// The time at which every workbook was made, so that the same content is the same bytes.
const MADE: (u16, u8, u8) = (2000, 1, 1);

const HEADING: u32 = 0x00DC_E6F1;
const PALE: u32 = 0x00EA_F3FB;
const MIDDLE: u32 = 0x0099_C6E6;
const DARK: u32 = 0x003E_8AC4;
const SO_FAR: u32 = 0x006B_7280;
const MICROS_OF_DAY: i64 = 86_400_000_000;

/// The sheets of a workbook as its bytes. The meaning is that of the first.
///
/// # Errors
///
/// Where a sheet can't hold so much.
pub(crate) fn workbook(exhibits: &[&Exhibit]) -> Result<Vec<u8>, Error> {
    let mut workbook = Workbook::new();
    let made = ExcelDateTime::from_ymd(MADE.0, MADE.1, MADE.2).map_err(failed)?;
    let title = exhibits.first().map(|exhibit| plain(&exhibit.title).into_owned()).unwrap_or_default();
    workbook.set_properties(&DocProperties::new().set_title(title).set_creation_datetime(&made));
    for exhibit in exhibits {
        check(exhibit)?;
        write(workbook.add_worksheet(), exhibit).map_err(failed)?;
    }
    if let Some(first) = exhibits.first() {
        define(workbook.add_worksheet(), &first.title, &first.meaning).map_err(failed)?;
    }
    workbook.save_to_buffer().map_err(failed)
}

fn failed(error: XlsxError) -> Error {
    Error::encoding("Excel", error)
}

fn check(exhibit: &Exhibit) -> Result<(), Error> {
    let (rows, columns) = (exhibit.rows.len(), exhibit.columns.len());
    if rows > MOST_ROWS || columns > MOST_COLUMNS {
        return Err(Error::unsupported(format!(
            "{rows} rows of {columns} columns do not fit a sheet of Excel (at most {MOST_ROWS} of {MOST_COLUMNS}): write csv or parquet"
        )));
    }
    for (number, row) in exhibit.rows.iter().enumerate() {
        let long = row.cells.iter().zip(&exhibit.columns).find_map(|(cell, column)| match &cell.datum {
            Datum::Text(text) if text.len() > LONGEST_TEXT => Some((column, text.len())),
            _ => None,
        });
        if let Some((column, length)) = long {
            return Err(Error::unsupported(format!(
                "row {}, column \"{}\": a text of {length} bytes does not fit a cell of Excel (at most {LONGEST_TEXT}): write csv or parquet",
                number + 1,
                column.heading
            )));
        }
    }
    Ok(())
}

fn write(sheet: &mut Worksheet, exhibit: &Exhibit) -> Result<(), XlsxError> {
    sheet.set_name(&exhibit.name)?;
    for (place, column) in exhibit.columns.iter().enumerate() {
        let align = if column.align == Align::Right { FormatAlign::Right } else { FormatAlign::Left };
        let format = heading().set_align(align);
        // Ages are numbers also where they stand above.
        match column.heading.parse::<u32>() {
            Ok(age) => sheet.write_number_with_format(0, place as u16, age, &format)?,
            Err(_) => sheet.write_string_with_format(0, place as u16, &column.heading, &format)?,
        };
    }
    let mut before = RowKind::Body;
    for (number, row) in exhibit.rows.iter().enumerate() {
        let above = row.kind == RowKind::Summary && before == RowKind::Body;
        before = row.kind;
        for (place, cell) in row.cells.iter().enumerate() {
            let format = format_of(&cell.datum, cell.state, row, above);
            put(sheet, number as u32 + 1, place as u16, &cell.datum, &format)?;
        }
    }
    colour(sheet, exhibit)?;
    let labels = exhibit.columns.iter().take_while(|column| column.kind == crate::exhibit::ColumnKind::Plain).count();
    sheet.set_freeze_panes(1, if labels < exhibit.columns.len() { labels as u16 } else { 0 })?;
    sheet.set_landscape().set_print_fit_to_pages(1, 0).set_repeat_rows(0, 0)?;
    for (place, column) in exhibit.columns.iter().enumerate() {
        let widths = exhibit.rows.iter().map(|row| letters(exhibit, row, place));
        let widest = widths.fold(column.heading.width(), usize::max);
        sheet.set_column_width(place as u16, (widest + 2).min(WIDEST) as f64)?;
    }
    Ok(())
}

/// The letters of a cell as it is shown; amounts show more digits than elsewhere.
fn letters(exhibit: &Exhibit, row: &Row, place: usize) -> usize {
    let more = match row.cells[place].datum {
        Datum::Amount(amount) => usize::from(amount.scale().clamp(2, MOST_DECIMALS) - 2),
        _ => 0,
    };
    exhibit.text(row, place).width() + more
}

fn heading() -> Format {
    Format::new().set_bold().set_background_color(Color::RGB(HEADING)).set_border_bottom(FormatBorder::Thin)
}

fn format_of(datum: &Datum, state: Shown, row: &Row, above: bool) -> Format {
    let mut format = Format::new();
    let mut number = match datum {
        Datum::Count(_) => "#,##0",
        Datum::Amount(_) => "#,##0.00####",
        Datum::Share(_) => "0.0%",
        Datum::Number(_) => "0.00",
        Datum::Date(_) => "yyyy-mm-dd",
        Datum::Month(_) => "yyyy-mm",
        Datum::Instant(_) => "yyyy-mm-dd hh:mm:ss",
        Datum::Nothing | Datum::Text(_) | Datum::Truth(_) => "",
    }
    .to_owned();
    if state == Shown::InProgress {
        format = format.set_italic().set_font_color(Color::RGB(SO_FAR));
        if datum.align() == Align::Right {
            number.push_str("\"*\"");
        }
    }
    if matches!(datum, Datum::Date(_) | Datum::Month(_) | Datum::Instant(_)) {
        format = format.set_align(FormatAlign::Left);
    }
    if row.kind == RowKind::Summary {
        format = format.set_bold();
    }
    if above {
        format = format.set_border_top(FormatBorder::Thin);
    }
    if number.is_empty() { format } else { format.set_num_format(number) }
}

/// Writes a datum by its kind. Texts are texts, whatever they look like.
fn put(sheet: &mut Worksheet, row: u32, column: u16, datum: &Datum, format: &Format) -> Result<(), XlsxError> {
    match datum {
        Datum::Nothing => sheet.write_blank(row, column, format)?,
        Datum::Count(count) => sheet.write_number_with_format(row, column, *count as f64, format)?,
        Datum::Amount(amount) => sheet.write_number_with_format(row, column, Decimal::to_f64(*amount), format)?,
        Datum::Share(number) | Datum::Number(number) if number.is_finite() => {
            sheet.write_number_with_format(row, column, *number, format)?
        }
        Datum::Truth(truth) => sheet.write_boolean_with_format(row, column, *truth, format)?,
        Datum::Date(day) | Datum::Month(day) => match date(*day) {
            Some(date) => sheet.write_datetime_with_format(row, column, &date?, format)?,
            None => sheet.write_string_with_format(row, column, datum.text(), format)?,
        },
        Datum::Instant(at) => match date(Day(at.0.div_euclid(MICROS_OF_DAY) as i32)) {
            Some(date) => {
                let millis = at.0.rem_euclid(MICROS_OF_DAY) / 1000;
                let (seconds, millis) = (millis / 1000, millis % 1000);
                let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
                let at = date?.and_hms_milli(hour as u16, minute as u8, second as u8, millis as u16)?;
                sheet.write_datetime_with_format(row, column, &at, format)?
            }
            None => sheet.write_string_with_format(row, column, at.to_string(), format)?,
        },
        other => sheet.write_string_with_format(row, column, other.text(), format)?,
    };
    Ok(())
}

/// A date as Excel has it; it knows none before 1900.
fn date(day: Day) -> Option<Result<ExcelDateTime, XlsxError>> {
    let (year, month, day) = day.ymd();
    let year = u16::try_from(year).ok().filter(|year| (1900..=9999).contains(year))?;
    Some(ExcelDateTime::from_ymd(year, month as u8, day as u8))
}

/// Lays a scale of colours over the cells that an exhibit colours, or over each column of shares.
fn colour(sheet: &mut Worksheet, exhibit: &Exhibit) -> Result<(), XlsxError> {
    let scale = || {
        ConditionalFormat3ColorScale::new()
            .set_minimum_color(Color::RGB(PALE))
            .set_midpoint_color(Color::RGB(MIDDLE))
            .set_maximum_color(Color::RGB(DARK))
    };
    let mut ranges = heated(exhibit);
    if let (Some(first), Some(last)) = (ranges.first().copied(), ranges.last().copied()) {
        let left = ranges.iter().map(|range| range.1).min().unwrap_or(first.1);
        let right = ranges.iter().map(|range| range.3).max().unwrap_or(first.3);
        if ranges.len() > MOST_RANGES {
            ranges = vec![(first.0, left, last.2, right)];
        }
        let cell = |row: u32, column: u16| format!("{}{}", rust_xlsxwriter::utility::column_number_to_name(column), row + 1);
        let texts: Vec<String> =
            ranges.iter().map(|range| format!("{}:{}", cell(range.0, range.1), cell(range.2, range.3))).collect();
        sheet.add_conditional_format(first.0, left, last.2, right, &scale().set_multi_range(texts.join(" ")))?;
        return Ok(());
    }
    let rows = exhibit.rows.iter().filter(|row| row.kind == RowKind::Body).count() as u32;
    for place in 0..exhibit.columns.len() {
        let mut data =
            exhibit.rows.iter().map(|row| &row.cells[place].datum).filter(|datum| **datum != Datum::Nothing).peekable();
        if data.peek().is_some() && data.all(|datum| matches!(datum, Datum::Share(_))) {
            sheet.add_conditional_format(1, place as u16, rows, place as u16, &scale())?;
        }
    }
    Ok(())
}

/// The coloured cells but those of the birth period, which is full by definition, as ranges: first row and column, last row
/// and column. Rows with the same columns are one range.
fn heated(exhibit: &Exhibit) -> Vec<(u32, u16, u32, u16)> {
    let mut ranges: Vec<(u32, u16, u32, u16)> = Vec::new();
    for (number, row) in exhibit.rows.iter().enumerate() {
        let number = number as u32 + 1;
        let coloured = |place: usize| matches!(row.cells[place].state, Shown::Heat(_)) && exhibit.columns[place].heading != "0";
        let mut place = 0;
        while place < row.cells.len() {
            if !coloured(place) {
                place += 1;
                continue;
            }
            let from = place;
            while place < row.cells.len() && coloured(place) {
                place += 1;
            }
            let (from, to) = (from as u16, place as u16 - 1);
            match ranges.iter_mut().rev().find(|range| range.2 + 1 == number && (range.1, range.3) == (from, to)) {
                Some(range) => range.2 = number,
                None => ranges.push((number, from, number, to)),
            }
        }
    }
    ranges
}

/// Says what the numbers mean.
fn define(sheet: &mut Worksheet, title: &str, meaning: &Meaning) -> Result<(), XlsxError> {
    sheet.set_name("Definitions")?;
    let words = Format::new().set_text_wrap().set_align(FormatAlign::Top);
    let name = Format::new().set_align(FormatAlign::Top);
    sheet.write_string_with_format(0, 0, "rule", &heading())?;
    sheet.write_string_with_format(0, 1, "value", &heading())?;
    let mut row = 1;
    let mut say = |rule: &str, value: &Value| {
        sheet.write_string_with_format(row, 0, plain(rule), &name)?;
        match value {
            Value::Null => sheet.write_string_with_format(row, 1, "", &words)?,
            Value::Bool(truth) => sheet.write_boolean(row, 1, *truth)?,
            Value::Number(number) => match number.as_f64() {
                Some(number) => sheet.write_number(row, 1, number)?,
                None => sheet.write_string_with_format(row, 1, number.to_string(), &words)?,
            },
            Value::String(text) => sheet.write_string_with_format(row, 1, plain(text), &words)?,
            other => sheet.write_string_with_format(row, 1, plain(&other.to_string()), &words)?,
        };
        row += 1;
        Ok::<(), XlsxError>(())
    };
    say("title", &Value::String(title.to_owned()))?;
    say("in words", &Value::String(meaning.sentence.clone()))?;
    for note in &meaning.notes {
        say("note", &Value::String(note.clone()))?;
    }
    for (rule, value) in meaning.rules() {
        say(&rule, &value)?;
    }
    sheet.set_freeze_panes(1, 0)?;
    sheet.set_column_width(0, 24)?;
    sheet.set_column_width(1, 100)?;
    sheet.set_landscape().set_print_fit_to_pages(1, 0);
    Ok(())
}
