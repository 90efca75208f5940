//! Ingests that are killed, that find the disk full or somebody else at work: the history is as it was or as it is to be.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::fs;
use std::io::Write;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::{Place, all_files, bytes_of, copy_dir, no_leftovers};
use tenure_analysis::{RetentionQuery, retention};
use tenure_history::History;

/// A generated log as two exports that overlap, and the fingerprints of a history of the first and of both.
struct Logs {
    place: Place,
    first: String,
    both: String,
}

const MAPPING: [&str; 6] = ["--customer", "user_id", "--value", "amount", "--attribute", "country"];

impl Logs {
    fn new(events: usize) -> Self {
        let place = Place::new();
        let rows = events.to_string();
        place.ok(&["generate", "--customers", "2000", "--events", &rows, "--seed", "5", "-o", "log.csv"]);
        let text = fs::read_to_string(place.path("log.csv")).unwrap();
        let (header, rows) = text.split_once('\n').unwrap();
        let mut rows: Vec<&str> = rows.lines().collect();
        rows.sort_unstable();
        let part = |rows: &[&str]| format!("{header}\n{}\n", rows.join("\n"));
        place.file("first.csv", part(&rows[..rows.len() * 3 / 5])).file("second.csv", part(&rows[rows.len() / 2..]));
        let mut this = Self { place, first: String::new(), both: String::new() };
        this.ingest("first.csv", "base");
        copy_dir(&this.place.path("base"), &this.place.path("both"));
        this.first = this.place.content("base");
        this.ingest("second.csv", "both");
        this.both = this.place.content("both");
        assert_ne!(this.first, this.both);
        this
    }

    fn ingest(&self, file: &str, history: &str) {
        self.place.ingest(&[&[file, "--into", history][..], &MAPPING].concat());
    }

