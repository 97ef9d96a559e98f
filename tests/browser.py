"""A headless Chromium, spoken to over a pipe in its DevTools protocol."""

import base64
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

_SWITCHES = (
    "--headless",
    "--no-sandbox",  # as root, in a container, it would not start with one
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--remote-debugging-pipe",
)


@dataclass
class Page:
    """A browser's one tab. What its page logged and what its policy refused is in `messages`."""

    _commands: BinaryIO
    _answers: BinaryIO
    _session: str = ""
    _target: str = ""
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _loaded: set[str] = field(default_factory=set)
    _pending: bytes = b""

    def open(self, path: Path, *, width: int, height: int) -> None:
        """Load a file into a tab of its own, and return when everything in it is loaded.

        `width` and `height` are the screen's, in CSS pixels; a narrow one is a phone's. What an earlier tab
        still has to say is not heard.
        """
        self._new_tab()
        self.viewport(width, height)
        document = self.call("Page.navigate", url=path.as_uri())["loaderId"]
        while document not in self._loaded:
            self._take(self._read())

    def evaluate(self, expression: str) -> Any:
        """Return the JSON value of an expression."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def viewport(self, width: int, height: int) -> None:
        """Look at the page with another screen."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.call("Input.insertText", text=text)

    def screenshot(self) -> bytes:
        """Return what is to be seen, as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def _new_tab(self) -> None:
        if self._target:
            self._session, old = "", self._target
            self.call("Target.closeTarget", targetId=old)
        self.messages.clear()
        self.requests.clear()
        self._target = target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Page.setLifecycleEventsEnabled", enabled=True)

    def close(self) -> None:
        """Let the browser end."""
        self._commands.write(b'{"id": 0, "method": "Browser.close"}\0')
        self._commands.flush()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call one method of the protocol and return its result."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._commands.write(json.dumps(message).encode() + b"\0")
        self._commands.flush()
        while True:
            answer = self._read()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
            self._take(answer)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._pending:
            block = os.read(self._answers.fileno(), 1 << 16)
            assert block, "the browser is gone"
            self._pending += block
        message, _, self._pending = self._pending.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer

    def _take(self, event: dict[str, Any]) -> None:
        if event.get("sessionId") != self._session:
            return
        parameters = event.get("params", {})
        match event.get("method"):
            case "Page.lifecycleEvent" if parameters["name"] == "load":
                self._loaded.add(parameters["loaderId"])
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Page.javascriptDialogOpening":
                self.messages.append(json.dumps(parameters))
            case "Log.entryAdded":
                self.messages.append(parameters["entry"]["text"])
            case "Network.requestWillBeSent" if not parameters["request"]["url"].startswith("data:"):
                self.requests.append(
                    parameters["request"]["url"]
                )  # what a player is drawn with is no request


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """Run Chromium with a profile in `folder`, and yield a page of it."""
    assert CHROMIUM is not None
    switches = (*_SWITCHES, f"--user-data-dir={folder / 'profile'}")
    their_in, our_out = os.pipe()
    our_in, their_out = os.pipe()
    with (folder / "chromium.log").open("wb") as log:
        process = subprocess.Popen(
            # The numbers that the protocol's pipe has are 3 and 4.
            ["bash", "-c", f'exec "$0" "$@" 3<&{their_in} 4>&{their_out}', CHROMIUM, *switches],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(their_in, their_out),
            env={**os.environ, "HOME": str(folder)},
        )
    os.close(their_in)
    os.close(their_out)
    try:
        with os.fdopen(our_out, "wb") as commands, os.fdopen(our_in, "rb", buffering=0) as answers:
            page = Page(commands, answers)
            yield page
            page.close()
    finally:
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
