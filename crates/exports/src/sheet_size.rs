//! How large the sheets of a workbook are, before a reader lays them out.
//!
//! The readers of xls and ods files have room for every cell between the first and the last one of a sheet, empty or not:
//! a single stray cell far away would cost all memory. Only sheets are let through that are filled well enough.

use std::collections::BTreeMap;
use std::io::{BufReader, Cursor};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::ole::Ole;

/// Cells that a sheet may have room for, whatever is in it.
const ROOM: u64 = 10_000_000;

/// Cells that a sheet may have room for, for each that is filled.
const ROOM_PER_CELL: u64 = 20;

/// The most rows and columns that a sheet of an ods file has.
const MOST_ROWS: u64 = 1_048_576;
const MOST_COLUMNS: u64 = 16_384;

/// The filled cells of a sheet.
#[derive(Debug, Default)]
struct Extent {
    filled: u64,
    /// Rows, columns: the first, and the one after the last.
    rows: Option<(u64, u64)>,
    columns: Option<(u64, u64)>,
    /// Cells that the rows have room for one by one, before a sheet is made of them.
    in_rows: u64,
}

impl Extent {
    fn add(&mut self, rows: (u64, u64), columns: (u64, u64)) {
        let join = |known: Option<(u64, u64)>, new: (u64, u64)| {
            Some(known.map_or(new, |known| (known.0.min(new.0), known.1.max(new.1))))
        };
        self.filled += 1;
        (self.rows, self.columns) = (join(self.rows, rows), join(self.columns, columns));
    }

    fn check(&self, sheet: &str) -> Result<(), String> {
        let (Some(rows), Some(columns)) = (self.rows, self.columns) else { return Ok(()) };
        let (high, wide) = (rows.1.saturating_sub(rows.0), columns.1.saturating_sub(columns.0));
        let room = high.saturating_mul(wide).max(self.in_rows);
        self.refuse_unless_filled(sheet, room, (rows.1, columns.1), (high, wide))
    }

    fn refuse_unless_filled(&self, sheet: &str, room: u64, last: (u64, u64), size: (u64, u64)) -> Result<(), String> {
        if room <= ROOM.max(self.filled.saturating_mul(ROOM_PER_CELL)) {
            return Ok(());
        }
        Err(format!(
            "sheet \"{sheet}\" is {} rows high and {} columns wide, with {} filled cells; some stand far from the \
             others: delete those (the last row is {}, the last column number {}), or save the sheet as CSV",
            size.0, size.1, self.filled, last.0, last.1
        ))
    }
}

/// Looks at the cells of a sheet that is read cell by cell, in any order: only its rows are laid out, from the first
/// column that is used to the last of each.
pub(crate) fn check_cells(sheet: &str, cells: impl Iterator<Item = (u32, u32)>) -> Result<(), String> {
    let mut extent = Extent::default();
    let mut ends: BTreeMap<u32, u32> = BTreeMap::new();
    for (row, column) in cells {
        extent.add((row.into(), u64::from(row) + 1), (column.into(), u64::from(column) + 1));
        let end = ends.entry(row).or_default();
        *end = column.max(*end);
    }
    let (Some(rows), Some(columns)) = (extent.rows, extent.columns) else { return Ok(()) };
    let room = ends.values().map(|&end| u64::from(end) + 1 - columns.0).sum();
    extent.refuse_unless_filled(sheet, room, (rows.1, columns.1), (rows.1 - rows.0, columns.1 - columns.0))
}

