"""All keys of a model as flat rows: for the key table, and for "did you mean"."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

Location = tuple[str | int, ...]
"""Steps into nested blocks and lists: keys and indices."""

SHOWN_LIMITS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


class Key(NamedTuple):
    """One key of a configuration file: its dotted path, its type and limits in words, its default and meaning."""

    path: str
    type: str
    default: Any
    description: str


def keys(model: type[BaseModel]) -> Iterator[Key]:
    """Every leaf key of a model, in the order of its definition, with dotted paths.

    Args:
        model: a configuration model; blocks in it become the front part of the path.
    """
    schema = model.model_json_schema()
    yield from _walk(schema, schema, "")


def allowed(model: type[BaseModel], location: Location) -> list[str]:
    """The keys that may stand in the block at a location."""
    return list(_find(model, location).get("properties", {}))


def json_types(model: type[BaseModel], location: Location) -> set[str]:
    """JSON types of the value at a location, e.g. ``number``; none where the model has none."""
    node = _find(model, location)
    return {option["type"] for option in node.get("anyOf", [node]) if "type" in option}


def _find(model: type[BaseModel], location: Location) -> dict[str, Any]:
    """Schema of the value at a location, as pydantic's errors give it (the tag of a union is a step too)."""
    schema = model.model_json_schema()
    node = schema
    for step in location:
        mapping = node.get("discriminator", {}).get("mapping", {})
        if step in mapping:
            node = {"$ref": mapping[step]}
        elif isinstance(step, int):
            node = next((option["items"] for option in node.get("anyOf", [node]) if "items" in option), {})
        else:
            # free names (of proteins) are a pattern in the schema
            named: dict[str, Any] = next(
                iter(node.get("patternProperties", {}).values()), node.get("additionalProperties") or {}
            )
            node = node.get("properties", {}).get(step, named)
        node = _resolve(schema, node)
    return node


def _resolve(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """A schema node with its reference, if it is one, replaced by what it refers to."""
    if "$ref" not in node:
        return node
    found = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return {**found, **{name: value for name, value in node.items() if name != "$ref"}}


def _walk(schema: dict[str, Any], block: dict[str, Any], prefix: str) -> Iterator[Key]:
    for name, raw in block["properties"].items():
        node = _resolve(schema, raw)
        if "properties" in node:
            yield from _walk(schema, node, f"{prefix}{name}.")
        else:
            default = node.get("default", PydanticUndefined)
            yield Key(f"{prefix}{name}", _type(schema, node), default, node.get("description", ""))


def _type(schema: dict[str, Any], node: dict[str, Any]) -> str:
    """Type and limits of a leaf in words, e.g. ``integer, ≥ 1`` or ``cpu or cuda``."""
    node = _resolve(schema, node)
    if "properties" in node:
        return "blocks"
    if "const" in node:
        return str(node["const"])
    if "enum" in node:
        return " or ".join(map(str, node["enum"]))
    if "anyOf" in node:
        return " or ".join(_type(schema, option) for option in node["anyOf"])
    if isinstance(node.get("type"), list):
        return " or ".join(_type(schema, {**node, "type": single}) for single in node["type"])
    if node.get("type") == "array":
        return f"list of {_type(schema, node.get('items', {}))}"
    if node.get("type") == "object":
        return f"table of {_type(schema, node.get('additionalProperties', {}))}"
    word = {"string": "text", "boolean": "true or false"}.get(node.get("type", ""), node.get("type", "any"))
    return ", ".join([word, *(f"{sign} {node[limit]:g}" for limit, sign in SHOWN_LIMITS.items() if limit in node)])
