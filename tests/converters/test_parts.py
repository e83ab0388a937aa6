"""Names, splits, run lengths, plane geometry, the loss log, and walking a large JSON file."""

import json
import math
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters import (
    LossCode,
    LossLog,
    NameAllocator,
    Skip,
    check_ratios,
    safe_name,
    save_loss_report,
    split_by_ratio,
    split_by_tag,
)
from synapse_sdk.utils.converters.base import KNOWN_FIELDS
from synapse_sdk.utils.converters.coco.json_stream import scan_arrays
from synapse_sdk.utils.converters.compact import HashSet, IdSet, NameSet
from synapse_sdk.utils.converters.shapes import geometry, rle
from synapse_sdk.wire.annotations import Annotation

RATIOS = {"train": 0.7, "val": 0.2, "test": 0.1}


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("photo.jpg", "photo.jpg"),
        ("사진 1.jpg", "사진 1.jpg"),
        ("../../x", "x"),
        ("/etc/passwd", "passwd"),
        ("C:\\Users\\me\\a.png", "a.png"),
        ("..", "file"),
        ("...", "file"),
        ("", "file"),
        ("a/", "a"),
        ("a\x00b\n.png", "a_b_.png"),
        ("con.png", "_con.png"),
        ("COM1", "_COM1"),
        ("aux.tar.gz", "_aux.tar.gz"),
        ("console.png", "console.png"),
        ('<a>:"b"|?*.png', "_a___b____.png"),
        ("trailing. ", "trailing"),
        ("\u202egnp.exe", "_gnp.exe"),
        ("\ud800.png", "_.png"),
    ],
)
def test_a_name_becomes_a_file_name(name: str, safe: str):
    assert safe_name(name) == safe


@given(st.text())
def test_no_name_leaves_its_folder(name: str):
    safe = safe_name(name)
    assert safe not in ("", ".", "..")
    assert not set(safe) & set('/\\\x00\n:*?"<>|')
    assert len(safe.encode()) <= 200
    assert safe_name(safe) == safe


def test_a_long_name_keeps_its_suffix():
    assert safe_name("긴" * 300 + ".jpeg").endswith(".jpeg")


def test_second_names_get_numbers_without_regard_to_case_or_suffix():
    names = NameAllocator()
    given_names = ["a.jpg", "A.JPG", "a.png", "a(1).jpg", "b/a.jpg", "c.jpg"]
    assert [names.allocate(name) for name in given_names] == [
        "a.jpg", "A(1).JPG", "a(2).png", "a(1)(1).jpg", "a(3).jpg", "c.jpg",
    ]  # fmt: skip


def test_one_name_thousands_of_times_stays_quick_and_unique():
    names = NameAllocator()
    assert len({names.allocate("image.jpg") for _ in range(20_000)}) == 20_000


@given(st.lists(st.text(max_size=8)))
def test_given_names_are_unique(names: list[str]):
    allocator = NameAllocator()
    stems = [geometry_free_stem(allocator.allocate(name)) for name in names]
    assert len(set(stems)) == len(stems)


def geometry_free_stem(name: str) -> str:
    stem, dot, _ = name.rpartition(".")
    return (stem if dot and stem else name).casefold()


@given(st.lists(st.text()), st.lists(st.integers(0, 10**12)))
def test_compact_sets_are_sets(texts: list[str], numbers: list[int]):
    hashes, ids = HashSet(), IdSet()
    for text in texts:
        hashes.add(text)
    assert len(hashes) == len(set(texts))
    assert all(text in hashes for text in texts)
    assert [ids.add(number) for number in numbers] == [number not in numbers[:i] for i, number in enumerate(numbers)]


NUMBERED = st.from_regex(r"\A[ab0]{0,2}[0-9²٣]{0,6}\Z")


