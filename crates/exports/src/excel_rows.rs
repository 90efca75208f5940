use std::collections::{BTreeMap, HashMap};
use std::io::{Cursor, Read, Seek};
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use calamine::{Data, ExcelDateTime, Reader, SheetType, Sheets};
use rayon::prelude::*;

use crate::batch::{Batch, RowNumbers, Rows, Sink};
use crate::csv_header::{head, note};
use crate::error::Error;
use crate::foreign::guarded;
use crate::input::{Hints, Input, OLE, Whole};
use crate::sheet_size::{check_cells, check_ods, check_xls};

/// How many rows are handed out at once.
const BATCH_ROWS: usize = 16 * 1024;

/// How many rows are looked at for the header.
const SAMPLE_ROWS: usize = 200;

/// A sheet of a workbook. Cells become text; rows have the sheet's numbers. Rows without a filled cell are none.
pub(crate) struct ExcelRows {
    header: Vec<Arc<str>>,
    /// The rows below the header, with their numbers.
    rows: Vec<(u64, Vec<Data>)>,
    notes: Vec<String>,
}

impl ExcelRows {
    pub(crate) fn open(input: &Input, hints: &Hints) -> Result<Self, Error> {
        let unreadable =
            |error: &dyn std::fmt::Display| Error::input(&input.name, format_args!("cannot read as a workbook: {error}"));
        let bytes = match input.whole()? {
            Whole::File(path) => std::fs::read(&*path).map_err(|error| Error::io(&path, "read", error))?.into(),
            Whole::Memory(bytes) => bytes,
        };
        // The other formats are read cell by cell.
        guarded(|| if bytes.starts_with(OLE) { check_xls(&bytes) } else { check_ods(&bytes) })
            .map_err(|error| unreadable(&error))?;
        let workbook = guarded(|| {
            calamine::open_workbook_auto_from_rs(Cursor::new(bytes)).map_err(|error| match error {
                calamine::Error::Msg(_) => "it is none of xlsx, xlsb, xls and ods".to_owned(),
                error => error.to_string(),
            })
        });
        let mut workbook = workbook.map_err(|error| unreadable(&error))?;
        let names = workbook.sheet_names();
        let wanted = match &hints.sheet {
            None => names.clone(),
            Some(sheet) if names.contains(sheet) => vec![sheet.clone()],
            Some(sheet) => {
                let message = format!("no sheet \"{sheet}\"; the sheets are \"{}\"", names.join("\", \""));
                return Err(Error::input(&input.name, message));
            }
        };
        for sheet in &wanted {
            let mut rows = match guarded(|| rows_of(&mut workbook, sheet)) {
                Ok(rows) => rows,
                // A sheet of charts has no cells.
                Err(_) if !is_worksheet(&workbook, sheet) => continue,
                // What is wrong with its size names it already.
                Err(error) if error.starts_with("sheet \"") => return Err(unreadable(&error)),
                Err(error) => return Err(unreadable(&format_args!("sheet \"{sheet}\": {error}"))),
            };
            rows.retain(|(_, row)| row.iter().any(|cell| text(cell).is_some_and(|text| !text.trim().is_empty())));
            if rows.is_empty() {
                continue;
            }
            let others = names.len() - 1;
            return Ok(Self::new(rows, sheet, others, hints));
        }
        Err(Error::input(&input.name, "the workbook has no filled cells; expected a header and rows"))
    }

    fn new(mut rows: Vec<(u64, Vec<Data>)>, sheet: &str, others: usize, hints: &Hints) -> Self {
        let width = rows.iter().map(|(_, row)| row.len()).max().unwrap_or(0);
        let padded = |row: &[Data]| -> Vec<String> {
            let texts = row.iter().map(|cell| text(cell).unwrap_or_default().trim().to_owned());
            texts.chain(std::iter::repeat(String::new())).take(width).collect()
        };
        let sample: Vec<Vec<String>> = rows.iter().take(SAMPLE_ROWS).map(|(_, row)| padded(row)).collect();
        let head = head(&sample, hints.header_rows);
        rows.drain(..head.records.min(rows.len()));
        let mut notes = Vec::new();
        if others > 0 && hints.sheet.is_none() {
            notes.push(format!("read sheet \"{sheet}\"; {others} more were not read"));
        }
        notes.extend(note(head.above));
        Self { header: head.names.iter().map(|name| name.as_str().into()).collect(), rows, notes }
    }
}

fn is_worksheet<R: Read + Seek>(workbook: &Sheets<R>, sheet: &str) -> bool {
    workbook.sheets_metadata().iter().any(|known| known.name == sheet && known.typ == SheetType::WorkSheet)
}

/// The rows of a sheet with their numbers, from the first column that is used. They need not be equally long.
fn rows_of<R: Read + Seek>(workbook: &mut Sheets<R>, sheet: &str) -> Result<Vec<(u64, Vec<Data>)>, String> {
    let cells = match cells_of(workbook, sheet).map_err(|error| error.to_string())? {
        Cells::Each(cells) => cells,
        Cells::Laid(rows) => return Ok(rows),
    };
    check_cells(sheet, cells.iter().map(|(place, _)| *place))?;
    let left = cells.iter().map(|((_, column), _)| *column).min().unwrap_or(0);
    let mut rows: BTreeMap<u32, Vec<Data>> = BTreeMap::new();
    for ((row, column), cell) in cells {
        let (row, column) = (rows.entry(row).or_default(), (column - left) as usize);
        if row.len() <= column {
            row.resize(column + 1, Data::Empty);
        }
        row[column] = cell;
    }
    Ok(rows.into_iter().map(|(row, cells)| (u64::from(row) + 1, cells)).collect())
}

