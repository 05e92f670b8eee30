from __future__ import annotations

import pytest

from warploom.errors import ConfigError
from warploom.toolchain.find import GPU_TOOLCHAINS
from warploom.values.architecture import ARCHITECTURES
from warploom.values.launch import Launch
from warploom.values.target import DEFAULTS, VENDORS, parse_target


def test_several_architectures_keep_their_order() -> None:
    target = parse_target("triton:sm_90a, gfx942")
    assert target.language == "triton"
    assert [one.name for one in target.architectures] == ["sm_90a", "gfx942"]
    assert str(target) == "triton:sm_90a,gfx942"


def test_a_language_alone_takes_its_defaults() -> None:
    for language, names in DEFAULTS.items():
        assert tuple(one.name for one in parse_target(language).architectures) == names


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cobol:sm_90a", "there is: cuda"),
        ("cuda:sm_90b", "did you mean sm_90"),
        ("cuda:", "unknown GPU architecture ''"),
        ("cuda:zz", "there is: sm_80"),
        ("cuda:gfx942", "a GPU of AMD"),
        ("cuda:sm_80,sm_80", "twice"),
    ],
)
def test_what_cannot_be_meant_is_said(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_target(text)


def test_every_language_of_a_target_has_its_toolchain() -> None:
    assert set(VENDORS) == set(DEFAULTS) == set(GPU_TOOLCHAINS)
    for toolchain in GPU_TOOLCHAINS.values():
        assert toolchain.language in VENDORS


def test_architectures_are_whole() -> None:
    for name, one in ARCHITECTURES.items():
        assert name == one.name
        assert one.warps % one.partitions == 0
        assert 0 < one.block_shared_bytes <= one.shared_bytes


def test_a_grid_follows_the_workload() -> None:
    launch = Launch(("(rows + ROWS - 1) // ROWS", "heads", "1"), (128,), 0, {"ROWS": 4})
    assert launch.blocks({"rows": 9, "heads": 3}) == (3, 3, 1)