@given(st.lists(NUMBERED | st.text()), st.integers(0, 2))
def test_a_set_of_names_is_a_set_whatever_they_end_in(names: list[str], pages: int):
    found = NameSet()
    found._MOST_PAGES = pages  # type: ignore[misc] # Numbers far apart use them up.
    assert [found.add(name) for name in names] == [name not in names[:i] for i, name in enumerate(names)]
    assert not any(found.add(name) for name in names)


def test_a_name_is_no_other_for_its_leading_zeros_or_where_its_number_begins():
    names = [
        "1",
        "01",
        "001",
        "1001",
        "1000",
        "0001",
        "a1",
        "a001",
        "a01",
        "a11",
        "1a1",
        "1",
        "a001",
        "",
        "a",
        "000",
        "٣٣٣",
        "333",
    ]
    found = NameSet()
    assert [found.add(name) for name in names] == [name not in names[:i] for i, name in enumerate(names)]


def test_a_set_that_went_to_a_file_is_still_a_set(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(HashSet, "_MEMORY_SLOTS", 1 << 10)
    hashes = HashSet()
    texts = [f"frame_{number % 30_000:08d}.png" for number in range(40_000)]
    assert [hashes.add(text) for text in texts] == [number < 30_000 for number in range(40_000)]
    assert len(hashes) == 30_000
    assert all(text in hashes for text in texts)
    assert "another.png" not in hashes
    assert len(hashes._slots) == 1 << 10, "no more of it is in memory"


def test_a_split_depends_on_the_item_alone():
    first = {key: split_by_ratio(key, RATIOS) for key in range(10_000)}
    assert first == {key: split_by_ratio(key, RATIOS) for key in reversed(range(10_000))}
    shares = Counter(first.values())
    assert all(math.isclose(shares[name] / 10_000, share, abs_tol=0.02) for name, share in RATIOS.items())
    assert first != {key: split_by_ratio(key, RATIOS, seed=1) for key in range(10_000)}
    assert {split_by_ratio(key, {"train": 1.0, "val": 0.0}) for key in range(1000)} == {"train"}


@pytest.mark.parametrize("ratios", [{"train": 0.5}, {"train": 1.5, "val": -0.5}, {"train": float("nan")}, {}])
def test_shares_that_make_no_whole_are_refused(ratios: dict[str, float]):
    with pytest.raises(FormatError):
        check_ratios(ratios)


def test_a_tag_names_the_split():
    assert split_by_tag(["night", "Validation"]) == "val"
    assert split_by_tag(["night"]) is None
    assert split_by_tag(["b", "a"], {"a": "train", "b": "test"}) == "train"


@given(st.integers(1, 20), st.lists(st.integers(0, 60), min_size=1))
def test_run_lengths_agree_with_pycocotools(height: int, runs: list[int]):
    width = -(-(sum(runs) or 1) // height)
    runs = [*runs, height * width - sum(runs)] if len(runs) % 2 else [*runs[:-1], runs[-1] + height * width - sum(runs)]
    theirs = coco_mask.frPyObjects({"size": [height, width], "counts": runs}, height, width)
    text = theirs["counts"].decode()
    assert rle.compress(runs) == text
    assert rle.decompress(text) == runs
    assert rle.runs_of({"size": [height, width], "counts": text}) == runs
    assert rle.runs_area(runs) == int(coco_mask.area(theirs))
    if rle.runs_area(runs):
        assert rle.runs_box(runs, height) == [float(v) for v in coco_mask.toBbox(theirs)]


@given(
    st.tuples(*[st.floats(1, 50)] * 4).map(list),
    st.floats(-720, 720),
)
def test_turning_a_box_there_and_back(box: list[float], degrees: float):
    back = geometry.corners_rotated(geometry.rotated_corners(box, degrees))
    assert back is not None
    assert back[0] == pytest.approx(box, abs=1e-6)
    assert math.isclose(math.cos(math.radians(back[1] - degrees)), 1, abs_tol=1e-9)


def test_the_loss_log_can_be_read_again_while_it_grows(tmp_path: Path):
    log = LossLog()
    skips = [Skip(n, f"a{n}", LossCode.CLIPPED, "x" * 100) for n in range(20_000)]
    for skip in skips[:15_000]:
        log.add(skip)
    assert list(log) == skips[:15_000]
    for skip in skips[15_000:]:
        log.add(skip)
    assert (len(log), list(log)) == (20_000, skips)
    save_loss_report(log, tmp_path / "loss_report.json", summary={"images": 1})
    report = json.loads((tmp_path / "loss_report.json").read_text())
    assert report["counts"] == {"clipped": 20_000}
    assert report["losses"][3] == {"item_id": 3, "annotation_id": "a3", "reason_code": "clipped", "message": "x" * 100}


DECODERS = {"a": msgspec.json.Decoder(), "b": msgspec.json.Decoder()}
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["a", "b", "c", "]}"]), st.lists(values, max_size=4) | values),
    st.sampled_from([None, 0, 2]),
    st.booleans(),
)
def test_walking_arrays_finds_what_json_finds(tmp_path_factory, content: dict, indent: int | None, as_ascii: bool):
    path = tmp_path_factory.mktemp("json") / "x.json"
    text = json.dumps(content, indent=indent, ensure_ascii=as_ascii)
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    if "\\ud" in text or any("\ud800" <= c <= "\udfff" for c in text):
        return
    expected = [
        (key, value) for key in content if key in DECODERS and isinstance(content[key], list) for value in content[key]
    ]
    found = list(scan_arrays(path, DECODERS))
    assert [(element.key, element.value) for element in found] == expected
    raw = path.read_bytes()
    assert [json.loads(raw[e.offset : e.offset + e.length]) for e in found] == [value for _, value in expected]


