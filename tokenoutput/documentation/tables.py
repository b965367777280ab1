"""The tables of the documentation as Markdown, out of the code's own tables."""

import re
from collections.abc import Iterable, Sequence

from django.utils.translation import gettext as _

from catalog.selectors import CatalogRow
from catalog.templatetags.money import price, tokens_short
from tokenoutput.api.reasons import REASONS
from tokenoutput.conversion_docs import FIELD_TABLES, STOP_TABLES
from tokenoutput.docs_tables import ERRORS_PROMISED, PROTOCOL_MATRIX, ErrorEntry, errors_every
from tokenoutput.management_key_forms import SCOPE_MEANINGS

# Underscores inside words mean nothing.
_MEANINGFUL = re.compile(r"[*\[\]<`]|(?<![a-zA-Z0-9])_|_(?![a-zA-Z0-9])")


def errors_promised() -> str:
    """The five codes of the contract."""
    rows = [(f"`{error.status}`", error.meaning, error.remedy) for error in ERRORS_PROMISED]
    return table((_("Code"), _("Meaning"), _("What to do")), rows)


def errors_overview() -> str:
    """Every reason in a line, linked to its section."""
    rows = [
        (
            f"[`{entry.wording.anchor}`](#{entry.wording.anchor})",
            f"`{entry.wording.status}`",
            entry.wording.meaning,
            f"`{entry.wording.anthropic_type}`",
            _("yes") if entry.retried else _("no"),
        )
        for entry in errors_every()
    ]
    return table(("Code", _("Status"), _("Meaning"), "Anthropic", _("SDKs retry")), rows)


def errors_sections() -> str:
    """Every reason with what it costs and what to do."""
    return "\n\n".join(_error_section(entry) for entry in errors_every())


def api_errors_overview() -> str:
    """Every reason of the management API in a line, linked to its section."""
    rows = [(f"[`{name}`](#{name})", f"`{one.status}`", one.meaning) for name, one in REASONS.items()]
    return table((_("Reason"), _("Status"), _("Meaning")), rows)


def api_errors_sections() -> str:
    """Each with what to do. A word that is a code of the gateway too stands in that code's section."""
    shared = {entry.wording.anchor for entry in errors_every()}
    return "\n\n".join(
        f"### {name} {{#{name}}}\n\n`{one.status}` · {cell(one.meaning)}. {cell(one.remedy)}"
        for name, one in REASONS.items()
        if name not in shared
    )


def _error_section(entry: ErrorEntry) -> str:
    wording = entry.wording
    retried = _("The official SDKs retry it by themselves.") if entry.retried else _("The SDKs do not retry it.")
    types = f"OpenAI `{wording.openai_type}`, Anthropic `{wording.anthropic_type}`"
    lines = [
        f"### {wording.anchor} {{#{wording.anchor}}}",
        "",
        f"`{wording.status}` · {cell(wording.meaning)} · {types}",
        "",
        f"- **{_('What to do')}:** {cell(entry.remedy)} {retried}",
        f"- **{_('Charged')}:** {cell(entry.charged)}",
    ]
    if wording.anchor in REASONS:
        lines.append(f"- **{_('From the management API')}:** {cell(REASONS[wording.anchor].remedy)}")
    for name, meaning, remedy in entry.details:
        lines += ["", f"#### {name} {{#{name}}}", "", f"{meaning}. {remedy}"]
    return "\n".join(lines)


def scopes() -> str:
    """What a management key may be allowed."""
    rows = [(f"`{scope}`", meaning) for scope, meaning in SCOPE_MEANINGS.items()]
    return table((_("Scope"), _("What it allows")), rows)


def protocol_matrix() -> str:
    """What happens for each pair of protocols."""
    rows = [(line.client, f"`{line.provider}`", f"`{line.override}`", line.behavior) for line in PROTOCOL_MATRIX]
    return table((_("Client protocol"), _("Provider default"), _("Model override"), _("Behavior")), rows)


def conversion_fields() -> str:
    """A section for each converter: every field and its fate."""
    sections = []
    for fields in FIELD_TABLES:
        rows = [(f"`{field.name}`", field.fate, field.note) for field in fields.fields]
        lines = table((_("Field"), _("What happens"), _("As what, or why")), rows)
        sections.append(f"## {fields.title} {{#{fields.id}}}\n\n{cell(fields.lead)}\n\n{lines}")
    return "\n\n".join(sections)


def conversion_stops() -> str:
    """Why an answer ended, in the provider's word and the client's."""
    sections = []
    for stops in STOP_TABLES:
        rows = [(f"`{theirs}`", f"`{yours}`") for theirs, yours in stops.words.items()]
        heads = (f"{_('Provider says')} {stops.provider}", f"{_('You get')} {stops.client}")
        sections.append(f"### {stops.title} {{#{stops.id}}}\n\n{table(heads, rows)}")
    return "\n\n".join(sections)


def catalog_table(rows: Sequence[CatalogRow]) -> str:
    """The catalog for readers of Markdown; pages show the live table with its copy buttons."""
    if not rows:
        return _("No models yet.")
    lines = [
        (
            f"`{row.public_id}`",
            row.description or row.display_name,
            _limits(row),
            ", ".join(f"`{protocol}`" for protocol in row.protocols),
            _prices(row),
        )
        for row in rows
    ]
    heads = (_("Public Model ID"), _("Description"), _("Limits"), _("Protocols"), _("Pricing, $ per 1M tokens"))
    return table(heads, lines)


def _limits(row: CatalogRow) -> str:
    output = f", {tokens_short(row.max_output_tokens)} {_('output')}" if row.max_output_tokens else ""
    return f"{tokens_short(row.context_tokens)} {_('context')}{output}"


def _prices(row: CatalogRow) -> str:
    if row.free:
        return _("Free")
    return f"{price(row.input_usd)} {_('input')}, {price(row.output_usd)} {_('output')}"


def table(heads: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Cells are Markdown already where they begin with a backtick or a bracket, else plain words."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell(each) for each in line)} |" for line in lines)


def cell(value: object) -> str:
    """Words that mean nothing in Markdown, whatever they hold; marked-up ones stay as they are."""
    text = " ".join(str(value).split()).replace("|", "\\|")
    if text.startswith(("`", "[`")) or text == "---":
        return text
    return _MEANINGFUL.sub(r"\\\g<0>", text)
