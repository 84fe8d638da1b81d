"""A member begins to monitor a person on one node while a batch waits on another one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg

from bureau.store.postgres import libpq
from bureau_client import AlertKind
from tests.service.postgres import Postgres, until
from tests.service.scenario import account, open_scenario
from tests.service.watching import MAY, monitor, waiting

WAITS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


def test_who_monitors_before_a_batch_in_the_log_hears_of_it(postgres: Postgres) -> None:
    url = postgres.migrated_database()
    with open_scenario("acme", "brook", database_url=url) as scenario:
        person = scenario.person()
        monitor(person, "brook")
        place = {"person": person.subject_id}
        with psycopg.connect(libpq(url)) as other, ThreadPoolExecutor(1) as pool:
            # The other node: an inquiry under the furnisher's consent, and the consent to monitor.
            begun = other.execute(
                "DELETE FROM monitor WHERE subject_id = %(person)s RETURNING subject_id,"
                " consent_id, grantee",
                place,
            ).fetchone()
            other.commit()
            other.execute(
                "SELECT FROM consent WHERE subject_id = %(person)s AND grantee = 'acme' FOR UPDATE",
                place,
            )
            other.execute(
                "INSERT INTO monitor (subject_id, consent_id, grantee) VALUES (%s, %s, %s)", begun
            )
            submitted = pool.submit(scenario.submit, "acme", account(person, "card", MAY))
            with psycopg.connect(libpq(url), autocommit=True) as look:
                until(lambda: look.execute(WAITS).fetchone() == (1,), "the batch waits")
            other.commit()
            submitted.result()
        (alert,) = waiting(scenario, "brook", person)
        assert alert.kind is AlertKind.NEW_TRADELINE
