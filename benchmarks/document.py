"""The dated document of an invocation (conventions.md, habit 12): command, hardware, versions, method, medians."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import confluent_kafka

from benchmarks.workbench import Report
from infra.kafka.java import find_java

PACKAGES = ("confluent-kafka", "pyruhvro", "fastavro", "pyarrow", "numpy", "quixstreams", "psycopg")


def surroundings(arguments: Sequence[str]) -> dict[str, str]:
    """What the figures depend on."""
    processor, memory = platform.machine(), 0
    for line in _read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
    if found := re.search(r"MemTotal:\s+(\d+)", _read("/proc/meminfo")):
        memory = int(found[1]) // 1_000_000
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    return {
        "Date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "Command": " ".join(["python -m benchmarks", *arguments]),
        "Hardware": f"{os.cpu_count()} cores ({processor}), {memory} GB; "
        f"load average at the end {load} (other work may share the machine)",
        "Broker": f"Apache Kafka, one KRaft JVM on loopback, 1 GB heap, replication 1, Java {find_java().version}",
        "Python": f"{platform.python_version()}; {', '.join(f'{name} {version(name)}' for name in PACKAGES)}; "
        f"librdkafka {confluent_kafka.libversion()[0]}",
    }


def write(folder: Path, around: dict[str, str], reports: Sequence[Report]) -> Path:
    """Write DATE.md and DATE.jsonl; reports of other benchmarks that were written the same day stay in both."""
    folder.mkdir(parents=True, exist_ok=True)
    date = around["Date"][:10]
    document, raw = folder / f"{date}.md", folder / f"{date}.jsonl"
    sections = dict(_sections(document))
    for report in reports:
        sections[report.title] = _section(report, around)
    document.write_text(
        f"# Benchmarks of {date}\n\n{PREFACE}\n" + "".join(f"\n## {t}\n{s}" for t, s in sections.items())
    )
    names = {report.name for report in reports}
    kept = [line for line in _read(str(raw)).splitlines() if json.loads(line)["benchmark"] not in names]
    new = [json.dumps(_small(line)) for report in reports for line in report.lines]
    raw.write_text("\n".join([*kept, *new]) + "\n")
    return document


PREFACE = (
    "Made by `python -m benchmarks` (docs/benchmarks.md). The machine's speed drifts and other work may share it, so\n"
    "every variant is run once a round and ratios are taken within a round; rates are medians with their range.\n"
    "The raw runs are the JSON lines beside this file."
)


def _section(report: Report, around: dict[str, str]) -> str:
    lines = ["", f"{report.method}", "", *(f"- {name}: {text}" for name, text in around.items()), ""]
    lines += [f"| {' | '.join(report.columns)} |", f"|{'---|' * len(report.columns)}"]
    lines += [f"| {' | '.join(row)} |" for row in report.rows]
    lines += ["", "| level | wanted | measured | |", "|---|---|---|---|"] if report.levels else []
    lines += [
        f"| {x.what} | {x.wanted} | {x.measured} | {'reached' if x.reached else '**not reached**'} |"
        for x in report.levels
    ]
    lines += ["", *(f"- {note}" for note in report.notes)]
    for name, profile in report.profiles.items():
        lines += [
            "",
            f"Profile of {name} (cProfile, which makes calls dearer than they are):",
            "",
            "```",
            _short(profile),
            "```",
        ]
    return "\n".join(lines) + "\n"


def _sections(document: Path) -> list[tuple[str, str]]:
    parts = _read(str(document)).split("\n## ")[1:]
    return [(part.partition("\n")[0], part.partition("\n")[2].rstrip("\n") + "\n") for part in parts]


def _short(profile: str) -> str:
    """Without the head and without folders of this machine."""
    rows = [
        re.sub(r"(\S*/)(site-packages/|python3\.\d+/)?([\w.-]+/[\w.-]+\.py)", r"\3", line)
        for line in profile.splitlines()
    ]
    return "\n".join(row.rstrip() for row in rows if re.match(r"\s+(\d|ncalls)", row))


def _small(line: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in line.items() if name != "profile"}


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
