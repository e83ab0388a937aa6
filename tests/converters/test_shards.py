"""Tar shards and Parquet: bounded files, the same bytes each time, and what other readers find in them."""

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
import tracemalloc
from pathlib import Path

import pytest

from synapse_sdk.utils.converters import (
    Format,
    SourceItem,
    create_writer,
    read_classes,
    read_dataset,
    validate_dataset,
)
from synapse_sdk.utils.converters.formats import ParquetOptions, WebDatasetOptions
from synapse_sdk.utils.converters.shapes import rle
from synapse_sdk.utils.converters.sinks import LocalSink
from synapse_sdk.utils.converters.sinks.shards import ShardLimits, ShardSink
from tests.converters.factory import annotations, box, item, losses, polygon, read, save_image, schema

NAMES = ["a.png", "b.c.PNG", "사진 1.png", "plain", "a(1).png", "100%.png"]
MASK = {
    "type": "mask",
    "category": "cat",
    "segmentation": {"size": [48, 64], "counts": rle.compress([10, 20, 48 * 64 - 30])},
}
RICH = [
    box(id=7, score=0.5, attributes={"truncated": True, "색": [1, "x", None]}),
    polygon(id="p", area=12.5),
    {**polygon(), "segmentation": [[1, 1, 9, 1, 9, 9], [20, 20, 30, 20, 30, 30]]},
    {"type": "rotated_bbox", "category": "dog", "bbox": [10.0, 10.0, 8.0, 4.0], "rotation": 30.0},
    {"type": "keypoints", "category": "cat", "bbox": [1.0, 1.0, 9.0, 9.0], "keypoints": [2.0, 3.0, 2, 4.0, 5.0, 1]},
    MASK,
]


def items() -> list[dict]:
    return [item(number, *RICH[: number % 7]) for number in range(1, len(NAMES) + 1)]


def write_shards(
    folder: Path, spare: Path, fmt=Format.WEBDATASET, *, options=None, split=None, with_images=True, grow=1
):
    spare.mkdir(parents=True, exist_ok=True)
    with create_writer(fmt, folder, classes=schema(), options=options) as writer:
        for row, name in zip(items(), NAMES, strict=True):
            if with_images:
                image = save_image(spare / "image.png", (64, 48 + grow * row["id"]))
                writer.sink.place(writer.image_path(name, split), image)
            assert writer.write(row, name, split)
    return writer.report