/// The cells of a sheet, as the reader of its format gives them.
enum Cells {
    /// The filled ones: row, column, both from 0.
    Each(Vec<((u32, u32), Data)>),
    /// Whole rows with their numbers.
    Laid(Vec<(u64, Vec<Data>)>),
}

fn cells_of<R: Read + Seek>(workbook: &mut Sheets<R>, sheet: &str) -> Result<Cells, calamine::Error> {
    let mut cells = Vec::new();
    match workbook {
        // A range has all cells between the first and the last: a single stray one far away would cost all memory.
        Sheets::Xlsx(workbook) => {
            let mut reader = workbook.worksheet_cells_reader(sheet)?;
            while let Some(cell) = reader.next_cell()? {
                cells.push((cell.get_position(), Data::from(cell.get_value().clone())));
            }
        }
        Sheets::Xlsb(workbook) => {
            let mut reader = workbook.worksheet_cells_reader(sheet)?;
            while let Some(cell) = reader.next_cell()? {
                cells.push((cell.get_position(), Data::from(cell.get_value().clone())));
            }
        }
        workbook => {
            let range = workbook.worksheet_range(sheet)?;
            let first = range.start().map_or(1, |(row, _)| u64::from(row) + 1);
            return Ok(Cells::Laid((first..).zip(range.rows().map(<[Data]>::to_vec)).collect()));
        }
    }
    cells.retain(|(_, cell)| *cell != Data::Empty);
    Ok(Cells::Each(cells))
}

/// The text of a cell; nothing where it is empty or an error.
fn text(cell: &Data) -> Option<String> {
    match cell {
        Data::Int(number) => Some(number.to_string()),
        // The shortest digits that name the number, and no point in a whole one.
        Data::Float(number) => Some(number.to_string()),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => Some(text.clone()),
        Data::Bool(truth) => Some(truth.to_string()),
        Data::DateTime(at) => Some(time(at)),
        Data::Error(_) | Data::Empty => None,
    }
}

/// A date, with the time where there is one; spans of time are days.
fn time(at: &ExcelDateTime) -> String {
    if at.is_duration() {
        return at.as_f64().to_string();
    }
    let (year, month, day, hour, minute, second, milli) = at.to_ymd_hms_milli();
    match (hour, minute, second, milli) {
        (0, 0, 0, 0) => format!("{year:04}-{month:02}-{day:02}"),
        (_, _, _, 0) => format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"),
        _ => format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}"),
    }
}

impl Rows for ExcelRows {
    fn header(&self) -> &[Arc<str>] {
        &self.header
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    fn read(&self, columns: &[usize], sink: Sink<'_>) -> Result<(), Error> {
        self.rows.par_chunks(BATCH_ROWS).try_for_each(|rows| {
            let column = |&column: &usize| {
                let texts: StringArray = rows.iter().map(|(_, row)| row.get(column).and_then(text)).collect();
                Arc::new(texts) as ArrayRef
            };
            let numbers = RowNumbers::Listed(rows.iter().map(|(number, _)| *number).collect());
            sink(Batch {
                columns: columns.iter().map(column).collect(),
                rows: numbers,
                damaged: HashMap::new(),
                texts: HashMap::new(),
            })
        })
    }

    fn format(&self) -> &'static str {
        "Excel"
    }
}

#[cfg(test)]
mod tests {
    use calamine::{CellErrorType, ExcelDateTimeType};

    use super::*;

    #[test]
    fn cells_become_text() {
        let at = |days: f64, from_1904: bool| Data::DateTime(ExcelDateTime::new(days, ExcelDateTimeType::DateTime, from_1904));
        for (cell, expected) in [
            (Data::Float(7_210_448_301_122.0), Some("7210448301122")),
            (Data::Float(0.1), Some("0.1")),
            (Data::Float(1e15), Some("1000000000000000")),
            (Data::Int(-3), Some("-3")),
            (Data::Bool(true), Some("true")),
            (Data::String("007".into()), Some("007")),
            (Data::Empty, None),
            (Data::Error(CellErrorType::NA), None),
            (at(45_322.0, false), Some("2024-01-31")),
            (at(45_384.347_893_518_52, false), Some("2024-04-02T08:20:58")),
            (at(43_860.0, true), Some("2024-01-31")),
        ] {
            assert_eq!(text(&cell).as_deref(), expected, "{cell:?}");
        }
    }

    #[test]
    fn the_header_may_stand_below_a_report() {
        let cells = |texts: &[&str]| -> Vec<Data> {
            texts.iter().map(|text| if text.is_empty() { Data::Empty } else { Data::String((*text).to_owned()) }).collect()
        };
        let rows = vec![
            (2, cells(&["Report", "", ""])),
            (4, cells(&["day", "who", "sum"])),
            (5, cells(&["2024-01-31", "a", "1"])),
            (9, cells(&["2024-02-01", "b", ""])),
        ];
        let rows = ExcelRows::new(rows, "Sheet", 1, &Hints::default());
        assert_eq!(rows.header().iter().map(|name| &**name).collect::<Vec<_>>(), ["day", "who", "sum"]);
        assert_eq!(rows.rows.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [5, 9]);
        assert_eq!(rows.notes(), ["read sheet \"Sheet\"; 1 more were not read", "skipped 1 line above the header"]);
    }
}
