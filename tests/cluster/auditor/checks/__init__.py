"""Everything that must be true of a run, in one list."""

from __future__ import annotations

from tests.cluster.auditor.checks import (
    accounts,
    alerts,
    chains,
    consents,
    decisions,
    erasures,
    freezes,
    hostile,
    keys,
    lies,
    line_agent,
    log,
    service,
    whole,
    writes,
)
from tests.cluster.auditor.evidence import Evidence
from tests.cluster.auditor.finding import Check, Findings

CHECKS: tuple[Check, ...] = tuple(
    Check(name, (run.__doc__ or "").partition("\n\n")[0].replace("\n    ", " "), run)
    for name, run in (
        ("I1 once", writes.readable_once),
        ("I1 listed", writes.listed_once),
        ("I2 conflict", writes.other_bytes_refused),
        ("I2 first answer", writes.first_answer_again),
        ("I2 own effect", writes.not_for_its_own_effect),
        ("I3 consent", consents.valid_at_its_index),
        ("I3 stopped", consents.stopped_from_then_on),
        ("I3 limit", consents.never_over_the_limit),
        ("I3 state", consents.state_follows),
        ("freezes", freezes.holders_alone),
        ("reviews", freezes.holders_answered),
        ("I4 receipts", log.receipts_verify),
        ("I4 one tree", log.one_tree),
        ("I4 witnesses", log.witnesses_follow),
        ("I4 everywhere", log.same_everywhere),
        ("I5 dense", log.dense),
        ("I6 root", log.root_recomputed),
        ("I7 order", log.in_order),
        ("I7 time", log.times_go_on),
        ("I8 again", service.served_again),
        ("I8 peace", service.served_in_peace),
        ("whole", whole.effects_and_leaves),
        ("asked for", whole.asked_for),
        ("disclosed", whole.subjects_see),
        ("decisions", decisions.on_own_reports),
        ("decisions shown", decisions.shown_to_subjects),
        ("agent once", line_agent.decided_once),
        ("agent actions", line_agent.actions_follow),
        ("agent reviews", line_agent.reviews_are_logged),
        ("actions shown", line_agent.actions_shown),
        ("corrections", accounts.corrected),
        ("no worse", accounts.no_worse),
        ("returns", accounts.certified),
        ("return notices", accounts.noticed),
        ("accounts shown", accounts.shown),
        ("deleted", accounts.gone),
        ("erasures", erasures.logged_and_noticed),
        ("erased", erasures.gone),
        ("keys", keys.those_of_the_log),
        ("undone", keys.undone),
        ("chains", chains.every_event_in_order),
        ("chain heads", chains.heads_in_reports),
        ("alerts", alerts.all_delivered),
        ("alert causes", alerts.caused),
        ("alert order", alerts.in_order),
        ("hostile", hostile.no_effect),
        ("junk", hostile.junk_refused),
        ("lies", lies.none_believed),
        ("floods", service.served_in_floods),
        ("refusals", service.refusals_say_why),
        ("auditor", service.all_could_be_read),
    )
)

__all__ = ["CHECKS", "Check", "Evidence", "Findings"]
