"""Without the extras the command line works, and says what `up` and `demo` need."""

import pytest

from synapse_sdk.exceptions import ConfigurationError
from web_helper.launcher import cli


@pytest.mark.parametrize(
    ("command", "extras"), [(cli.up, "server,agent"), (cli.demo, "server,agent,formats,demo")], ids=["up", "demo"]
)
def test_a_missing_extra_is_named(monkeypatch, tmp_path, command, extras):
    monkeypatch.setitem(cli.EXTRA_MODULES, "server", ("a_module_that_nobody_has",))
    with pytest.raises(ConfigurationError, match=rf"pip install 'synapse-platform\[{extras}\]'"):
        command(home=tmp_path / "home")
    assert not (tmp_path / "home").exists()
