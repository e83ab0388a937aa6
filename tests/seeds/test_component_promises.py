"""Each known defect of the original, each part of components, and each fault they must bear has tests that stay."""

import re

import pytest

from tests.seeds.cut import SEEDS
from tests.seeds.promised import missing_tests

CONTRACT = SEEDS.parent / "cvlabkit-contract.md"

# By the numbers of the contract's list.
DEFECTS = {
    1: [
        "backend/components/test_versions.py::test_a_version_is_read_by_its_hash_which_no_other_route_shadows",
        "seeds/test_component_sync.py::test_conflict_types",
    ],
    2: [
        "components/test_config_components.py::test_a_config_needs",
        "components/test_config_needs.py::test_a_config_needs_what_is_written_in_it_and_nothing_else",
        "components/test_imports.py::test_the_closure_is_what_can_be_reached",
    ],
    3: [
        "middleend/test_device_agent.py::test_a_run_whose_parts_did_not_arrive_does_not_start_and_says_why",
        "backend/experiments/test_runs.py::test_a_run_that_has_not_exactly_what_was_frozen_does_not_start",
        "backend/experiments/test_runs.py::test_a_manifest_never_changes",
        "middleend/test_observed.py::test_a_run_executes_a_part_of_its_manifest",
    ],
    4: [
        "backend/components/test_versions.py::test_every_documented_header_opens_the_store",
        "cli/components/test_sync.py::test_without_a_key_nothing_is_asked",
        "cli/experiments/test_experiment.py::test_a_log_is_not_followed_with_a_key_that_was_revoked",
    ],
    5: [
        "cli/experiments/test_experiment.py::test_a_conflict_is_answered_on_the_command_line",
        "middleend/test_kept_tree.py::test_an_edit_is_asked_about_once_and_left_alone",
        "worker/test_sync_plan.py::test_bytes_that_are_nowhere_else_never_make_way_without_a_copy",
    ],
    6: [
        "backend/components/test_versions.py::test_the_same_content_at_two_paths_is_two_versions",
        "backend/components/test_versions.py::test_a_second_upload_of_an_old_content_really_activates_it",
        "backend/components/test_versions.py::test_what_cannot_be_stored_is_refused_with_its_reason",
        "backend/components/test_every_statement.py::test_a_disk_that_fails_at_any_statement_changes_nothing",
    ],
    7: [
        "backend/components/test_versions.py::test_bytes_are_kept_as_they_are",
        "backend/components/test_component_manager.py::test_bytes_survive_the_way_there_and_back",
        "worker/test_local_tree.py::test_a_relative_root_stays_where_it_was",
    ],
    8: [
        "backend/components/test_versions.py::test_two_contents_with_one_short_hash_are_never_taken_for_each_other",
        "cli/components/test_sync.py::test_a_tampered_download_is_refused",
    ],
    9: [
        "components/test_imports.py::test_what_is_no_component_path_is_refused",
        "cli/components/test_sync.py::test_a_manifest_that_leaves_the_tree_is_refused",
        "backend/experiments/test_submit.py::test_a_name_from_a_config_is_a_label_and_no_path",
        "backend/components/test_versions.py::test_who_may_read_and_who_may_decide_what_workers_run",
    ],
    10: [
        "backend/components/test_change_sets.py::test_what_is_expected_is_checked_for_all_before_anything_is_done",
        "backend/components/test_change_sets.py::test_the_record_names_who_when_and_why_by_path_and_by_page",
        "backend/components/test_change_sets.py::test_one_bad_change_leaves_everything_as_it_was",
        "backend/components/test_every_statement.py::test_killed_at_any_statement_the_store_is_old_or_new",
    ],
    11: [
        "backend/experiments/test_queue.py::test_a_job_for_a_device_waits_for_that_device",
        "backend/experiments/test_queue.py::test_a_silent_device_loses_what_it_holds_and_nothing_of_anothers",
        "middleend/test_run_tree.py::test_a_run_that_wrote_through_its_link_spoils_no_later_run",
    ],
    12: ["backend/components/test_scan.py::test_a_thousand_files_are_one_transaction"],
}

