"""A piece of the spool that cannot be read is in the ledger, which stays exact, and an alert until the day after next."""

from __future__ import annotations

from tests.retention.keeping import NEW, OLD, Make


def test_it_is_counted_and_told_and_the_rest_is_loaded(new_house: Make) -> None:
    house = new_house()
    for trace, mark in ((OLD, house.old), (NEW, house.new)):
        house.writer.append(house.batch(trace, mark, 0))
    house.writer.sync()
    (segment,) = (house.folder / "spool").glob("*.seg")
    raw = bytearray(segment.read_bytes())
    raw[200] ^= 0xFF
    segment.write_bytes(raw)
    loaded = house.agent.load(flush=True)
    assert (loaded["damaged"], house.count("spans", OLD), house.count("spans", NEW)) == (1, 0, 2)
    assert house.exact()
    [told] = house.rows("SELECT source, refused, reason FROM base.ledger WHERE reason = 'damaged in the spool'")
    assert (told["source"], told["refused"]) == ("spool c0", 1)
    house.agent.deliver()
    [alert] = house.agent.desk.tables()["alerts"].to_pylist()
    assert alert["state"] == "firing"
    assert "1 unreadable piece" in alert["reason"]
    house.again()
    house.agent.deliver()
    assert [row["state"] for row in house.agent.desk.tables()["alerts"].to_pylist()] == ["firing"]
    house.later(days=2)
    house.agent.deliver()
    assert [row["state"] for row in house.agent.desk.tables()["alerts"].to_pylist()] == ["resolved"]
