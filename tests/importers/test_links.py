"""An import of a folder stays in it: a link in it must not bring in what nobody named."""

from __future__ import annotations

from pathlib import Path

from collectors.importers.files import find


def test_links_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    for place in (outside, folder, folder / "deep"):
        place.mkdir()
    (outside / "secret.jsonl").write_text("{}\n")
    (folder / "own.jsonl").write_text("{}\n")
    (folder / "out.jsonl").symlink_to(outside / "secret.jsonl")
    (folder / "deep" / "up.jsonl").symlink_to(Path("..") / ".." / "outside" / "secret.jsonl")
    (folder / "in.jsonl").symlink_to(folder / "own.jsonl")
    (folder / "dir").symlink_to(outside)
    (folder / "chain.jsonl").symlink_to(folder / "out.jsonl")
    sources, _ = find([folder])
    assert [Path(source.name).name for source in sources] == ["in.jsonl", "own.jsonl"]
    assert [Path(near.name).name for near in sources[1].beside()] == ["in.jsonl"]
    named, _ = find([folder / "out.jsonl"])
    assert len(named) == 1  # whoever names the link means what it leads to
