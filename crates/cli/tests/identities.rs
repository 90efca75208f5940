//! Who the rows are of: ids merged before and after, trial runs that know it, customers who are forgotten.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::fs;
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use support::{Place, all_files, bytes_of, copy_dir, counts, distinct, no_leftovers};

/// One customer's life in every table, and another's; `me` is how the first is called.
fn exports(place: &Place, folder: &str, me: &str, with_me: bool) -> Vec<Vec<String>> {
    fs::create_dir_all(place.path(folder)).unwrap();
    let mine = |text: String| if with_me { text } else { String::new() };
    let files = [
        (
            "activity",
            format!(
                "customer,time,email\nbob,2024-01-01,bob@x\n{}",
                mine(format!("{me},2024-01-02,mail-of-{me}\n{me},2024-03-02,mail-of-{me}\n"))
            ),
            "--attribute email",
        ),
        (
            "customers",
            format!("customer,signed_up,email\nbob,2023-12-01,bob@x\n{}", mine(format!("{me},2023-12-24,mail-of-{me}\n"))),
            "--attribute email",
        ),
        (
            "subscriptions",
            format!(
                "customer,start,end,amount,plan\nbob,2024-01-01,,10,pro\n{}",
                mine(format!("{me},2024-01-01,2024-03-01,20,plan-of-{me}\n"))
            ),
            "--interval month",
        ),
        (
            "surveys",
            format!("customer,time,score,comment\nbob,2024-01-05,9,\n{}", mine(format!("{me},2024-01-05,3,{me} says no\n"))),
            "--kind nps",
        ),
        (
            "cancellations",
            format!("customer,time,reason,id\nbob,2024-05-05,dear,1\n{}", mine(format!("{me},2024-03-01,reason-of-{me},2\n"))),
            "--id id",
        ),
    ];
    let mut commands = Vec::new();
    for (table, text, flags) in files {
        let file = format!("{folder}/{table}.csv");
        place.file(&file, text);
        let command = ["ingest", &file, "--table", table].into_iter().chain(flags.split(' '));
        commands.push(command.map(str::to_owned).collect());
    }
    commands
}

const TABLES: [&str; 5] = ["activity", "customers", "subscriptions", "surveys", "cancellations"];

fn run_all(place: &Place, commands: &[Vec<String>], history: &str, more: &[&str]) {
    for command in commands {
        let args: Vec<&str> = command.iter().map(String::as_str).collect();
        place.ok(&[&args[..], &["--into", history], more].concat());
    }
}

