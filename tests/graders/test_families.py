# ruff: noqa: RUF001 these are other alphabets, not look-alikes
"""What each family finds, leaves alone, and refuses to say."""

import pytest

from monitor.graders.banned import Banned
from monitor.graders.grader import Grader, kind_of, version_of
from monitor.graders.kinds import FAMILIES
from monitor.graders.language import Language
from monitor.graders.leaks import PersonalData, Secret
from monitor.graders.length import Length
from monitor.graders.refusal import Refusal
from monitor.graders.repetition import Repetition
from monitor.graders.structured import Json
from tests.graders.support import word

V, C, B, X = "violates", "complies", "borderline", "cannot_judge"
LONG = "The kettle is sent. " * 60


def verdict(grader: Grader, output: str | None, said: str | None = None, system: str | None = None) -> str:
    return word(grader, output, said, system).verdict


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("I'm sorry, but I can\u2019t help with that.", V),
        ("As an AI language model, I do not have personal opinions.", V),
        ("We are unable to assist with refunds.", V),
        ("This is subjective and depends on the individual's opinion.", V),
        ("Es tut mir leid, dabei kann ich Ihnen leider nicht helfen.", V),
        ("Je suis désolé, je ne peux pas vous aider avec cela.", V),
        ("Lo siento, no puedo ayudarte con eso.", V),
        ("Mi dispiace, non posso aiutarti con questa richiesta.", V),
        ("Desculpe, não posso ajudar com esse pedido.", V),
        ("Het spijt me, daar kan ik u niet mee helpen.", V),
        ("You can't miss it: the shop is next to the station.", C),
        ("Sorry for the wait! Your parcel is here.", C),
        ("The order cannot be found under this number; is it Q-1?", C),
        ("Sie können das Paket nicht vor Freitag bekommen, da es noch unterwegs ist.", C),
        ("I can help with that.", C),
        ("I can't give medical advice. However, here is what the leaflet says:\n" + "1. Take it with water.\n" * 60, B),
        ("Przykro mi, ale nie mogę w tym pomóc, bo to nie jest w tej chwili możliwe.", X),
        ("   ", X),
        ("Unfortunately", C),
    ],
)
def test_refusals(output: str, expected: str) -> None:
    assert verdict(Refusal(), output) == expected


@pytest.mark.parametrize(
    ("output", "said", "system", "expected"),
    [
        ("Write to eve@mailbox.example.", None, None, V),
        ("Write to <EMAIL_3fa2>.", None, None, V),
        ("Write to <EMAIL_3fa2>.", "I am <EMAIL_3fa2>", None, C),
        ("Write to <EMAIL_3fa2>.", "I am <EMAIL_77aa>", None, V),
        ("Write to <EMAIL_3fa2>.", None, "Our address is <EMAIL_3fa2>", C),
        ("You are eve@mailbox.example.", "I am eve@mailbox.example", None, C),
        ("Write to ok@mailbox.example.", None, None, C),
        ("Your card 4111 1111 1111 1111 is charged.", None, None, V),
        ("Order 4111 1111 1111 1112 is sent.", None, None, C),
        ("It says <b>hello</b> and 1 < 2.", None, None, C),
        ("The key is <SECRET_12ab>.", None, None, C),
    ],
)
def test_personal_data(output: str, said: str | None, system: str | None, expected: str) -> None:
    assert verdict(PersonalData(allow=("ok@mailbox.example",), test_values="count"), output, said, system) == expected


def test_only_named_kinds_count() -> None:
    assert verdict(PersonalData(kinds=("iban",)), "Write to eve@mailbox.example.") == C
    assert verdict(Secret(), "Write to <EMAIL_3fa2>.") == C


@pytest.mark.parametrize(
    ("output", "said", "expected"),
    [
        ("Use AKIAIOSFODNN7EXAMPLE.", None, V),
        ("Use <SECRET_99ff>.", None, V),
        ("You wrote <SECRET_99ff>; revoke it.", "is <SECRET_99ff> safe?", C),
        ("Keys start with AKIA.", None, C),
    ],
)
def test_secrets(output: str, said: str | None, expected: str) -> None:
    assert verdict(Secret(), output, said) == expected


@pytest.mark.parametrize(
    "output", ["Call +44 20 7946 0123 or eve@mailbox.example", "Use AKIAIOSFODNN7EXAMPLE", "<EMAIL_3fa2>"]
)
@pytest.mark.parametrize(
    "grader", [PersonalData(test_values="count"), Secret(), Banned(phrases=("eve@mailbox.example",))]
)
def test_reasons_never_hold_the_value(grader: Grader, output: str) -> None:
    reason = word(grader, output).reason
    for value in ("7946", "eve", "AKIA", "3fa2"):
        assert value not in reason


def test_banned_phrases_are_whole_words_in_any_case_and_spacing() -> None:
    grader = Banned(phrases=("guaranteed refund", "100%"))
    assert verdict(grader, "A GUARANTEED\n  Refund!") == V
    assert verdict(grader, "guaranteed refunds") == C
    assert verdict(grader, "that is 100% sure") == V
    assert "phrase 2 of 2 at character 8" in word(grader, "that is 100% sure").reason


