"""The form of the code: sizes, names, first lines, who reads the environment, what never gets committed."""

import ast
import re
import subprocess
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from io import StringIO
from itertools import count
from pathlib import Path, PurePosixPath

import pytest

from tests.prerequisites import missing

ROOT = Path(__file__).resolve().parent.parent
GENERATED = re.compile(r"requirements[\w-]*\.txt|LICENSE|.*/migrations/.*|tests/fixtures/.*")
FUNCTION_LINES_MAX = 50
# The first pattern that matches a path decides. Raising a limit is a commit of its own, with the reason.
FILE_LINES_MAX = [
    (r"gateway/relay\.py", 150),
    # One file, because the environment is read nowhere else; a list that is looked things up in, not read.
    (r"tokenoutput/settings\.py", 400),
    (r"tests/.*\.py", 600),
    (r".*\.py", 300),
    (r".*\.(html|txt|js)", 300),
    (r".*\.(css|sql)", 600),
]
# Who passes the environment on to a child process, or looks up a variable that an operator's file names.
ENVIRONMENT_READERS = {"tokenoutput/settings.py"}
SHAPELESS_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}
# Spelled in two halves, so that this file keeps its own rules.
UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b")
FOREIGN_PLACES = re.compile(
    "|".join(("pypi" + r"\.org", "python" + r"hosted\.org", "registry" + r"\.npmjs", "proxy" + r"\.golang"))
    + r"|(?<![\w.~}*-])/("
    + "|".join(("ro" + "ot", "wo" + "rk", "ho" + "me", "Us" + "ers"))
    + ")/"
)
SUPPRESSION = re.compile(r"#\s*(noqa|type: ignore)(?P<rest>.*)")


@dataclass(frozen=True, slots=True)
class Source:
    """One tracked text file: its path from the repository's root, and what it says."""

    path: PurePosixPath
    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)


@cache
def tracked() -> list[Source]:
    # The folder may belong to somebody else than the one who runs the tests, which git would refuse.
    listing = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listing.returncode != 0:
        missing("the tidy rules look at what git tracks: run them in a clone")
    sources = []
    for name in filter(None, listing.stdout.split("\0")):
        try:
            sources.append(Source(PurePosixPath(name), (ROOT / name).read_text()))
        except (UnicodeDecodeError, FileNotFoundError):
            continue  # A picture or font, or deleted and not yet committed.
    return sources


def is_python(source: Source) -> bool:
    return source.path.suffix == ".py" and not GENERATED.fullmatch(str(source.path))


def is_product(source: Source) -> bool:
    return is_python(source) and source.path.parts[0] != "tests"


# --- The rules: each yields one line per offence ------------------------------------------------------------------


def file_size(source: Source) -> Iterator[str]:
    if GENERATED.fullmatch(str(source.path)):
        return
    lines = len(source.text.splitlines())
    for pattern, limit in FILE_LINES_MAX:
        if re.fullmatch(pattern, str(source.path)):
            if lines > limit:
                yield f"{lines} lines, at most {limit}: split it by noun"
            return


def function_size(source: Source) -> Iterator[str]:
    if not is_python(source):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"{node.name} has {lines} lines, at most {FUNCTION_LINES_MAX}"


def first_line(source: Source) -> Iterator[str]:
    if not is_python(source) or not source.text.strip():
        return
    says = (ast.get_docstring(source.tree, clean=False) or "").splitlines()
    if not says or not says[0].strip():
        yield "no docstring whose first line says what the module is for"
    elif len(says) > 1 and says[1].strip():
        yield "the docstring's first line runs on: one sentence, then an empty line"


def name_says_something(source: Source) -> Iterator[str]:
    if source.path.stem in SHAPELESS_NAMES or SHAPELESS_NAMES & set(source.path.parts[:-1]):
        yield "the name says nothing: name the module by its noun"