def files_of(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_samples_hold_image_and_annotations_side_by_side_in_order(tmp_path):
    report = write_shards(tmp_path / "set", tmp_path, options=WebDatasetOptions(shard_items=4), split="train")

    assert list(files_of(tmp_path / "set")) == ["shards.json", "train-000000.tar", "train-000001.tar"]
    with tarfile.open(tmp_path / "set/train-000000.tar") as shard:
        members = shard.getmembers()
    assert [member.name for member in members] == [
        "a.png", "a.json", "b%2Ec.png", "b%2Ec.json", "사진 1.png", "사진 1.json", "plain.bin", "plain.json",
    ]  # fmt: skip
    assert {(member.mtime, member.uid, member.gid, member.uname) for member in members} == {(0, 0, 0, "")}
    assert (report.items_in, report.images, report.items_skipped) == (6, 6, 0)
    assert validate_dataset(Format.WEBDATASET, tmp_path / "set", written=report).ok


def test_equal_items_give_equal_bytes(tmp_path):
    for fmt in (Format.WEBDATASET, Format.PARQUET):
        for number in (1, 2):
            write_shards(tmp_path / f"{fmt}{number}", tmp_path, fmt, with_images=fmt is Format.WEBDATASET)
        assert files_of(tmp_path / f"{fmt}1") == files_of(tmp_path / f"{fmt}2")


# It leaves its files to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_the_webdataset_library_reads_the_same(tmp_path):
    webdataset = pytest.importorskip("webdataset")
    write_shards(tmp_path / "set", tmp_path, options=WebDatasetOptions(shard_items=2))
    urls = [f"file:{path}" for path in sorted((tmp_path / "set").glob("*.tar"))]
    found = list(webdataset.WebDataset(urls, shardshuffle=False))

    assert len(found) == len(NAMES)
    lines = [json.loads(sample["json"]) for sample in found]
    assert [line["file_name"] for line in lines] == NAMES
    assert [line["annotations"] for line in lines] == [row["data"]["annotations"] for row in items()]
    assert all(sample.get("png") or sample.get("bin") for sample in found)


def test_shards_are_bounded_in_bytes(tmp_path):
    write_shards(tmp_path / "set", tmp_path, options=WebDatasetOptions(shard_bytes=20_000))
    sizes = [path.stat().st_size for path in (tmp_path / "set").glob("*.tar")]
    assert len(sizes) > 1
    assert max(sizes) <= 20_000


@pytest.mark.parametrize("fmt", [Format.WEBDATASET, Format.PARQUET])
def test_everything_comes_back(tmp_path, fmt):
    has_inside = fmt is Format.WEBDATASET
    report = write_shards(tmp_path / "set", tmp_path, fmt, split="val", with_images=has_inside, grow=0)
    for name in () if has_inside else NAMES:
        save_image(tmp_path / "set/images/val" / (name if "." in name else "plain.png"))
    if not has_inside:
        (tmp_path / "set/images/val/plain.png").rename(tmp_path / "set/images/val/plain")
    sources, bad = read(fmt, tmp_path / "set")

    assert bad == []
    assert [source.name for source in sources] == NAMES
    assert {source.split for source in sources} == {"val"}
    assert all(source.image_path.is_file() for source in sources)
    expected = [annotation for row in items() for annotation in row["data"]["annotations"]]
    assert annotations(sources) == expected
    assert losses(report) == []


@pytest.mark.parametrize("fmt", [Format.WEBDATASET, Format.PARQUET])
def test_empty_data_set_is_one_all_the_same(tmp_path, fmt):
    with create_writer(fmt, tmp_path / "set", classes=schema()) as writer:
        pass
    assert validate_dataset(fmt, tmp_path / "set", written=writer.report).ok
    assert read(fmt, tmp_path / "set") == ([], [])


def test_torn_shard_is_found(tmp_path):
    report = write_shards(tmp_path / "set", tmp_path)
    shard = tmp_path / "set/data-000000.tar"
    content = bytearray(shard.read_bytes())
    content[600] ^= 1
    shard.write_bytes(content)
    found = validate_dataset(Format.WEBDATASET, tmp_path / "set", written=report)
    assert found.error_counts["checksum_mismatch"] == 1


def test_image_that_is_taken_back_is_not_in_the_shard(tmp_path):
    sink = ShardSink(LocalSink(tmp_path / "set"), ShardLimits())
    image = save_image(tmp_path / "i.png")
    sink.place("images/a.png", image)
    sink.take_back("images/a.png")
    sink.write("labels/a.txt", b"0")
    sink.place("images/never.png", image)
    sink.close()
    with tarfile.open(tmp_path / "set/shard-000000.tar") as shard:
        assert shard.getnames() == ["labels/a.txt"]
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == ["shard-000000.tar", "shards.json"]


def test_sharded_yolo_unpacks_to_the_same_files(tmp_path):
    for name, sink in (
        ("plain", LocalSink(tmp_path / "plain")),
        ("sharded", ShardSink(LocalSink(tmp_path / "sharded"), ShardLimits(items=2))),
    ):
        with create_writer(Format.YOLO, sink, classes=schema()) as writer:
            for row, image_name in zip(items(), NAMES, strict=True):
                sink.place(writer.image_path(image_name, "train"), save_image(tmp_path / "i.png", (64, 48 + row["id"])))
                writer.write(row, image_name, "train")
        sink.close()
        assert name
    for shard in sorted((tmp_path / "sharded").glob("*.tar")):
        with tarfile.open(shard) as archive:
            archive.extractall(tmp_path / "unpacked", filter="data")
    (tmp_path / "sharded/data.yaml").rename(tmp_path / "unpacked/data.yaml")

    def tree(root):
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    assert tree(tmp_path / "unpacked") == tree(tmp_path / "plain")


@pytest.mark.parametrize(("fmt", "split"), [(Format.YOLO, None), (Format.YOLO, "val"), (Format.VOC, "test")])
def test_sharded_data_set_is_read_as_the_same_in_single_files(tmp_path, fmt, split):
    sharded = ShardSink(LocalSink(tmp_path / "sharded"), ShardLimits(items=2))
    for sink in (LocalSink(tmp_path / "plain"), sharded):
        with create_writer(fmt, sink, classes=schema()) as writer:
            for row, name in zip(items(), NAMES, strict=True):
                image = save_image(tmp_path / "i.png", (64, 48 + row["id"]))
                sink.place(writer.image_path(name, split), image)
                writer.write(row, name, split)
    sharded.close()
    report = validate_dataset(fmt, tmp_path / "sharded", written=writer.report)
    assert report.ok
    assert report.to_dict() == validate_dataset(fmt, tmp_path / "plain").to_dict()
    assert read_classes(fmt, tmp_path / "sharded") == read_classes(fmt, tmp_path / "plain")

    plain, _ = read(fmt, tmp_path / "plain")
    found, bad = read(fmt, tmp_path / "sharded")
    facts = [
        {s.key: (s.name, s.width, s.height, s.data, s.split, s.image_path.read_bytes()) for s in each}
        for each in (plain, found)
    ]
    assert facts[0] == facts[1]
    assert {len(each) for each in (found, *facts)} == {len(plain)}
    assert all(".tar/" in f"{problem.path}/" for problem in bad)
    if fmt is Format.YOLO:
        assert [source.key for source in read(fmt, tmp_path / "sharded/data.yaml")[0]] == list(facts[1])
        assert read_classes(fmt, tmp_path / "sharded/data.yaml") == read_classes(fmt, tmp_path / "plain")


def test_images_of_a_shard_stay_as_long_as_its_items_are_held(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "spare"))
    (tmp_path / "spare").mkdir()
    write_shards(tmp_path / "set", tmp_path, options=WebDatasetOptions(shard_items=2))
    source = (found for found in read_dataset(Format.WEBDATASET, tmp_path / "set") if isinstance(found, SourceItem))
    first = next(source)
    later = list(source)
    assert first.image_path.is_file()
    kept = first.image_path.read_bytes()
    del first
    assert kept == save_image(tmp_path / "same.png", (64, 49)).read_bytes()
    assert all(item.image_path.is_file() for item in later)
    del later
    assert list((tmp_path / "spare").iterdir()) == []


