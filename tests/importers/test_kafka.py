"""Topics of OTLP bytes: durable before committed, bounded or followed, and whatever stands in a message, the next one comes."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from collectors.frames import to_tables
from collectors.importers.kafka import SILENCE_S, Reader, open_reader
from collectors.importers.kafka_url import Topics, parse
from collectors.importers.stream import EMPTY, Message, Stream
from collectors.importers.taking import Taking
from monitor.errors import Unreachable, UsageError
from monitor.privacy.keyed import digest, install_key
from monitor.spool_writer import SpoolWriter
from plumbline.cli.main import main
from tests.cli.plumbline import ROOT, plumbline
from tests.importers.importing import TERMS, loaded
from tests.importers.otlp_bodies import LOGS, body, json_body
from tests.support.forks import Forked, Streams, forked

GROUP = "g"


@dataclass(frozen=True)
class Broker:
    """librdkafka's own mock cluster: it speaks the protocol on a port of this machine, to any client."""

    producer: Producer
    address: str
    topic: str = field(default_factory=lambda: f"otlp-{uuid.uuid4().hex[:8]}")

    @property
    def url(self) -> str:
        return f"kafka://{self.address}/{self.topic}"

    def send(self, *values: bytes | None, topic: str = "") -> None:
        for number, value in enumerate(values):
            self.producer.produce(topic or self.topic, value, partition=number % 4)
        assert self.producer.flush(10) == 0

    def committed(self, group: str = GROUP) -> int:
        """How many messages of the topic are committed."""
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": group})
        try:
            places = consumer.committed([TopicPartition(self.topic, n) for n in range(4)], timeout=10)
            return sum(max(0, place.offset) for place in places)
        finally:
            consumer.close()


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[Producer, str]]:
    producer = Producer({"bootstrap.servers": "mocked", "test.mock.num.brokers": 1, "log_level": 0})
    (broker,) = producer.list_topics(timeout=10).brokers.values()
    yield producer, f"{broker.host}:{broker.port}"
    producer.flush(10)


@pytest.fixture
def broker(cluster: tuple[Producer, str]) -> Broker:
    return Broker(*cluster)


def spans(count: int, start: int = 0) -> list[bytes]:
    return [body(n) for n in range(start, start + count)]


def imported(
    broker: Broker,
    home: Path,
    commit: Callable[[Reader, Mapping[Any, int]], None] = Reader.commit,
    spool: Any = None,
) -> Taking:
    """Read the topic up to its end into the spool of `home`."""
    reader = open_reader(parse(broker.url), GROUP, time.monotonic)
    writer = spool or SpoolWriter(home / "spool", "import")
    taking = Taking(writer, lambda batch: to_tables(batch, None), TERMS.now_us, lambda _line: None)
    try:
        Stream(taking, TERMS, lambda offsets: commit(reader, offsets)).run(
            reader.read(follow=False, going=lambda: True)
        )
    finally:
        reader.close()
        if spool is None:
            writer.close()
    return taking


def test_a_topic_is_read_to_its_end_and_gone_on_with(broker: Broker, tmp_path: Path) -> None:
    broker.send(*spans(300))
    assert imported(broker, tmp_path).report.accepted == 300
    assert broker.committed() == 300
    assert imported(broker, tmp_path).report.accepted == 0
    broker.send(*spans(5, start=300))
    assert imported(broker, tmp_path).report.accepted == 5
    with loaded(tmp_path) as store:
        assert store.row("SELECT count(*) AS n, count(DISTINCT trace_id) AS d FROM spans") == {"n": 305, "d": 305}


class Failing:
    """A spool whose disk is full after some frames."""

    def __init__(self, good: int) -> None:
        self.good, self.synced = good, 0

    def append(self, _tables: Any) -> None:
        pass

    def sync(self) -> None:
        if self.synced == self.good:
            raise OSError("no space left")
        self.synced += 1