def finished(source: Source) -> Iterator[str]:
    for number, line in enumerate(source.text.splitlines(), 1):
        if found := UNFINISHED.search(line):
            yield f"line {number} says {found[0]}: finish it, or write it down where plans are kept"


def environment(source: Source) -> Iterator[str]:
    if not is_product(source) or str(source.path) in ENVIRONMENT_READERS:
        return
    for node in ast.walk(source.tree):
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "environb" | "getenv" | "putenv"):
                if not _names_settings(source.text.splitlines()[node.lineno - 1]):
                    yield f"line {node.lineno} reads the environment: add a setting"
            case ast.ImportFrom(module="os", names=names) if {"environ", "getenv"} & {name.name for name in names}:
                yield f"line {node.lineno} imports the environment: add a setting"
            case ast.Import(names=names) if "environ" in {name.name for name in names}:
                yield f"line {node.lineno} imports environ: add a setting"


def _names_settings(line: str) -> bool:
    return 'os.environ.setdefault("DJANGO_SETTINGS_MODULE"' in line


def suppressions(source: Source) -> Iterator[str]:
    if not is_python(source):
        return
    for token in tokenize.generate_tokens(StringIO(source.text).readline):
        found = SUPPRESSION.search(token.string) if token.type == tokenize.COMMENT else None
        if found and not re.match(r":? ?\[?[A-Za-z0-9, -]+\]? +(--|#) \S", found["rest"]):
            yield f"line {token.start[0]} silences a rule without its code and a reason"


def places(source: Source) -> Iterator[str]:
    for number, line in enumerate(source.text.splitlines(), 1):
        if found := FOREIGN_PLACES.search(line):
            yield f"line {number} names a registry or a folder of one machine: {found[0]}"


def requirements(source: Source) -> Iterator[str]:
    if not re.fullmatch(r"requirements[\w-]*\.(in|txt)", str(source.path)) or "excludes" in source.path.name:
        return
    for number, line in enumerate(source.text.splitlines(), 1):
        entry = line.split("#")[0].strip()
        if "://" in line:
            yield f"line {number} holds a URL"
        elif source.path.suffix == ".in" and entry and not entry.startswith("-") and ">=" not in entry:
            yield f"line {number}: {entry} has no lower bound"
        elif source.path.suffix == ".txt" and re.match(r"\w", line) and not re.search(r"==\S+.* \\$", line):
            yield f"line {number}: {line} is not pinned with hashes"


