"""Each thing that an export at volume promises has a test that nobody removes unseen.

What is measured, not asserted, is in `make bench` (`docs/explanation/benchmarks.md`).
"""

import pytest

from tests.seeds.promised import missing_tests

# By the parts of the specification: A is the server's job, B the stream, C the snapshot of a release.
PARTS = {
    "A: one scan of one snapshot, rows passed on without decoding": [
        "backend/test_export_scan.py::test_composed_lines_are_those_of_single_answers",
        "backend/test_export_jobs.py::test_rows_come_from_the_moment_the_scan_began",
    ],
    "A: parts, and going on at the last one after a crash": [
        "backend/test_part_plan.py::test_parts_hold_each_row_once_in_order_and_never_too_many",
        "backend/test_export_resume.py::test_nothing_is_written_twice_when_nothing_has_changed",
        "backend/test_export_resume.py::test_parts_whose_rows_have_changed_are_written_anew",
        "backend/test_worker_processes.py::test_a_worker_that_is_killed_again_and_again_leaves_the_same_bundle",
        "faults/test_connections.py::test_cut_connections_change_no_byte_of_the_export",
    ],
    "A: the manifest is written last": [
        "backend/test_export_resume.py::test_without_its_last_row_a_bundle_has_no_manifest",
        "export/test_bundle.py::test_a_bundle_without_manifest_is_refused",
    ],
    "A: cancelled promptly, nothing left": [
        "backend/test_worker_processes.py::test_a_running_job_is_cancelled_within_about_a_second_and_leaves_nothing",
        "backend/test_export_jobs.py::test_a_waiting_job_is_cancelled_at_once_and_never_runs",
    ],
    "A: two equal requests are one job": [
        "backend/test_export_jobs.py::test_equal_keys_make_one_job_and_another_wish_is_refused",
        "backend/test_export_jobs.py::test_equal_keys_at_the_same_moment_make_one_job",
    ],
    "A: originals in the bundle or by reference, fetched side by side within a bound": [
        "backend/test_export_jobs.py::test_a_bundle_holds_the_selected_rows_and_their_files",
        "backend/test_export_jobs.py::test_without_files_the_rows_only_refer_to_them",
        "export/test_exporter.py::test_originals_behind_links_are_fetched_side_by_side_and_saved_in_order",
    ],
    "B: lines from one cursor, with back-pressure": [
        "backend/test_export_stream.py::test_a_stream_has_the_very_bytes_of_a_bundle",
        "backend/test_export_stream.py::test_a_stream_shows_one_moment_whatever_is_written_meanwhile",
        "backend/test_export_stream.py::test_a_client_that_does_not_read_is_not_read_for_and_one_that_hangs_up_frees_the_cursor",
    ],
    "B: gzip and zstd": ["backend/test_export_stream.py::test_lines_are_packed_as_the_client_likes_best"],
    "B: a token in every line takes the stream up where it stopped": [
        "backend/test_export_stream.py::test_every_token_takes_the_stream_up_behind_its_line",
        "backend/test_export_stream.py::test_tokens_of_another_export_or_server_and_no_tokens_at_all_are_refused",
        "clients/test_export_stream.py::test_cuts_anywhere_lose_nothing_and_repeat_nothing",
    ],
    "C: a release makes its bundle, later exports download it": [
        "backend/test_snapshots.py::test_every_release_asks_for_its_bundle_and_the_worker_finds_it",
        "backend/test_snapshots.py::test_an_export_of_the_version_is_its_finished_snapshot",
        "faults/test_over_export.py::test_only_a_whole_released_version_comes_from_its_snapshot",
    ],
    "C: immutable, checksummed, deleted by policy": [
        "backend/test_snapshots.py::test_a_finished_snapshot_can_neither_be_cancelled_nor_built_again",
        "backend/test_snapshots.py::test_snapshots_go_after_their_own_time_when_it_is_set",
        "backend/test_snapshots.py::test_a_snapshot_whose_files_are_gone_is_not_given_out",
        "export/test_bundle.py::test_a_torn_part_is_refused",
    ],
    "the bytes of one core from any number of processes": [
        "export/test_spreading.py::test_the_bytes_are_the_same_for_any_number_of_workers",
        "export/test_shards.py::test_shards_are_the_same_for_any_number_of_workers",
        "plugins/test_ray_export.py::test_tasks_of_a_cluster_give_the_bytes_of_one_process",
        "plugins/test_ray_export.py::test_a_run_that_is_a_ray_job_converts_on_the_cluster",
    ],
    "--since: what changed and what went, applied the same as a whole export": [
        "backend/test_export_delta.py::test_a_delta_applied_to_the_old_export_is_a_full_one",
        "backend/test_export_delta.py::test_a_mark_that_would_leave_rows_out_is_refused",
        "backend/test_export_delta.py::test_a_mark_of_a_deleted_project_is_none_of_the_project_that_got_its_id",
        "export/test_delta.py::test_deltas_one_after_the_other_give_whole_exports",
        "cli/test_export_since.py::test_an_export_is_brought_up_to_date",
    ],
    "targets: folder, store, shards, Parquet": [
        "export/test_store_targets.py::test_store_gets_the_bytes_of_a_local_export",
        "utils/test_object_store.py::test_large_object_is_never_held_in_memory",
        "converters/test_shards.py::test_the_webdataset_library_reads_the_same",
        "converters/test_shards.py::test_parquet_is_read_by_others",
        "engines/test_s3.py::test_parts_with_gaps_and_in_any_order_become_one_object",
    ],
    "settings: field, extra_params, config, environment, default": [
        "export/test_settings.py::test_a_setting_is_taken_from_the_first_place_that_has_it",
        "export/test_delegation.py::test_settings_follow_field_extra_params_config_env",
        "cli/test_export_targets.py::test_parallelism_is_the_option_then_the_environment",
    ],
    "PostgreSQL: migrations both ways": [
        "backend/test_migrations.py::test_each_revision_goes_back_and_forth_over_rows_of_every_kind",
        "backend/test_migrations.py::test_downgrading_leaves_nothing_and_upgrading_again_makes_everything",
    ],
    "progress with rate and time left": ["cli/test_display.py::test_rate_and_time_left_stand_beside_the_percentage"],
    "one event for each change of a job": [
        "backend/test_worker_processes.py::test_a_worker_that_is_killed_again_and_again_leaves_the_same_bundle"
    ],
    "/metrics": ["backend/test_metrics.py::test_jobs_rows_and_bytes_are_counted"],
    "the record: filter, snapshot, counts, checksums, versions": [
        "export/test_heads.py::test_the_record_says_what_was_exported",
        "export/test_formats.py::test_each_format_is_valid_and_the_same_by_either_head",
    ],
}

