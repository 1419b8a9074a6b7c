"""YAML files read with the line of every key, timestamps left as text, and double keys refused."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import yaml

from kravkoll.contracts.errors import ConfigurationError, Fault

type Path = tuple[str | int, ...]

PLAIN_TAGS: dict[str, Callable[[str], Any]] = {
    "tag:yaml.org,2002:null": lambda _: None,
    "tag:yaml.org,2002:bool": lambda text: text.lower() == "true",
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:float": float,
}


class Loader(yaml.CSafeLoader):
    """Scalars as YAML 1.2 reads them: `no` is a word, and a date is text until its field says otherwise."""


KEPT_TAGS = {"tag:yaml.org,2002:null", "tag:yaml.org,2002:float"}
Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rows if tag in KEPT_TAGS]
    for first, rows in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?(0|[1-9][0-9]*)$"), list("-+0123456789")
)


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: its data, and the line (from 1) on which each path stands."""

    file: str
    data: Any
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """The line of the path, or of its nearest ancestor that stands in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read(path: FilePath, shown: str) -> Document:
    """Parse one YAML file; `shown` is its name in messages. Raises ConfigurationError with every fault."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(faults=[Fault(shown, 0, "", f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            faults=[Fault(shown, 0, "", "is not UTF-8", "save the file as UTF-8")]
        ) from error
    return parse(text, shown)


def parse(text: str, shown: str) -> Document:
    """Parse YAML text; `shown` is its name in messages."""
    try:
        node = yaml.compose(text, Loader=Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        fault = Fault(
            shown, line, "", f"is not YAML: {error.problem}", "check indentation, quotes and colons"
        )
        raise ConfigurationError(faults=[fault]) from error
    except yaml.YAMLError as error:
        raise ConfigurationError(faults=[Fault(shown, 0, "", f"is not YAML: {error}")]) from error
    reading = _Reading(shown)
    data = reading.value(node, ()) if node else None
    if reading.faults:
        raise ConfigurationError(faults=reading.faults)
    return Document(shown, data, reading.lines)


class _Reading:
    """One walk over a node tree: builds the data and notes lines and double keys."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.lines: dict[Path, int] = {}
        self.faults: list[Fault] = []

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*path, index)) for index, child in enumerate(node.value)]
        convert = PLAIN_TAGS.get(node.tag, str)
        return convert(node.value)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in result:
                first = self.lines[(*path, key)]
                self.faults.append(
                    Fault(
                        self.shown,
                        line,
                        dotted((*path, key)),
                        f"stands twice (first on line {first})",
                        "remove one",
                    )
                )
            self.lines[(*path, key)] = line
            result[key] = self.value(value_node, (*path, key))
        return result


def dotted(path: Path) -> str:
    """`requirements[2].level` of a path."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