RULES: list[Callable[[Source], Iterator[str]]] = [
    file_size,
    function_size,
    first_line,
    name_says_something,
    finished,
    environment,
    suppressions,
    places,
    requirements,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_code_is_tidy(rule):
    offences = [f"{source.path}: {line}" for source in tracked() for line in rule(source)]
    assert not offences, "\n" + "\n".join(offences)


# --- Each rule can fail -------------------------------------------------------------------------------------------

DOC = '"""What it is for."""\n'
LONG_FUNCTION = DOC + "def long():\n" + "    pass\n" * FUNCTION_LINES_MAX
OFFENDERS = [
    (file_size, "billing/ledger.py", "\n" * 301),
    (file_size, "gateway/relay.py", "\n" * 151),
    (file_size, "tests/billing/test_ledger.py", "\n" * 601),
    (file_size, "tokenoutput/static/site.css", "\n" * 601),
    (function_size, "billing/ledger.py", LONG_FUNCTION),
    (function_size, "tests/test_flow.py", LONG_FUNCTION.replace("def", "async def")),
    (first_line, "billing/ledger.py", "import os\n"),
    (first_line, "billing/ledger.py", '"""\nWhat it is for."""\n'),
    (first_line, "billing/ledger.py", '"""What it\nis for."""\n'),
    (name_says_something, "billing/utils.py", DOC),
    (name_says_something, "gateway/common/sse.py", DOC),
    (finished, "README.md", "TO" + "DO: say more"),
    (environment, "billing/ledger.py", 'import os\nos.environ["X"]'),
    (environment, "billing/ledger.py", 'import os\nos.getenv("X")'),
    (environment, "billing/ledger.py", 'import os\nos.environ.setdefault("X", "1")'),
    (environment, "manage.py", "from os import environ"),
    (environment, "billing/ledger.py", "import environ"),
    (suppressions, "billing/ledger.py", "x = 1  # noqa"),
    (suppressions, "billing/ledger.py", "x = 1  # noqa: E501"),
    (suppressions, "billing/ledger.py", "x = 1  # type: ignore[arg-type]"),
    (places, "docs/operations.md", "see https://pypi" + ".org/simple"),
    (places, "docs/operations.md", "cd /ro" + "ot/main"),
    (places, "Makefile", "\tcp /ho" + "me/me/x ."),
    (requirements, "requirements.in", "django\n"),
    (requirements, "requirements.in", "django<6.2  # >=6\n"),
    (requirements, "requirements.txt", "--index-url https://example.com\n"),
    (requirements, "requirements.txt", "django==6.1.3\n"),
]


@pytest.mark.parametrize(("rule", "path", "text"), OFFENDERS)
def test_an_offence_is_seen(rule, path, text):
    assert list(rule(Source(PurePosixPath(path), text)))


INNOCENT = [
    (file_size, "billing/migrations/0001_initial.py", "\n" * 900),
    (first_line, "accounts/__init__.py", ""),
    (environment, "tokenoutput/asgi.py", 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "x")'),
    (environment, "tests/conftest.py", 'import os\nos.environ["X"]'),
    (suppressions, "billing/ledger.py", "x = 1  # noqa: S603, S607 -- our own binaries"),
    (suppressions, "billing/ledger.py", "x = 1  # type: ignore[arg-type]  # the stubs lag behind"),
    (places, "gateway/app.py", 'path("app/ho' + 'me/")'),
    (requirements, "requirements.in", "-r other.in\n# why\ncelery>=5.7,<5.8\n"),
    (requirements, "requirements.txt", 'uvloop==0.22.1 ; sys_platform != "win32" \\\n    --hash=sha256:00\n'),
]


@pytest.mark.parametrize(("rule", "path", "text"), INNOCENT)
def test_what_is_allowed_passes(rule, path, text):
    assert not list(rule(Source(PurePosixPath(path), text)))


# --- Decision records ---------------------------------------------------------------------------------------------


def decision_offences(documents: dict[str, str]) -> list[str]:
    """What is wrong with a folder of decision records: names as 0001-title.md, no gap, the three parts in each."""
    offences = []
    numbers = count(1)
    for name, text in sorted(documents.items()):
        if not name.startswith(f"{next(numbers):04}-"):
            offences.append(f"{name}: out of sequence")
        parts = re.findall(r"^## (.+)$", text, re.MULTILINE)
        if parts != ["Context", "Decision", "Consequences"] or not text.startswith(f"# {name[:4]}: "):
            offences.append(f"{name}: wants its number and title, then Context, Decision, Consequences")
    return offences


def test_decision_records_are_numbered_without_gaps():
    records = {path.name: path.read_text() for path in (ROOT / "docs" / "adr").glob("*.md") if path.name != "README.md"}
    assert len(records) >= 11
    assert not decision_offences(records)
    index = (ROOT / "docs" / "adr" / "README.md").read_text()
    assert sorted(records) == sorted(re.findall(r"\((\d{4}-[\w-]+\.md)\)", index))


def test_a_wrong_decision_record_is_seen():
    good = "# 0001: One\n\n## Context\n\n## Decision\n\n## Consequences\n"
    assert not decision_offences({"0001-one.md": good})
    assert decision_offences({"0002-one.md": good.replace("0001", "0002")})
    assert decision_offences({"0001-one.md": good.replace("Context", "Why")})
    assert decision_offences({"0001-one.md": good, "0003-three.md": good.replace("0001", "0003")})
