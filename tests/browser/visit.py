"""A page in a real browser that cannot reach anything outside, with a list of what went wrong on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from playwright.sync_api import Browser, Page, Response, Route, sync_playwright

from tools.chromium import find_chromium

# In a container there is no sandbox to be had and little shared memory; a proxy must not answer for the machine.
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-proxy-server"]
PATIENCE = 120_000  # milliseconds: a page takes two seconds, and half a minute where others use the machine too
INSIDE = ("http://127.0.0.1:", "file://", "data:", "blob:")


@dataclass(frozen=True)
class Setting:
    """How a reader looks at the book."""

    scheme: str
    colours: str
    width: int

    def __str__(self) -> str:
        return f"{self.scheme}-{self.colours}-{self.width}"


# Every pair of two ways of looking is there once.
SETTINGS = (
    Setting("http", "light", 1280),
    Setting("file", "dark", 390),
    Setting("http", "dark", 1280),
    Setting("file", "light", 390),
)


@dataclass(frozen=True)
class Visit:
    """An open page, and what it asked for outside and complained about since it was opened."""

    page: Page
    setting: Setting
    outside: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def guard(self, route: Route) -> None:
        if route.request.url.startswith(INSIDE):
            route.continue_()
        else:
            self.outside.append(route.request.url)
            route.abort()

    def answered(self, response: Response) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.status} {response.url}")

    def listen(self) -> None:
        self.page.context.route("**/*", lambda route: self.guard(route))
        self.page.on("response", lambda response: self.answered(response))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", lambda request: self.complaints.append(f"{request.failure} {request.url}"))
        self.page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))


@contextmanager
def chromium() -> Iterator[Browser]:
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, address: str, setting: Setting) -> Iterator[Visit]:
    """The page, when its widgets are drawn and its formulas set."""
    size = {"width": setting.width, "height": 900}
    with browser.new_context(viewport=size, color_scheme=setting.colours) as context:
        context.set_default_timeout(PATIENCE)
        visit = Visit(context.new_page(), setting)
        visit.listen()
        visit.page.goto(address)
        visit.page.evaluate("window.MathJax?.startup?.promise")
        for output in visit.page.locator(PICKER).all():
            output.locator(".nl-frame:visible").wait_for()
        yield visit


PICKER = "div.cell_output:has(script[type='application/vnd.jupyter.widget-view+json'])"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which this machine, and no other, shows a folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
