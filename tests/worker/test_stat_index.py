"""What a file held is remembered, unless it was touched a moment ago."""

import os

from web_helper.middleend import stat_index


def test_a_file_that_was_touched_a_moment_ago_is_read_again(tmp_path):
    index = stat_index.StatIndex(tmp_path / "index")
    file = tmp_path / "a.py"
    file.write_text("a = 1\n")
    first = index.look("model/a.py", str(file))
    index.save()
    assert not (tmp_path / "index").exists()
    old = file.stat().st_mtime_ns - 10**10
    os.utime(file, ns=(old, old))
    assert index.look("model/a.py", str(file)) == first
    (tmp_path / "index").write_bytes(b"torn")
    assert stat_index.StatIndex(tmp_path / "index").look("model/a.py", str(file)) == first
    assert index.look("model/b.py", str(tmp_path / "b.py")) is None