#[test]
fn identities_are_merged_before_and_after() {
    let place = Place::new();
    // Three names of one customer, each with a life in every table.
    let names = ["phone-1", "mail-1", "ann"];
    for name in names {
        exports(&place, name, name, true);
    }
    let commands: Vec<Vec<String>> = names.iter().flat_map(|name| exports(&place, name, name, true)).collect();
    place.file("aliases.csv", "alias,customer\nphone-1,mail-1\nmail-1,ann\n");
    run_all(&place, &commands, "before", &["--aliases", "aliases.csv"]);
    run_all(&place, &commands, "after", &[]);
    assert_eq!(distinct(&place.table("after", "activity"), "customer"), ["ann", "bob", "mail-1", "phone-1"]);
    place.file("one.csv", "customer,time,email\nbob,2024-01-01,bob@x\n");
    let report = place.ingest(&["one.csv", "--into", "after", "--attribute", "email", "--aliases", "aliases.csv"]);
    assert_eq!(counts(&report), [1, 0, 0, 1, 0]);
    for table in TABLES {
        let rows = place.table("after", table);
        assert_eq!(distinct(&rows, "customer"), ["ann", "bob"], "{table}");
        // A customer has one profile, and all rows of the three names elsewhere.
        let mine = rows.iter().filter(|row| row["customer"] == "ann").count();
        let expected = match table {
            "activity" => 6,
            "customers" | "cancellations" => 1,
            _ => 3,
        };
        assert_eq!(mine, expected, "{table}");
        assert_eq!(rows, place.table("before", table), "{table}");
    }
    assert_eq!(place.answer("after"), place.answer("before"));
    place.ok(&["compact", "after"]);
    assert_eq!(place.answer("after"), place.answer("before"));
    assert_eq!(place.table("after", "aliases").len(), 2);

    // The history remembers them: what comes later under any of the names is the customer's.
    place.file("later.csv", "customer,time,email\nphone-1,2024-06-01,\n");
    for history in ["before", "after"] {
        place.ingest(&["later.csv", "--into", history, "--attribute", "email"]);
        assert_eq!(distinct(&place.table(history, "activity"), "customer"), ["ann", "bob"]);
    }
    assert_eq!(place.answer("after"), place.answer("before"));

    // What can't be is refused, and changes nothing.
    let bytes = bytes_of(&place.path("after"));
    for (aliases, expected) in [
        ("x,y\nx,z\n", "\"x\" stands for \"y\" already, and here for \"z\""),
        ("x,y\ny,z\nz,x\n", "in a circle: z > x > y > z"),
        ("mail-1,zoe\n", "\"mail-1\" stands for \"ann\" already, and here for \"zoe\""),
        ("ann,phone-1\n", "in a circle: ann > phone-1 > mail-1 > ann"),
        ("x,\n", "the alias or the customer is blank"),
    ] {
        place.file("bad.csv", format!("alias,customer\n{aliases}"));
        let said = place.fails(2, &["ingest", "later.csv", "--into", "after", "--aliases", "bad.csv"]);
        assert!(said.contains(expected), "{aliases}: {said}");
        assert_eq!(bytes_of(&place.path("after")), bytes);
    }
}

#[test]
fn a_dry_run_knows_what_would_become_of_every_row() {
    let place = Place::new();
    place
        .file("a.csv", "id,customer,time,amount\n1,ann,2024-01-01,1\n2,phone,2024-01-02,2\n3,bob,2024-01-03,3\n")
        .file("b.csv", "id,customer,time,amount\n1,ann,2024-01-01,1\n2,phone,2024-01-02,5\n3,ann,2024-01-03,3\n4,bob,never,3\n5,bob,2024-02-01,-3\n")
        .file("c.csv", "customer,time\nann,2024-01-01\nphone,2024-01-02\n")
        .file("aliases.csv", "alias,customer\nphone,ann\n");
    place.ingest(&["a.csv", "--into", "h", "--id", "id", "--value", "amount"]);
    place.ingest(&["c.csv", "--into", "h"]);
    let cases: [&[&str]; 4] = [
        &["b.csv", "--id", "id", "--value", "amount", "--where", "amount > 0", "--max-rejects", "1"],
        &["c.csv"],
        &["c.csv", "--aliases", "aliases.csv"],
        &["a.csv", "c.csv", "--append"],
    ];
    for (i, args) in cases.iter().enumerate() {
        let before = bytes_of(&place.path("h"));
        let dry = place.ingest(&[*args, &["--into", "h", "--dry-run"]].concat());
        assert_eq!(bytes_of(&place.path("h")), before, "{args:?}");
        assert_eq!((&dry["committed"], &dry["bytes_out"]), (&false.into(), &0.into()));
        let copy = format!("copy-{i}");
        copy_dir(&place.path("h"), &place.path(&copy));
        let real = place.ingest(&[*args, &["--into", &copy]].concat());
        assert_eq!(real["committed"], true);
        for name in ["rows_replaced", "customers", "events", "first", "last", "reasons", "inputs"] {
            assert_eq!(dry[name], real[name], "{args:?}: {name}");
        }
        assert_eq!(counts(&dry), counts(&real), "{args:?}");
    }
    // Of a history that is not there nothing is left.
    place.ingest(&["a.csv", "--into", "none", "--dry-run"]);
    assert!(!place.path("none").exists());
}