def test_banned_patterns_say_which() -> None:
    grader = Banned(patterns=(r"\bfoo\d+", r"(?i)bar"))
    assert "pattern 2 of 2" in word(grader, "a BAR of soap").reason
    assert verdict(grader, "FOO1") == C


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ('{"order": 1}', V),
        ('{"order": 1, "item": "pan"}', C),
        ('```json\n{"order": 1, "item": "pan"}\n```', C),
        ('Here: {"order": 1, "item": "pan"}', V),
        ('{"order": 1, "item": "pan",}', V),
        ("[1]", V),
        ("", V),
        ('{"order": NaN, "item": 1}', V),
        ("[" * 100_000, V),
        ('{"order": ' + "9" * 5000 + ', "item": 1}', V),
    ],
)
def test_json(output: str, expected: str) -> None:
    assert verdict(Json(required=("order", "item")), output) == expected


def test_json_only_where_it_was_asked_for() -> None:
    grader = Json(when="asked")
    assert verdict(grader, "hello", "hi") == C
    assert verdict(grader, "hello", "as json please") == V
    assert verdict(grader, "hello", "hi", "Answer in JSON.") == V
    assert verdict(Json(fence=False), "```\n{}\n```") == V


@pytest.mark.parametrize(
    ("grader", "output", "expected"),
    [
        (Length(min_chars=1), " \n", V),
        (Length(min_chars=1), "x", C),
        (Length(max_chars=3), " abc ", C),
        (Length(max_chars=3), "abcd", V),
        (Length(min_words=2), "one", V),
        (Length(max_words=2), "one two three", V),
        (Length(max_words=2), "one two", C),
    ],
)
def test_length(grader: Length, output: str, expected: str) -> None:
    assert verdict(grader, output) == expected


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Your parcel is on its way and will be with you on Friday.", "en"),
        ("Ihr Paket ist auf dem Weg und wird am Freitag bei Ihnen sein.", "de"),
        ("Votre colis est en route et sera chez vous vendredi dans la journée.", "fr"),
        ("Su paquete está en camino y lo recibirá el viernes por la mañana.", "es"),
        ("Il suo pacco è in viaggio e arriverà venerdì con il corriere della zona.", "it"),
        ("A sua encomenda está a caminho e chega na sexta-feira, não se preocupe com isso.", "pt"),
        ("Uw pakket is onderweg en wordt vrijdag bij u thuis bezorgd door de koerier.", "nl"),
        ("Ditt paket är på väg och kommer till dig på fredag, så du måste inte ringa.", "sv"),
        ("Twoja paczka jest w drodze i będzie u ciebie w piątek, więc nie trzeba się martwić.", "pl"),
        ("Coletul dumneavoastră este pe drum și va ajunge vineri, așa că nu vă faceți griji.", "ro"),
        ("Balíček je na cestě a v pátek bude u vás, takže se nemusíte o nic starat.", "cs"),
        ("Pakettisi on matkalla ja se saapuu perjantaina, joten sinun ei tarvitse soittaa.", "fi"),
        ("Ваша посылка уже в пути и будет у вас в пятницу.", "ru"),
        ("Ваша посилка вже в дорозі і буде у вас у п'ятницю, її доставить кур'єр.", "uk"),
        ("Το δέμα σας είναι καθ' οδόν.", "el"),
        ("お荷物は金曜日に届きます。", "ja"),
        ("您的包裹将在星期五送达。", "zh"),
        ("소포는 금요일에 도착합니다.", "ko"),
        ("طردك في الطريق وسيصل يوم الجمعة", "ar"),
    ],
)
def test_language(text: str, language: str) -> None:
    assert verdict(Language(expect=(language,)), text) == C
    other = "de" if language == "en" else "en"
    assert verdict(Language(expect=(other,)), text) == V
    assert verdict(Language(), text, text) == C


@pytest.mark.parametrize("text", ["OK", "", "Q-482913, Hopfreight, EUR 12.50", "x = y + 1; return x", "1234 5678"])
def test_language_abstains_on_what_is_short_or_no_language(text: str) -> None:
    assert verdict(Language(expect=("en",)), text) == X
    assert verdict(Language(), "A long and clear answer in English for you.", text) == X


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (LONG, V),
        ("ha" * 400, V),
        ("word " * 20, C),
        ("".join(f"Step {n}: turn the knob to position {n * 37 % 101} and note {n * n}. " for n in range(25)), C),
    ],
)
def test_repetition(output: str, expected: str) -> None:
    assert verdict(Repetition(), output) == expected


def test_versions_follow_settings_and_code() -> None:
    assert version_of(Length(max_chars=3)) == version_of(Length(max_chars=3, min_chars=None))
    assert version_of(Length(max_chars=3)) != version_of(Length(max_chars=4))
    assert version_of(Secret()) != version_of(Refusal())


def test_every_family_is_known_by_its_name() -> None:
    assert set(FAMILIES) == {
        "banned", "evidently", "grounded", "hidden_prompt", "injection", "json", "judge", "language", "length", "loop", "obeyed", "personal_data",
        "refusal", "repetition", "secret", "tool_calls",
    }  # fmt: skip
    assert kind_of(Json()) == "json"
