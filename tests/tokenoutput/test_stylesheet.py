"""The one style sheet that readers get: one request, the same rules in the same layers."""

import re

from django.contrib.staticfiles import finders
from django.test import override_settings

from tokenoutput.stylesheet import SHEET, OneSheetStorage


@override_settings(DEBUG=False, SERVESTATIC_USE_BROTLI=False, SERVESTATIC_USE_ZSTD=False)
def test_readers_ask_for_one_sheet(tmp_path):
    ours = {
        path: (storage, path)
        for finder in finders.get_finders()
        for path, storage in finder.list([])
        if path.startswith(("css/", "fonts/", "img/"))
    }
    storage = OneSheetStorage(location=tmp_path, base_url="/static/")
    for path, (source, _) in ours.items():
        with source.open(path) as file:
            storage.save(path, file)
    outcomes = list(storage.post_process(ours))
    assert [failed for _, _, failed in outcomes if isinstance(failed, Exception)] == []

    name = storage.stored_name(SHEET)
    assert re.fullmatch(r"css/site\.[0-9a-f]{12}\.css", name)
    made = (tmp_path / name).read_text()
    assert "@import" not in made
    assert made.count("{") == made.count("}")
    order = ["reset", "tokens", "base", "layout", "components", "utilities", "print"]
    assert list(dict.fromkeys(re.findall(r"@layer (\w+) \{", made))) == order
    assert f"@layer {', '.join(order)};" in made

    files = re.findall(r'url\("([^"]+)"\)', made)
    assert any("chevron" in file for file in files)
    assert any("geist" in file for file in files)
    assert [file for file in files if not (tmp_path / "css" / file).is_file()] == []
