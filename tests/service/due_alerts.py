"""The alerts that are due for a batch, from the whole files before it and after it."""

from __future__ import annotations

from sqlalchemy import func, select

from bureau.codes import CodeSet
from bureau.credit_file.alerts import changes, divergence, opens
from bureau.credit_file.contributions import level_of
from bureau.credit_file.filed import CreditFile
from bureau.credit_file.own_entries import read_state
from bureau.credit_file.reader import read_file
from bureau.credit_file.reciprocity import limit_by_reciprocity
from bureau.credit_file.report import reportable
from bureau.credit_file.report_versions import current_rules
from bureau.credit_file.scope import Scope, lines_in
from bureau.journeys.monitoring import Monitor
from bureau.store import queries as q
from bureau.store.compiled import Query
from bureau.store.queries.builders import alert, bind, entry
from bureau_client import AlertKind, Record, Wallet
from bureau_keys.consent_history import ACTIVE
from tests.service.scenario import Scenario

Files = dict[str, CreditFile]
# Alerts by their place: member, person, consent, kind, tradelines.
Alerts = list[tuple[str, str, str, int, str]]

newest_key = Query[tuple[int]](select(func.max(entry.c.entry_key)))
alerts_of = Query[tuple[str, str, str, int, str]](
    select(
        alert.c.member_id, alert.c.subject_id, alert.c.consent_id, alert.c.kind, alert.c.tradelines
    )
    .where(alert.c.entry_key == bind("entry_key"))
    .order_by(alert.c.ordinal)
)


def alerted(scenario: Scenario, person: Wallet, actor: str, *records: Record) -> list[AlertKind]:
    """The kinds of the alerts on a person that a batch caused, which are those that are due."""
    before = whole_files(scenario, [person])
    scenario.submit(actor, *records)
    after = whole_files(scenario, [person])
    alerts = stored_alerts(scenario)
    assert alerts == due(scenario, before, after, actor)
    return [AlertKind(kind) for _, _, _, kind, _ in alerts]


def whole_files(scenario: Scenario, people: list[Wallet]) -> Files:
    """The whole files of people, as reports would show them."""
    bureau, now_us = scenario.bureau.server.bureau, scenario.clock.now_us()
    rules = current_rules(bureau.policy)
    with bureau.database.snapshot() as db:
        return {
            person.subject_id: reportable(
                read_file(db, person.subject_id, bureau.policy, now_us),
                read_state(db, person.subject_id, bureau.policy, now_us),
                rules,
            )
            for person in people
        }


def due(scenario: Scenario, before: Files, after: Files, actor: str) -> Alerts:
    """What the monitors of people are told of a change of their files, nothing being on hold."""
    bureau, now_us = scenario.bureau.server.bureau, scenario.clock.now_us()
    alerts: Alerts = []
    with bureau.database.snapshot() as db:
        rows = db.all_in(q.monitors_of, sorted(after), state=ACTIVE, now_us=now_us)
        for monitor in (Monitor(*row) for row in rows):
            level = level_of(db, monitor.grantee, bureau.policy, now_us)
            scope = Scope(CodeSet(monitor.sections), CodeSet(monitor.portfolio_types), 0)
            old, new = before[monitor.subject_id], after[monitor.subject_id]
            past, present = (
                lines_in(limit_by_reciprocity(file, monitor.grantee, level), scope)
                for file in (old, new)
            )
            visible = {line.tradeline_id for line in (*past, *present)}
            groups = {**old.groups, **new.groups}
            for change in (*changes(old, new), *divergence(past, present, groups)):
                members = {line.member_id for line in change.tradelines}
                ids = [line.tradeline_id for line in change.tradelines]
                is_own = monitor.grantee == actor and members == {actor}
                if visible.issuperset(ids) and opens(monitor.sections, change.kind) and not is_own:
                    alerts.append(
                        (
                            monitor.grantee,
                            monitor.subject_id,
                            monitor.consent_id,
                            change.kind,
                            " ".join(ids),
                        )
                    )
    return alerts


def stored_alerts(scenario: Scenario) -> Alerts:
    """The alerts that the newest entry caused, in their order."""
    with scenario.bureau.server.bureau.database.snapshot() as db:
        ((key,),) = db.all(newest_key)
        return db.all(alerts_of, entry_key=key)