    fn start(&self, args: &[&str]) -> Child {
        self.place.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn start_ingest(&self, file: &str, history: &str) -> Child {
        self.start(&[&["ingest", file, "--into", history][..], &MAPPING].concat())
    }

    /// The id of a customer of the first export.
    fn customer(&self) -> String {
        let mut reader = csv::Reader::from_path(self.place.path("first.csv")).unwrap();
        let column = reader.headers().unwrap().iter().position(|name| name == "user_id").unwrap();
        reader.records().next().unwrap().unwrap()[column].to_owned()
    }

    fn fresh(&self, history: &str, from: &str) {
        let _ = fs::remove_dir_all(self.place.path(history));
        copy_dir(&self.place.path(from), &self.place.path(history));
    }
}

/// The moments at which something is killed that takes so long: from its start to a little after its end.
fn moments(whole: Duration, count: u32) -> impl Iterator<Item = Duration> {
    (0..count).map(move |i| whole * (2 * i + 1) * 11 / (20 * count))
}

fn kill_after(mut child: Child, wait: Duration) {
    std::thread::sleep(wait);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_killed_ingest_is_repeated() {
    let logs = Logs::new(120_000);
    let place = &logs.place;
    let took = |args: &[&str]| {
        let start = Instant::now();
        assert!(logs.start(args).wait().unwrap().success());
        start.elapsed()
    };
    logs.fresh("h", "base");
    let whole = took(&[&["ingest", "second.csv", "--into", "h"][..], &MAPPING].concat());
    let expected = place.run(&["retention", "both", "--format", "json"]).stdout;
    assert!(!expected.is_empty());
    let mut outcomes = [0, 0];
    for wait in moments(whole, 40) {
        logs.fresh("h", "base");
        kill_after(logs.start_ingest("second.csv", "h"), wait);
        let content = place.content("h");
        assert!([&logs.first, &logs.both].contains(&&content), "after {wait:?}: {content}");
        outcomes[usize::from(content == logs.both)] += 1;
        let rows = place.json(&["retention", "h", "--measure", "events"])["totals"]["members"].as_u64().unwrap();
        assert!(rows > 0);
        logs.ingest("second.csv", "h");
        assert_eq!(place.content("h"), logs.both, "after {wait:?}");
        assert_eq!(place.run(&["retention", "h", "--format", "json"]).stdout, expected, "after {wait:?}");
        no_leftovers(&place.path("h"));
    }
    assert!(outcomes[0] > 1, "ingests were killed before their end: {outcomes:?}");
    // A history that never came to be.
    for wait in moments(whole, 10) {
        let _ = fs::remove_dir_all(place.path("h"));
        kill_after(logs.start_ingest("first.csv", "h"), wait);
        if place.path("h/manifest.json").exists() {
            assert_eq!(place.content("h"), logs.first, "after {wait:?}");
        } else {
            let said = place.fails(2, &["retention", "h"]);
            assert!(said.contains("not a history") || said.contains("no such file"), "{said}");
        }
        logs.ingest("first.csv", "h");
        assert_eq!(place.content("h"), logs.first, "after {wait:?}");
        no_leftovers(&place.path("h"));
    }
    // Other commands that write.
    logs.fresh("two", "both");
    let start = Instant::now();
    place.ok(&["compact", "two"]);
    let whole = start.elapsed();
    for wait in moments(whole, 5) {
        logs.fresh("h", "both");
        kill_after(logs.start(&["compact", "h"]), wait);
        assert_eq!(place.content("h"), logs.both, "after {wait:?}");
        place.ok(&["compact", "h"]);
        assert_eq!(place.content("h"), logs.both, "after {wait:?}");
        no_leftovers(&place.path("h"));
    }
    let customer = logs.customer();
    logs.fresh("less", "both");
    let start = Instant::now();
    place.ok(&["forget", "less", &customer]);
    let (whole, less) = (start.elapsed(), place.content("less"));
    for wait in moments(whole, 5) {
        logs.fresh("h", "both");
        kill_after(logs.start(&["forget", "h", &customer]), wait);
        let content = place.content("h");
        assert!([&logs.both, &less].contains(&&content), "after {wait:?}: {content}");
        if content == logs.both {
            place.ok(&["forget", "h", &customer]);
        }
        // Whoever writes next cleans up.
        place.ok(&["compact", "h"]);
        assert_eq!(place.content("h"), less, "after {wait:?}");
        no_leftovers(&place.path("h"));
    }
}

#[test]
fn damaged_temporary_files_do_not_matter() {
    let logs = Logs::new(20_000);
    let place = &logs.place;
    logs.fresh("h", "base");
    fs::create_dir_all(place.path("h/.scratch/deep")).unwrap();
    place
        .file("h/.scratch/rows-1", [7; 1000])
        .file("h/.scratch/deep/er", "")
        .file("h/activity/000002-0000.parquet", "half")
        .file("h/customers/000002-0000.parquet", "")
        .file("h/aliases/000002.parquet", "PAR1")
        .file("h/manifest.json.new", "{\"format\": \"tenure-hist");
    assert_eq!(place.content("h"), logs.first);
    logs.ingest("second.csv", "h");
    assert_eq!(place.content("h"), logs.both);
    no_leftovers(&place.path("h"));
}

#[test]
fn two_writers_do_not_meet() {
    let logs = Logs::new(20_000);
    let place = &logs.place;
    for history in ["new", "h"] {
        if history == "h" {
            logs.fresh("h", "base");
        }
        let args = [&["ingest", "-", "--into", history][..], &MAPPING].concat();
        let mut child = place.command(&args).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let lock = place.path(history).join(".lock");
        let until = Instant::now() + Duration::from_secs(20);
        while !fs::File::open(&lock).is_ok_and(|lock| matches!(lock.try_lock(), Err(fs::TryLockError::WouldBlock))) {
            assert!(Instant::now() < until, "the first writer never came");
            std::thread::sleep(Duration::from_millis(2));
        }
        let said = place.fails(2, &[&["ingest", "second.csv", "--into", history][..], &MAPPING].concat());
        assert!(said.contains("another ingest is writing to this history"), "{said}");
        let said = place.fails(2, &[&["ingest", "second.csv", "--dry-run", "--into", history][..], &MAPPING].concat());
        assert!(said.contains("another ingest is writing to this history"), "{said}");
        if history == "h" {
            for args in [&["compact", "h"][..], &["forget", "h", "x"]] {
                let said = place.fails(2, args);
                assert!(said.contains("another ingest is writing to this history"), "{said}");
            }
            assert_eq!(place.content("h"), logs.first, "readers don't mind");
        }
        let text = fs::read(place.path("first.csv")).unwrap();
        child.stdin.take().unwrap().write_all(&text).unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!(place.content(history), logs.first);
        logs.ingest("second.csv", history);
        assert_eq!(place.content(history), logs.both);
        no_leftovers(&place.path(history));
    }
}

#[test]
fn readers_see_one_state_or_the_next() {
    let logs = Logs::new(40_000);
    let place = &logs.place;
    let read = |history: &str| place.run(&["retention", history, "--measure", "value", "--format", "json", "-q"]);
    let text = fs::read_to_string(place.path("second.csv")).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let rows: Vec<&str> = rows.lines().collect();
    let mut files = Vec::new();
    for (i, rows) in rows.chunks(rows.len().div_ceil(12)).enumerate() {
        let file = format!("piece-{i}.csv");
        place.file(&file, format!("{header}\n{}\n", rows.join("\n")));
        files.push(file);
    }
    // Every state that there will be.
    logs.fresh("states", "base");
    let mut states = vec![read("states").stdout];
    for file in &files {
        logs.ingest(file, "states");
        states.push(read("states").stdout);
    }
    logs.fresh("h", "base");
    let (done, reads) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut at = 0;
                while !done.load(Ordering::Relaxed) {
                    let output = read("h");
                    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                    let state = states.iter().rposition(|state| *state == output.stdout).expect("a known state");
                    assert!(state >= at, "time goes forward");
                    at = state;
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for (i, file) in files.iter().enumerate() {
            logs.ingest(file, "h");
            if i % 4 == 3 {
                place.ok(&["compact", "h"]);
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(reads.load(Ordering::Relaxed) > 5);
    assert_eq!(read("h").stdout, *states.last().unwrap());
    assert_eq!(place.content("h"), logs.both);
    // What readers held back goes with the next writer.
    place.ok(&["compact", "h"]);
    no_leftovers(&place.path("h"));
}

#[test]
fn an_open_history_keeps_its_files() {
    let logs = Logs::new(20_000);
    let place = &logs.place;
    logs.fresh("h", "base");
    let history = History::open(&place.path("h")).unwrap();
    logs.ingest("second.csv", "h");
    place.ok(&["compact", "h"]);
    place.ok(&["compact", "h"]);
    assert_eq!(place.content("h"), logs.both);
    // The files are read only now.
    let members = retention(&history, &RetentionQuery::default()).unwrap().totals.members;
    let base = History::open(&place.path("base")).unwrap();
    assert_eq!(members, retention(&base, &RetentionQuery::default()).unwrap().totals.members);
    assert_eq!(history.content().to_string(), logs.first);
    // Erasing says that it could not reach everything.
    let customer = logs.customer();
    let output = place.run(&["forget", "h", &customer]);
    assert!(output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("files with the erased rows stay on disk"), "{said}");
    drop(history);
    place.ok(&["compact", "h"]);
    no_leftovers(&place.path("h"));
}

#[test]
fn a_disk_that_takes_no_more_leaves_the_old_state() {
    let logs = Logs::new(60_000);
    let place = &logs.place;
    logs.fresh("h", "base");
    let before = bytes_of(&place.path("h"));
    let limited = |blocks: u32, args: &str| {
        // A write beyond the limit fails instead of ending the program.
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" {args}");
        let binary = env!("CARGO_BIN_EXE_tenure");
        let output =
            std::process::Command::new("sh").args(["-c", &script, binary]).current_dir(place.dir.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args}: {said}");
        assert!(said.contains("cannot write"), "{args}: {said}");
        said
    };
    let mapping = MAPPING.join(" ");
    for blocks in [0, 1, 8, 64] {
        limited(blocks, &format!("ingest second.csv --into h {mapping}"));
        assert_eq!(bytes_of(&place.path("h")), before, "{blocks}");
        limited(blocks, &format!("ingest second.csv --into fresh {mapping}"));
        assert!(!place.path("fresh").exists());
    }
    limited(8, "compact both");
    // Other files are told by the name that they were to have, with the cause.
    place.file("bad.csv", format!("customer,time\n{}", "somebody,some day\n".repeat(100_000)));
    for (args, file) in [
        ("generate --customers 100 --events 100000 -o new.csv", "new.csv"),
        ("retention base --cohort day --format json -o new.json", "new.json"),
        ("ingest bad.csv --into fresh --rejects new.csv", "new.csv"),
    ] {
        let said = limited(8, args);
        assert!(said.contains(&format!("error: {file}: cannot write: File too large (os error 27)\n")), "{said}");
        assert!(!place.path(file).exists() && !place.path("new.csv.part").exists());
    }
    assert_eq!(place.content("both"), logs.both);
    logs.ingest("second.csv", "h");
    assert_eq!(place.content("h"), logs.both);
    no_leftovers(&place.path("h"));
}

#[test]
fn rows_that_wait_on_disk_find_it_full() {
    let place = Place::new();
    // Enough rows for the least memory not to hold them.
    let mut text = String::from("customer,time,note\n");
    (0..700_000u64)
        .for_each(|i| text.push_str(&format!("customer-number-{},2024-01-{:02},n{i}\n", i * 7919 % 600_011, 1 + i % 31)));
    place.file("log.csv", text);
    let args = "ingest log.csv --into h --memory 64M --attribute note";
    let script = format!("trap '' XFSZ; ulimit -f 1024; exec \"$0\" {args}");
    let binary = env!("CARGO_BIN_EXE_tenure");
    let output = std::process::Command::new("sh").args(["-c", &script, binary]).current_dir(place.dir.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(".scratch/rows-1: cannot write temporary rows to"), "{said}");
    assert!(!place.path("h").exists());
    let args: Vec<&str> = args.split(' ').skip(1).collect();
    assert_eq!(place.ingest(&args)["rows_kept"], 700_000);
    no_leftovers(&place.path("h"));
    assert!(!all_files(&place.path("h")).is_empty());
}

#[test]
fn a_folder_that_cannot_be_written_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let logs = Logs::new(20_000);
    let place = &logs.place;
    logs.fresh("h", "base");
    let set = |mode: u32| {
        let mut folders = vec![place.path("h")];
        folders.extend(fs::read_dir(place.path("h")).unwrap().map(|e| e.unwrap().path()).filter(|path| path.is_dir()));
        folders.iter().for_each(|path| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap());
    };
    set(0o555);
    let almighty = fs::write(place.path("h/probe"), "").is_ok();
    let before = bytes_of(&place.path("h/activity"));
    assert_eq!(place.content("h"), logs.first, "it can be read");
    if !almighty {
        let said = place.fails(2, &[&["ingest", "second.csv", "--into", "h"][..], &MAPPING].concat());
        assert!(said.contains("cannot"), "{said}");
        assert_eq!(bytes_of(&place.path("h/activity")), before);
        let said = place.fails(2, &[&["ingest", "second.csv", "--into", "h/new"][..], &MAPPING].concat());
        assert!(said.contains("h/new: cannot create"), "{said}");
    }
    set(0o755);
}

#[test]
fn a_reader_of_a_copy_without_its_lock_files_is_waited_for() {
    let logs = Logs::new(20_000);
    logs.fresh("copy", "base");
    for file in [".readers", ".lock"] {
        fs::remove_file(logs.place.path("copy").join(file)).unwrap();
    }
    let history = History::open(&logs.place.path("copy")).unwrap();
    logs.ingest("second.csv", "copy");
    logs.place.ok(&["compact", "copy"]);
    retention(&history, &RetentionQuery::default()).unwrap();
    assert_eq!(logs.place.content("copy"), logs.both);
    // Asking leaves nothing in a folder that is no history.
    fs::create_dir(logs.place.path("empty")).unwrap();
    History::open(&logs.place.path("empty")).unwrap_err();
    assert_eq!(all_files(&logs.place.path("empty")), Vec::<std::path::PathBuf>::new());
}