def test_broken_shard_is_named_and_the_others_are_read(tmp_path):
    for fmt, name in ((Format.WEBDATASET, "data-000001.tar"), (Format.YOLO, "shard-000001.tar")):
        folder = tmp_path / fmt.value
        if fmt is Format.WEBDATASET:
            write_shards(folder, tmp_path, options=WebDatasetOptions(shard_items=2))
        else:
            sink = ShardSink(LocalSink(folder), ShardLimits(items=2))
            with create_writer(fmt, sink, classes=schema()) as writer:
                for row, image_name in zip(items(), NAMES, strict=True):
                    sink.place(writer.image_path(image_name, None), save_image(tmp_path / "i.png"))
                    writer.write(row, image_name)
            sink.close()
        (folder / name).write_bytes(b"no archive")
        sources, bad = read(fmt, folder)
        assert len(sources) == 4
        assert [problem.path for problem in bad if problem.code == "malformed"] == [folder / name]


def test_parquet_is_read_by_others(tmp_path):
    pa = pytest.importorskip("pyarrow.parquet")
    duckdb = pytest.importorskip("duckdb")
    write_shards(
        tmp_path / "set", tmp_path, Format.PARQUET, options=ParquetOptions(file_rows=4, group_rows=2), with_images=False
    )
    files = sorted((tmp_path / "set").glob("*.parquet"))

    assert [file.name for file in files] == ["data-00000.parquet", "data-00001.parquet"]
    assert [pa.ParquetFile(file).metadata.num_row_groups for file in files] == [2, 1]
    assert json.loads(pa.read_schema(files[0]).metadata[b"synapse.classes"])[0] == {"id": 1, "name": "cat"}
    counts = duckdb.sql(
        "SELECT a.category, count(*) FROM (SELECT unnest(annotations) AS a FROM "
        f"'{tmp_path}/set/*.parquet') GROUP BY 1 ORDER BY 1"
    ).fetchall()
    expected = [annotation["category"] for row in items() for annotation in row["data"]["annotations"]]
    assert counts == [("cat", expected.count("cat")), ("dog", expected.count("dog"))]


def test_parquet_holds_one_row_group(tmp_path):
    options = ParquetOptions(group_rows=200)
    row = item(1, *[box(x, 1, 5, 5) for x in range(8)])
    with create_writer(Format.PARQUET, tmp_path, classes=schema(), options=options) as writer:
        for number in range(1000):
            writer.write({**row, "id": number}, f"{number}.png")
        tracemalloc.start()
        for number in range(1000, 6000):
            writer.write({**row, "id": number}, f"{number}.png")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 8 << 20


def test_parquet_says_which_package_is_missing(tmp_path, monkeypatch):
    from synapse_sdk.exceptions import FormatError

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(FormatError, match=r"synapse-platform\[parquet\]"):
        create_writer(Format.PARQUET, tmp_path, classes=schema())


def test_parquet_is_written_without_the_libraries_that_pyarrow_would_load_for_lists(tmp_path):
    pytest.importorskip("pyarrow.parquet")
    code = (
        "import sys; from pathlib import Path; from synapse_sdk.utils.converters import Format, create_writer\n"
        "from tests.converters.factory import box, item, schema\n"
        "with create_writer(Format.PARQUET, Path(sys.argv[1]), classes=schema()) as writer:\n"
        "    assert all(writer.write(item(number, box()), f'{number}.png', None) for number in range(1, 250))\n"
        "print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
    assert len(read(Format.PARQUET, tmp_path)[0]) == 249
