//! Tables in every format: what stands in them, and that nothing in them is obeyed.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::collections::BTreeMap;
use std::io::Read;

use support::{ORDERS, Place};

const FORMATS: [&str; 10] = ["table", "csv", "json", "markdown", "parquet", "arrow", "xlsx", "html", "svg", "png"];

/// Names that a spreadsheet, a browser, a Markdown reader or a terminal would obey.
const HOSTILE: [&str; 8] = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "@SUM(A1:A9)",
    "-2+3",
    "<script>alert(1)</script>",
    "\u{1b}[2J\u{1b}]0;owned\u{7}",
    "`a`|b [x](javascript:1)",
    "<img src=x onerror=alert(1)>&amp;",
];

fn ingested() -> Place {
    let place = Place::new();
    place.file("orders.csv", ORDERS);
    place.ok(&["ingest", "orders.csv", "--into", "history", "--value", "amount", "--currency", "EUR", "--attribute", "country"]);
    place
}

/// A history whose customers, countries, events, reasons and columns are hostile.
fn hostile() -> Place {
    let place = Place::new();
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut orders = "customer_id,created_at,event,amount,\"=land|'<b>'\"\n".to_owned();
    let mut cancelled = "customer_id,cancelled_at,reason,comment\n".to_owned();
    for (place, name) in HOSTILE.iter().enumerate() {
        let (name, day) = (quoted(name), place + 1);
        orders.push_str(&format!("{name},2024-01-0{day}T10:00:00Z,{name},5,{name}\n"));
        orders.push_str(&format!("{name},2024-02-0{day}T10:00:00Z,{name},7,{name}\n"));
        cancelled.push_str(&format!("{name},2024-03-0{day}T10:00:00Z,{name},{name}\n"));
    }
    place.file("orders.csv", orders).file("cancelled.csv", cancelled);
    place.ok(&["ingest", "orders.csv", "--into", "history", "--value", "amount", "--currency", "EUR", "--all-attributes"]);
    place.ok(&["ingest", "cancelled.csv", "--into", "history", "--table", "cancellations", "--comment", "comment"]);
    place
}

/// The files in a ZIP archive, by their names.
fn unzipped(bytes: &[u8]) -> BTreeMap<String, String> {
    let u16_at = |at: usize| usize::from(u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap()));
    let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let end = bytes.len() - 22;
    assert_eq!(&bytes[end..end + 4], b"PK\x05\x06");
    let mut entry = u32_at(end + 16);
    let mut files = BTreeMap::new();
    for _ in 0..u16_at(end + 10) {
        assert_eq!(&bytes[entry..entry + 4], b"PK\x01\x02");
        let (packed, name, extra, comment) = (u32_at(entry + 20), u16_at(entry + 28), u16_at(entry + 30), u16_at(entry + 32));
        let local = u32_at(entry + 42);
        let data = local + 30 + u16_at(local + 26) + u16_at(local + 28);
        let mut text = String::new();
        match u16_at(entry + 10) {
            0 => text.push_str(std::str::from_utf8(&bytes[data..data + packed]).unwrap()),
            _ => drop(flate2::read::DeflateDecoder::new(&bytes[data..data + packed]).read_to_string(&mut text).unwrap()),
        }
        files.insert(String::from_utf8(bytes[entry + 46..entry + 46 + name].to_vec()).unwrap(), text);
        entry += 46 + name + extra + comment;
    }
    files
}

fn sheets(place: &Place, args: &[&str]) -> BTreeMap<String, String> {
    unzipped(&place.ok(&[args, &["-q", "--format", "xlsx"]].concat()))
}

/// A cell's XML.
fn cell<'a>(sheet: &'a str, place: &str) -> &'a str {
    let (_, rest) = sheet.split_once(&format!("<c r=\"{place}\"")).unwrap_or_else(|| panic!("no {place} in {sheet}"));
    rest.split_once("</c>").unwrap().0
}