/// Whether a text stands anywhere in a file: in its bytes or, if it is Parquet, in a page as it is unpacked.
fn holds(path: &Path, text: &str) -> bool {
    let found = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    if found(&fs::read(path).unwrap()) || found(path.to_string_lossy().as_bytes()) {
        return true;
    }
    if path.extension().is_none_or(|extension| extension != "parquet") {
        return false;
    }
    let reader = SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).unwrap();
        for column in 0..group.num_columns() {
            let mut pages = group.get_column_page_reader(column).unwrap();
            while let Some(page) = pages.get_next_page().unwrap() {
                if found(page.buffer()) {
                    return true;
                }
            }
        }
    }
    false
}

#[test]
fn forgotten_customers_are_gone() {
    let place = Place::new();
    let me = "zoe-the-forgotten";
    let with = exports(&place, "with", me, true);
    let without = exports(&place, "without", me, false);
    place.file("aliases.csv", format!("alias,customer\nother-name-of-{me},{me}\nb,bob\n"));
    place.file("bob.csv", "alias,customer\nb,bob\n");
    run_all(&place, &with, "h", &["--aliases", "aliases.csv"]);
    run_all(&place, &without, "expected", &["--aliases", "bob.csv"]);
    // In more than one segment of a table.
    place.file("more.csv", format!("customer,time,email\n{me},2024-02-02,{me}\nbob,2024-02-03,\n"));
    place.file("more-without.csv", "customer,time,email\nbob,2024-02-03,\n");
    place.ingest(&["more.csv", "--into", "h", "--attribute", "email"]);
    place.ingest(&["more-without.csv", "--into", "expected", "--attribute", "email"]);
    copy_dir(&place.path("h"), &place.path("by-alias"));
    copy_dir(&place.path("h"), &place.path("compacted"));
    place.ok(&["compact", "compacted"]);

    // Somebody unknown is an error, and nothing changes.
    let bytes = bytes_of(&place.path("h"));
    let said = place.fails(2, &["forget", "h", "nobody"]);
    assert!(said.contains("no such customer: nobody"), "{said}");
    assert_eq!(bytes_of(&place.path("h")), bytes);
    let whereabouts = |history: &str| all_files(&place.path(history)).into_iter().filter(|path| holds(path, me)).count();
    assert!(whereabouts("h") >= 6, "the search finds what there is");

    for (history, args) in
        [("h", vec!["nobody", me]), ("by-alias", vec!["other-name-of-zoe-the-forgotten"]), ("compacted", vec![me])]
    {
        let output = place.run(&[&["forget", history], &args[..]].concat());
        assert!(output.status.success());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.contains("not in this history: nobody"), args.len() == 2, "{said}");
        assert_eq!(place.content(history), place.content("expected"), "{history}");
        for table in TABLES {
            assert_eq!(place.table(history, table), place.table("expected", table), "{history}: {table}");
        }
        assert_eq!(place.table(history, "aliases"), place.table("expected", "aliases"));
        let left: Vec<_> = all_files(&place.path(history)).into_iter().filter(|path| holds(path, me)).collect();
        assert!(left.is_empty(), "{left:?}");
        no_leftovers(&place.path(history));
        place.fails(2, &["forget", history, me]);
    }
    // They may come back.
    run_all(&place, &with[..1], "h", &[]);
    assert_eq!(distinct(&place.table("h", "activity"), "customer"), ["bob", me]);
}

#[test]
fn an_attribute_may_be_called_alias() {
    let place = Place::new();
    place.file("a.csv", "customer,time,alias\na,2024-01-01,k\nb,2024-01-01,k\n");
    place.ok(&["ingest", "a.csv", "--into", "h", "--all-attributes"]);
    place.ok(&["ingest", "a.csv", "--into", "h", "--all-attributes"]);
    place.ok(&["forget", "h", "a"]);
    assert_eq!(distinct(&place.table("h", "activity"), "customer"), ["b"]);
}
