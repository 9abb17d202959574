"""Processors and memory within control groups of both versions."""

import os
from pathlib import Path

import pytest

from slide2iiif.machine import usable_memory, usable_processors

CORES = len(os.sched_getaffinity(0))
MOUNTS_1 = (
    "33 31 0:30 {root} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 {root} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
)
MOUNTS_2 = "41 31 0:38 {root} /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"


@pytest.fixture(autouse=True)
def many_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))


def system(root: Path, cgroup: str, mounts: str, files: dict[str, str], total: int = 64 << 20) -> Path:
    """Make the files by which a system tells of groups; the total memory is in KB."""
    for name, text in {
        "proc/self/cgroup": cgroup,
        "proc/self/mountinfo": f"23 1 0:2 / / rw - ext4 /dev/sda rw\n{mounts}",
        "proc/meminfo": f"MemTotal:       {total} kB\nMemFree: 1 kB\n",
        **{f"sys/fs/cgroup/{name}": text for name, text in files.items()},
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("cpu_max", "count"),
    [("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1), ("max 100000", 64), ("9900000 100000", 64)],
)
def test_the_quota_of_a_container_is_a_number_of_processors(tmp_path: Path, cpu_max: str, count: int) -> None:
    root = system(tmp_path, "0::/\n", MOUNTS_2.format(root="/"), {"cpu.max": f"{cpu_max}\n"})
    assert usable_processors(root) == count


def test_a_quota_of_version_1_counts_also_where_the_path_is_that_of_the_host(tmp_path: Path) -> None:
    files = {"cpu,cpuacct/cpu.cfs_quota_us": "300000\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n"}
    cgroup = "5:cpu,cpuacct:/docker/0123\n4:memory:/docker/0123\n"
    assert usable_processors(system(tmp_path / "a", cgroup, MOUNTS_1.format(root="/docker/0123"), files)) == 3
    assert usable_processors(system(tmp_path / "b", cgroup, MOUNTS_1.format(root="/other"), files)) == 3
    unlimited = files | {"cpu,cpuacct/cpu.cfs_quota_us": "-1\n"}
    assert usable_processors(system(tmp_path / "c", cgroup, MOUNTS_1.format(root="/docker/0123"), unlimited)) == 64


def test_the_groups_above_limit_as_well(tmp_path: Path) -> None:
    files = {"a/b/cpu.max": "max 100000", "a/cpu.max": "400000 100000", "a/b/memory.max": "max", "a/memory.max": "1000"}
    root = system(tmp_path, "0::/a/b\n", MOUNTS_2.format(root="/"), files)
    assert usable_processors(root) == 4
    assert usable_memory(root) == 1000


def test_the_groups_above_limit_in_version_1_as_well(tmp_path: Path) -> None:
    files = {
        "cpu,cpuacct/a/b/cpu.cfs_quota_us": "-1\n",
        "cpu,cpuacct/a/b/cpu.cfs_period_us": "100000\n",
        "cpu,cpuacct/a/cpu.cfs_quota_us": "250000\n",
        "cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
        "memory/a/b/memory.limit_in_bytes": "9223372036854771712\n",
        "memory/a/memory.limit_in_bytes": "1000\n",
    }
    root = system(tmp_path, "5:cpu,cpuacct:/a/b\n4:memory:/a/b\n", MOUNTS_1.format(root="/"), files)
    assert usable_processors(root) == 3
    assert usable_memory(root) == 1000


def test_the_tightest_of_nested_groups_counts_wherever_it_is(tmp_path: Path) -> None:
    files = {
        "a/b/cpu.max": "100000 100000", "a/cpu.max": "400000 100000", "cpu.max": "800000 100000",
        "a/b/memory.max": "3000", "a/memory.max": "5000",
    }  # fmt: skip
    root = system(tmp_path, "0::/a/b\n", MOUNTS_2.format(root="/"), files)
    assert (usable_processors(root), usable_memory(root)) == (1, 3000)


def test_a_system_with_both_versions_is_limited_by_either(tmp_path: Path) -> None:
    mounts = MOUNTS_1.format(root="/") + "42 31 0:39 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
    cgroup = "5:cpu,cpuacct:/a\n4:memory:/a\n0::/a\n"
    old = {"cpu,cpuacct/a/cpu.cfs_quota_us": "300000\n", "cpu,cpuacct/a/cpu.cfs_period_us": "100000\n"}
    new = {"unified/a/cpu.max": "200000 100000\n", "unified/a/memory.max": "7000\n"}
    assert usable_processors(system(tmp_path / "old", cgroup, mounts, old)) == 3
    both = system(tmp_path / "both", cgroup, mounts, old | new)
    assert (usable_processors(both), usable_memory(both)) == (2, 7000)


def test_memory_is_that_of_the_computer_unless_a_group_has_less(tmp_path: Path) -> None:
    cgroup, mounts = "4:memory:/a\n", MOUNTS_1.format(root="/")
    much = system(tmp_path / "a", cgroup, mounts, {"memory/a/memory.limit_in_bytes": "9223372036854771712\n"}, 1000)
    assert usable_memory(much) == 1000 << 10
    little = system(tmp_path / "b", cgroup, mounts, {"memory/a/memory.limit_in_bytes": "536870912\n"}, 1 << 20)
    assert usable_memory(little) == 512 << 20


@pytest.mark.parametrize("cgroup", ["", "nonsense", "0::/../..", "0::/\n1:x"])
@pytest.mark.parametrize("cpu_max", ["", "x y", "1", "0 0", "-5 100000"])
def test_what_cannot_be_read_limits_nothing(tmp_path: Path, cgroup: str, cpu_max: str) -> None:
    assert usable_processors(tmp_path / "nowhere") == 64
    assert usable_memory(tmp_path / "nowhere") is None
    assert usable_processors(system(tmp_path, cgroup, MOUNTS_2.format(root="/"), {"cpu.max": cpu_max})) == 64
