"""Which calls a node records: what its operator chooses, and nothing that a caller sends."""

from __future__ import annotations

import os
from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span
from opentelemetry.util.types import Attributes


class CallSampler(Sampler):
    """Asks the operator's sampler about each call as if the call began a trace of its own.

    Samplers decide by the parent's flag (`parentbased_…`) or by the trace id (`…traceidratio`),
    and the caller writes both: it could have its own calls recorded, or none of them. A step
    follows its call.
    """

    def __init__(self, chosen: Sampler) -> None:
        """Create the sampler.

        Args:
            chosen: The operator's sampler.
        """
        self._chosen = chosen
        self._ids = RandomIdGenerator()

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decide on the span of a call or of a step."""
        parent = get_current_span(parent_context).get_span_context()
        if parent.is_valid and not parent.is_remote:
            sampler: Sampler = ALWAYS_ON if parent.trace_flags.sampled else ALWAYS_OFF
            return sampler.should_sample(parent_context, trace_id, name, kind, attributes, links)
        own_id = self._ids.generate_trace_id()
        alone = Context()
        return self._chosen.should_sample(alone, own_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        """Name the operator's sampler."""
        return self._chosen.get_description()


def chosen_sampler() -> Sampler:
    """Return the sampler that OpenTelemetry's variables name; without them one of all calls."""
    if not os.environ.get("OTEL_TRACES_SAMPLER"):
        return ALWAYS_ON
    return TracerProvider(shutdown_on_exit=False).sampler
