"""Nothing is imported from a tree whose synchronisation was interrupted."""

from cvlabkit.__main__ import SYNC_JOURNAL, main
from synapse_sdk.components.digests import sha256_of
from synapse_sdk.components.names import parse_component_path
from web_helper.middleend.local_tree import LocalTree
from web_helper.middleend.set_swap import Replacement, SetSwap

CONTENT = b"raise SystemExit('imported')\n"


def test_a_run_waits_for_the_recovery(tmp_path, capsys):
    replacement = Replacement("model/net.py", sha256_of(CONTENT), None)
    state = tmp_path / SYNC_JOURNAL.parent
    SetSwap(tmp_path, state).announce([replacement], {replacement.sha256: CONTENT})
    (tmp_path / "config.yaml").write_text("model: net\n")

    assert main(["run", str(tmp_path / "config.yaml"), "--base", str(tmp_path)]) == 1

    assert "synapse component sync" in capsys.readouterr().err
    tree = LocalTree(tmp_path)
    assert tree.read(parse_component_path("model/net.py")) is None
    tree.recover()
    assert tree.read(parse_component_path("model/net.py")) == CONTENT
    assert not (tmp_path / SYNC_JOURNAL).exists()