#[test]
fn a_workbook_has_the_numbers_as_numbers() {
    let place = ingested();
    let files = sheets(&place, &["retention", "history", "--wide"]);
    let sheet = &files["xl/worksheets/sheet1.xml"];
    // Ann and Bob are born in January; in February Ann came back, in March, which is in progress, both.
    assert!(cell(sheet, "B2").ends_with("<v>2</v>"), "{sheet}");
    assert!(cell(sheet, "A2").ends_with("<v>45292</v>"), "2024-01-01 is a date");
    assert!(cell(sheet, "C2").ends_with("<v>1</v>") && cell(sheet, "D2").ends_with("<v>0.5</v>"), "{sheet}");
    assert!(cell(sheet, "E2").ends_with("<v>1</v>") && cell(sheet, "D3").ends_with("<v>0</v>"), "{sheet}");
    assert!(!sheet.contains("<c r=\"E3\""), "an age nobody has begun is empty: {sheet}");
    assert!(sheet.contains("state=\"frozen\""), "{sheet}");
    // Wide enough for 100.0%*.
    let width = sheet.split_once("<col min=\"3\" max=\"3\" width=\"").unwrap().1.split_once('"').unwrap().0;
    assert!(width.parse::<f64>().unwrap() > 7.0, "{sheet}");
    // The scale is laid over complete cells after the birth period alone.
    assert!(sheet.contains("<conditionalFormatting sqref=\"D2:D2\">"), "{sheet}");
    let styles = &files["xl/styles.xml"];
    for format in ["0.0%", "0.0%&quot;*&quot;", "yyyy-mm", "#,##0"] {
        assert!(styles.contains(&format!("formatCode=\"{format}\"")) || format == "#,##0", "{format}: {styles}");
    }
    let words = &files["xl/sharedStrings.xml"];
    assert!(words.contains(">alignment<") && words.contains(">calendar<") && words.contains("members with activity"), "{words}");
    assert!(files["xl/workbook.xml"].contains("name=\"Retention\"") && files["xl/workbook.xml"].contains("name=\"Definitions\""));

    let long = sheets(&place, &["retention", "history", "--measure", "value"]);
    let sheet = &long["xl/worksheets/sheet1.xml"];
    // The header and two cohorts of three ages.
    assert_eq!(sheet.matches("<row ").count(), 7, "{sheet}");
    assert!(long["xl/styles.xml"].contains("#,##0.00####"));
}

#[test]
fn the_same_content_is_the_same_bytes() {
    let place = ingested();
    for format in FORMATS {
        for command in [
            &["retention", "history"][..],
            &["metrics", "history"],
            &["members", "history", "--in-cohort", "2024-01-01", "--in-age", "0"],
        ] {
            let args = [command, &["-q", "--format", format]].concat();
            let (first, second) = (place.ok(&args), place.ok(&args));
            assert!(!first.is_empty() && first == second, "{args:?}");
        }
    }
}

#[test]
fn every_table_has_every_format() {
    let place = hostile();
    for command in [
        &["inspect", "history"][..],
        &["lifecycle", "history"],
        &["stickiness", "history"],
        &["cancellations", "history"],
        &["at-risk", "history", "--inactive-for", "1d"],
        &["compare", "history", "--treated", "event = '+1+1'", "--control", "event = '-2+3'"],
        &["metrics", "--list"],
        &["calc", "nps", "--promoters", "70", "--detractors", "20"],
    ] {
        for format in FORMATS {
            let bytes = place.ok(&[command, &["-q", "--format", format]].concat());
            let start: &[u8] = match format {
                "parquet" => b"PAR1",
                "arrow" => b"ARROW1",
                "xlsx" => b"PK",
                "png" => b"\x89PNG",
                "svg" => b"<svg",
                "html" => b"<!doctype html>",
                "json" => b"",
                "markdown" => b"| ",
                _ => b"",
            };
            assert!(bytes.len() > 40 && bytes.starts_with(start), "{command:?} {format}");
            if format == "json" {
                serde_json::from_slice::<serde_json::Value>(&bytes).unwrap();
            }
        }
    }
}

#[test]
fn a_picture_shows_the_matrix() {
    let place = ingested();
    let svg = String::from_utf8(place.ok(&["retention", "history", "-q", "--format", "svg"])).unwrap();
    for text in
        [">Retention, % of each cohort, by month since first activity<", ">2024-01<", ">50.0<", ">100.0*<", ">0.0*<", ">pooled<"]
    {
        assert!(svg.contains(text), "{text}: {svg}");
    }
    // Two cells in progress and the legend.
    assert_eq!(svg.matches("fill=\"url(#hatch)\"").count(), 3, "{svg}");
    assert!(svg.contains("calendar alignment; zone UTC"), "{svg}");
    assert!(!svg.contains("href") && !svg.contains("http://www.w3.org/1999"), "nothing is loaded");
    let side = |name: &str| svg.split_once(&format!("{name}=\"")).unwrap().1.split_once('"').unwrap().0.parse::<u32>().unwrap();
    let png = place.ok(&["retention", "history", "-q", "--format", "png"]);
    let of_png = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    assert_eq!((of_png(16), of_png(20)), (2 * side("width"), 2 * side("height")));
    place.ok(&["retention", "history", "-q", "-o", "retention.png"]);
    assert_eq!(std::fs::read(place.path("retention.png")).unwrap(), png);
}

