"""Write docs/reference/http-api.md and openapi.json from the routes: `python -m tools.http_api`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pylogtap_collector.api import GROUPS
from pylogtap_collector.api.openapi import describe

if TYPE_CHECKING:
    from collections.abc import Iterator

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
_HEAD = """\
# HTTP API

<!-- Made from the routes by `python -m tools.http_api`; a test compares it with them. -->

The collector listens on `http://127.0.0.1:8270`. It shows this API with forms to try it under
[`/docs`](http://127.0.0.1:8270/docs) and describes it for programs in `/openapi.json`
([OpenAPI 3.1](https://spec.openapis.org/oas/v3.1.1); the same file is [here](openapi.json)).

"""
_EXAMPLE = """\

## An example

```console
$ curl -sG http://127.0.0.1:8270/api/v1/logs --data-urlencode 'q=level:>=warning service:checkout' \\
    --data-urlencode since=1h --data-urlencode limit=20
```

The answer is `{"items": [...], "next": cursor or null}`. With a key the collector wants
`-H "Authorization: Bearer $PYLOGTAP_KEY"`.
"""


def document() -> dict[str, Any]:
    """Return the description of the API."""
    described: dict[str, Any] = json.loads(describe(GROUPS))
    return described


def render(described: dict[str, Any]) -> str:
    """
    Return the page.

    Args:
        described: The OpenAPI document.
    """
    operations = [
        (path, method.upper(), operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    parts = [_HEAD, described["info"]["description"]]
    for tag in described["tags"]:
        parts.append(f"\n## {tag['name'].capitalize()}\n\n{tag['description']}\n")
        for path, method, operation in operations:
            if tag["name"] in operation["tags"]:
                parts.extend(_operation(path, method, operation))
    parts.append(_EXAMPLE)
    return "".join(parts)


def _operation(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"\n### `{method} {path}`\n\n{operation['summary']}.\n"
    if "description" in operation:
        yield f"\n{operation['description']}\n"
    if operation["parameters"]:
        yield "\n| parameter | in | type | meaning |\n|---|---|---|---|\n"
        for parameter in operation["parameters"]:
            required = ", required" if parameter["required"] else ""
            yield (
                f"| `{parameter['name']}` | {parameter['in']}{required} | {_kind(parameter['schema'])} "
                f"| {_cell(parameter.get('description', ''))} |\n"
            )
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
        yield f"\nBody: `{kind}`{f', `{name}`' if name else ''}.\n"
    yield "\n| status | meaning |\n|---|---|\n"
    for status, answer in sorted(operation["responses"].items()):
        yield f"| {status} | {_cell(answer['description'])} |\n"


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        kind = " or ".join(f"`{each}`" for each in schema["enum"])
    elif schema.get("type") == "array":
        kind = f"list of {_kind(schema['items'])}"
    else:
        kind = str(schema.get("type", "any"))
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        kind += f" {low} to {high}"
    default = schema.get("default")
    return f"{kind}, default `{json.dumps(default)}`" if default not in (None, "") else kind


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def main() -> int:
    """Write both files."""
    described = document()
    (REFERENCE / "http-api.md").write_text(render(described), encoding="utf-8")
    (REFERENCE / "openapi.json").write_text(
        json.dumps(described, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
