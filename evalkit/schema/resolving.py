"""What a `$ref` leads to. Nothing is ever fetched: within the schema itself, and the meta-schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
from msgspec import Struct
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT4, DRAFT6, DRAFT7, DRAFT201909, DRAFT202012

from evalkit.data import Json
from evalkit.schema.drafts import Draft

_SPECIFICATIONS = {"2020-12": DRAFT202012, "2019-09": DRAFT201909, "7": DRAFT7, "6": DRAFT6, "4": DRAFT4}


class Resolver(Struct, frozen=True):
    """Follows references from one place in a schema."""

    _specification: Any
    _here: Any

    @staticmethod
    def at_root(schema: Json, draft: Draft) -> Resolver:
        specification = _SPECIFICATIONS[draft.name]
        return Resolver(specification, REGISTRY.resolver_with_root(specification.create_resource(schema)))

    def within(self, part: Json) -> Resolver:
        """The one for a subschema, which may have an `$id` of its own."""
        return Resolver(self._specification, self._here.in_subresource(self._specification.create_resource(part)))

    def follow(self, reference: str) -> tuple[Json, Resolver] | None:
        """What stands there, and the resolver for it; None if it leads nowhere or outside."""
        try:
            found = self._here.lookup(reference)
        except (Unresolvable, ValueError, TypeError):  # the latter two: a pointer into a list or a scalar
            return None
        return found.contents, Resolver(self._specification, found.resolver)


def metaschema(draft: Draft) -> Mapping[str, Json]:
    """What says of a schema of that draft whether it is sound."""
    contents: Mapping[str, Json] = REGISTRY.contents(draft.uri)
    return contents
