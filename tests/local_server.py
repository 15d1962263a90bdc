"""A server on 127.0.0.1 that sends one file, with the habits of good and of bad ones."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server:
    """Serves `content` at every path but /absent and remembers the requests.

    Attributes:
        honours_range: answer Range requests with the rest of the file.
        breaks_after: close the connection after so many bytes of the body.
        requests: (path, Range header) of every request.
    """

    def __init__(self, content):
        self.content = content
        self.honours_range = True
        self.breaks_after = None
        self.requests = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self, path="net.tar.gz"):
        return f"http://127.0.0.1:{self._server.server_port}/{path}"

    def answer(self, request):
        wanted = request.headers.get("Range")
        self.requests.append((request.path, wanted))
        if request.path == "/absent":
            return request.send_error(404)
        start = int(wanted[len("bytes=") : -1]) if wanted and self.honours_range else 0
        if start >= len(self.content):
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(self.content)}")
            request.send_header("Content-Length", "0")
            return request.end_headers()
        request.send_response(206 if start else 200)
        if start:
            last = len(self.content) - 1
            request.send_header("Content-Range", f"bytes {start}-{last}/{len(self.content)}")
        request.send_header("Content-Length", str(len(self.content) - start))
        request.end_headers()
        request.wfile.write(self.content[start:][: self.breaks_after])

    def close(self):
        self._server.shutdown()
        self._server.server_close()
