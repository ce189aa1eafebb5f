"""How errors leave the program, and what the frame itself answers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap

import pytest
import typer

from echoduet import __version__
from echoduet.cli import main as frame
from echoduet.cli.console import mode
from echoduet.cli.main import explain, main
from echoduet.errors import EchoDuetError, LeakError


@pytest.fixture
def failing(monkeypatch):
    """Return a function that runs the command line with a command that raises what it is given."""
    monkeypatch.delenv("ECHODUET_DEBUG", raising=False)

    def run(error):
        app = typer.Typer()
        app.callback()(lambda: None)

        @app.command()
        def fail() -> None:
            raise error

        monkeypatch.setattr(frame, "app", app)
        return main(["fail"])

    return run


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"echoduet {__version__}\n"


def test_version_as_json(capsys):
    assert main(["--json", "--version"]) == 0
    assert json.loads(capsys.readouterr().out) == {"version": __version__}


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"│ {command.name} " in shown for command in frame.app.registered_commands)


def test_every_command_shows_its_help_with_quiet_and_json(capsys):
    for command in frame.app.registered_commands:
        assert main([command.name, "--help"]) == 0
        shown = capsys.readouterr().out
        assert "--quiet" in shown, command.name
        assert "--json" in shown, command.name


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["inf"], "error: No such command 'inf'. Did you mean 'info'? Try `echoduet --help`."),
        (["info", "--jsn"], "No such option: --jsn"),
        (["info", "a", "b"], "unexpected extra argument"),
    ],
)
def test_a_slip_on_the_command_line_is_one_sentence(capsys, args, told):
    assert main(args) == 2
    shown = capsys.readouterr()
    assert told in shown.err
    assert shown.err.count("\n") == 1
    assert shown.out == ""


def test_an_error_of_ours_is_its_own_sentence(failing, capsys):
    assert failing(LeakError("a and b are copies. Use --protocol clean.")) == 2
    assert capsys.readouterr().err == "error: a and b are copies. Use --protocol clean.\n"


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (PermissionError(13, "Permission denied", "/root/x"), 2, "error: /root/x: Permission denied. Check the path,"),
        (OSError(28, "No space left on device"), 2, "error: No space left on device. Check"),
        (MemoryError(), 2, "error: out of memory. Use a smaller batch"),
        (ZeroDivisionError("division\nby zero"), 2, "error: unexpected ZeroDivisionError: division by zero. This is a"),
        (KeyboardInterrupt(), 130, "error: interrupted; files already written are whole"),
        (typer.Abort(), 130, "error: interrupted"),
    ],
)
def test_any_other_error_is_one_sentence_too(failing, capsys, error, code, told):
    assert failing(error) == code
    shown = capsys.readouterr()
    assert shown.err.startswith(told)
    assert shown.err.count("\n") == 1
    assert shown.out == ""


def test_a_gpu_out_of_memory_is_told_by_its_name():
    error = type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory. Tried to allocate ...")
    assert explain(error)[0].startswith("out of memory.")


def test_a_command_can_end_with_a_code_of_its_own(failing, capsys):
    assert failing(typer.Exit(1)) == 1
    assert capsys.readouterr().err == ""


def test_debug_lets_the_traceback_through(failing, monkeypatch):
    monkeypatch.setenv("ECHODUET_DEBUG", "1")
    app_error = EchoDuetError("whole")
    monkeypatch.setattr(frame, "_run", lambda args: (_ for _ in ()).throw(app_error))
    with pytest.raises(EchoDuetError, match="whole"):
        main(["anything"])


def test_the_mode_of_one_call_does_not_stay_for_the_next(capsys):
    assert main(["--quiet", "--json", "--version"]) == 0
    assert main(["--version"]) == 0
    assert (mode.quiet, mode.json) == (False, False)
    capsys.readouterr()


def test_the_program_itself_exits_with_the_code(run_cli):
    done = run_cli("no-such-command")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: No such command")


def test_without_a_command_the_help_is_shown(run_cli):
    done = run_cli()
    assert "Usage: echoduet" in done.stdout + done.stderr
    assert done.returncode in (0, 2)


def test_ctrl_c_ends_with_one_sentence():
    # Job control may have taught this process, and so its children, to ignore the signal: the program unlearns it.
    program = """
        import signal, sys, time, typer
        from echoduet.cli import main as frame

        signal.signal(signal.SIGINT, signal.default_int_handler)
        app = typer.Typer()
        app.callback()(lambda: None)

        @app.command()
        def wait() -> None:
            print("waiting", flush=True)
            time.sleep(60)

        frame.app = app
        sys.exit(frame.main(["wait"]))
    """
    words = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        _, told = process.communicate()
    assert process.returncode == 130
    assert told.startswith("error: interrupted;")
    assert "Traceback" not in told


def test_a_closed_pipe_is_no_traceback():
    # As in `echoduet info | head -1`.
    done = subprocess.run(
        f"{sys.executable} -m echoduet.cli.main --help | true", shell=True, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
