"""A person at a terminal, in front of the installed command."""

import codecs
import os
import pty
import signal
import subprocess
from contextlib import suppress

from tests.acceptance.projects import COMMAND, PATIENCE_SECONDS, Project

#: The questions on the screen, as far as tests wait for them.
YES_OR_NO = "[y/N]"
ASKED = "(! for all of this state)"
REASON = "Why is it to be left as it is?"


class Terminal:
    """A command on a pseudo terminal. `shown` is all that stood on its screen so far."""

    def __init__(self, project: Project, *arguments: str) -> None:
        self.screen, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [COMMAND, *arguments],
            cwd=project.root,
            env=project.environ,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self.shown = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def read_until(self, text: str) -> None:
        while text not in self.shown:
            self._read()

    def type(self, text: str) -> None:
        """Type a line, once what was shown before it is read."""
        self.shown = ""
        os.write(self.screen, text.encode())

    def answer(self, text: str) -> int:
        """Type a line; return the exit status."""
        os.write(self.screen, text.encode())
        return self.end()

    def interrupt(self) -> int:
        """Press Ctrl-C, again where one came just before the program waited; return the exit status."""
        while self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
        return self.end()

    def end(self) -> int:
        """Read to the end, and return the exit status."""
        try:
            while self._read():
                pass
        except OSError:  # the other side of the terminal is closed
            pass
        os.close(self.screen)
        return self.process.wait(PATIENCE_SECONDS)

    def _read(self) -> bool:
        more = os.read(self.screen, 4096)
        self.shown += self._decoder.decode(more)
        return bool(more)
