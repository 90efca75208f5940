//! Workbooks. The first byte chooses: any bytes, or the bytes as one part of a workbook whose other parts are right, since
//! no random bytes are an archive.
#![no_main]

use std::io::{Cursor, Write};

use libfuzzer_sys::fuzz_target;
use tenure_exports::{Hints, Input};
use tenure_exports_fuzz::{begin, read};
use zip::write::SimpleFileOptions;

const RELATIONS: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
const WORKBOOK: &str = r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>"#;
const PARTS: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>"#;
const STRINGS: &str =
    r#"<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>day</t></si><si><t>who</t></si></sst>"#;
const STYLES: &str = r#"<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>"#;
const SHEET: &str = r#"<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row><row r="2"><c r="A2" s="1"><v>45322</v></c><c r="B2"><v>7</v></c></row></sheetData></worksheet>"#;

/// A part that is replaced, among the parts of an xlsx.
const XLSX: [(&str, &str); 6] = [
    ("xl/worksheets/sheet1.xml", SHEET),
    ("xl/sharedStrings.xml", STRINGS),
    ("xl/styles.xml", STYLES),
    ("xl/workbook.xml", WORKBOOK),
    ("xl/_rels/workbook.xml.rels", PARTS),
    ("_rels/.rels", RELATIONS),
];

fn archive<'a>(parts: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        archive.start_file(name, SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored)).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fuzz_target!(init: begin(), |data: &[u8]| {
    let Some((&choice, bytes)) = data.split_first() else { return };
    let file = match choice.wrapping_sub(b'0') % 10 {
        0 => bytes.to_vec(),
        1 => archive([("mimetype", &b"application/vnd.oasis.opendocument.spreadsheet"[..]), ("content.xml", bytes)].into_iter()),
        // The formats are told by which parts there are; the other parts of an xlsb are missing.
        2 => archive([("xl/workbook.bin", bytes), ("xl/_rels/workbook.bin.rels", PARTS.as_bytes())].into_iter()),
        choice => {
            let replaced = usize::from(choice) % XLSX.len();
            let part = |(at, (name, part)): (usize, &(&'static str, &'static str))| {
                (*name, if at == replaced { bytes } else { part.as_bytes() })
            };
            archive(XLSX.iter().enumerate().map(part))
        }
    };
    let _ = read(&file, &Hints::default(), Input::BLOCK_BYTES);
});
