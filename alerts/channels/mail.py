"""E-mail by SMTP: text and HTML of one message, a thread an episode.

The first message of an episode has a `Message-ID` that follows from alert, receiver and episode; every other one refers to it, so
that a mailbox shows one conversation. The connection goes to an address that the guard has looked at, and is encrypted before a
password is sent; `tls: none` is for this machine and for private networks that are allowed. Mail cannot be acknowledged.
"""

from __future__ import annotations

import html
import smtplib
import socket
import ssl
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Annotated, Final, Literal

import msgspec

from alerts.channels import Means, ReceiverName
from alerts.channels.posting import REFUSED_WAIT_S, TOTAL_S
from alerts.message import Message, clean, details, links
from monitor.clock import Clock
from monitor.config.schema import Section
from monitor.errors import RetryLater, Undeliverable
from monitor.outgoing import HERE, OPEN, Guard

Address = Annotated[str, msgspec.Meta(pattern=r"^[^\s<>,;@]{1,64}@[^\s<>,;@]{1,255}$")]
Tls = Literal["starttls", "implicit", "none"]
SUBJECT: Final = 150


class EmailReceiver(Section, frozen=True, tag_field="kind", tag="email"):
    """Mailboxes, by a server that takes mail (submission). Give the password as `${env:NAME}`."""

    name: ReceiverName
    host: Annotated[str, msgspec.Meta(min_length=1, pattern=r"^[A-Za-z0-9.:_-]+$")]
    sender: Address = msgspec.field(name="from")
    to: Annotated[tuple[Address, ...], msgspec.Meta(min_length=1, max_length=50)]
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 587
    tls: Tls = "starttls"
    username: str = ""
    password: str = ""
    allow_private: bool = False

    def channel(self, means: Means) -> Mail:
        """Return the channel that sends mail."""
        guard = replace(means.guard, proxy=None, allow_private=self.allow_private)
        server = Server(self.host, self.port, self.tls, self.username, self.password, guard)
        return Mail(self.name, server, self.sender, self.to, means.clock)


@dataclass(frozen=True)
class Server:
    """Where mail is handed in."""

    host: str
    port: int
    tls: Tls
    username: str = ""
    password: str = field(default="", repr=False)
    guard: Guard = OPEN

    def address(self) -> str:
        """Return the address to connect to. Raises `Undeliverable` where it is refused, `OSError` for an unknown name."""
        if self.tls == "none" and self.host not in HERE and not self.guard.allow_private:
            raise Undeliverable("mail goes in the clear (write `tls: starttls`, or `allow_private: true`)")
        return self.guard.address(self.host, self.port)


class _Line(smtplib.SMTP):
    """A connection to an address that was looked at, under the name that its certificate must carry."""

    def __init__(self, server: Server, total_s: float) -> None:
        self.checked, self.tls = server.address(), server.tls
        self.context = ssl.create_default_context(cafile=server.guard.ca)
        super().__init__(server.host, server.port, timeout=total_s)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        line = socket.create_connection((self.checked, port), timeout)
        return self.context.wrap_socket(line, server_hostname=host) if self.tls == "implicit" else line


@dataclass(frozen=True)
class Mail:
    """Sends from `sender` to every address of `to`, in one transaction with `server`."""

    name: str
    server: Server
    sender: str
    to: tuple[str, ...]
    clock: Clock
    total_s: float = TOTAL_S

    def send(self, message: Message, *, key: str) -> None:
        """Hand in one mail. A server that takes it for one mailbox has it; it tells the sender about the others."""
        letter = mail(message, key, self.sender, self.to)
        letter["Date"] = format_datetime(self.clock.now())
        try:
            self._hand_in(letter)
        except smtplib.SMTPAuthenticationError as error:
            raise RetryLater(f"{_said(error)}: check name and password", REFUSED_WAIT_S) from None
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            raise _class(code, clean(said.decode("utf-8", "replace"))) from None
        except smtplib.SMTPResponseException as error:
            raise _class(error.smtp_code, _said(error)) from None
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise RetryLater(clean(f"{type(error).__name__}: {error}")) from None

    def _hand_in(self, letter: EmailMessage) -> None:
        with _Line(self.server, self.total_s) as line:
            line.ehlo_or_helo_if_needed()
            if self.server.tls == "starttls":
                line.starttls(context=line.context)
                line.ehlo()
            if self.server.username:
                line.login(self.server.username, self.server.password)
            line.send_message(letter, self.sender, list(self.to))


def _class(code: int, said: str) -> RetryLater | Undeliverable:
    """A code that begins with 5 is for good; any other is for later."""
    return Undeliverable(f"SMTP {code} {said}") if 500 <= code < 600 else RetryLater(f"SMTP {code} {said}")


def _said(error: smtplib.SMTPResponseException) -> str:
    words = error.smtp_error
    return clean(words.decode("utf-8", "replace") if isinstance(words, bytes) else words)


def mail(message: Message, key: str, sender: str, to: tuple[str, ...]) -> EmailMessage:
    """Return `message` as a mail without a date."""
    fingerprint, receiver, episode, *_ = key.split(":")
    domain = sender.rpartition("@")[2]
    first = f"<{fingerprint}.{episode}.{receiver}@{domain}>"
    own = first if message.kind == "firing" else f"<{key.replace(':', '.')}@{domain}>"
    letter = EmailMessage()
    letter["From"], letter["To"] = sender, ", ".join(to)
    letter["Subject"] = clean(message.title, SUBJECT)
    letter["Message-ID"] = own
    letter["Auto-Submitted"] = "auto-generated"
    if own != first:
        letter["In-Reply-To"] = letter["References"] = first
    letter.set_content(_text(message, key))
    letter.add_alternative(_html(message, key), subtype="html")
    return letter


def _text(message: Message, key: str) -> str:
    lines = [message.title, "", *(f"{name}: {text}" for name, text in details(message)), ""]
    return "\n".join([*lines, *(f"{name}: {url}" for url, name in links(message)), "", key, ""])


def _html(message: Message, key: str) -> str:
    """Return the same as HTML, in which nothing but our own links is active."""
    rows = [f"<p><b>{html.escape(name)}:</b> {html.escape(text)}</p>" for name, text in details(message)]
    leads = [f'<p><a href="{html.escape(url)}">{html.escape(name)}</a></p>' for url, name in links(message)]
    title, end = html.escape(message.title), html.escape(key)
    return "\n".join(
        ["<html><body>", f"<h2>{title}</h2>", *rows, *leads, f"<p><small>{end}</small></p>", "</body></html>", ""]
    )