def test_nothing_is_committed_that_is_not_durable(broker: Broker, tmp_path: Path) -> None:
    broker.send(*spans(500))
    with pytest.raises(OSError, match="no space left"):
        imported(broker, tmp_path, spool=Failing(good=1))
    once = broker.committed()
    assert 0 < once <= 200
    with pytest.raises(OSError, match="no space left"):
        imported(broker, tmp_path, spool=Failing(good=0))
    assert broker.committed() == once
    assert imported(broker, tmp_path).report.accepted == 500 - once


def test_what_was_durable_and_not_committed_is_read_again_and_not_doubled(broker: Broker, tmp_path: Path) -> None:
    def dies(_reader: Reader, _offsets: Mapping[Any, int]) -> None:
        raise KeyboardInterrupt

    broker.send(*spans(120))
    with pytest.raises(KeyboardInterrupt):
        imported(broker, tmp_path, commit=dies)
    assert broker.committed() == 0
    assert imported(broker, tmp_path).report.accepted == 120
    with loaded(tmp_path) as store:
        assert store.row("SELECT count(*) AS n, count(DISTINCT trace_id) AS d FROM spans") == {"n": 120, "d": 120}
        assert store.row(
            "SELECT sum(stored) AS s, sum(received - stored - duplicate - refused) AS lost FROM ledger"
        ) == {
            "s": 120,
            "lost": 0,
        }


def test_messages_that_come_later_are_for_the_next_import(broker: Broker, tmp_path: Path) -> None:
    broker.send(*spans(40))

    def busy(reader: Reader, offsets: Mapping[Any, int]) -> None:
        broker.send(*spans(8, start=1000 + sum(offsets.values()) * 8))
        reader.commit(offsets)

    assert imported(broker, tmp_path, commit=busy).report.accepted == 40
    assert broker.committed() == 40


def test_bad_messages_are_refused_and_counted_and_the_others_come(broker: Broker, tmp_path: Path) -> None:
    bad = [b"no protobuf at all", b"", None, b'{"some": "json"}', b"{", b"\x00" * 9, b"[" * 5000]
    broker.send(body(1), *bad, json_body(2), LOGS, body(3))
    report = imported(broker, tmp_path).report
    assert (report.accepted, report.refused, dict(report.notes)) == (4, len(bad), {})
    assert broker.committed() == len(bad) + 4
    with loaded(tmp_path) as store:
        assert store.row("SELECT count(*) AS n FROM spans")["n"] == 3
        assert store.row("SELECT sum(refused) AS n FROM ledger")["n"] == len(bad)


def test_a_message_with_nothing_in_it_is_told(broker: Broker, tmp_path: Path) -> None:
    broker.send(b"{}", body(1))
    report = imported(broker, tmp_path).report
    assert (report.accepted, report.refused, report.notes[EMPTY]) == (1, 0, 1)


@given(st.binary(max_size=200))
def test_whatever_a_message_holds_it_is_one_message(value: bytes) -> None:
    taking = Taking(Failing(9), lambda _batch: {}, TERMS.now_us, lambda _line: None)
    reached: dict[Any, int] = {}
    Stream(taking, TERMS, reached.update).run([[Message(("t", 0), 7, value)]])
    told = taking.report
    assert reached == {("t", 0): 8}
    assert told.accepted + told.refused + told.notes[EMPTY] >= 1


def cli(broker: Broker, tmp_path: Path, *more: str) -> Any:
    return plumbline("import", broker.url, *more, "--data-dir", tmp_path / "home", cwd=tmp_path)


@pytest.mark.slow
def test_the_command(broker: Broker, tmp_path: Path) -> None:
    broker.send(*spans(30), b"nonsense")
    ran = cli(broker, tmp_path)
    assert ran.code == 1
    assert f"imported 30 items from {broker.url} (1 refused)\n" in ran.out
    assert f"plumbline: {broker.topic}[2]@7: " in ran.error
    assert "stored 30 new rows, 0 were there already" in ran.out
    again = cli(broker, tmp_path, "--format", "json")
    told = json.loads(again.out)
    assert (again.code, told["topics"], told["accepted"], told["stored"]) == (0, broker.url, 0, 0)
    assert (
        plumbline("sql", "SELECT count(*) AS n FROM spans", "--data-dir", "home", cwd=tmp_path).out.split()[-1] == "30"
    )


