//! `tenure`: cohort analytics on columnar data. This crate is the only place that prints.

mod allocator;
mod args;
mod commands;
mod defaults;
mod export;
mod industries;
mod input;
mod memory;
mod output;
mod pager;
mod progress;
mod query;
mod saved;
mod scope;
mod term;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::args::{Cli, ColorChoice, Command};
use crate::defaults::Words;
use crate::term::Term;

#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

/// Why a run ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    /// Done.
    Done,
    /// A limit that the user set was crossed.
    LimitCrossed,
}

const FAILED: u8 = 2;

/// More threads than this would only wait for each other.
const MOST_THREADS: usize = 1024;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        // A file that a library of its format panics over is a file that can't be read; the error comes later.
        if tenure_ingest::panic_is_caught() {
            return;
        }
        let place = panic.location().map(|location| format!(" ({}:{})", location.file(), location.line())).unwrap_or_default();
        let text = format!(
            "error: tenure met a fault of its own{place}; nothing was committed. Please report it with the command line.\n"
        );
        // Nobody is left to tell when stderr is gone.
        let _ = std::io::stderr().write_all(text.as_bytes());
        std::process::exit(FAILED.into());
    }));
    let command = Cli::command();
    let Words { words, told } = match defaults::with_defaults(&command, std::env::args_os().collect()) {
        Ok(words) => words,
        Err(error) => {
            Term::new(ColorChoice::Auto, false).error(&error.to_string());
            return ExitCode::from(FAILED);
        }
    };
    let matches = command.try_get_matches_from(words).unwrap_or_else(|error| {
        if error.use_stderr() {
            told.iter().for_each(|told| Term::new(ColorChoice::Auto, false).note(told));
        }
        error.exit()
    });
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let typed = matches.subcommand_matches("retention").map(saved::typed).unwrap_or_default();
    let term = Term::new(cli.color, cli.quiet);
    match run(cli, &typed, &term) {
        Ok(Status::Done) => ExitCode::SUCCESS,
        Ok(Status::LimitCrossed) => ExitCode::from(1),
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            term.error(&with_causes(&error));
            told.iter().for_each(|told| term.note(told));
            ExitCode::from(FAILED)
        }
    }
}

/// An error and what caused it, where its own words do not say so already.
fn with_causes(error: &anyhow::Error) -> String {
    // What is not there is told in our own words.
    let is_told = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    };
    error.chain().fold(String::new(), |said, cause| match cause.to_string() {
        text if said.is_empty() => text,
        text if said.contains(&text) || is_told(cause) => said,
        text => format!("{said}: {text}"),
    })
}

fn run(cli: Cli, typed: &[(String, String)], term: &Term) -> anyhow::Result<Status> {
    if let Some(threads) = cli.threads {
        rayon::ThreadPoolBuilder::new().num_threads(threads.get().min(MOST_THREADS)).build_global()?;
    }
    match cli.command {
        Command::Ingest(args) => commands::ingest::run(&args, term),
        Command::Compact(args) => commands::compact::run(&args),
        Command::Forget(args) => commands::forget::run(&args, term),
        Command::Inspect(args) => commands::inspect::run(&args, term),
        Command::Retention(args) => commands::retention::run(&args, typed, term),
        Command::Members(args) => commands::members::run(&args, term),
        Command::Compare(args) => commands::compare::run(&args, term),
        Command::Run(args) => commands::run::run(&args, term),
        Command::Metrics(args) => commands::metrics::run(&args, term),
        Command::Lifecycle(args) => commands::lifecycle::run(&args, term),
        Command::Stickiness(args) => commands::stickiness::run(&args, term),
        Command::Revenue(args) => commands::revenue::run(&args, term),
        Command::Survey(args) => commands::survey::run(&args, term),
        Command::Cancellations(args) => commands::cancellations::run(&args, term),
        Command::AtRisk(args) => commands::at_risk::run(&args, term),
        Command::Check(args) => commands::check::run(&args, term),
        Command::Report(args) => commands::report::run(&args, term),
        Command::Export(args) => commands::export::run(&args, term),
        Command::Calc(args) => commands::calc::run(&args, term),
        Command::Generate(args) => commands::generate::run(&args, term),
        Command::Completions(args) => commands::completions::run(&args),
        Command::Man(args) => commands::man::run(&args),
        Command::Demo(args) => commands::demo::run(&args, term),
    }
}
