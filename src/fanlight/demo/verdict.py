"""The demo's questions, asked of what was read back."""

from __future__ import annotations

from fanlight.demo import agreement
from fanlight.demo.evidence import Evidence
from fanlight.demo.report import Report
from fanlight.demo.script import expected


def judge(evidence: Evidence, report: Report) -> None:
    """Ask every question and print its answer."""
    archive, wanted = evidence.archive, expected()
    for received in (archive, *evidence.tracers):
        report.check(f"{received.name} holds what the scripts did", agreement.against_script(received, wanted))
    for tracer in evidence.tracers:
        agree = f"{archive.name} and {tracer.name} agree on each of {len(archive.runs)} runs"
        report.check(agree, agreement.with_each_other(archive, tracer))
    report.check("each tree is on the screen, once", agreement.on_the_screen(evidence.played.printed, archive))
    report.check(
        "no run of an EU tenant left for the vendor, and every other one did",
        agreement.with_the_rules(archive, evidence.vendor),
    )
    report.check("the vendor has figures, and no content", agreement.without_content(evidence.raw))
    report.check(
        "the API key that a customer pasted is masked everywhere",
        agreement.without_secret(evidence.played.secret, evidence.raw),
    )
    report.check("the ledger balances, and nothing was lost", agreement.in_balance(evidence.played.health))