PARTS = {
    "store: identity, short hash, colliding pairs, bytes as they are, aliases, audit, rollback, one transaction": [
        "backend/components/test_versions.py::test_bytes_are_kept_as_they_are",
        "backend/components/test_versions.py::test_bytes_that_are_no_utf_8_are_refused",
        "backend/components/test_versions.py::test_two_contents_with_one_short_hash_are_never_taken_for_each_other",
        "backend/components/test_change_sets.py::test_aliases_besides_active",
        "backend/components/test_change_sets.py::test_rolling_back_goes_further_each_time_and_has_an_end",
        "backend/components/test_change_sets.py::test_a_set_is_undone_as_a_whole_down_to_nothing",
        "backend/components/test_packing.py::test_many_versions_are_small_and_as_they_were",
    ],
    "negotiation: one request, unchanged components cost nothing": [
        "backend/components/test_component_manager.py::test_an_empty_worker_gets_everything_in_one_request",
        "backend/components/test_negotiation.py::test_what_is_there_already_costs_nothing",
        "backend/components/test_negotiation.py::test_the_answer_is_packed_as_the_client_can_read",
        "backend/components/test_quick_pass.py::test_nothing_to_do_is_one_request_and_says_what_lies_here",
    ],
    "what a config needs: its whole syntax, compose.py, imports of imports, file and line of what is nowhere": [
        "components/test_call_syntax.py::test_every_pipeline_is_read_as_it_was_written",
        "components/test_config_components.py::test_compose_that_is_also_written_is_no_implicit_one",
        "components/test_config_needs.py::test_the_runs_of_a_grid_need_together_what_the_config_needs",
        "components/test_imports.py::test_what_is_nowhere_is_named_with_file_and_line_and_nothing_else_is_lost",
    ],
    "sync: every state, strategy and moment of an edit as reviewed, and old or new after a crash": [
        "backend/components/test_sync_states.py::test_every_state_ends_as_reviewed_whenever_an_edit_lands",
        "backend/components/test_sync_states.py::test_these_are_all_cases",
        "worker/test_sync_plan.py::test_the_documented_table_is_the_code",
        "worker/test_sync_plan.py::test_bytes_that_are_nowhere_else_never_make_way_without_a_copy",
        "worker/test_every_write.py::test_whichever_write_fails_the_set_is_old_or_new_and_no_edit_is_lost",
        "cvlabkit/test_interrupted.py::test_a_run_waits_for_the_recovery",
    ],
    "runs: a tree of their own, versions frozen at submission, a manifest that never changes": [
        "middleend/test_run_tree.py::test_the_same_content_at_two_paths_is_one_file_of_the_cache",
        "middleend/test_run_tree.py::test_core_and_base_have_hashes_of_their_own",
        "backend/experiments/test_submit.py::test_lists_become_a_grid_whose_runs_share_the_frozen_versions",
        "backend/experiments/test_concurrency.py::test_what_is_frozen_is_one_moments_set_while_others_activate",
        "backend/experiments/test_runs.py::test_what_a_run_began_with_is_recorded_and_both_manifests_agree",
        "cvlabkit/test_run_faults.py::test_a_file_replaced_within_a_second_at_equal_length_never_runs_old_code",
    ],
    "worker: deltas, recovery, several jobs, device preference, a queue in one truth": [
        "backend/experiments/test_runs.py::test_deltas_arrive_once_and_whole_whatever_is_sent_again",
        "backend/experiments/test_queue_model.py::test_whatever_happens_the_queue_is_what_its_rules_say",
        "middleend/test_device_agent.py::test_several_run_at_once_and_no_more",
        "middleend/test_device_agent.py::test_a_run_goes_to_the_host_that_was_asked_for",
        "middleend/test_device_agent.py::test_every_request_may_fail_and_the_work_is_done_once",
    ],
    "notifications: kept until they are answered, and carried out": [
        "cli/experiments/test_experiment.py::test_a_conflict_is_answered_on_the_command_line",
        "middleend/test_kept_tree.py::test_use_server_takes_the_servers_and_keeps_a_copy",
        "middleend/test_kept_tree.py::test_use_local_uploads_and_activates",
        "middleend/test_kept_tree.py::test_skip_leaves_both_and_asks_no_more",
        "e2e/test_notifications.py::test_every_answer_is_carried_out_by_the_device",
    ],
    "kit: every category, alone without a server, a run reproduced bit by bit": [
        "cvlabkit/test_real_components.py::test_every_category_has_a_component_and_every_component_is_one",
        "cvlabkit/test_run.py::test_a_config_is_trained_and_logged",
        "cvlabkit/test_story.py::test_the_first_run_is_reproduced_bit_by_bit_after_the_loss_changed",
        "cvlabkit/test_examples.py::test_a_grid_is_four_runs_the_baseline_one_and_the_detector_finds_digits",
    ],
}

