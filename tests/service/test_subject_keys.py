"""A subject's key: who replaced it, as the person reads it."""

from __future__ import annotations

import pytest

from bureau.texts import texts
from bureau_client import NotAuthenticated, NoticeKind, SigningKey
from tests.service.scenario import open_scenario


def test_a_person_reads_who_replaced_their_key() -> None:
    with open_scenario("acme", "brook") as scenario:
        person = scenario.person("acme")
        assert person.notices() == []
        person.rotate_key(SigningKey.generate())
        (rotated,) = person.notices()
        assert (rotated.kind, rotated.member_id) == (NoticeKind.KEY_REPLACED, "agent")

        # A member attests a key that is not the person's; they lose their voice.
        thief = scenario.attested("brook", person.subject_id)
        with pytest.raises(NotAuthenticated):
            person.notices()
        thief.file()

        # Attested anew, they read what happened meanwhile.
        again = scenario.attested("acme", person.subject_id)
        found = [(notice.kind, notice.member_id) for notice in again.notices()]
        assert found == [(NoticeKind.KEY_REPLACED, name) for name in ("acme", "brook", "agent")]
        assert again.notices()[0].texts == texts("notice", "KEY_REPLACED")
