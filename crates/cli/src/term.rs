//! The terminal, asked once.

use std::io::IsTerminal;

use anstyle::{AnsiColor, Style};

use crate::args::ColorChoice;

/// What is known of the terminal, and what may be said on it.
#[derive(Debug)]
pub(crate) struct Term {
    quiet: bool,
    stdout_is_terminal: bool,
    stderr_is_terminal: bool,
    colour_stdout: bool,
    colour_stderr: bool,
}

impl Term {
    pub(crate) fn new(choice: ColorChoice, quiet: bool) -> Self {
        let (out, err) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        let wanted = |terminal: bool| match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
                terminal && !no_colour && !dumb
            }
        };
        Self { quiet, stdout_is_terminal: out, stderr_is_terminal: err, colour_stdout: wanted(out), colour_stderr: wanted(err) }
    }

    /// Whether results on stdout may be coloured.
    pub(crate) fn colour(&self) -> bool {
        self.colour_stdout
    }

    /// The columns of the terminal that results are looked at on.
    pub(crate) fn width(&self) -> Option<usize> {
        if !self.stdout_is_terminal {
            return None;
        }
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        columns.or_else(|| terminal_size::terminal_size().map(|(width, _)| width.0.into()))
    }

    /// Whether a text is longer than the terminal that it is looked at on.
    pub(crate) fn is_exceeded_by(&self, text: &[u8]) -> bool {
        let rows = terminal_size::terminal_size().map(|(_, height)| usize::from(height.0));
        self.stdout_is_terminal && rows.is_some_and(|rows| text.iter().filter(|byte| **byte == b'\n').count() >= rows)
    }

    pub(crate) fn stdout_is_terminal(&self) -> bool {
        self.stdout_is_terminal
    }

    /// Whether progress may be shown.
    pub(crate) fn progress(&self) -> bool {
        self.stderr_is_terminal && !self.quiet
    }

    /// Something worth knowing that is no result.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.say("note", AnsiColor::Cyan, text);
        }
    }

    /// Something that may not be what was meant.
    pub(crate) fn warning(&self, text: &str) {
        if !self.quiet {
            self.say("warning", AnsiColor::Yellow, text);
        }
    }

    /// Why there is no result.
    pub(crate) fn error(&self, text: &str) {
        self.say("error", AnsiColor::Red, text);
    }

    fn say(&self, word: &str, colour: AnsiColor, text: &str) {
        let style = if self.colour_stderr { Style::new().bold().fg_color(Some(colour.into())) } else { Style::new() };
        // Messages name what was found in exports; a terminal obeys nothing of it.
        let text = text.replace(|c: char| c.is_control() && c != '\n', " ");
        let line = format!("{}{word}:{} {text}\n", style.render(), style.render_reset());
        // Nobody is left to tell when stderr is gone.
        let _ = std::io::Write::write_all(&mut std::io::stderr().lock(), line.as_bytes());
    }
}