@given(st.lists(st.sampled_from(["plain", "broken", "two lines", "shared line"]), max_size=30), st.integers(1, 3))
def test_elements_of_one_line_each_have_the_same_place_as_any_others(tmp_path_factory, kinds: list[str], padding: int):
    path = tmp_path_factory.mktemp("json") / "x.json"
    texts = {
        "plain": '{"n": %d}',
        "broken": '{"n": "%d"}',
        "two lines": '{"n":\n%d}',
        "shared line": '{"n": %d},{"n": 0}',
    }
    body = ",\n".join(texts[kind] % number for number, kind in enumerate(kinds))
    path.write_text('{"a": [' + "\n" * padding + body + "\n]}")
    found = list(scan_arrays(path, {"a": msgspec.json.Decoder(dict[str, int])}))
    raw = path.read_bytes()
    assert len(found) == len(kinds) + kinds.count("shared line")
    for element in found:
        assert element.line == raw.count(b"\n", 0, element.offset) + 1
        source = raw[element.offset : element.offset + element.length]
        if isinstance(element.value, msgspec.DecodeError):
            assert b'"n": "' in source
        else:
            assert json.loads(source) == element.value


@pytest.mark.parametrize(
    "text", ["", "[1]", "{", '{"a"', '{"a": [', '{"a": [{"b": "', '{"a": [1 2]}', '{"a": [1]', '{"a": [1],}']
)
def test_a_torn_or_other_document_is_refused(tmp_path: Path, text: str):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(FormatError, match="no complete JSON object"):
        list(scan_arrays(path, DECODERS))


def test_elements_larger_than_a_chunk_are_found(tmp_path: Path):
    big = {"text": '}{"][' * 600_000, "points": list(range(300_000))}
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"a": [1, big, {"x": [big["text"]]}], "b": [2]}))
    found = [element.value for element in scan_arrays(path, DECODERS)]
    assert found == [1, big, {"x": [big["text"]]}, 2]


def test_writers_know_each_field_of_the_annotation_schema():
    assert frozenset(Annotation.model_fields) == KNOWN_FIELDS