/// Looks at the sheets of an ods file. What can't be read is for the reader to say.
pub(crate) fn check_ods(bytes: &[u8]) -> Result<(), String> {
    let Ok(mut archive) = zip::ZipArchive::new(Cursor::new(bytes)) else { return Ok(()) };
    let Ok(content) = archive.by_name("content.xml") else { return Ok(()) };
    let mut reader = Reader::from_reader(BufReader::new(content));
    reader.config_mut().check_end_names = false;
    let mut buffer = Vec::new();
    let (mut name, mut extent) = (String::new(), Extent::default());
    let mut row = Row::default();
    loop {
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(tag)) if is(&tag, "table:table") => {
                (name, extent, row) = (attribute(&tag, "table:name").unwrap_or_default(), Extent::default(), Row::default());
            }
            Ok(Event::Start(tag)) if is(&tag, "table:table-row") => row = row.next(repeats(&tag, "table:number-rows-repeated")),
            Ok(Event::Empty(tag)) if is(&tag, "table:table-row") => row = row.next(repeats(&tag, "table:number-rows-repeated")),
            Ok(Event::Start(tag)) if is_cell(&tag) => row.cell(&tag, true, &mut extent),
            Ok(Event::Empty(tag)) if is_cell(&tag) => row.cell(&tag, false, &mut extent),
            Ok(Event::End(tag)) if tag.name().as_ref() == "table:table-row" => extent.in_rows += row.filled_to,
            Ok(Event::End(tag)) if tag.name().as_ref() == "table:table" => extent.check(&name)?,
            Ok(Event::Eof) | Err(_) => return Ok(()),
            Ok(_) => {}
        }
        buffer.clear();
    }
}

/// The row that is being read, which may stand for several.
#[derive(Default)]
struct Row {
    first: u64,
    times: u64,
    column: u64,
    filled_to: u64,
}

impl Row {
    fn next(&self, times: u64) -> Self {
        let first = self.first + self.times;
        Self { first, times: times.min(MOST_ROWS.saturating_sub(first)), column: 0, filled_to: 0 }
    }

    fn cell(&mut self, tag: &BytesStart<'_>, has_content: bool, extent: &mut Extent) {
        let from = self.column;
        self.column = from.saturating_add(repeats(tag, "table:number-columns-repeated")).min(MOST_COLUMNS);
        let valued = ["office:value-type", "office:value", "table:formula"].iter().any(|name| attribute(tag, name).is_some());
        if has_content || valued {
            extent.add((self.first, self.first + self.times), (from, self.column));
            self.filled_to = self.column;
        }
    }
}

fn is(tag: &BytesStart<'_>, name: &str) -> bool {
    tag.name().as_ref() == name
}

fn is_cell(tag: &BytesStart<'_>) -> bool {
    is(tag, "table:table-cell") || is(tag, "table:covered-table-cell")
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = tag.try_get_attribute(name).ok()??;
    Some(attribute.value.to_string())
}

fn repeats(tag: &BytesStart<'_>, name: &str) -> u64 {
    attribute(tag, name).and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Looks at the sheets of an xls file. What can't be read is for the reader to say.
pub(crate) fn check_xls(bytes: &[u8]) -> Result<(), String> {
    let Some(stream) = Ole::open(bytes).and_then(|ole| ole.stream("Workbook").or_else(|| ole.stream("Book"))) else {
        return Ok(());
    };
    let sheets = Records(&stream).take_while(|(kind, _)| *kind != END).filter(|(kind, _)| *kind == SHEET);
    for (number, (_, sheet)) in sheets.enumerate() {
        let Some(from) = word(sheet, 0).zip(word(sheet, 2)).map(|(low, high)| high as usize * 65_536 + low as usize) else {
            continue;
        };
        let name = sheet_name(sheet).unwrap_or_else(|| (number + 1).to_string());
        let mut extent = Extent::default();
        for (kind, data) in Records(stream.get(from..).unwrap_or_default()).take_while(|(kind, _)| *kind != END) {
            let at = word(data, 0).zip(word(data, 2)).map(|(row, column)| (u64::from(row), u64::from(column)));
            match (kind, at) {
                (DIMENSIONS, _) => check_dimensions(data, &name)?,
                (SEVERAL_CELLS, Some((row, column))) => {
                    let last = word(data, data.len().saturating_sub(2)).map_or(column, u64::from);
                    extent.add((row, row + 1), (column, column.max(last) + 1));
                    extent.filled += last.saturating_sub(column);
                }
                (kind, Some((row, column))) if CELLS.contains(&kind) => extent.add((row, row + 1), (column, column + 1)),
                _ => {}
            }
        }
        extent.check(&name)?;
    }
    Ok(())
}

/// Kinds of records: the end of a part, a sheet's place and name, its stated size, cells in a row, and one cell.
const END: u16 = 0x000a;
const SHEET: u16 = 0x0085;
const DIMENSIONS: u16 = 0x0200;
const SEVERAL_CELLS: u16 = 0x00bd;
const CELLS: [u16; 7] = [0x0006, 0x00d6, 0x00fd, 0x0203, 0x0204, 0x0205, 0x027e];

/// The most rows and columns that a sheet of an xls file has.
const MOST_XLS: (u64, u64) = (65_536, 256);

/// The reader makes room for what is stated here.
fn check_dimensions(data: &[u8], sheet: &str) -> Result<(), String> {
    let long = |at: usize| Some(u64::from(word(data, at)?) + 65_536 * u64::from(word(data, at + 2)?));
    let size = if data.len() >= 14 {
        long(0).zip(long(4)).zip(word(data, 8).zip(word(data, 10)))
    } else {
        word(data, 0).map(u64::from).zip(word(data, 2).map(u64::from)).zip(word(data, 4).zip(word(data, 6)))
    };
    let Some(((first, last), (left, right))) = size else { return Ok(()) };
    let (high, wide) = (last.saturating_sub(first), u64::from(right.saturating_sub(left)));
    if high > MOST_XLS.0 || wide > MOST_XLS.1 {
        return Err(format!("sheet \"{sheet}\" claims to be {high} rows high and {wide} columns wide: it is damaged"));
    }
    Ok(())
}

fn word(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(data.get(at..at + 2)?.try_into().ok()?))
}