FAULTS = {
    "server killed during upload, activate, scan and negotiation": [
        "middleend/test_server_kills.py::test_the_server_may_be_killed_in_every_change_of_the_store_and_in_a_negotiation",
        "backend/components/test_every_statement.py::test_killed_at_any_statement_the_store_is_old_or_new",
    ],
    "worker killed at every step of a sync": [
        "worker/test_every_write.py::test_whichever_write_fails_the_set_is_old_or_new_and_no_edit_is_lost"
    ],
    "worker killed at every step of a job": [
        "middleend/test_kills.py::test_a_worker_may_be_killed_at_every_step",
        "middleend/test_every_write_of_a_job.py::test_whichever_write_fails_the_job_is_done_once_or_says_why_it_did_not_start",
    ],
    "disk full": [
        "backend/components/test_every_statement.py::test_a_disk_that_fails_at_any_statement_changes_nothing",
        "backend/experiments/test_faults.py::test_a_full_disk_at_any_write_leaves_all_or_nothing",
        "middleend/test_device_agent.py::test_a_disk_that_refuses_is_told",
    ],
    "a tampered download": [
        "cli/components/test_sync.py::test_a_tampered_download_is_refused",
        "middleend/test_device_agent.py::test_a_run_whose_parts_did_not_arrive_does_not_start_and_says_why",
    ],
    "a manifest with ../ or an absolute path": [
        "cli/components/test_sync.py::test_a_manifest_that_leaves_the_tree_is_refused",
        "middleend/test_run_tree.py::test_a_path_that_leads_elsewhere_is_refused",
    ],
    "wrong key, revoked key": [
        "cli/components/test_sync.py::test_a_wrong_key_and_a_revoked_one_get_nothing",
        "middleend/test_device_agent.py::test_a_worker_whose_key_was_revoked_says_so_and_keeps_its_run",
    ],
    "a viewer who tries to upload": [
        "backend/components/test_versions.py::test_who_may_read_and_who_may_decide_what_workers_run",
        "backend/components/test_component_manager.py::test_a_viewer_uploads_nothing_and_a_wrong_key_gets_nothing",
    ],
    "eight workers and eight users at once": [
        "backend/components/test_crowd.py::test_everybody_has_a_whole_set_at_every_moment_and_nobody_is_refused",
        "backend/experiments/test_queue.py::test_eight_workers_share_the_queue_and_none_gets_what_another_has",
    ],
    "no edit lost, no half file, one active version, every manifest restorable": [
        "backend/components/test_any_order.py::test_in_any_order_the_rules_hold"
    ],
    "a mutant that drops the base": [
        "backend/components/test_sync_states.py::test_a_mutant_that_drops_the_base_is_caught",
        "worker/test_sync_plan.py::test_a_plan_that_looks_at_less_is_caught",
    ],
}


def test_every_defect_of_the_contract_is_here():
    if not CONTRACT.exists():
        pytest.skip("the contract is not beside this checkout")
    listed = CONTRACT.read_text().partition("## 6.")[2]
    assert [int(number) for number in re.findall(r"^(\d+)\. ", listed, re.MULTILINE)] == list(DEFECTS)


@pytest.mark.parametrize("promise", [*DEFECTS, *PARTS, *FAULTS])
def test_it_has_its_tests(promise):
    assert missing_tests((DEFECTS | PARTS | FAULTS)[promise]) == []
