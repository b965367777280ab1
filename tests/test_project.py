"""What the project says about itself is true: README, configuration, Makefile, requirements, links, commands."""

import ast
import os
import re
import subprocess
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TARGETS = {
    "help",
    "run",
    "test",
    "check",
    "format",
    "bench",
    "many",
    "samples",
    "soak",
    "canaries",
    "faults",
    "clean",
    "requirements",
}


def shell_lines(text: str) -> list[str]:
    """The commands of the first indented block."""
    block = re.search(r"(?:^ {4}.+\n)+", text, re.MULTILINE)
    return [line.strip() for line in block[0].splitlines()] if block else []


def variables_read() -> set[str]:
    """Every environment variable that the settings ask for."""
    tree = ast.parse((ROOT / "tokenoutput" / "settings.py").read_text())
    return {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "env"
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


def pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)(?:\[.*?\])?==(\S+)", (ROOT / name).read_text(), re.MULTILINE))


def test_the_readme_begins_with_the_two_commands():
    assert shell_lines(README)[:2] == ["make run", "make test"]


def test_the_readme_explains_every_variable_and_no_other():
    table = README.split("## Configuration")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    explained = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}
    assert explained == variables_read()


def test_the_example_environment_offers_every_variable_and_no_other():
    offered = re.findall(r"^(?:# )?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert sorted(offered) == sorted(variables_read() - {"ENV_FILE"})


def test_the_readme_lists_every_command_of_operators():
    own = {name for name, app in get_commands().items() if app in {"accounts", "billing", "catalog", "tokenoutput"}}
    listed = set(
        re.findall(r"^\| `(\w+)", README.split("## Commands for operators")[1].split("\n## ")[0], re.MULTILINE)
    )
    assert listed == own - {"up"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document):
    targets = re.findall(r"\]\((?!https?:)([^)#\s]+)", document.read_text())
    assert [target for target in targets if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_name_only_targets_that_exist(document):
    named = set(re.findall(r"(?:`|^ {4})make ([a-z-]+)", document.read_text(), re.MULTILINE))
    assert named <= TARGETS


def test_make_alone_lists_every_target():
    told = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^  make (\S+)", told, re.MULTILINE)) == TARGETS


def test_make_says_in_one_line_what_is_missing(tmp_path):
    """A machine without any python3: no traceback, no noise, and not a success."""
    makefile = (ROOT / "Makefile").read_text()
    for absolute in ("/usr/local/bin/python3", "/usr/bin/python3"):
        makefile = makefile.replace(absolute, str(tmp_path / "absent"))
    (tmp_path / "Makefile").write_text(makefile)
    for name in (".python-version", "requirements.txt", "requirements-local-model.txt"):
        (tmp_path / name).touch()
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("make", "sh", "cat", "rm", "touch"):
        (programs / name).symlink_to(f"/bin/{name}" if Path(f"/bin/{name}").exists() else f"/usr/bin/{name}")
    done = subprocess.run(
        [programs / "make", "run"],
        cwd=tmp_path,
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    lines = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("make: ***")]
    assert lines == ["make needs python3 with its venv module (Debian, Ubuntu: apt-get install python3-venv)."]


def test_the_development_set_holds_the_products_versions():
    product, development = pins("requirements.txt"), pins("requirements-dev.txt")
    assert product
    assert product.items() <= development.items()


def test_the_entry_of_ci_is_a_script_that_runs():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)
    assert script.read_text().splitlines()[-1].startswith("make check")


def test_the_licence_is_what_the_project_says():
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text()