#[test]
fn a_page_stands_alone() {
    let place = ingested();
    let html = String::from_utf8(place.ok(&["retention", "history", "-q", "--format", "html"])).unwrap();
    assert!(html.starts_with("<!doctype html>") && html.contains("prefers-color-scheme: dark"), "{html}");
    assert!(html.contains(">50.0</td>") && html.contains("<td class=\"a so-far\">100.0*</td>"), "{html}");
    assert!(html.contains("<dt>alignment</dt><dd>calendar</dd>"), "{html}");
    assert!(!html.contains("<script") && !html.contains("src=") && !html.contains("href=") && !html.contains("url("), "{html}");
}

#[test]
fn names_are_inert_in_every_format() {
    let place = hostile();
    let by = "=land|'<b>'";
    let commands: [&[&str]; 6] = [
        &["retention", "history", "--by", by],
        &["retention", "history", "--by", by, "--wide"],
        &["members", "history", "--by", by, "--in-cohort", "2024-01-01", "--in-age", "1"],
        &["metrics", "history", "--by", by],
        &["cancellations", "history"],
        &["lifecycle", "history", "--by", by],
    ];
    for command in commands {
        for format in ["table", "csv", "markdown", "html", "svg"] {
            let text = String::from_utf8(place.ok(&[command, &["--format", format, "-q"]].concat())).unwrap();
            assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{command:?} {format}: {text}");
            if matches!(format, "html" | "svg" | "markdown") {
                for tag in ["<script>alert", "<img src", "<b>"] {
                    let bare = text.match_indices(tag).any(|(at, _)| !text[..at].ends_with('\\'));
                    assert!(!bare, "{command:?} {format}: {text}");
                }
            }
            if format == "csv" {
                let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
                let mut guarded = 0;
                for field in reader.records().flat_map(|record| record.unwrap().iter().map(str::to_owned).collect::<Vec<_>>()) {
                    assert!(!field.starts_with(['=', '+', '@']), "{command:?}: {field}");
                    assert!(!field.starts_with('-') || field.parse::<f64>().is_ok(), "{command:?}: {field}");
                    guarded += usize::from(field.starts_with('\''));
                }
                assert!(guarded >= 4, "{command:?}: {text}");
            }
            if format == "markdown" {
                // As many cells in every row, whatever the names hold.
                let bars = |line: &str| line.replace("\\\\", "").replace("\\|", "").matches('|').count();
                let counts: Vec<usize> = text.lines().take_while(|line| line.starts_with('|')).map(bars).collect();
                assert!(counts.len() > 2 && counts.iter().all(|count| *count == counts[0]), "{command:?}: {text}");
            }
        }
        let files = sheets(&place, command);
        for (name, text) in files.iter().filter(|(name, _)| name.starts_with("xl/worksheets/")) {
            assert!(!text.contains("<f>") && !text.contains("<f "), "{command:?} {name}: {text}");
        }
        assert!(files["xl/sharedStrings.xml"].contains(">=cmd|' /C calc'!A0<"), "{:?}", files["xl/sharedStrings.xml"]);
    }
    // For programs names stay what they are.
    let json = place.json(commands[0]);
    let of_json: Vec<&str> =
        json["cohorts"].as_array().unwrap().iter().map(|cohort| cohort["segment"][by].as_str().unwrap()).collect();
    assert!(HOSTILE.iter().all(|name| of_json.contains(name)), "{of_json:?}");
    let inspected = String::from_utf8(place.ok(&["inspect", "history"])).unwrap();
    assert!(!inspected.contains(|c: char| c.is_control() && c != '\n'), "{inspected}");
    let said = place.fails(2, &["retention", "history", "--born", "event = 'x' and nothing = 1"]);
    assert!(!said.contains('\u{1b}'), "{said}");
}

#[test]
fn formats_that_a_command_lacks_are_refused() {
    let place = ingested();
    let said = place.fails(2, &["retention", "history", "--wide", "-o", "x.parquet"]);
    assert_eq!(said, "error: --wide goes with csv, xlsx and markdown; parquet has a row for each cell\n");
    let said = place.fails(2, &["retention", "history", "-o", "x.docx"]);
    assert!(said.contains("expected .csv, .json, .md, .parquet, .arrow, .xlsx, .html, .svg, .png or .txt"), "{said}");
}
