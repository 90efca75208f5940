use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;

use crate::Status;
use crate::args::Cli;
use crate::output::{write_file, write_stdout};

/// What stands at the foot and the head of each page.
const SOURCE: &str = concat!("tenure ", env!("CARGO_PKG_VERSION"));
const MANUAL: &str = "tenure";

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
        write_pages(&program, folder)?;
        return Ok(Status::Done);
    }
    let page = match &args.command {
        None => &program,
        Some(name) => {
            let verbs: Vec<&str> = program.get_subcommands().map(|verb| verb.get_name()).collect();
            let found = program.find_subcommand(name);
            found.ok_or_else(|| anyhow!("there is no command {name} (expected one of {})", verbs.join(", ")))?
        }
    };
    write_stdout(&render(page)?)?;
    Ok(Status::Done)
}

/// Writes the page of a command and those of the commands under it.
fn write_pages(command: &Command, folder: &Path) -> anyhow::Result<()> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    write_file(&folder.join(format!("{name}.1")), &render(command)?)?;
    command.get_subcommands().filter(|verb| !verb.is_hide_set()).try_for_each(|verb| write_pages(verb, folder))
}

fn render(command: &Command) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let man = Man::new(command.clone()).source(SOURCE).manual(MANUAL);
    man.render_title(&mut bytes)?;
    man.render_name_section(&mut bytes)?;
    man.render_synopsis_section(&mut bytes)?;
    man.render_description_section(&mut bytes)?;
    man.render_options_section(&mut bytes)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut bytes)?;
    }
    if let Some(text) = command.get_after_long_help().or(command.get_after_help()) {
        bytes.extend(examples(&text.to_string()).into_bytes());
    }
    Ok(bytes)
}

/// The section of examples, line by line as they are typed.
fn examples(text: &str) -> String {
    let lines = text.lines().skip_while(|line| *line == "Examples:");
    let lines: String = lines.map(|line| format!("\\&{}\n", literal(line))).collect();
    format!(".SH EXAMPLES\n.nf\n{lines}.fi\n")
}

/// What roff prints as it stands: hyphens and quotes that can be copied to a shell.
fn literal(line: &str) -> String {
    line.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq").replace('`', "\\(ga")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_can_be_copied_from_a_page() {
        assert_eq!(
            examples("Examples:\n  tenure a --b 'c\\d'\n.x"),
            ".SH EXAMPLES\n.nf\n\\&  tenure a \\-\\-b \\(aqc\\ed\\(aq\n\\&.x\n.fi\n"
        );
    }
}
