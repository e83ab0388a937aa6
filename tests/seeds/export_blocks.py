"""Every code block of the export seed: where it starts and how its lines are indented."""

from tests.seeds.cut import cut, seed_lines

BLOCKS: dict[str, tuple[int, str]] = {
    "base_export_action": (20, "0001"),
    "set_progress": (31, "0"),
    "client": (36, "0"),
    "get_filtered_results": (41, "01111111"),
    "setup_steps": (51, "0111"),
    "create_context": (57, "011221"),
    "export_context": (65, "0000 1 00 111111 11 1 22 3 2"),
    "step_result": (107, "00000 111111"),
    "simple_action": (130, "000 011 0111 2 1 22322222 2 33 233321 22"),
    "step_action": (
        164,
        "000 0 0 112 112 1222 0 112 112 122 3 22 12 0 112 112 122 1 223 0 0 111 222",
    ),
    "target_assignment": (225, "01"),
    "target_ground_truth": (229, "012211"),
    "target_task": (237, "01"),
    "coco_exporter": (
        334,
        "000 011 0111 2 1 232 2 2333322 2 2 3333 45555 4 33 44 555 66 5 4555555 44 3 2 3333 2".replace(" ", ""),
    ),
    "multi_format": (
        397,
        "0000 0111 0111 0 112 112 1 22322 0 112 112 1 22 3 2 3 2 3 22 1 22 1 22 1 22 0 112 112 1 222222 2 33 2 33 22 0 111 222",
    ),
    "streaming": (480, "01111 0 11 22"),
    "report_interval": (492, "0 111 2 2 3"),
    "partial_failure": (501, "0 1 222 3 4 3 4 22 33 344 3 2"),
    "base_exporter": (529, "00 1 22222 1 22222"),
    "run_adapter": (557, "0000000000"),
    "metrics_record": (569, "000000000"),
    "export_status": (580, "0000"),
    "my_exporter": (586, "000 01 1 22 333 2 1 22 1 222 333 22 3 0 111 1 2"),
    "handler_factory": (643, "00000"),
    "custom_handler": (656, "00 1 222 1 22 3 2 1 22 3"),
}


def block(name: str) -> str:
    """One Python block of the export seed, indented."""
    first_line, levels = BLOCKS[name]
    return cut("000", first_line, levels)


def plugin_config() -> str:
    """The `config.yaml` of the export seed."""
    return cut("000", 619, "0000012233", width=2)


def run_command() -> str:
    """The `synapse plugin run` command of the export seed."""
    return "\n".join(seed_lines("000")[630:639])
