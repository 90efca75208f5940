"""Tables on a terminal: long ones go through the pager, short ones do not, and leaving it early is no failure."""

import os
import pty
import struct
import subprocess
import sys
import tempfile
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

TENURE = os.environ["TENURE"]
ROWS, COLUMNS = 24, 100


def on_terminal(folder, args, typed=(), **environment):
    """What a command shows on a terminal of its own, and its exit code; what is typed once something is shown."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.environ.update(environment, TERM="xterm")
        os.execv(TENURE, [TENURE, *args])
    ioctl(terminal, TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    shown = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
        for awaited, keys in typed:
            if awaited in part:
                os.write(terminal, keys)
    return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main():
    checked = 0

    def check(what, holds):
        nonlocal checked
        if not holds:
            sys.exit(f"terminal: {what}")
        checked += 1

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        rows = [f"c{n},2024-{1 + n % 12:02}-{1 + n % 28:02}" for n in range(3000)]
        place.joinpath("log.csv").write_text("customer,time\n" + "\n".join(rows) + "\n")
        pager = place / "pager"
        pager.write_text("#!/bin/sh\necho PAGED\ncat\n")
        leaver = place / "leaver"
        leaver.write_text("#!/bin/sh\nhead -n 1 >/dev/null\n")
        for script in (pager, leaver):
            script.chmod(0o755)
        long, short = ["retention", "log.csv", "--cohort", "week", "-q"], ["retention", "log.csv", "-q"]
        # Twelve cohorts fit, fifty-two do not.
        text, code = on_terminal(folder, long, TENURE_PAGER=str(pager))
        check(f"a long table goes through the pager: {text[:200]!r}", "PAGED" in text and code == 0)
        text, code = on_terminal(folder, short, TENURE_PAGER=str(pager))
        check("a short table does not", "PAGED" not in text and "cohort" in text and code == 0)
        text, code = on_terminal(folder, long, PAGER=str(pager))
        check("PAGER names it too", "PAGED" in text and code == 0)
        for straight in ("cat", "", "no-such-pager", "false"):
            text, code = on_terminal(folder, long, TENURE_PAGER=straight)
            check(f"TENURE_PAGER={straight!r} prints straight", "PAGED" not in text and "2024-12" in text and code == 0)
        text, code = on_terminal(folder, long, TENURE_PAGER=str(leaver))
        check(f"who leaves the pager early has seen enough ({code})", code == 0)
        # Tables wider than the terminal are parted, and nothing is left out.
        spans = [f"c{n},2024-{1 + n % 6:02}-01,{'2024-09-15' if n % 3 else ''},plan {n % 4},{10 + n},EUR" for n in range(60)]
        place.joinpath("spans.csv").write_text("customer,start,end,plan,amount,currency\n" + "\n".join(spans) + "\n")
        wide = ["revenue", "spans.csv", "--table", "subscriptions", "--interval", "month", "--by", "plan", "-q"]
        whole = subprocess.run([TENURE, *wide], cwd=folder, capture_output=True, text=True, check=True).stdout
        check("the table is wider than the terminal", max(map(len, whole.splitlines())) > COLUMNS)
        for command, alone in ((wide, whole), (["metrics", "--list"], None)):
            text, code = on_terminal(folder, command, TENURE_PAGER="cat")
            lines = text.replace("\r\n", "\n").splitlines()
            check(f"{command[0]} fits: {max(map(len, lines))}", max(map(len, lines)) <= COLUMNS and code == 0)
            if alone is not None:
                missing = set(alone.split()) - set(text.split())
                check(f"{command[0]} is whole: {missing}", not missing)
        # An interruption is the pager's.
        stayer = place / "stayer"
        stayer.write_text("#!/bin/sh\ntrap 'echo STAYED' INT\necho READY\nsleep 2 & wait\ncat >/dev/null\necho DONE\n")
        stayer.chmod(0o755)
        text, code = on_terminal(folder, long, [(b"READY", b"\x03")], TENURE_PAGER=str(stayer))
        check(f"the pager outlives an interruption: {text!r} {code}", "STAYED" in text and "DONE" in text and code == 0)
        piped = subprocess.run([TENURE, *long], cwd=folder, env={**os.environ, "TENURE_PAGER": str(pager)}, capture_output=True, text=True, check=True)
        check("a pipe is no terminal", "PAGED" not in piped.stdout)
    script = subprocess.run([TENURE, "completions", "bash"], capture_output=True, text=True, check=True).stdout
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    with tempfile.NamedTemporaryFile("w", suffix=".bash") as file:
        file.write(script)
        file.flush()
        complete = f'source {file.name}; COMP_WORDS=(tenure ret); COMP_CWORD=1; _tenure tenure ret tenure; echo "${{COMPREPLY[*]}}"'
        found = subprocess.run(["bash", "-c", complete], capture_output=True, text=True, check=True)
    check(f"bash completes a command: {found.stdout!r}", found.stdout.split() == ["retention"])
    print(f"terminal: {checked} checks hold")


main()
