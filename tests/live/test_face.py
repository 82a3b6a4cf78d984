# SPDX-License-Identifier: Apache-2.0
"""The face of the command line: help, man pages, completion in real shells."""

import re
import shutil
import subprocess

import pytest

from actors.terminal import Terminal
from actors.worker import BUILD, PETIOLE

pytestmark = pytest.mark.petiole_only

PAGES = BUILD / "src" / "pages"


def petiole(*words):
    done = subprocess.run([PETIOLE, *words], capture_output=True, text=True, timeout=20)
    return done.returncode, done.stdout, done.stderr


def commands():
    return re.findall(r"^  (\w+) +\S", petiole("--help")[1], re.M)


def needs(program):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")


# ---- Help


def test_every_command_tells_its_usage_options_and_exit_codes_on_one_screen():
    assert {"worker", "call", "purge", "dead", "drain", "run", "config"} <= set(commands())
    for command in commands():
        status, out, err = petiole(command, "--help")
        lines = out.splitlines()
        assert (status, err) == (0, ""), command
        assert lines[0].startswith(f"usage: petiole {command}")
        assert max(map(len, lines)) <= 80, command
        assert len(lines) <= (50 if command == "worker" else 40), command
        assert "Exit codes: 0 " in out
        assert petiole(command, "-h")[1] == out


def test_petiole_alone_and_petiole_help_list_the_commands():
    assert petiole()[0] == 64 and petiole()[2] == petiole("--help")[1]
    assert len(petiole("--help")[1].splitlines()) <= 40
    assert re.fullmatch(r"petiole \d+\.\d+\.\d+\n", petiole("--version")[1])


@pytest.mark.parametrize("words, says", [
    (["cal"], "did you mean 'call'?"),
    (["call", "demo.add", "--kwarg", "{}"], "did you mean '--kwargs'?"),
    (["call", "demo.add", "--brokr", "x"], "did you mean '--broker'?"),
    (["call", "demo.add", "-Z"], "see petiole call --help"),
    (["call", "demo.add", "--args"], "no value for option '--args'"),
    (["purge", "--force=yes"], "no value is taken by '--force=yes'"),
    (["purge", "celery"], "unexpected argument 'celery'"),
    (["dead", "lsit"], "did you mean 'list'?"),
    (["dead"], "say list, show, replay or drop"),
    (["config", "chekc", "x"], "did you mean 'check'?"),
    (["run", "--sofd-time-limit", "3", "demo"], "did you mean '--soft-time-limit'?"),
    (["worker", "--concurency", "3"], "did you mean '--concurrency'?"),
], ids=" ".join)
def test_a_wrong_command_line_is_one_line_with_the_nearest_name(words, says):
    status, out, err = petiole(*words)
    assert (status, out) == (64, "")
    assert err.count("\n") == 1 and says in err


def test_what_stands_behind_two_dashes_or_a_task_is_no_option():
    assert petiole("run", "demo", "demo.echo", "--help") == (0, '"--help"\n', "")
    assert petiole("purge", "--", "--force")[0] == 64


# ---- Man pages


def test_every_command_has_a_man_page_without_a_warning():
    needs("mandoc")
    needs("man")
    pages = sorted(PAGES.glob("*.1"), key=lambda page: page.stem)
    assert [p.stem for p in pages] == sorted(["petiole", *(f"petiole-{c}" for c in commands())])
    for page in pages:
        lint = subprocess.run(["mandoc", "-Tlint", "-W", "warning", page], capture_output=True, text=True).stdout
        assert [line for line in lint.splitlines() if "missing date" not in line] == []
        man = subprocess.run(["man", "--warnings", "-l", page], capture_output=True, text=True,
                             env={"PATH": "/usr/bin:/bin", "MANWIDTH": "80", "LC_ALL": "C.UTF-8"})
        assert man.stderr == "" and man.returncode == 0
        assert "EXIT STATUS" in man.stdout


def test_a_man_page_names_each_option_that_help_names():
    for command in commands():
        page = (PAGES / f"petiole-{command}.1").read_text().replace("\\-", "-")
        for option in re.findall(r"^ .{3,4} --([\w-]+)", petiole(command, "--help")[1], re.M):
            assert f"--{option}" in page, (command, option)


# ---- Completion


def in_bash(line):
    words = " ".join(f"'{w}'" for w in re.sub("=", " = ", line).split(" "))
    script = (f"source {PAGES}/petiole.bash; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n"
              "_petiole; printf '%s\\n' \"${COMPREPLY[@]}\"")
    done = subprocess.run(["bash", "--norc", "--noprofile", "-uc", script], capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def in_fish(line):
    needs("fish")
    done = subprocess.run(["fish", "--no-config", "-c", f"source {PAGES}/petiole.fish; complete -C '{line}'"],
                          capture_output=True, text=True, timeout=20)
    assert done.stderr == ""
    return [re.sub(r"^--\w+=", "", row.split("\t")[0]) for row in done.stdout.splitlines()]


@pytest.fixture
def in_zsh(stage):
    """In the terminal of a person who presses the tabulator."""
    needs("zsh")

    def complete(line):
        zsh = stage.process(Terminal(["zsh", "-f", "-i"], columns=100, rows=100, env={"HOME": "/nonexistent"}))
        zsh.text(f"PROMPT='READY> '; fpath=({PAGES} $fpath); autoload -Uz compinit; compinit -D -u; "
                 "LISTMAX=1000; bindkey '^I' list-choices; clear\n")
        zsh.wait(lambda screen: screen.strip() == "READY>")
        zsh.text(line + "\t")
        screen = zsh.wait(lambda screen: len(screen.strip().splitlines()) > 1)
        zsh.kill()
        return re.findall(r"(?:^|  )([\w./-]+)(?=[*/ ]|$)", screen.split("\n", 1)[1], re.M)

    return complete


@pytest.fixture(params=["bash", "fish", "zsh"])
def complete(request):
    return {"bash": in_bash, "fish": in_fish}.get(request.param) or request.getfixturevalue("in_zsh")


def test_shells_complete_commands(complete):
    assert set(commands()) <= set(complete("petiole "))


@pytest.mark.parametrize("line, offers, not_that", [
    ("petiole -b redis://h/0 d", {"dead", "drain"}, "worker"),
    ("petiole worker --log", {"--loglevel", "--logfile", "--log-format"}, "--queues"),
    ("petiole worker -l ", {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}, "celery"),
    ("petiole worker --log-format ", {"celery", "json"}, "INFO"),
    ("petiole dead ", {"list", "show", "replay", "drop"}, "worker"),
    ("petiole call proj.add --ser", {"--serializer"}, "--args"),
    ("petiole call proj.add --serializer ", {"json", "msgpack", "yaml", "auth"}, "celery"),
    ("petiole config check /etc/host", {"hostname"}, "import"),
    ("petiole worker --workdir /us", {"usr"}, "import"),
], ids=lambda value: value if isinstance(value, str) and " " in value else "")
def test_shells_complete_options_and_their_values(complete, line, offers, not_that):
    found = [word.rstrip("/").rsplit("/", 1)[-1] for word in complete(line)]
    assert offers <= set(found), found
    assert not_that not in found


def test_bash_completes_a_value_behind_an_equals_sign():
    assert in_bash("petiole worker --loglevel=I") == ["INFO"]
    assert in_bash("petiole worker --loglevel=") == ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
