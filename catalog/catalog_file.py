"""A catalog document from a YAML file: plain data only, numbers exactly as written, no key twice."""

from collections.abc import Hashable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml

from catalog.section import CatalogInvalid

FILE_BYTES_MAX = 4 * 1024 * 1024


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, stricter."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 -- PyYAML's signature
        if isinstance(node, yaml.MappingNode):
            names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise yaml.constructor.ConstructorError(None, None, f"key {twice} is there twice", node.start_mark)
        return super().construct_mapping(node, deep)

    def construct_exact(self, node: yaml.ScalarNode) -> Decimal | str:
        """A binary float would forget what was written; the text stays where it is no plain decimal."""
        try:
            return Decimal(node.value)
        except InvalidOperation:
            return str(node.value)


_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_exact)


def file_read(path: Path) -> dict[str, Any]:
    """The document in the file; `CatalogInvalid` when it is none. No fault quotes the file: it may hold keys."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise CatalogInvalid([f"{path}: is larger than {FILE_BYTES_MAX} bytes"])
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 -- a SafeLoader
    except OSError as error:
        raise CatalogInvalid([f"{path}: {error.strerror}"]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise CatalogInvalid([f"{path}{where}: {error.problem}"]) from None
    except (yaml.YAMLError, ValueError):
        raise CatalogInvalid([f"{path}: is no YAML text in UTF-8"]) from None
    except RecursionError:
        raise CatalogInvalid([f"{path}: is nested too deeply"]) from None
    if not isinstance(document, dict):
        raise CatalogInvalid([f"{path}: must be a mapping with providers and models"])
    return document
