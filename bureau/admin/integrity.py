"""Check of a whole database against what the bureau signed.

Every entry is recomputed from its statement, the tree from its entries, every
checkpoint from the tree, every record from its submission; and every row that
came of an entry is held against it, both ways. One moment of the database is
read; the bureau may go on serving.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError

from bureau.credit_file.accounts import account_of
from bureau.credit_file.history import (
    DELETION,
    STEP,
    Account,
    TrailEntry,
    effective_snapshots,
    people_of,
    steps_of,
)
from bureau.ledger.log import HASH, TILE, LoggedEntry
from bureau.store import checks, schema
from bureau.store import queries as q
from bureau.store.database import Connection, Database
from bureau_keys.checkpoint import open_checkpoint
from bureau_keys.errors import KeysError
from bureau_keys.log_audit import leaf_violations
from bureau_keys.merkle import Frontier, leaf_hash, root_of
from bureau_keys.signing import VerifyKey
from bureau_keys.tiles import Tiles
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.record_pb2 import Record, SubmissionManifest

PAGE = 1000


@dataclass(frozen=True, slots=True)
class Finding:
    """A breach that a check found.

    Attributes:
        what: The breach in words.
        leaf_index: The entry of the log that it is about; None if it is about none.
    """

    what: str
    leaf_index: int | None = None

    def __str__(self) -> str:
        return self.what if self.leaf_index is None else f"entry {self.leaf_index}: {self.what}"


@dataclass(slots=True)
class Checked:
    """The result of a check, with the counts of what was checked.

    Attributes:
        findings: Breaches, in the order in which they were found.
    """

    entries: int = 0
    checkpoints: int = 0
    records: int = 0
    findings: list[Finding] = field(default_factory=list)


def check_database(database: Database, origin: str, log_key: VerifyKey) -> Checked:
    """Check the whole database.

    Args:
        origin: The log's origin.
        log_key: The key under which the log's checkpoints verify.

    Raises:
        StorageError: The database cannot be read.
    """
    checked = Checked()
    checked.findings += [Finding(f"schema: {told}") for told in schema.differences(database)]
    with database.snapshot() as db:
        hashes = _check_entries(db, checked)
        _check_tree(db, origin, log_key, hashes, checked)
        checked.findings += _check_tiles(db, hashes)
        _check_records(db, checked)
        checked.findings += _check_accounts(db)
        checked.findings += _check_references(db)
    return checked


def _check_entries(db: Connection, checked: Checked) -> list[bytes]:
    """Return the leaf hashes of all entries, each recomputed from its own statement."""
    hashes: list[bytes] = []
    erased = {key for (key,) in db.all(checks.erased_statements)}
    while page := db.all(checks.entries_from, start=_next_index(checked), limit=PAGE):
        for row in page:
            entry, envelope = LoggedEntry(*row[:-1]), row[-1]
            index, expected = entry.leaf_index, _next_index(checked)
            if index != expected:
                checked.findings.append(
                    Finding(f"{index - expected} entries are missing", expected)
                )
            checked.entries = index + 1
            hashes.append(leaf_hash(entry.commitment))
            is_erased = entry.entry_key in erased
            violations = (
                _violations_of_erased(entry, envelope)
                if is_erased
                else leaf_violations(entry, envelope)
            )
            checked.findings += [Finding(violation, index) for violation in violations]
    return hashes


def _next_index(checked: Checked) -> int:
    return checked.entries


def _violations_of_erased(entry: LoggedEntry, envelope: bytes | None) -> Iterator[str]:
    if envelope or entry.digest or entry.salt:
        yield "it was erased, and something of it is still there"


def _check_tree(
    db: Connection, origin: str, log_key: VerifyKey, hashes: list[bytes], checked: Checked
) -> None:
    """Check every checkpoint against the tree of the entries."""
    tree, newest, after = Frontier(), -1, -1
    while page := db.all(q.checkpoints_after, after=after, limit=PAGE):
        for size, note in page:
            after = newest = size
            checked.checkpoints += 1
            tree.extend(hashes[tree.size : size])
            try:
                signed = open_checkpoint(note, origin, log_key)
            except KeysError as error:
                checked.findings.append(Finding(f"the checkpoint of size {size}: {error}"))
                continue
            if signed.size != size or tree.size != size or signed.root != tree.root():
                checked.findings.append(
                    Finding(f"the entries do not give the root signed for size {size}")
                )
    if newest != len(hashes):
        checked.findings.append(
            Finding(f"the newest checkpoint is of {newest} entries, there are {len(hashes)}")
        )
    whole = Frontier()
    whole.extend(hashes)
    if db.all(checks.head_row) != [(len(hashes), b"".join(whole.hashes))]:
        checked.findings.append(Finding("the head row is not the tree's right edge"))


def _check_tiles(db: Connection, hashes: list[bytes]) -> Iterator[Finding]:
    """Check stored tiles, from which proofs are made, against the entries."""
    level_hashes, level, count = hashes, 0, 0
    for found_level, index, stored, root in db.all(checks.tiles):
        while level < found_level:
            yield from _count_tiles(level, level_hashes, count)
            level_hashes, level, count = _roots(level_hashes), level + 1, 0
        count += 1
        wanted = level_hashes[index * TILE : (index + 1) * TILE]
        if len(wanted) < TILE or b"".join(wanted) != stored or root_of(wanted) != root:
            yield Finding(f"tile {level}/{index} does not follow from the entries")
    yield from _count_tiles(level, level_hashes, count)


def _roots(hashes: list[bytes]) -> list[bytes]:
    whole = len(hashes) // TILE * TILE
    return [root_of(hashes[at : at + TILE]) for at in range(0, whole, TILE)]


def _count_tiles(level: int, hashes: list[bytes], count: int) -> Iterator[Finding]:
    if count != len(hashes) // TILE:
        yield Finding(f"level {level} has {count} of {len(hashes) // TILE} full tiles")


def _check_records(db: Connection, checked: Checked) -> None:
    """Check the records, from which reports are made, against what was signed."""
    after = 0
    while page := db.all(checks.submissions, after=after, limit=PAGE):
        for key, index, envelope in page:
            after = key
            tiles = db.all(checks.tiles_of, submission_key=key)
            rows = db.all(checks.records_of, submission_key=key)
            checked.records += len(rows)
            found = _breaches_of_submission(envelope, tiles, rows)
            checked.findings += [Finding(what, index) for what in found]


def _breaches_of_submission(
    envelope: bytes, tiles: list[tuple[bytes, bytes]], rows: list[tuple[int, bytes]]
) -> Iterator[str]:
    try:
        manifest = SubmissionManifest.FromString(Envelope.FromString(envelope).payload)
    except DecodeError:
        return  # said of the entry already
    hashes = b"".join(tile for tile, _ in tiles)
    leaves = [hashes[at : at + HASH] for at in range(0, len(hashes), HASH)]
    if len(leaves) != manifest.record_count or root_of(leaves) != manifest.records_root:
        yield "its records' hashes do not give the root that was signed"
    elif [root for _, root in tiles] != Tiles.over(leaves).roots:
        yield "its tiles' roots do not follow from its records' hashes"
    if [row[0] for row in rows] != list(range(manifest.record_count)):
        yield f"it has {len(rows)} of {manifest.record_count} records"
    for place, body in rows:
        if not body:
            continue  # erased; how many there may be is checked with the accounts
        if place >= len(leaves) or leaf_hash(body) != leaves[place]:
            yield f"record {place} is not the one that was signed"


def _check_accounts(db: Connection) -> Iterator[Finding]:
    """Rebuild every account from its records and compare."""
    after, records, people = 0, 0, 0
    while page := db.all(checks.accounts_after, after=after, limit=PAGE):
        for row in page:
            after = row.tradeline_key
            whole = row.trail[: len(row.trail) // STEP.size * STEP.size]
            records += sum(
                step.kind != DELETION or _answer_of(db, step, row.tradeline_key) is None
                for step in steps_of(whole)
            )
            stored = account_of(row)
            for what in _breaches_of_account(db, stored):
                yield Finding(f"account {row.tradeline_id}: {what}")
            people += len(people_of(stored.people))
    if (records,) != db.one(checks.record_count):
        yield Finding(f"the accounts' trails have {records} records, the bureau has others")
    if db.one(checks.blank_count) != db.one(q.erased_record_count):
        yield Finding("records are blank that were not erased")
    if (people,) != db.one(checks.party_count):
        yield Finding(f"the accounts name {people} people, the index to files has others")


def _breaches_of_account(db: Connection, stored: Account) -> Iterator[str]:
    if len(stored.trail) % STEP.size:
        yield "its trail is cut off"
        return
    steps, bodies, last = steps_of(stored.trail), {}, (-1, -1)
    for step in steps:
        row = db.one(
            checks.step_record, submission_key=step.submission_key, record_index=step.record_index
        ) or _answer_of(db, step, stored.tradeline_key)
        if row is None or row[1] != stored.tradeline_key:
            yield "its trail names a record that is not its own"
            return
        body, _, leaf_index = row
        if (leaf_index, step.record_index) <= last:
            yield "its trail is not in order of the log"
        last = leaf_index, step.record_index
        try:
            bodies[step] = Record.FromString(body).snapshot
        except DecodeError:
            return  # said of the submission already
    for subject_id in people_of(stored.people):
        if not db.one(checks.party, subject_id=subject_id, tradeline_key=stored.tradeline_key):
            yield f"it is not on the file of {subject_id}"
    again = Account(stored.tradeline_key)
    for step in steps:
        again.append(step)
        if step.kind < DELETION:
            again.add_subjects([party.subject_id for party in bodies[step].parties])
    again.rebuild((step, bodies[step]) for step in effective_snapshots(steps).values())
    if again != stored:
        yield "its history or its people are not what its records give"


def _answer_of(
    db: Connection, step: TrailEntry, tradeline_key: int
) -> tuple[bytes, int, int] | None:
    """Return the answer to a dispute that deleted: it has no record."""
    row = db.one(checks.answer_leaf, entry_key=step.submission_key)
    return (b"", tradeline_key, row[0]) if row and step.kind == DELETION else None


def _check_references(db: Connection) -> Iterator[Finding]:
    for name, lost in checks.LOST_ENTRIES.items():
        for which, key in db.all(lost):
            yield Finding(f"{name} {which} names an entry that is not there: {key}")
    for witness, size in db.all(checks.lost_cosignatures):
        yield Finding(f"{witness} has cosigned size {size}, of which there is no checkpoint")
    for kind, bare in checks.LOST_EFFECTS.items():
        for (index,) in db.all(bare):
            yield Finding(f"the {kind} was logged, its effect is not there", index)
    for member_id, ref in db.all(checks.lost_refs):
        yield Finding(f"the former reference {ref} of {member_id} is of no account of its own")
    for what, key, place in db.all(checks.lost_records):
        yield Finding(f"record {place} of {key} is of a {what} that is not there")
