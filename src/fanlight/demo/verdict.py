"""The demo's questions, asked of what was read back."""

from __future__ import annotations

from fanlight.demo import agreement
from fanlight.demo.evidence import Evidence
from fanlight.demo.report import Report
from fanlight.demo.script import ABROAD, STEPS, expected


def judge(evidence: Evidence, report: Report) -> None:
    """Ask every question and print its answer."""
    archive, tracing = evidence.archive, evidence.tracing
    for received in evidence.all:
        steps = ABROAD if received in evidence.abroad else STEPS
        report.check(f"{received.name} holds what the scripts did", agreement.against_script(received, expected(steps)))
    report.check(
        f"{archive.name} and {tracing.name} agree on each of {len(archive.runs)} runs",
        agreement.with_each_other(archive, tracing),
    )
    for received in evidence.abroad:
        report.check(
            f"no run of an EU tenant left for {received.name}, and every other one is there, equal",
            agreement.with_the_rules(archive, received),
        )
    report.check("each tree is on the screen, once", agreement.on_the_screen(evidence.played.printed, archive))
    report.check("experiments has figures, and no content", agreement.without_content(evidence.raw))
    report.check(
        "the API key that a customer pasted is masked everywhere",
        agreement.without_secret(evidence.played.secret, evidence.raw),
    )
    report.check("the ledger balances, and nothing was lost", agreement.in_balance(evidence.played.health))
