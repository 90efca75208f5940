use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::{Args, CommandFactory};
use clap_mangen::Man;

use crate::Status;
use crate::args::Cli;
use crate::output::{write_file, write_stdout};

const EXAMPLES: &str = "Examples:
  tenure man | man -l -
  tenure man retention > tenure-retention.1
  tenure man --to man1";

/// The manual: of the program, or of one command.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ManArgs {
    /// The command (default: the program as a whole)
    command: Option<String>,
    /// Write the pages of all commands into a folder
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    to: Option<PathBuf>,
}

pub(crate) fn run(args: &ManArgs) -> anyhow::Result<Status> {
    let mut program = Cli::command();
    program.build();
    if let Some(folder) = &args.to {
        std::fs::create_dir_all(folder).with_context(|| format!("{}: cannot make this folder", folder.display()))?;
        let verbs = program.get_subcommands().filter(|verb| !verb.is_hide_set()).cloned();
        for page in std::iter::once(program.clone()).chain(verbs) {
            let name = page.get_display_name().unwrap_or(page.get_name()).to_owned();
            write_file(&folder.join(format!("{name}.1")), &render(page)?)?;
        }
        return Ok(Status::Done);
    }
    let page = match &args.command {
        None => program,
        Some(name) => {
            let verbs: Vec<&str> = program.get_subcommands().map(|verb| verb.get_name()).collect();
            let found = program.find_subcommand(name).cloned();
            found.ok_or_else(|| anyhow!("there is no command {name} (expected one of {})", verbs.join(", ")))?
        }
    };
    write_stdout(&render(page)?)?;
    Ok(Status::Done)
}

fn render(page: clap::Command) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    Man::new(page).render(&mut bytes)?;
    Ok(bytes)
}
