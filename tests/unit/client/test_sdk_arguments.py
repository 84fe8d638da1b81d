"""Wrong arguments of every public method: one documented error, which names the argument."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from types import FunctionType
from typing import Any, get_origin, get_type_hints

import numpy as np
import pytest

from bureau_client import (
    Action,
    Auditor,
    BureauError,
    Frequency,
    FrequencyUnit,
    InvalidRequest,
    Lender,
    Purpose,
    RecordRef,
    SubmissionKind,
    Unavailable,
    Wallet,
)
from bureau_client._operations.typed_calls import argument
from bureau_client._transport.grpc_aio import AsyncDriver
from bureau_client._transport.grpc_sync import Driver
from bureau_client._transport.retry import RetryPolicy
from bureau_client.aio.auditor import AsyncAuditor
from bureau_client.aio.lender import AsyncLender
from bureau_client.aio.wallet import AsyncWallet
from bureau_client.models.codes import Code
from bureau_keys.profile import Profile
from bureau_keys.signing import SigningKey
from tests.unit.client.fakes import CONSENT, NOW, ROUTES, SUBJECT, FakeBureau, clock, snapshot

CLIENTS = [Lender, Wallet, Auditor, AsyncLender, AsyncWallet, AsyncAuditor]
# Arguments that are right, by their names; others by their annotations.
RIGHT: dict[str, Any] = {
    "subject_id": SUBJECT,
    "consent_id": CONSENT,
    "member_id": "brook",
    "grantee": "brook",
    "key_id": "ab" * 32,
    "records": [snapshot()],
    "actions": [Action.INQUIRE],
    "purpose": Purpose.CREDIT_APPLICATION,
    "expire": timedelta(days=1),
    "identify_time": NOW,
}
JUNK: list[Any] = [
    None,
    True,
    -1,
    2**70,
    3.5,
    "",
    "x",
    "\ud800",
    "0" * 200,
    b"\xff",
    [],
    [None],
    [3],
]
JUNK += [{"a": 1}, object(), Purpose.COLLECTION, datetime(2026, 1, 1), timedelta(days=-9)]  # noqa: DTZ001
JUNK += [Profile, SubmissionKind.UNSPECIFIED, [object()], ["x"], [("US", "ssn")], lambda: None]


class NoBureau:
    """Transport of a bureau that is not there."""

    def send(self, _: Any) -> Any:
        raise Unavailable("nothing listens", reason="UNREACHABLE")

    def stream(self, _: Any) -> Iterator[Any]:
        raise Unavailable("nothing listens", reason="UNREACHABLE")

    def close(self) -> None:
        pass


class NoAsyncBureau:
    """The same, asynchronous."""

    async def send(self, _: Any) -> Any:
        raise Unavailable("nothing listens", reason="UNREACHABLE")

    async def stream(self, _: Any) -> AsyncIterator[Any]:
        raise Unavailable("nothing listens", reason="UNREACHABLE")
        yield

    async def close(self) -> None:
        pass


def client_of(kind: type[Any], bureau: FakeBureau) -> Any:
    own = (SUBJECT, SigningKey.generate()) if "Wallet" in kind.__name__ else ()
    client = kind(bureau.profile(), *own, clock=clock)
    once = RetryPolicy(attempts=1)
    if "Async" in kind.__name__:
        client._driver = AsyncDriver(NoAsyncBureau(), ROUTES, once)
    else:
        client._driver = Driver(NoBureau(), ROUTES, once)
    return client


def methods_of(kind: type[Any]) -> list[str]:
    return [
        name
        for name in dir(kind)
        if not name.startswith("_")
        and isinstance(inspect.getattr_static(kind, name), FunctionType)
        and name != "close"
    ]


def outcome(call: Callable[[], Any]) -> Exception | None:
    """The error of a call, and of what it returns when it is awaited or read to its end."""

    async def ended(value: Any) -> None:
        if hasattr(value, "__aiter__"):
            [item async for item in value]
        else:
            await value

    try:
        value = call()
        if inspect.isawaitable(value) or hasattr(value, "__aiter__"):
            asyncio.run(ended(value))
        elif isinstance(value, Iterator):
            list(value)
    except Exception as error:  # noqa: BLE001 - the error is what is tested
        return error
    return None


def right(name: str, hint: Any) -> Any:
    """A right value; None where there is none at hand."""
    if name in RIGHT:
        return RIGHT[name]
    if isinstance(hint, type) and issubclass(hint, Code):
        return list(hint)[1]
    return {str: CONSENT, int: 1, bytes: b"", SigningKey: SigningKey.generate()}.get(hint)


@pytest.mark.parametrize("kind", CLIENTS, ids=lambda kind: kind.__name__)
def test_every_wrong_argument_is_the_documented_error_that_names_it(kind: type[Any]) -> None:
    client = client_of(kind, FakeBureau())
    for method in methods_of(kind):
        function = getattr(client, method)
        hints = get_type_hints(inspect.unwrap(function))
        parameters = inspect.signature(function).parameters
        needed = {
            name: right(name, hints[name])
            for name, parameter in parameters.items()
            if parameter.default is parameter.empty
        }
        for name in parameters:
            wrong = outcome(lambda: function(**{**needed, name: object()}))  # noqa: B023
            assert isinstance(wrong, BureauError), (method, name, repr(wrong))
            # The arguments are checked in their order: an earlier one may be wrong by default.
            assert isinstance(wrong, InvalidRequest), (method, name, repr(wrong))
            assert "is of the class object; pass " in str(wrong) or "None" in str(wrong)
            for junk in JUNK:
                error = outcome(lambda: function(**{**needed, name: junk}))  # noqa: B023
                assert error is None or isinstance(error, BureauError), (
                    f"{kind.__name__}.{method}({name}={junk!r}): {error!r}"
                )


@pytest.mark.parametrize("kind", CLIENTS, ids=lambda kind: kind.__name__)
def test_a_client_of_wrong_parts_is_the_documented_error(kind: type[Any]) -> None:
    profile = FakeBureau().profile()
    own = {"subject_id": SUBJECT, "key": SigningKey.generate()} if "Wallet" in kind.__name__ else {}
    for name in inspect.signature(kind).parameters:
        error = outcome(lambda: kind(**{"profile": profile, **own, name: object()}))  # noqa: B023
        assert isinstance(error, InvalidRequest), (name, repr(error))
        assert error.violations[0].field == name


def test_values_that_people_write_are_taken() -> None:
    for text in ("credit-application", "Credit Application", "CREDIT_APPLICATION", 3):
        assert argument("purpose", text, Purpose) is Purpose.CREDIT_APPLICATION
    assert argument("limit", None, int | None) is None
    when = datetime(2026, 1, 1, tzinfo=UTC)
    assert argument("expire", when, datetime | timedelta) == when
    with pytest.raises(InvalidRequest) as caught:
        argument("purpose", Action.FURNISH, Purpose)
    assert "purpose: is Action.FURNISH; pass a Purpose: court-order, " in str(caught.value)


def test_scalars_of_tables_are_taken() -> None:
    limit = argument("limit", np.int64(5), int | None)
    assert (limit, type(limit)) == (5, int)
    assert argument("replaces", np.bool_(True), bool) is True
    assert argument("purpose", np.str_("collection"), Purpose) is Purpose.COLLECTION
    assert argument("purpose", np.uint8(5), Purpose) is Purpose.COLLECTION
    for wrong in (np.float64(5), np.bool_(True), np.int64(-1), np.array([5])):
        with pytest.raises(InvalidRequest):
            argument("limit", wrong, int)


def test_a_misspelt_on_invalid_is_refused_before_anything_is_sent() -> None:
    bureau = FakeBureau()
    with pytest.raises(InvalidRequest, match=r"on_invalid.*'rasie'; pass 'raise' or 'skip'"):
        bureau.lender().submit([snapshot(currency="ZZZ")], on_invalid="rasie")  # type: ignore[arg-type]
    assert bureau.calls == []


def test_errors_show_no_secrets() -> None:
    for name, value in (("subject_id", 110_101), ("passphrase", b"x"), ("identifier", 1101)):
        with pytest.raises(InvalidRequest) as caught:
            argument(name, value, str)
        assert str(value) not in str(caught.value)


def test_annotations_are_of_the_kinds_that_are_checked() -> None:
    """Each public parameter has an annotation."""
    for kind in CLIENTS:
        for name in methods_of(kind):
            function = inspect.unwrap(getattr(kind, name))
            hints = get_type_hints(function)
            named = set(inspect.signature(function).parameters) - {"self"}
            assert named <= hints.keys(), (kind, name)
            assert all(get_origin(hints[each]) is not dict for each in named)


@pytest.mark.parametrize("kind", [Lender, AsyncLender], ids=lambda kind: kind.__name__)
def test_a_missing_or_unknown_argument_is_pythons_own_error(kind: type[Any]) -> None:
    client = client_of(kind, FakeBureau())
    missing = outcome(lambda: client.query(SUBJECT, consent_id=CONSENT))
    assert isinstance(missing, TypeError)
    assert str(missing) == f"{kind.__name__}.query() missing a required argument: 'purpose'"
    unknown = outcome(lambda: client.submissions(limits=3))
    assert isinstance(unknown, TypeError)
    assert f"{kind.__name__}.submissions() got an unexpected keyword argument" in str(unknown)


@pytest.mark.parametrize(
    ("hint", "wrong", "says"),
    [
        (Frequency | None, Frequency("week", 3), "arg.unit: is 'week'; pass a FrequencyUnit: day"),  # type: ignore[arg-type]
        (Frequency, Frequency(FrequencyUnit.DAY, "3"), "arg.value: is '3'; pass a whole number"),  # type: ignore[arg-type]
        (RecordRef, RecordRef("x", -1), "arg.record_index: is -1; pass a whole number from 0"),
        (Sequence[bytes], [b"a", "b"], "arg[1]: is 'b'; pass bytes"),
        (Sequence[Purpose], ["collection", "x"], "arg[1]: is 'x'; pass a Purpose: court-order"),
        (timedelta, timedelta.max, "pass a timedelta of at most 1,000 years"),
    ],
)
def test_the_wrong_part_of_an_argument_is_named(hint: Any, wrong: Any, says: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        argument("arg", wrong, hint)
    assert says in str(caught.value)


def test_parts_that_people_write_are_taken() -> None:
    written: Any = Frequency("month", np.int64(3))  # type: ignore[arg-type]
    assert argument("frequency", written, Frequency | None) == Frequency(FrequencyUnit.MONTH, 3)
    keys = {Purpose.COLLECTION: 1}.keys()
    assert argument("purposes", keys, Sequence[Purpose]) == (Purpose.COLLECTION,)
