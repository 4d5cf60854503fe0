"""A headless Chromium driven over its DevTools pipe: two file descriptors, no port and no driver."""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
# Chromium reads commands from descriptor 3 and answers on 4. Ours may be those two, so they step aside first.
_LAUNCH = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
for end, wanted in zip(ends, (3, 4)):
    os.dup2(end, wanted)
os.execv(sys.argv[3], sys.argv[3:])
"""
_SILENCE_S = 60
_KEYS = {
    "Enter": (13, "\r"),
    "Escape": (27, ""),
    "Tab": (9, ""),
    " ": (32, " "),
    "End": (35, ""),
    "Home": (36, ""),
    "ArrowLeft": (37, ""),
    "ArrowUp": (38, ""),
    "ArrowRight": (39, ""),
    "ArrowDown": (40, ""),
}


def find_chromium() -> str | None:
    """The program, or None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Tab:
    """One page. `errors` are what its console complained of; `requests` the addresses it asked for."""

    def __init__(self, program: str, profile: Path) -> None:
        read_here, write_there = os.pipe()
        read_there, write_here = os.pipe()
        command = [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, str(read_there), str(write_there), *command],
            pass_fds=(read_there, write_there),
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        os.close(read_there)
        os.close(write_there)
        self._out, self._in = os.fdopen(write_here, "wb", 0), os.fdopen(read_here, "rb", 0)
        self._pending = b""
        self._number = 0
        self._loads = 0
        self._session = ""
        self.errors: list[str] = []
        self.requests: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def close(self) -> None:
        """End the browser."""
        self._session = ""
        self.send("Browser.close")
        self._process.wait(20)
        self._out.close()
        self._in.close()

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Give a command and wait for its answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._out.write(json.dumps(message).encode() + b"\0")
        while True:
            got = self._next()
            if got.get("id") == self._number:
                if "error" in got:
                    raise RuntimeError(f"{method}: {got['error']}")
                answer: dict[str, Any] = got["result"]
                return answer
            self._note(got)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._pending:
            if not select.select([self._in], [], [], _SILENCE_S)[0]:
                raise TimeoutError(f"Chromium said nothing for {_SILENCE_S} s")
            more = self._in.read(1 << 20)
            if not more:
                raise RuntimeError("Chromium has ended")
            self._pending += more
        message, _, self._pending = self._pending.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def _note(self, event: Mapping[str, Any]) -> None:
        values = event.get("params", {})
        match event.get("method"):
            case "Runtime.exceptionThrown":
                self.errors.append(str(values["exceptionDetails"].get("exception", {}).get("description")))
            case "Runtime.consoleAPICalled":
                self.errors.append(str([one.get("value") for one in values["args"]]))
            case "Log.entryAdded":
                self.errors.append(values["entry"]["text"])
            case "Page.loadEventFired":
                self._loads += 1
            case "Network.requestWillBeSent":
                self.requests.append(values["request"]["url"][:200])

    def open(self, path: Path, fragment: str = "") -> None:
        """Open a page from disk and wait until its scripts have run."""
        # By way of an empty page, or a fragment alone would not load it anew.
        for url in ("about:blank", path.resolve().as_uri() + fragment):
            before = self._loads
            self.send("Page.navigate", url=url)
            while self._loads == before:
                self._note(self._next())
        self.wait("'readyMs' in document.documentElement.dataset")

    def evaluate(self, script: str) -> Any:
        """The value of an expression on the page."""
        answer = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait(self, script: str, most_s: float = 20.0) -> None:
        """Wait until the expression is true."""
        end = time.monotonic() + most_s
        while not self.evaluate(script):
            if time.monotonic() > end:
                raise TimeoutError(script)
            self.evaluate("new Promise((done) => setTimeout(done, 20))")

    def press(self, key: str, modifiers: int = 0) -> None:
        """Press and release a key; `modifiers` 8 is Shift."""
        code, text = _KEYS[key]
        common = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": code}
        self.send("Input.dispatchKeyEvent", type="keyDown", text=text, modifiers=modifiers, **common)
        self.send("Input.dispatchKeyEvent", type="keyUp", modifiers=modifiers, **common)

    def media(self, **features: str) -> None:
        """Emulate media features, such as prefers_color_scheme="dark"."""
        named = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.send("Emulation.setEmulatedMedia", features=named)

    def resize(self, width: int, height: int) -> None:
        """Give the page this size in CSS pixels."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def screenshot(self, path: Path, whole: bool = False) -> None:
        """Write a PNG of what is in view, or of the whole page."""
        answer = self.send("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))


@contextmanager
def chromium_tab(profile: Path) -> Iterator[Tab]:
    """A tab in a Chromium of its own, whose profile is a new folder."""
    program = find_chromium()
    if program is None:
        raise FileNotFoundError(f"none of {', '.join(NAMES)} is installed")
    tab = Tab(program, profile)
    try:
        yield tab
    finally:
        tab.close()
