"""The signatures of commands' functions, which Typer reads."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Annotated, Any, get_origin, get_type_hints

# Name, annotation and default of an option that is added to a function.
Added = tuple[str, Any, Any]


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotation of each parameter, those that were added to the signature too."""
    return get_type_hints(function, include_extras=True) | {
        name: parameter.annotation
        for name, parameter in inspect.signature(function).parameters.items()
        if get_origin(parameter.annotation) is Annotated
    }


def with_options(function: Callable[..., Any], added: Sequence[Added]) -> Callable[..., Any]:
    """Return a function that takes more options; they act before it runs, and it gets none."""
    signature = inspect.signature(function)

    @wraps(function)
    def taking_more(**named: Any) -> Any:
        for name, *_ in added:
            named.pop(name)
        return function(**named)

    more = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default
        )
        for name, annotation, default in added
    ]
    parameters = [*signature.parameters.values(), *more]
    taking_more.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return taking_more
