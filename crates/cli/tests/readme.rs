//! The examples of the README, of the data's README and of `--help` run as they are printed.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::fs;

use support::{Place, copy_dir, project};

fn text(path: &str) -> String {
    fs::read_to_string(project().join(path)).unwrap()
}

/// A folder with the sample's files.
fn sample() -> Place {
    let place = Place::new();
    copy_dir(&project().join("data/sample"), place.dir.path());
    place
}

/// The blocks of code of a text that are in this language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let parts: Vec<&str> = text.split("```").collect();
    let inside = parts.iter().skip(1).step_by(2);
    inside.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n')).collect()
}

/// The lines that call the program, without what a shell leaves out: the prompt and the comment.
fn commands(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.trim().trim_start_matches("$ ").strip_prefix("tenure "));
    lines.map(|line| line.split(" #").next().unwrap().trim().to_owned()).collect()
}

/// The words of a command, as a shell takes it apart.
fn words(command: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut quote, mut inside) = (None, false);
    for c in command.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                if !inside {
                    words.push(String::new());
                }
                inside = true;
            }
            (None, c) if c.is_whitespace() => inside = false,
            (_, c) => {
                if !inside {
                    words.push(String::new());
                }
                inside = true;
                words.last_mut().unwrap().push(c);
            }
        }
    }
    words
}

fn run_all(place: &Place, commands: &[String]) {
    assert!(!commands.is_empty());
    for command in commands {
        let words = words(command);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        // What a shell sends to a file.
        let (words, file) = match words[..] {
            [ref words @ .., ">", file] => (words, Some(file)),
            _ => (&words[..], None),
        };
        // The key that examples ask for in the environment.
        let output = place.command(words).env("TENURE_PSEUDONYM_KEY", "a key of some length").output().unwrap();
        if let Some(file) = file {
            place.file(file, &output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        // Where a goal is missed or a rule would fire the program says so with 1.
        let told = command.starts_with("check ") && output.status.code() == Some(1);
        assert!(output.status.success() || told, "tenure {command}: {said}");
        assert!(!said.contains("warning:"), "tenure {command}: {said}");
    }
}

#[test]
fn the_readme_runs_as_it_is_printed() {
    let place = sample();
    let readme = text("README.md");
    let all: Vec<String> = blocks(&readme, "sh").into_iter().chain(blocks(&readme, "")).flat_map(commands).collect();
    let verbs = [
        "ingest",
        "compact",
        "forget",
        "inspect",
        "retention",
        "metrics",
        "revenue",
        "lifecycle",
        "survey",
        "at-risk",
        "check",
        "report",
        "export",
        "calc",
        "completions",
        "man",
        "demo",
    ];
    assert!(verbs.iter().all(|verb| all.iter().any(|command| command.starts_with(verb))), "{all:?}");
    run_all(&place, &all);
    assert!(place.path("value.parquet").exists());
    assert!(fs::read_to_string(place.path("tenure.bash")).unwrap().contains("_tenure"));
    assert!(place.path("man1/tenure-retention.1").exists());

    // What the README shows is what there is.
    let demo = String::from_utf8(place.ok(&["demo"])).unwrap();
    let shown = blocks(&readme, "").into_iter().find_map(|block| block.trim().strip_prefix("$ tenure demo\n")).unwrap();
    assert!(demo.contains(shown), "{demo}");
    let [preset, defaults] = &blocks(&readme, "toml")[..] else { panic!("a preset, and the defaults of a folder") };
    assert_eq!(*preset, text("data/sample/our-shop.toml"));
    place.file("tenure.toml", defaults);
    let said = &place.json(&["retention", "history"])["definition"];
    assert_eq!([&said["cohort"], &said["week_start"], &said["zone"]], ["week", "sunday", "Europe/Berlin"]);
    assert!(place.path("silent.csv").exists());
}

#[test]
fn the_sample_is_what_its_readme_says() {
    let place = Place::new();
    copy_dir(&project().join("data"), &place.path("data"));
    fs::remove_file(place.path("data/sample/events.csv")).unwrap();
    let readme = text("data/README.md");
    run_all(&place, &blocks(&readme, "sh").into_iter().flat_map(commands).collect::<Vec<_>>());
    assert!(fs::read(place.path("data/sample/events.csv")).unwrap() == text("data/sample/events.csv").into_bytes());
}

#[test]
fn the_examples_of_help_run_as_they_are_printed() {
    let place = sample();
    let verbs = [
        "ingest",
        "inspect",
        "retention",
        "members",
        "compare",
        "lifecycle",
        "stickiness",
        "metrics",
        "revenue",
        "survey",
        "cancellations",
        "at-risk",
        "check",
        "report",
        "export",
        "calc",
    ];
    for verb in verbs.into_iter().chain(["run", "compact", "forget"]) {
        let help = String::from_utf8(place.ok(&[verb, "--help"])).unwrap();
        let examples = help.split_once("Examples").unwrap().1;
        run_all(&place, &commands(examples));
    }
    for verb in ["generate", ""] {
        let place = sample();
        let help = String::from_utf8(place.ok(&[verb, "--help"].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>()));
        let help = help.unwrap().replace("Your data:", "\n").replace("Start with:", "\n").replace("&&", "\n");
        let commands = commands(&help);
        run_all(&place, &commands.into_iter().filter(|command| !command.starts_with('[')).collect::<Vec<_>>());
    }
}
