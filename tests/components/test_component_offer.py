"""What the server packs for workers is what they unpack, whatever the sizes, and what is torn is found out."""

import random

import pytest

from synapse_sdk.wire import component_offer
from synapse_sdk.wire.component_offer import BrokenOfferError, HeadVersion, OfferHead, pack_offer, unpack_offer


def body_of(contents: dict[str, bytes]) -> bytes:
    versions = {f"model/{digest}.py": HeadVersion(hash="short", sha256=digest) for digest in contents}
    head = OfferHead(versions, ["known"], [], ["missing"], [{"line": 1}], "7-x", [*map(len, contents.values())])
    return pack_offer(head, contents.values(), 1)


def read(body: bytes) -> dict[str, bytes]:
    return {digest: bytes(content) for digest, content in unpack_offer(body)[1].items()}


@pytest.mark.parametrize("block_bytes", [1, 7, 64, 2**18])
def test_contents_come_as_they_were_wherever_blocks_end(monkeypatch, block_bytes):
    monkeypatch.setattr(component_offer, "BLOCK_BYTES", block_bytes)
    rng = random.Random(block_bytes)
    contents = {str(number): rng.randbytes(rng.choice((0, 1, 6, 7, 8, 63, 64, 65, 300))) for number in range(60)}
    contents |= {"first": b"", "last": b""}
    body = body_of(contents)
    head, unpacked = unpack_offer(body)
    assert (head.state, head.known, head.missing, head.unresolved) == ("7-x", ["known"], ["missing"], [{"line": 1}])
    # Twice: they can be asked for again.
    for _ in range(2):
        assert {digest: bytes(content) for digest, content in unpacked.items()} == contents


@pytest.mark.parametrize("threads", [0, 1, 2, 8])
def test_however_many_threads_pack_it(threads):
    contents = {str(number): f"{number * 7919}\n".encode() * (number % 900) for number in range(3000)}
    versions = {f"model/{digest}.py": HeadVersion(hash="short", sha256=digest) for digest in contents}
    head = OfferHead(versions, [], [], [], [], "1-x", [*map(len, contents.values())])
    assert read(pack_offer(head, contents.values(), 1, threads=threads)) == contents


def test_an_offer_without_contents_has_none():
    versions = {"model/a.py": HeadVersion(hash="short", sha256="0" * 64)}
    body = pack_offer(OfferHead(versions, [], [], [], [], "1-x", []), [], 1)
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
