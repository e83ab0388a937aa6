"""The folder that an export's own is made in."""

from synapse_sdk.plugins.actions.export.output.files import create_unique_folder
from synapse_sdk.plugins.actions.export.output.out_folder import make_out_folder, remove_out_folder


def test_what_was_made_for_an_export_goes_and_what_was_there_stays(tmp_path):
    out = tmp_path / "there already" / "made" / "made too"
    out.parents[1].mkdir()
    made = make_out_folder(out)
    assert made == [out, out.parent]
    assert make_out_folder(out) == []
    remove_out_folder(made)
    assert [each.name for each in tmp_path.rglob("*")] == ["there already"]


def test_what_somebody_has_put_into_it_meanwhile_stays(tmp_path):
    out = tmp_path / "made" / "made too"
    made = make_out_folder(out)
    (tmp_path / "made" / "of somebody else").touch()
    remove_out_folder(made)
    assert [each.name for each in (tmp_path / "made").iterdir()] == ["of somebody else"]


def test_an_export_goes_on_whose_folder_another_one_takes_away(tmp_path):
    out = tmp_path / "made"
    made = make_out_folder(out)

    def make(folder):
        # At the first time: between two steps of this export.
        remove_out_folder([made.pop()] if made else [])
        folder.mkdir()

    assert create_unique_folder(out, "mine", make).is_dir()
