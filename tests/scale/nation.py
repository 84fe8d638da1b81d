"""What a nation asks of its bureau, and what it would take: arithmetic on measured costs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tests.scale.costs import CallCost, Costs
from tests.scale.model import head_limit

DAY_S = 86_400
MONTHS = 12
BATCH = 10_000
TB = 1e12
# Added to each commit: the way to a synchronous standby and its disk.
STANDBY_S = 0.001


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked. The first three are given; the rest is assumed, and said so.

    Attributes:
        tradelines: Each is reported once a month.
        reports_day: Inquiries a day.
        peak: Busiest hour over the average of the day.
        consents_a_report: New consents signed for each report: most applications bring one.
        furnish_days: Of a month, in which lenders deliver.
        furnish_hours: Of such a day.
        record_years: For how long records are kept.
        inquiry_years: For how long inquiries and their statements are kept at hand.
        standby_s: Added to each commit by the synchronous standby.
        use: Share of a core that is planned for at the peak; the rest is for what fails.
    """

    subjects: float = 1e9
    tradelines: float = 5e9
    reports_day: float = 20e6
    peak: float = 4.0
    consents_a_report: float = 0.7
    furnish_days: float = 10.0
    furnish_hours: float = 10.0
    record_years: float = 7.0
    inquiry_years: float = 2.0
    standby_s: float = STANDBY_S
    use: float = 0.5

    @property
    def reports_s(self) -> float:
        """Reports a second in the busiest hour."""
        return self.reports_day / DAY_S * self.peak

    @property
    def consents_s(self) -> float:
        """Consents a second in the busiest hour."""
        return self.reports_s * self.consents_a_report

    @property
    def records_s(self) -> float:
        """Records a second while lenders deliver."""
        return self.tradelines / (self.furnish_days * self.furnish_hours * 3600)

    @property
    def leaves_s(self) -> float:
        """Leaves a second in the busiest hour, deliveries included."""
        return self.reports_s + self.consents_s + self.records_s / BATCH


@dataclass(frozen=True, slots=True)
class Need:
    """What it takes at the peak.

    Attributes:
        node_cores: Used by nodes: reports, consents, records.
        database_cores: Used by the database.
        head_share: Of what one head row can give out.
    """

    node_cores: tuple[float, float, float]
    database_cores: tuple[float, float, float]
    head_share: float

    def nodes(self, use: float) -> int:
        """Nodes of one core each, so that each is in use by a share."""
        return math.ceil(sum(self.node_cores) / use)


def need(demand: Demand, costs: Costs) -> Need:
    """What the peak takes. A consent costs what a submission of one record does."""
    rates = (demand.reports_s, demand.consents_s, demand.records_s)
    node = (costs.report.node_s, costs.single.node_s, costs.record_node_s)
    database = (costs.report.database_s, costs.single.database_s, costs.record_database_s)
    return Need(
        node_cores=_times(rates, node),
        database_cores=_times(rates, database),
        head_share=demand.leaves_s / head_limit(mixed(demand, costs), demand.standby_s),
    )


def mixed(demand: Demand, costs: Costs) -> CallCost:
    """The cost of one statement of the mix of reports and consents."""
    share = demand.reports_s / (demand.reports_s + demand.consents_s)
    both = zip(
        (getattr(costs.report, name) for name in CallCost.__slots__),
        (getattr(costs.single, name) for name in CallCost.__slots__),
        strict=True,
    )
    return CallCost(*(share * one + (1 - share) * other for one, other in both))


@dataclass(frozen=True, slots=True)
class Kept:
    """What is stored of one kind of thing.

    Attributes:
        count: After `years`; a constant number has none.
        bytes_each: On PostgreSQL, indexes included.
        partitioned: How its tables are cut.
    """

    what: str
    count: float
    bytes_each: float
    years: float
    partitioned: str

    @property
    def terabytes(self) -> float:
        """What it takes when nothing is added that is not dropped."""
        return self.count * self.bytes_each / TB

    @property
    def growth(self) -> float:
        """Terabytes a year."""
        return self.terabytes / self.years if self.years else 0.0


def kept(demand: Demand, costs: Costs) -> list[Kept]:
    """What the database holds in the long run."""
    records = demand.tradelines * MONTHS * demand.record_years
    inquiries = demand.reports_day * 365 * demand.inquiry_years
    consents = demand.tradelines + inquiries * demand.consents_a_report
    return [
        Kept(
            "records, with their salts",
            records,
            costs.record_bytes,
            demand.record_years,
            "by time of the submission, a month each: the key is time-ordered",
        ),
        Kept(
            "accounts, with their histories",
            demand.tradelines,
            costs.account_bytes,
            0,
            "by hash of the account",
        ),
        Kept(
            "inquiries, with their statements and leaves",
            inquiries,
            costs.report.stored_bytes,
            demand.inquiry_years,
            "statements and leaves by time of the entry, a month each",
        ),
        Kept(
            "consents",
            consents,
            costs.consent_bytes,
            0,
            "–",
        ),
    ]


def _times(
    rates: tuple[float, float, float], costs: tuple[float, float, float]
) -> tuple[float, float, float]:
    one, two, three = (rate * cost for rate, cost in zip(rates, costs, strict=True))
    return one, two, three
