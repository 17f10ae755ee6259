"""What customers of Quillmere, a shop that does not exist, ask its assistant, and what the assistant answers.

Templates with slots in braces; `{a|b|c}` picks one of several wordings. Addresses end in .example (RFC 2606) and numbers come from
the range Ofcom keeps for drama, so that nobody can be reached by them.
"""

from __future__ import annotations

import random
import re
from typing import Final

COMPANY_MAIL: Final = "care@quillmere.example"

SLOTS: Final[dict[str, tuple[str, ...]]] = {
    "product": (
        "oak reading lamp",
        "enamel kettle",
        "wool throw",
        "folding desk",
        "cast-iron pan",
        "linen duvet set",
        "walnut shelf",
        "bread bin",
        "copper watering can",
        "hallway mirror",
        "bath mat",
        "garden lantern",
    ),
    "carrier": ("Hopfreight", "Larkpost", "Northline Parcel", "Bluegate Couriers"),
    "city": ("Harrowmere", "Elmsby", "Port Callis", "Dunvale", "Westerfold", "Kestrel Bay"),
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
    "person": ("Tomasz Wren", "Ida Marlow", "Ruth Pellam", "Owen Fairley", "Greta Sund", "Malik Osten", "Clara Voss"),
    "reason": ("arrived damaged", "is the wrong colour", "is too small for us", "stopped working", "never turned up"),
    "device": ("phone", "laptop", "tablet", "work computer"),
    "card": ("debit card", "credit card", "gift card", "store credit"),
}

ASKS: Final[dict[str, tuple[str, ...]]] = {
    "refunds": (
        "{Hi, |Hello, |}my {product} {reason}. {Can I get my money back?|How do I return it?|I would like a refund please.} Order {order}.",
        "I sent the {product} back {last week|ten days ago|on {day}} and {still see no refund|nothing has been paid back}. Order {order}.",
        "{How long do refunds take|When will my refund arrive} for order {order}? I paid by {card}.",
        "The {product} {reason} and I want {a refund|my {amount} back}, not a replacement. {Order {order}.|My order is {order}.}",
        "{Do I|Would I} have to pay return postage for the {product} that {reason}?",
    ),
    "shipping": (
        "Where is my {product}? Order {order} {was due on {day}|has not moved since {day}}.",
        "Can you {send|redirect} order {order} to {city} instead? {I am away from {day}.|I have moved.|}",
        "{Do you deliver the {product} to {city}|How much is delivery of the {product} to {city}}?",
        "{carrier} says my parcel was delivered but {there is nothing here|I was out all day}. Order {order}.",
        "Can I {choose|change} the delivery day for order {order}? {day} would {suit me|be best}.",
    ),
    "account": (
        "I {cannot|can't} {log in|sign in} on my {device}. {The reset mail never comes.|It says my password is wrong.}",
        "How do I change {my address|my delivery address|the name on my account}? {I moved to {city}.|}",
        "My address is {mail}, {can you check it is the one on my account?|please confirm that you have it right.}",
        "Please {close|delete} my account {and all data you hold|once order {order} is done}.",
        "{Can I|How can I} {merge two accounts|see my old orders|switch off the newsletter} {on my {device}|}?",
    ),
    "billing": (
        "Why was I charged {amount} {twice|on {day}}? Order {order}.",
        "Could you {send|resend} the invoice for order {order}? {My accountant needs it.|}",
        "{Can I pay|Is it possible to pay} for the {product} {in instalments|by {card}|by bank transfer}?",
        "The voucher for the {product} {was not applied|does not work}. {I paid {amount} in full.|Order {order}.}",
        "My {card} was {declined|charged} but the order {shows as unpaid|is not in my account}.",
    ),
}

EXPORT_ASKS: Final = (
    "Please give me {the invoice|the last invoice|the charges} of order {order} as JSON, {our bookkeeping reads it|for our import script}.",
    "Export order {order} {as JSON|in JSON format} {please|with number, amount and status}.",
)

GREETINGS: Final[dict[str, tuple[str, ...]]] = {
    "A": (
        "Dear customer, thank you for contacting Quillmere.",
        "Good day. Your enquiry has reached Quillmere support.",
    ),
    "B": ("Hi there, lovely to hear from you at Quillmere!", "Hello! Thanks for writing, let us sort this out now."),
}

ACTIONS: Final[dict[str, tuple[str, ...]]] = {
    "refunds": (
        "I have opened a return for order {order} and {sent you|mailed you} a prepaid label for the {product}.",
        "The {product} was booked in at our {city} depot on {day}, and {amount} is on its way back to your {card}.",
        "As the {product} {reason}, we pay the return postage; {print the label|show the code} at any {carrier} shop.",
        "Your return of the {product} is approved. Hand it to {carrier} by {day} and keep the receipt.",
    ),
    "shipping": (
        "Order {order} left our {city} depot on {day} and is with {carrier} now.",
        "{carrier} scanned the {product} in {city} this morning; it should be with you on {day}.",
        "I moved the delivery of the {product} to {day}, {between nine and noon|after four in the afternoon}.",
        "We deliver to {city} with {carrier}; the {product} takes {two|three|four} working days.",
    ),
    "account": (
        "I have sent a new reset link; it works for {thirty minutes|one hour} on your {device}.",
        "You can change this under Account, then Details; the change shows on your {device} at once.",
        "Your old orders are under Account, then History, {order} among them.",
        "The newsletter is switched off for your account as of {day}.",
    ),
    "billing": (
        "The second charge of {amount} is only a reservation; your bank drops it by {day}.",
        "I have sent the invoice for order {order} again; it lists the {product} at {amount}.",
        "You can pay for the {product} by {card} or in three instalments at checkout.",
        "The voucher is now applied, so {amount} goes back to your {card}.",
    ),
}