SHOWN = {
    "memory does not follow the number of items": [
        "export/test_spreading.py::test_memory_does_not_follow_the_number_of_items",
        "export/test_exporter.py::test_memory_does_not_grow_with_the_number_of_items",
    ],
    "disk holds little more than the output": ["export/test_shards.py::test_disk_holds_the_export_and_one_shard_more"],
    "the floor of the benchmark writes an export's bytes": [
        "export/test_floor.py::test_the_floor_writes_the_bytes_of_an_export"
    ],
    "watchers: ascending, no gap after Last-Event-ID": [
        "backend/test_async_jobs_stream.py::test_fifty_watchers_that_hang_up_at_random_miss_nothing_and_see_no_step_back"
    ],
    "presigned payloads that are refused for a moment": [
        "export/test_faults.py::test_an_expired_payload_link_is_asked_for_again_once",
        "export/test_payload_threads.py::test_a_payload_that_waits_stops_no_other_and_is_dropped_at_the_end",
    ],
    "what a format cannot carry is named; --strict fails": [
        "faults/test_hostile.py::test_what_goes_in_comes_out_or_is_named_with_its_reason",
        "faults/test_hostile.py::test_strict_fails_and_leaves_nothing",
        "faults/test_hostile.py::test_the_original_that_is_gone_is_listed_by_name",
    ],
    "validators of others": [
        "faults/test_validators.py::test_cocoeval_scores_the_truth_against_itself_with_one",
        "faults/test_validators.py::test_ultralytics_finds_no_corrupt_label",
    ],
    "kills": [
        "faults/test_kills.py::test_a_killed_process_changes_no_byte_of_the_export",
        "faults/test_kills.py::test_a_killed_process_changes_no_byte_of_a_delta",
    ],
    "a storage that is slow, fails, or gives half": [
        "faults/test_storage_faults.py::test_a_storage_on_a_bad_day_changes_no_byte",
        "faults/test_storage_faults.py::test_a_storage_that_is_dead_ends_the_export_and_resuming_completes_it",
    ],
    "disk full": [
        "faults/test_storage_faults.py::test_a_full_disk_under_the_export_leaves_nothing_and_room_lets_it_go_on",
        "faults/test_storage_faults.py::test_a_full_disk_under_the_bundles_is_said_in_words_and_leaves_nothing",
    ],
    "each of ten exports beside writers is one moment": [
        "faults/test_concurrency.py::test_each_export_is_the_state_of_one_moment"
    ],
    "ids, ids_ex and search select exactly, on every way": [
        "export/test_selection.py::test_tasks",
        "faults/test_over_export.py::test_an_export_of_tasks_is_what_the_filter_says",
        "faults/test_over_export.py::test_an_export_of_a_released_version_is_what_the_filter_says",
        "backend/test_export_stream_volume.py::test_no_stream_gives_a_row_that_was_not_asked_for",
    ],
    "Ctrl-C says how to resume, and --resume does it": [
        "cli/test_export_resume.py::test_ctrl_c_while_the_server_takes_the_job_tells_how_to_go_on",
        "cli/test_export_resume.py::test_a_resumed_export_is_that_of_an_undisturbed_one",
        "cli/test_export_resume.py::test_two_processes_do_not_resume_one_export",
        "cli/test_export_resume.py::test_the_token_is_not_sent_to_another_server",
    ],
}


@pytest.mark.parametrize("promise", [*PARTS, *SHOWN])
def test_it_has_its_tests(promise):
    assert missing_tests((PARTS | SHOWN)[promise]) == []