def test_a_dry_run_of_a_topic_commits_nothing(broker: Broker, tmp_path: Path) -> None:
    broker.send(*spans(30))
    for _ in range(2):
        ran = cli(broker, tmp_path, "--dry-run", "--format", "json")
        told = json.loads(ran.out)
        assert (ran.code, told["accepted"], told["formats"][0]["records"]) == (0, 30, 30)
    assert not (tmp_path / "home").exists()
    assert cli(broker, tmp_path, "--format", "json").out.count('"accepted": 30') == 1


@dataclass
class Following:
    """`plumbline import --follow` as a process of its own."""

    process: Forked
    out: Path

    def end(self, how: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(how)
        return self.process.wait(60), self.out.read_text()


@pytest.fixture
def follow(broker: Broker, tmp_path: Path) -> Iterator[Callable[[], Following]]:
    started: list[Following] = []

    def start() -> Following:
        command = ["plumbline", "import", broker.url, "--follow", "--data-dir", str(tmp_path / "home")]
        out = tmp_path / f"followed-{len(started)}"
        started.append(Following(forked(main, command, Streams(out=str(out)), cwd=tmp_path), out))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


def group(home: Path) -> str:
    return f"plumbline-{digest(install_key(home), 'kafka group')[:8]}"


def wait_for(broker: Broker, home: Path, least: int) -> int:
    """Wait until the installation in `home` has committed `least` messages; return how many it has."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if (home / "redaction.key").exists() and (done := broker.committed(group(home))) >= least:
            return done
        time.sleep(0.05)
    raise AssertionError("nothing was committed")


def test_following_goes_on_until_it_is_told_to_end(
    broker: Broker, tmp_path: Path, follow: Callable[[], Following]
) -> None:
    broker.send(*spans(10))
    running = follow()
    wait_for(broker, tmp_path / "home", 10)
    broker.send(*spans(10, start=10))
    wait_for(broker, tmp_path / "home", 20)
    code, out = running.end(signal.SIGINT)
    assert code == 0
    assert f"imported 20 items from {broker.url} (0 refused)" in out
    assert "stored 20 new rows, 0 were there already" in out


@pytest.mark.slow
def test_killed_while_following_and_gone_on_with_nothing_is_lost_or_doubled(
    broker: Broker, tmp_path: Path, follow: Callable[[], Following]
) -> None:
    total, home = 6000, tmp_path / "home"
    broker.send(*spans(total))
    reached = 0
    for _ in range(2):
        running = follow()
        reached = wait_for(broker, home, min(reached + 200, total))
        running.end(signal.SIGKILL)
    assert cli(broker, tmp_path).code == 0
    assert broker.committed(group(home)) == total
    rows = plumbline(
        *("sql", "SELECT count(*) AS n, count(DISTINCT trace_id) AS d FROM spans", "--format", "csv"),
        *("--data-dir", "home"),
        cwd=tmp_path,
    )
    assert rows.out.split() == ["n,d", f"{total},{total}"]
    lost = plumbline(
        *("sql", "SELECT sum(received - stored - duplicate - refused) AS lost FROM ledger", "--format", "csv"),
        *("--data-dir", "home"),
        cwd=tmp_path,
    )
    assert lost.out.split() == ["lost", "0"]


def test_what_cannot_be_reached_is_one_line(broker: Broker, tmp_path: Path) -> None:
    broker.send(body(1))
    nobody = plumbline("import", "kafka://127.0.0.1:1/t", "--data-dir", "home", cwd=tmp_path)
    assert (nobody.code, nobody.error.count("\n")) == (4, 1)
    assert "127.0.0.1:1" in nobody.error
    assert not (tmp_path / "home" / "spool").exists() or not list((tmp_path / "home" / "spool").glob("*.seg"))
    with pytest.raises(UsageError, match="there is no topic ghost") as caught:
        open_reader(parse(f"kafka://{broker.address}/ghost"), GROUP, time.monotonic)
    assert broker.topic in str(caught.value)
    with pytest.raises(UsageError, match=r"[Nn]o such configuration"):
        open_reader(parse(f"{broker.url}?no.such.setting=1"), GROUP, time.monotonic)


def test_secrets_are_named_and_never_said(broker: Broker, tmp_path: Path) -> None:
    url = f"{broker.url}?security.protocol=SASL_PLAINTEXT&sasl.mechanism=PLAIN&sasl.username=u&sasl.password=${{env:NOPE}}"
    ran = plumbline("import", url, "--data-dir", "home", cwd=tmp_path)
    assert (ran.code, ran.error.count("\n")) == (2, 1)
    assert "environment variable NOPE is not set" in ran.error
    ran = plumbline("import", url.replace("}", "}&x=1"), "--data-dir", "home", cwd=tmp_path, NOPE="hunter2")
    assert ran.code == 2
    assert "hunter2" not in ran.error + ran.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["kafka://h/t", "a.jsonl"], "by themselves"),
        (["kafka://h/t", "--map", "input=x"], "neither --map"),
        (["kafka://h/t", "--as", "litellm"], "another --as"),
        (["kafka://h"], "does not name a broker and a topic"),
        (["kafka://h/t?enable.auto.commit=true"], "not for you to set"),
        (["kafka://h/t", "--follow", "--dry-run"], "not in a dry run"),
        (["a.jsonl", "--follow"], "--follow goes on with a topic"),
    ],
)
def test_what_makes_no_sense_is_one_line(tmp_path: Path, arguments: list[str], says: str) -> None:
    ran = plumbline("import", *arguments, "--data-dir", "home", cwd=tmp_path)
    assert (ran.code, ran.out, ran.error.count("\n")) == (2, "", 1)
    assert says in ran.error


def test_without_the_client_one_line_says_what_to_install(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['confluent_kafka'] = None; from plumbline.cli.main import main; main(sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "import", "kafka://h/t", "--dry-run"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "pip install 'plumbline[kafka]'" in done.stderr


def test_urls() -> None:
    told = parse("kafka://a,b:9093,[::1]:9094/one,two,one?group.id=x")
    assert (told.brokers, told.names) == ("a:9092,b:9093,[::1]:9094", ("one", "two"))
    assert told.settings == {"group.id": "x"}
    assert told.url == "kafka://a:9092,b:9093,[::1]:9094/one,two"
    assert "x" not in repr(parse("kafka://a/t?sasl.password=x"))


@given(st.text(max_size=40))
def test_any_text_is_a_url_or_a_usage_error(text: str) -> None:
    try:
        told = parse(f"kafka://{text}")
    except UsageError as error:
        assert "\n" not in str(error).partition("kafka://")[0]
    else:
        assert told.names
        assert parse(told.url) == Topics(told.brokers, told.names)


# -- what a mock cluster does not do: a client that answers as it is told


@dataclass
class Told:
    """One message or event as the client hands it over."""

    number: int
    at: int
    code: int | None = None

    def topic(self) -> str:
        return "t"

    def partition(self) -> int:
        return self.number

    def offset(self) -> int:
        return self.at

    def value(self) -> bytes:
        return b"x"

    def error(self) -> KafkaError | None:
        return None if self.code is None else KafkaError(self.code)


@dataclass
class Listed:
    """The metadata of a topic."""

    partitions: dict[int, None]
    error: None = None


@dataclass
class Client:
    """A consumer that says what it is told to: bounds and committed offset by partition, then groups of messages."""

    bounds: dict[int, tuple[int, int]]
    done: dict[int, int] = field(default_factory=dict)
    groups: list[list[Told]] = field(default_factory=list)
    assigned: list[tuple[int, int]] = field(default_factory=list)
    fails: KafkaError | None = None

    def list_topics(self, **_: float) -> Any:
        return type("Metadata", (), {"topics": {"t": Listed(dict.fromkeys(self.bounds))}})

    def committed(self, places: list[TopicPartition], **_: float) -> list[TopicPartition]:
        return [TopicPartition("t", place.partition, self.done.get(place.partition, -1001)) for place in places]

    def get_watermark_offsets(self, place: TopicPartition, **_: float) -> tuple[int, int]:
        return self.bounds[place.partition]

    def incremental_assign(self, places: list[TopicPartition]) -> None:
        self.assigned += [(place.partition, place.offset) for place in places]

    def consume(self, _count: int, _timeout: float) -> list[Told]:
        return self.groups.pop(0) if self.groups else []

    def commit(self, offsets: list[TopicPartition], *, asynchronous: bool) -> list[TopicPartition]:
        assert not asynchronous
        if self.fails:
            raise KafkaException(self.fails)
        return offsets


@dataclass
class Ticking:
    """A clock that moves on at each look."""

    step: float = 1.0
    now: float = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def reader(client: Client, step: float = 0.0) -> Reader:
    made = Reader(client, Topics("h:1", ("t",)), Ticking(step))
    made.find_new()
    return made


def offsets(made: Reader, *, follow: bool = False, rounds: int = 100) -> list[int]:
    left = iter(range(rounds))
    groups = made.read(follow=follow, going=lambda: next(left, None) is not None)
    return [message.offset for group in groups for message in group]


@pytest.mark.parametrize(
    ("bounds", "committed", "begin", "lost"),
    [
        ((0, 9), None, 0, 0),
        ((0, 9), 4, 4, 0),
        ((0, 9), 9, 9, 0),
        ((5, 9), 2, 5, 3),  # retention was faster
        ((0, 3), 7, 0, 0),  # the topic was made anew
    ],
)
def test_where_reading_begins(bounds: tuple[int, int], committed: int | None, begin: int, lost: int) -> None:
    client = Client({0: bounds}, {} if committed is None else {0: committed})
    made = reader(client)
    assert (client.assigned, made.lost) == ([(0, begin)], lost)


def test_the_end_of_a_partition_may_lie_behind_its_last_message() -> None:
    end = KafkaError._PARTITION_EOF
    made = reader(Client({0: (0, 3), 1: (0, 0)}, groups=[[Told(0, 0), Told(0, 1)], [Told(0, 3, end)], [Told(0, 3)]]))
    assert offsets(made) == [0, 1]
    assert made.share() < 1.0


def test_an_error_that_passes_is_waited_for_and_one_that_does_not_ends_it() -> None:
    passing = [[Told(0, 0, KafkaError._TRANSPORT)], [Told(0, 0)]]
    assert offsets(reader(Client({0: (0, 1)}, groups=passing))) == [0]
    with pytest.raises(Unreachable, match="kafka://h:1/t: "):
        offsets(reader(Client({0: (0, 1)}, groups=[[Told(0, 0, KafkaError.TOPIC_AUTHORIZATION_FAILED)]])))


def test_a_bounded_import_does_not_wait_for_ever() -> None:
    with pytest.raises(Unreachable, match="no message for"):
        offsets(reader(Client({0: (0, 1)}), step=SILENCE_S / 10))


def test_following_finds_partitions_that_come_later() -> None:
    client = Client({0: (0, 0)})
    made = reader(client, step=SILENCE_S / 2)
    client.bounds[1] = (0, 1)
    client.groups = [[], [], [], [], [Told(1, 0)]]
    assert offsets(made, follow=True, rounds=6) == [0]
    assert client.assigned == [(0, 0), (1, 0)]


def test_offsets_that_cannot_be_committed_are_told() -> None:
    client = Client({0: (0, 1)}, fails=KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED))
    with pytest.raises(Unreachable, match="what was read is stored"):
        reader(client).commit({("t", 0): 1})
    client.fails = None
    reader(client).commit({})
