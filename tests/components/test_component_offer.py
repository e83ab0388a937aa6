"""What the server packs for workers is what they unpack, whatever the sizes, and what is torn is found out."""

import random

import pytest

from synapse_sdk.components.digests import sha256_of
from synapse_sdk.wire import component_offer
from synapse_sdk.wire.component_offer import (
    BrokenOfferError,
    HeadVersion,
    OfferHead,
    pack_frame,
    pack_head,
    split_contents,
    unpack_offer,
)


def digest_of(number: int) -> str:
    return sha256_of(str(number).encode())


def body_of(contents: dict[str, bytes]) -> bytes:
    versions = {f"model/{digest}.py": HeadVersion(hash="short", sha256=digest) for digest in contents}
    sizes = {digest: len(content) for digest, content in contents.items()}
    head = OfferHead(versions, ["known"], [], ["missing"], [{"line": 1}], "7-x", [*sizes.values()])
    frames = [pack_frame([contents[digest] for digest in some], 1) for some in split_contents(sizes)]
    return b"".join([pack_head(head, 1), *frames])


def read(body: bytes) -> dict[str, bytes]:
    return {digest: bytes(content) for digest, content in unpack_offer(body)[1].items()}


@pytest.mark.parametrize("frame_bytes", [1, 64, 1000, 2**20])
@pytest.mark.parametrize("block_bytes", [1, 7, 64, 2**18])
def test_contents_come_as_they_were_wherever_blocks_and_frames_end(monkeypatch, block_bytes, frame_bytes):
    monkeypatch.setattr(component_offer, "BLOCK_BYTES", block_bytes)
    monkeypatch.setattr(component_offer, "FRAME_BYTES", frame_bytes)
    rng = random.Random(block_bytes)
    sizes = [rng.choice((0, 1, 6, 7, 8, 63, 64, 65, 300)) for _ in range(60)]
    contents = {digest_of(number): rng.randbytes(size) for number, size in enumerate([0, *sizes, 0])}
    body = body_of(contents)
    head, unpacked = unpack_offer(body)
    assert (head.state, head.known, head.missing, head.unresolved) == ("7-x", ["known"], ["missing"], [{"line": 1}])
    # Twice: they can be asked for again.
    for _ in range(2):
        assert {digest: bytes(content) for digest, content in unpacked.items()} == contents


def test_a_frame_holds_whole_contents_and_is_neither_small_nor_large(monkeypatch):
    monkeypatch.setattr(component_offer, "FRAME_BYTES", 1000)
    rng = random.Random(1)
    sizes = {digest_of(number): rng.choice((0, 1, 50, 100, 300)) for number in range(1000)}
    frames = [*split_contents(sizes)]
    assert [digest for some in frames for digest in some] == [*sizes]
    lengths = [sum(sizes[digest] for digest in some) for some in frames]
    assert all(500 <= length < 2300 for length in lengths[:-1])
    assert 800 <= sum(lengths) / len(lengths) <= 1300
    assert [*split_contents({})] == []


def test_a_change_leaves_frames_elsewhere_as_they_are(monkeypatch):
    monkeypatch.setattr(component_offer, "FRAME_BYTES", 1000)
    sizes = {digest_of(number): 100 for number in range(1000)}
    before = [*split_contents(sizes)]
    for number in range(0, 1000, 50):
        rest = {digest: size for digest, size in sizes.items() if digest != digest_of(number)}
        after = [*split_contents(rest)]
        assert len([some for some in before if some not in after]) <= 10


def test_an_offer_without_contents_has_none():
    versions = {"model/a.py": HeadVersion(hash="short", sha256="0" * 64)}
    body = pack_head(OfferHead(versions, [], [], [], [], "1-x", []), 1)
    assert (unpack_offer(body)[0].versions, read(body)) == (versions, {})


def test_a_torn_offer_is_none_at_every_length():
    """All of it, or an error: never something else."""
    contents = {str(number): random.Random(number).randbytes(50) for number in range(4)}
    body = body_of(contents)
    complete = 0
    for length in range(len(body)):
        try:
            found = read(body[:length])
        except BrokenOfferError:
            continue
        # The packing's own end may be missing after all contents.
        assert found == contents
        complete += 1
    assert complete < 8


@pytest.mark.parametrize("body", [b"", b"abc", b"\xff\xff\xff\xff", b'{"data": {}}', b"\0\0\0\x04\0\0\0\0rest"])
def test_what_is_no_offer_is_refused(body):
    with pytest.raises(BrokenOfferError):
        unpack_offer(body)
