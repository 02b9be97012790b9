"""Receivers on loopback: an HTTP server that takes a webhook, and a mail server that speaks as much SMTP as smtplib asks for."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_string
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Hook:
    """What a webhook was sent, and what it answers."""

    url: str = ""
    status: int = 200
    texts: list[str] = field(default_factory=list)


@contextmanager
def hook() -> Iterator[Hook]:
    """A webhook that is listening."""
    taken = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if taken.status == 200:
                taken.texts.append(body["text"])
            self.send_response(taken.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        taken.url = f"http://127.0.0.1:{port}/services/T0/B0/secret-of-the-channel"
        yield taken


@dataclass
class Post:
    """Letters that a mail server took, and the recipients it refuses."""

    port: int = 0
    letters: list[Message] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)


@contextmanager
def post() -> Iterator[Post]:
    """A mail server that is listening (RFC 5321)."""
    taken = Post()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 here")
            while line := self.rfile.readline().decode().strip():
                command = line.upper()
                if command.startswith("RCPT") and any(one in line for one in taken.refuses):
                    self.say("550 nobody of that name")
                elif command == "DATA":
                    self.say("354 go on")
                    lines = []
                    while (text := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                        lines.append(text)
                    taken.letters.append(message_from_string("\n".join(lines)))
                    self.say("250 taken")
                else:
                    self.say("221 bye" if command == "QUIT" else "250 ok")

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as taken.port:
        yield taken


@contextmanager
def serving(server: socketserver.TCPServer) -> Iterator[int]:
    """The port of a server that works in a thread of its own until the end of the block."""
    worker = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    with server:
        worker.start()
        yield server.server_address[1]
        server.shutdown()
        worker.join()
