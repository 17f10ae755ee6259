"""A mail server on loopback that speaks as much SMTP as it takes to hand in mail, and keeps threads as a mailbox shows them."""

from __future__ import annotations

import email
import email.policy
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Literal

from plumbline.demo.stubs.serving import in_background

MailMode = Literal["ok", "450", "550", "535", "reset"]
"""`450` is busy, `550` knows no such mailbox, `535` takes no password."""


@dataclass
class Mailbox:
    """What came. `threads` has the mails of a conversation by the id of its first."""

    mode: MailMode = "ok"
    mails: list[EmailMessage] = field(default_factory=list)
    to: list[list[str]] = field(default_factory=list)
    threads: dict[str, list[EmailMessage]] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)

    def take(self, raw: bytes, to: list[str]) -> str:
        """Take one mail as it came over the line, or return why not."""
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        problem = mail_problem(mail)
        if problem:
            self.refusals.append(problem)
            return problem
        self.mails.append(mail)
        self.to.append(to)
        root = str(mail["References"] or mail["Message-ID"]).split()[0]
        self.threads.setdefault(root, []).append(mail)
        return ""


def mail_problem(mail: EmailMessage) -> str:
    """Return what is missing or active in `mail`; "" for neither."""
    missing = [name for name in ("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted") if not mail[name]]
    if missing:
        return f"missing: {', '.join(missing)}"
    if len(mail["Subject"]) > 200 or any("bcc" in name.lower() for name in mail.keys()):  # noqa: SIM118 - keys repeat in a mail
        return "headers"
    hypertext = mail.get_body(("html",))
    text = hypertext.get_content().lower() if hypertext is not None else ""
    return "active" if any(word in text for word in ("<script", "<img", "<iframe", "<style", "onerror=")) else ""


class _Line(socketserver.StreamRequestHandler):
    server: _Server
    timeout = 15

    def handle(self) -> None:
        self._say("220 stub ESMTP")
        to: list[str] = []
        for raw in self.rfile:
            word, _, rest = raw.decode("utf-8", "replace").strip().partition(" ")
            word = word.upper()
            if self.server.mailbox.mode == "reset":
                return
            if word == "QUIT":
                self._say("221 bye")
                return
            if word == "RCPT":
                to.append(rest.partition("<")[2].rstrip(">"))
            self._answer(word, to)

    def _answer(self, word: str, to: list[str]) -> None:
        mode = self.server.mailbox.mode
        if word in {"EHLO", "HELO"}:
            self._say("250-stub\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME")
        elif word == "AUTH":
            self._say("535 5.7.8 wrong" if mode == "535" else "235 in")
        elif word == "RCPT" and mode in {"450", "550"}:
            self._say(f"{mode} 4.2.1 not now" if mode == "450" else "550 5.1.1 no such mailbox")
        elif word == "DATA":
            self._data(to)
        else:
            self._say("250 ok")

    def _data(self, to: list[str]) -> None:
        self._say("354 go on")
        lines: list[bytes] = []
        for line in self.rfile:
            if line.rstrip(b"\r\n") == b".":
                break
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        problem = self.server.mailbox.take(b"".join(lines), list(to))
        self._say(f"554 5.6.0 {problem}" if problem else "250 kept")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, mailbox: Mailbox) -> None:
        super().__init__(("127.0.0.1", 0), _Line)
        self.mailbox = mailbox


@contextmanager
def a_mailbox() -> Iterator[tuple[Mailbox, int]]:
    """A running mail server and its port; stopped at the end of the block."""
    mailbox = Mailbox()
    with _Server(mailbox) as server, in_background(server):
        yield mailbox, int(server.server_address[1])