/// The name in a sheet's record: its length, whether it is UTF-16, and its characters.
fn sheet_name(record: &[u8]) -> Option<String> {
    let (length, wide) = (usize::from(*record.get(6)?), record.get(7)? & 1 == 1);
    if wide {
        let units: Option<Vec<u16>> = (0..length).map(|i| word(record, 8 + 2 * i)).collect();
        String::from_utf16(&units?).ok()
    } else {
        Some(record.get(8..8 + length)?.iter().copied().map(char::from).collect())
    }
}

/// The records of a stream: kind and data.
struct Records<'a>(&'a [u8]);

impl<'a> Iterator for Records<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (kind, length) = (word(self.0, 0)?, usize::from(word(self.0, 2)?));
        let data = self.0.get(4..4 + length)?;
        self.0 = &self.0[4 + length..];
        Some((kind, data))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn ods(rows: &str) -> Vec<u8> {
        let content = format!("<office:spreadsheet><table:table table:name=\"Log\">{rows}</table:table></office:spreadsheet>");
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        archive.start_file("content.xml", zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(content.as_bytes()).unwrap();
        archive.finish().unwrap().into_inner()
    }

    const CELL: &str = "<table:table-cell office:value-type=\"string\"><text:p>x</text:p></table:table-cell>";

    #[test]
    fn a_far_cell_of_an_ods_file_is_told() {
        let row = |times: u64, cells: &str| {
            format!("<table:table-row table:number-rows-repeated=\"{times}\">{cells}</table:table-row>")
        };
        let empty = |times: u64| format!("<table:table-cell table:number-columns-repeated=\"{times}\"/>");
        let plain = [row(1, &format!("{CELL}{CELL}{}", empty(16_382))), row(1_048_575, &empty(16_384))].concat();
        assert_eq!(check_ods(&ods(&plain)), Ok(()));
        let far = [row(1, CELL), row(1_048_574, &empty(16_384)), row(1, &format!("{}{CELL}", empty(16_383)))].concat();
        let said = check_ods(&ods(&far)).unwrap_err();
        assert!(said.contains("sheet \"Log\" is 1048576 rows high and 16384 columns wide, with 2 filled cells"), "{said}");
        // Far to the right in many rows: each has room up to there.
        let wide = row(1, &format!("{}{CELL}", empty(16_383))).repeat(1000);
        assert!(check_ods(&ods(&wide)).is_err());
        // A filled row that stands for all rows has room in all of them.
        assert!(check_ods(&ods(&row(1_048_576, &format!("{CELL}{}{CELL}", empty(40))))).is_err());
        assert_eq!(check_ods(b"PK\x03\x04 and no more"), Ok(()));
    }

    /// A container with one stream.
    fn ole(mut stream: Vec<u8>) -> Vec<u8> {
        stream.resize(stream.len().max(4096).next_multiple_of(512), 0);
        let mut header = vec![0u8; 512];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]);
        put(76, &[0xff; 436]);
        for (at, value) in [(24, 0x0003_003eu32), (28, 0x0009_fffe), (32, 6), (44, 1), (48, 1), (56, 4096), (76, 0)] {
            put(at, &value.to_le_bytes());
        }
        put(60, &0xffff_fffeu32.to_le_bytes());
        put(68, &0xffff_fffeu32.to_le_bytes());
        let last = 1 + stream.len() as u32 / 512;
        let mut table: Vec<u32> = vec![0xffff_fffd, 0xffff_fffe];
        table.extend((2..=last).map(|sector| if sector == last { 0xffff_fffe } else { sector + 1 }));
        table.resize(128, u32::MAX);
        let mut directory = vec![0u8; 512];
        for (entry, (name, kind, first, length)) in
            [("Root Entry", 5, 0xffff_fffeu32, 0), ("Workbook", 2, 2, stream.len() as u32)].into_iter().enumerate()
        {
            let entry = &mut directory[128 * entry..];
            name.encode_utf16().enumerate().for_each(|(i, unit)| entry[2 * i..2 * i + 2].copy_from_slice(&unit.to_le_bytes()));
            entry[64] = 2 * (name.len() as u8 + 1);
            entry[66] = kind;
            entry[116..120].copy_from_slice(&first.to_le_bytes());
            entry[120..124].copy_from_slice(&length.to_le_bytes());
        }
        header.into_iter().chain(table.into_iter().flat_map(u32::to_le_bytes)).chain(directory).chain(stream).collect()
    }

    fn record(kind: u16, data: &[u8]) -> Vec<u8> {
        [&kind.to_le_bytes()[..], &(data.len() as u16).to_le_bytes(), data].concat()
    }

    /// A workbook with a sheet of these records.
    fn xls(records: &[Vec<u8>]) -> Vec<u8> {
        let globals = |offset: u32| {
            [record(SHEET, &[&offset.to_le_bytes()[..], &[0, 0, 3, 0], b"Log"].concat()), record(END, &[])].concat()
        };
        let sheet = [records.concat(), record(END, &[])].concat();
        ole([globals(globals(0).len() as u32), sheet].concat())
    }

    #[test]
    fn a_far_cell_of_an_xls_file_is_told() {
        let number = |row: u16, column: u16| record(0x0203, &[&row.to_le_bytes()[..], &column.to_le_bytes(), &[0; 10]].concat());
        assert_eq!(check_xls(&xls(&[number(0, 0), number(9, 255)])), Ok(()));
        let said = check_xls(&xls(&[number(0, 0), number(65_535, 255)])).unwrap_err();
        assert!(said.contains("sheet \"Log\" is 65536 rows high and 256 columns wide, with 2 filled cells"), "{said}");
        // A column that no sheet has, and a stated size that none has.
        assert!(check_xls(&xls(&[number(0, 0), number(65_535, 65_535)])).is_err());
        let size = record(DIMENSIONS, &[&[0; 4][..], &u32::MAX.to_le_bytes(), &[0; 2], &[0xff; 2], &[0; 2]].concat());
        assert!(check_xls(&xls(&[size])).unwrap_err().contains("claims to be 4294967295 rows high and 65535 columns wide"));
        assert_eq!(check_xls(b"\xd0\xcf\x11\xe0 and no more"), Ok(()));
    }

    #[test]
    fn rows_that_are_far_too_wide_are_told() {
        assert_eq!(check_cells("Log", std::iter::empty()), Ok(()));
        assert_eq!(check_cells("Log", [(0, 0), (1_048_575, 16_383)].into_iter()), Ok(()));
        let said = check_cells("Log", (0..1000).flat_map(|row| [(row, 16_383), (row, 0)])).unwrap_err();
        assert!(said.contains("sheet \"Log\" is 1000 rows high and 16384 columns wide, with 2000 filled cells"), "{said}");
    }

    #[test]
    fn what_is_far_and_well_filled_is_let_through() {
        let mut extent = Extent::default();
        (0..1_000_000).for_each(|row| extent.add((row, row + 1), (row % 15, row % 15 + 1)));
        assert_eq!(extent.check("Log"), Ok(()));
        extent.add((1_040_000, 1_040_001), (200, 201));
        assert!(extent.check("Log").is_err());
    }
}
