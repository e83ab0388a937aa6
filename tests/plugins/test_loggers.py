"""What every logger promises: steps, progress, metrics, and the refusals."""

import pytest

from synapse_sdk.loggers import ConsoleLogger, NoOpLogger
from synapse_sdk.plugins.enums import LogLevel
from synapse_sdk.plugins.log_messages import LogMessageCode, register_log_messages, resolve_log_message


class Code(LogMessageCode):
    SAVED = "TEST_SAVED", "success"
    SILENT = "TEST_SILENT"


register_log_messages({Code.SAVED: "Saved {count} files."})
register_log_messages({Code.SAVED: "파일 {count}개를 저장했습니다."}, language="ko")


def test_nothing_to_do_counts_as_complete():
    logger = NoOpLogger()
    logger.set_progress(0, 0, "fetch")
    assert logger.get_progress("fetch").percent == 100
    assert logger.get_progress("fetch").status == "completed"


@pytest.mark.parametrize(("current", "total"), [(-1, 5), (6, 5), (1, 0), (0, -1)])
def test_progress_beyond_its_bounds_is_refused(current, total):
    with pytest.raises(ValueError, match="0 <= current <= total"):
        NoOpLogger().set_progress(current, total)


def test_a_named_step_beats_the_current_one_which_beats_the_category():
    logger = NoOpLogger()
    logger.set_step("current")
    logger.set_progress(1, 4, "named")
    logger.set_progress(2, 4, category="category")
    logger.set_step(None)
    logger.set_progress(3, 4, category="category")
    assert [logger.get_progress(key).percent for key in ("named", "current", "category")] == [25, 50, 75]


def test_progress_tells_what_has_passed_and_what_is_left():
    logger = NoOpLogger()
    logger.set_progress(0, 10, "a")
    assert logger.get_progress("a").time_remaining is None
    logger.set_progress(3, 9, "a")
    progress = logger.get_progress("a")
    assert progress.percent == 33.33
    assert progress.elapsed_time >= 0
    assert progress.time_remaining >= 0


def test_failed_progress_keeps_its_percentage():
    logger = NoOpLogger()
    logger.set_progress(1, 2, "a")
    logger.set_progress_failed("a")
    assert (logger.get_progress("a").percent, logger.get_progress("a").status) == (50, "failed")


def test_metrics_merge_by_step_and_need_one():
    logger = NoOpLogger()
    logger.set_metrics({"success": 1, "failed": 0}, "save")
    logger.set_metrics({"success": 2}, "save")
    assert logger.get_metrics("save") == {"success": 2, "failed": 0}
    assert logger.get_metrics() == {"save": {"success": 2, "failed": 0}}
    with pytest.raises(ValueError, match="metrics need a step"):
        logger.set_metrics({"x": 1})


def test_wrong_types_are_refused_and_nothing_is_logged_after_the_end():
    logger = NoOpLogger()
    with pytest.raises(TypeError, match="LogLevel"):
        logger.log("info", "event", {})
    with pytest.raises(TypeError, match="mapping"):
        logger.log(LogLevel.INFO, "event", ["x"])
    logger.finish()
    logger.finish()
    for act in (lambda: logger.info("late"), lambda: logger.set_progress(1, 1), lambda: logger.set_metrics({}, "a")):
        with pytest.raises(RuntimeError, match="finished"):
            act()


def test_trials_must_be_there():
    logger = NoOpLogger()
    logger.log_trials({"trials": {"1": {}}})
    logger.log_trials(trials={"1": {}}, best_trial="1")
    with pytest.raises(ValueError, match="needs trials"):
        logger.log_trials(best_trial="1")


def test_console_prints_the_text_of_a_code_not_the_code(capsys):
    logger = ConsoleLogger()
    logger.log_message(Code.SAVED, count=3)
    logger.info("plain")
    logger.log(LogLevel.INFO, "export_info", {"count": 3}, "a.png")
    out = capsys.readouterr().out
    assert "[success] message: Saved 3 files." in out
    assert "[info] info: plain" in out
    assert "[info] export_info: count=3 [a.png]" in out


def test_console_progress_is_not_a_line_per_item(capsys):
    logger = ConsoleLogger()
    for index in range(1, 10_001):
        logger.set_progress(index, 10_000, "convert")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 20
    assert lines[-1] == "[progress] convert 100 %"


def test_console_shows_a_few_events_of_a_kind_all_problems_and_the_last_figures(capsys):
    logger = ConsoleLogger()
    for index in range(1, 101):
        logger.log(LogLevel.INFO, "export_data_file", {"id": index})
        logger.set_metrics({"success": index}, "save")
    for index in range(5):
        logger.log(LogLevel.WARNING, "NULL_DATA_DETECTED", {"id": index})
    logger.set_progress(1, 1, "save")
    logger.set_progress(1, 1, "save")
    logger.finish()
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "export_data_file" in line][-2:] == [
        "[info] export_data_file: id=3",
        "[info] export_data_file: 97 more like these",
    ]
    assert sum("NULL_DATA_DETECTED" in line for line in lines) == 5
    assert [line for line in lines if "metrics" in line] == ["[metrics] save: success=1", "[metrics] save: success=100"]
    assert sum("[progress] save 100 %" in line for line in lines) == 1


def test_console_survives_text_that_the_terminal_cannot_show(capsys):
    ConsoleLogger().info("bad \udcff name")
    assert r"bad \udcff name" in capsys.readouterr().out


def test_messages_come_in_the_language_asked_for_and_fall_back():
    assert resolve_log_message(Code.SAVED, "ko", count=2) == ("파일 2개를 저장했습니다.", "success")
    assert resolve_log_message(Code.SAVED, "fr", count=2) == ("Saved 2 files.", "success")
    assert resolve_log_message(Code.SILENT) == ("TEST_SILENT", "info")
    assert resolve_log_message(Code.SAVED) == ("Saved {count} files.", "success")
    assert resolve_log_message("100 % of {this}") == ("100 % of {this}", "info")
