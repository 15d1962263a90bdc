"""A server for a laboratory: the page, a number for each participant, and their response files.

GET  /                  the files of the page's folder, and nothing else
POST /participant       {"participant": 3}: each number once, also after a restart
POST /responses         a response file, kept as it came if it is whole and the first of its
                        participant
"""

import json
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from model_metamers.files import atomic_file, locked
from model_metamers.human import pages
from model_metamers.human.design import Design
from model_metamers.human.responses import parse

LARGEST_BODY_BYTES = 4 * 2**20
CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".png": "image/png",
    ".wav": "audio/wav",
}
_NUMBERS_FILE = "participants.json"
_SECONDS_OF_SILENCE = 30  # before a connection is given up


class Refused(Exception):
    """A request that is not granted: a status, and a line that says why."""

    def __init__(self, status: HTTPStatus, reason: str):
        super().__init__(reason)
        self.status = status


class Laboratory:
    """What the server keeps: the numbers it has given, and the response files.

    Attributes:
        design: the experiment.
        page: folder of the page.
        responses: folder of the response files.
    """

    def __init__(self, design: Design, page: Path, responses: Path):
        self.design = design
        self.page = page.resolve()
        self.responses = responses
        self._lock = threading.Lock()
        responses.mkdir(parents=True, exist_ok=True)

    def next_participant(self) -> int:
        """Return a number that nobody has had.

        Raises:
            Refused: all are given.
        """
        record = self.responses / _NUMBERS_FILE
        with self._lock, locked(record):
            given = self._given(record)
            # Who was told a number by somebody else may have answered already.
            free = (n for n in range(given + 1, self._most + 1) if not self._path(n).exists())
            number = next(free, None)
            if number is None:
                raise Refused(HTTPStatus.CONFLICT, f"all {self._most} numbers are given")
            with atomic_file(record) as file:
                file.write(json.dumps({"given": number}).encode())
        return number

    @staticmethod
    def _given(record: Path) -> int:
        if not record.exists():
            return 0
        try:
            given = json.loads(record.read_bytes())["given"]
        except (ValueError, KeyError, TypeError, RecursionError):
            given = None
        if not isinstance(given, int) or isinstance(given, bool) or given < 0:
            reason = f"{record} is damaged; remove it to go on after the answers there are"
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, reason)
        return given

    def store(self, body: bytes) -> int:
        """Keep a response file and return its participant.

        Raises:
            Refused: it is no whole response file of this experiment, or there is one already.
        """
        try:
            participant = parse(body.decode(), self.design)[0].participant
        except ValueError as error:  # also of text that is no UTF-8
            raise Refused(HTTPStatus.BAD_REQUEST, f"no response file: {error}") from None
        path = self._path(participant)
        with self._lock, locked(path):
            if path.exists():
                reason = f"participant {participant} has answered before"
                raise Refused(HTTPStatus.CONFLICT, reason)
            with atomic_file(path) as file:
                file.write(body)
        return participant

    def file(self, address: str) -> tuple[bytes, str]:
        """Return content and type of a file of the page.

        Raises:
            Refused: it is not one.
        """
        name = unquote(_path_of(address)).lstrip("/") or "index.html"
        if name == pages.SERVER_SCRIPT:
            script = pages.server_script(participant="participant", responses="responses")
            return script.encode(), CONTENT_TYPES[".js"]
        try:
            path = (self.page / name).resolve()
            inside = path.is_relative_to(self.page) and path.suffix in CONTENT_TYPES
            if inside and path.is_file():
                return path.read_bytes(), CONTENT_TYPES[path.suffix]
        except (OSError, ValueError):  # names too long, or with a zero byte
            pass
        raise Refused(HTTPStatus.NOT_FOUND, "there is no such file")

    @property
    def _most(self) -> int:
        return len(self.design.participants)

    def _path(self, participant: int) -> Path:
        return self.responses / f"participant_{participant:03d}.csv"


def make_server(laboratory: Laboratory, host: str, port: int) -> ThreadingHTTPServer:
    """Return a server that is bound; port 0 takes a free one.

    Raises:
        OSError: the address is in use, or not this machine's.
    """

    class Handler(_Handler):
        lab = laboratory

    return _Server((host, port), Handler)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say in one line what went wrong with a connection; closed tabs are nothing wrong."""
        error = sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1]
        if not isinstance(error, ConnectionError | TimeoutError):
            print(f"error: {type(error).__name__}: {error}", file=sys.stderr, flush=True)


def _path_of(address: str) -> str:
    try:
        return urlsplit(address).path
    except ValueError:
        raise Refused(HTTPStatus.BAD_REQUEST, "that is no address") from None


class _Handler(BaseHTTPRequestHandler):
    lab: Laboratory
    timeout = _SECONDS_OF_SILENCE

    def do_GET(self) -> None:
        try:
            content, kind = self.lab.file(self.path)
        except (Refused, OSError) as refused:
            self._refuse(refused)
        else:
            self._answer(HTTPStatus.OK, content, kind)

    def do_POST(self) -> None:
        try:
            answer = self._posted(_path_of(self.path))
        except (Refused, OSError) as refused:
            self.close_connection = True  # a body that was not read would be the next request
            self._refuse(refused)
        else:
            content = json.dumps({"participant": answer}).encode()
            self._answer(HTTPStatus.OK, content, "application/json")

    def _posted(self, path: str) -> int:
        kinds = {"/participant": "application/json", "/responses": "text/csv"}
        if path not in kinds:
            raise Refused(HTTPStatus.NOT_FOUND, "there is no such address")
        # Pages of other sites can post forms here without asking, but not these types.
        if self.headers.get_content_type() != kinds[path]:
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"expected {kinds[path]}")
        body = self._body()
        if path == "/participant":
            return self.lab.next_participant()
        participant = self.lab.store(body)
        print(f"participant {participant} has answered", flush=True)
        return participant

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "Content-Length is needed")
        if len(length) > 12 or int(length) > LARGEST_BODY_BYTES:
            raise Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {LARGEST_BODY_BYTES} bytes"
            )
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise Refused(HTTPStatus.BAD_REQUEST, "the body is cut short")
        return body

    def _refuse(self, refused: Refused | OSError) -> None:
        if isinstance(refused, ConnectionError | TimeoutError):  # nobody listens any more
            raise refused
        if isinstance(refused, OSError):  # of this machine's disk
            print(f"error: {refused}", file=sys.stderr, flush=True)
            refused = Refused(HTTPStatus.INSUFFICIENT_STORAGE, "the answer cannot be kept")
        content = f"{refused}\n".encode()
        self._answer(refused.status, content, "text/plain; charset=utf-8")

    def _answer(self, status: HTTPStatus, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing of every picture."""
