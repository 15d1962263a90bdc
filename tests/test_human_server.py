"""The laboratory's server: what it gives, what it keeps, and what it refuses."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import command_line
import pytest
from human_runs import complete_design, right_answers

from model_metamers.human.responses import text_of
from model_metamers.human.server import LARGEST_BODY_BYTES, Laboratory, make_server

CSV = {"Content-Type": "text/csv"}
JSON = {"Content-Type": "application/json"}
DESIGN = complete_design(n_participants=4)


@pytest.fixture
def folder(tmp_path):
    page = tmp_path / "experiment" / "page"
    (page / "stimuli").mkdir(parents=True)
    (page / "index.html").write_text("<p>the page")
    (page / "server.js").write_text("of the disk")
    (page / "stimuli" / "a.png").write_bytes(b"png")
    (page / "notes.txt").write_text("not of the page")
    (page / "link.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "secret.png").write_text("secret")
    (tmp_path / "experiment" / "page_of_another.html").write_text("secret")
    DESIGN.write(tmp_path / "experiment")
    return tmp_path / "experiment"


@pytest.fixture
def ask(folder):
    laboratory = Laboratory(DESIGN, folder / "page", folder / "responses")
    server = make_server(laboratory, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()

    def request(method, path, body=None, headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content

    request.port = server.server_port
    yield request
    server.shutdown()
    thread.join()
    server.server_close()


def answers_of(participant):
    return text_of(right_answers(DESIGN, participant), DESIGN.experiment).encode()


def test_the_page_is_served_with_the_servers_addresses(ask):
    assert ask("GET", "/") == ask("GET", "/index.html?participant=3") == (200, b"<p>the page")
    assert ask("GET", "/stimuli/a.png") == (200, b"png")
    status, script = ask("GET", "/server.js")
    assert status == 200 and b'"participant": "participant"' in script


@pytest.mark.parametrize(
    "path",
    ["/../design.json", "/%2e%2e/design.json", "/stimuli/../../design.json", "//etc/passwd",
     "/..%2fdesign.json", "/../page_of_another.html", "/link.png", "/stimuli", "/stimuli/",
     "/notes.txt", "/%00.png", "/" + "a" * 5000 + ".png", "/..\\design.json"],
)  # fmt: skip
def test_nothing_but_the_page_is_served(ask, path):
    status, content = ask("GET", path)
    assert (status, content) == (404, b"there is no such file\n")


def test_every_number_is_given_once_also_after_a_restart(ask, folder):
    def number(_):
        return json.loads(ask("POST", "/participant", "{}", JSON)[1])["participant"]

    with ThreadPoolExecutor(3) as people:
        assert sorted(people.map(number, range(3))) == [1, 2, 3]
    again = Laboratory(DESIGN, folder / "page", folder / "responses")
    assert again.next_participant() == 4
    status, reason = ask("POST", "/participant", "{}", JSON)
    assert (status, reason) == (409, b"all 4 numbers are given\n")


def test_a_number_that_has_answered_is_not_given(ask):
    assert ask("POST", "/responses", answers_of(1), CSV)[0] == 200
    assert json.loads(ask("POST", "/participant", "{}", JSON)[1]) == {"participant": 2}


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"given": "x"}', '{"given": -5}', "null"])
def test_a_damaged_record_of_numbers_is_told(damage, ask, folder):
    (folder / "responses" / "participants.json").write_text(damage)
    status, content = ask("POST", "/participant", b"", JSON)
    assert status == 503 and b"participants.json is damaged; remove it" in content


def test_addresses_that_are_none_and_files_that_cannot_be_kept_are_refused(ask, folder, capfd):
    for method in ("GET", "POST"):
        with socket.create_connection(("127.0.0.1", ask.port)) as line:
            headers = "Content-Type: application/json\r\nContent-Length: 0"
            line.sendall(f"{method} http://[ HTTP/1.1\r\n{headers}\r\n\r\n".encode())
            assert b" 400 " in line.recv(100)
    (folder / "responses").rmdir()
    (folder / "responses").write_text("in the way")
    assert ask("POST", "/responses", answers_of(1), CSV)[0] == 507
    error = capfd.readouterr().err
    assert error.startswith("error: ") and "Traceback" not in error


def test_a_browser_that_leaves_is_no_error(ask, folder, capfd):
    port = ask.port
    with socket.create_connection(("127.0.0.1", port)) as leaving:
        leaving.sendall(b"POST /responses HTTP/1.1\r\nContent-Type: text/csv\r\n")
        leaving.sendall(b"Content-Length: 100\r\n\r\nx")
        leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert ask("GET", "/")[0] == 200
    assert capfd.readouterr().err == ""


def test_response_files_are_kept_as_they_came_and_once(ask, folder):
    body = answers_of(2)
    assert ask("POST", "/responses", body, CSV) == (200, b'{"participant": 2}')
    other = body.replace(b"simulated", b"1280x720@1")
    status, reason = ask("POST", "/responses", body, CSV)
    assert (status, reason) == (409, b"participant 2 has answered before\n")
    assert ask("POST", "/responses", other, CSV)[0] == 400  # its check does not fit
    (path,) = folder.glob("responses/*.csv")
    assert path.name == "participant_002.csv" and path.read_bytes() == body
    assert [p.name for p in folder.glob("responses/.*")] == []


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/responses", b"x", CSV, 400),
        ("/responses", b"\xff", CSV, 400),
        ("/responses", b"", {"Content-Type": "text/plain"}, 415),
        ("/participant", b"", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ("/responses", b"", CSV | {"Content-Length": str(LARGEST_BODY_BYTES + 1)}, 413),
        ("/responses", b"", CSV | {"Content-Length": "9" * 5000}, 413),
        ("/responses", b"", CSV | {"Content-Length": "-1"}, 411),
        ("/elsewhere", b"{}", JSON, 404),
    ],
)
def test_what_is_refused_leaves_nothing(ask, folder, path, body, headers, status):
    answered, reason = ask("POST", path, body, headers)
    assert answered == status and reason.endswith(b"\n")
    assert list((folder / "responses").iterdir()) == []


def test_the_script_listens_at_this_machine_until_it_is_ended(folder):
    command = [sys.executable, str(command_line.EXPERIMENTS / "human_server.py")]
    process = subprocess.Popen(
        [*command, f"--experiment_dir={folder}", "--port=0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        address = process.stdout.readline().split()[-1]
        assert address.startswith("http://127.0.0.1:")
        connection = http.client.HTTPConnection(address[7:].rstrip("/"), timeout=10)
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"<p>the page"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert "Traceback" not in errors and process.returncode != 0
    finally:
        process.kill()