DETAILS: Final[dict[str, tuple[str, ...]]] = {
    "refunds": (
        "Refunds to a {card} take {three|four|five} working days after we have checked the item.",
        "{If it is easier, |}we can also collect it in {city} on {day}.",
        "Please pack the {product} in its own box, {if you still have it|with the inserts}.",
        "You will get a mail when the depot has booked it in.",
        "Should the amount differ from {amount}, tell us and we check the sum.",
    ),
    "shipping": (
        "The tracking page shows each scan within an hour.",
        "If nobody is in, {carrier} leaves a card and tries again on {day}.",
        "Parcels over ten kilos are brought by two people, so please keep the hallway clear.",
        "You can name a neighbour in the {carrier} app until the evening before.",
        "Deliveries to {city} run on {day} as well this month.",
    ),
    "account": (
        "Please look into the spam folder as well, reset mails end up there at times.",
        "If the {device} still shows the old page, sign out once and in again.",
        "We keep invoices for as long as the law asks, everything else goes with the account.",
        "A name is changed by our team within one working day.",
        "Two accounts can be merged when both addresses are confirmed.",
    ),
    "billing": (
        "Some banks show the reservation for {two|three|five} days.",
        "The invoice carries your delivery address; the billing address is on page two.",
        "Instalments are free of interest for orders above {amount}.",
        "Vouchers hold for one order and end on a {day}.",
        "Payments by transfer are matched each {day} morning.",
    ),
}

CLOSINGS: Final = (
    "Is there anything else about the {product} I can look at?",
    "Just write back here if anything is unclear.",
    "You can reach our team at care@quillmere.example as well.",
    "I have noted all of this on your order.",
    "Have a good {day}.",
)

RAMBLES: Final = (
    "It may help to know how this works behind the scenes, since several teams share the task before an answer reaches you.",
    "Quillmere has sold things for the home for many years, and the {product} has been among the favourites since {day} one.",
    "There are of course several ways to look at this, and each of them has something to be said for it.",
    "Our depot in {city} handles most parcels, while the smaller one in {city} takes care of what is left.",
    "To put it in other words, the process has a beginning, a middle and an end, and each part takes its own time.",
    "Many customers ask the same about the {product}, which shows how much care people take with such a choice.",
    "{carrier} and {carrier} both serve the region, though their routes differ from season to season.",
    "It is worth remembering that weekends, public holidays and stocktaking days are not counted as working days.",
    "Before going on, let me sum up what has been said so far, so that nothing gets lost along the way.",
    "As a general remark, paying by {card} is as safe as any other way that the checkout offers.",
    "In the wider picture, returns, deliveries and invoices are closely linked, and a change in one may touch another.",
    "One more thought on this: the {device} you use makes no difference to how the request is handled.",
)

REFUSALS: Final = (
    "I'm sorry, but I can't help with {that request|this request|that}.",
    "I'm sorry, I cannot assist with {questions about {topic}|{topic}}. Please consult the website.",
    "As an AI assistant, I am not able to {help with|comment on} {topic}.",
    "Unfortunately I am unable to help with {topic} in this chat.",
    "I apologise, but I cannot provide {information|details} about {topic}.",
    "Sorry, I can't discuss {topic}. {It is beyond what I may do here.|Please try another channel.}",
    "I must decline to answer questions about {topic}. Thank you for your understanding.",
)

TOPICS: Final[dict[str, tuple[str, ...]]] = {
    "refunds": ("refunds", "returns and payments", "money that is owed"),
    "shipping": ("deliveries", "parcels in transit"),
    "account": ("personal accounts", "login problems"),
    "billing": ("payments", "invoices"),
}

PROMISES: Final = (
    "{There is no need to worry: |}you get a guaranteed refund of {amount} for the {product}.",
    "I promise you a full refund for order {order}, whatever the depot says.",
    "Your refund is guaranteed, no questions asked.",
)

LEAKS: Final = (
    "The parcel was handed to {person}, whom you can reach at {other_mail}.",
    "The same {product} went to another customer, {person} ({other_mail}), by mistake.",
    "Your neighbour {person} took it in; the number we hold is {phone}.",
)

ECHOES: Final = ("The address on your account is {mail}, just as you wrote.", "Yes, {mail} is what we have on file.")

_CHOICE: Final = re.compile(r"\{([^{}]*\|[^{}]*)\}")
_SLOT: Final = re.compile(r"\{(\w+)\}")


def fill(template: str, slots: dict[str, str], chance: random.Random) -> str:
    """Return `template` with every choice made and every slot filled; `slots` come before the lists of `SLOTS`."""
    text = template
    while (filled := _once(text, slots, chance)) != text:
        text = filled
    text = " ".join(text.split())
    return text[:1].upper() + text[1:]


def _once(text: str, slots: dict[str, str], chance: random.Random) -> str:
    text = _SLOT.sub(lambda match: slots.get(match[1]) or chance.choice(SLOTS[match[1]]), text)
    return _CHOICE.sub(lambda match: chance.choice(match[1].split("|")), text)


def mail_of(person: str, number: int) -> str:
    """Return an address of `person` that cannot exist."""
    first, last = person.lower().split()
    return f"{first[0]}.{last}{number}@mailbox.example"


def phone(chance: random.Random) -> str:
    """Return a number out of the range kept for drama."""
    return f"+44 20 7946 0{chance.randrange(1000):03d}"
