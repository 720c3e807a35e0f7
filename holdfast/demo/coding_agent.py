"""A coding agent at work: three requests, and hundreds of steps between them and the answers."""

from __future__ import annotations

from holdfast.demo.ledgerline import COMPLAINTS, COUNTRIES, MODULES, Complaint, Country, Module
from holdfast.demo.sample import MINUTE, Payload, Sample, Script, tool

SYSTEM = (
    "You are a careful software engineer working in the repository `ledgerline`, a Python library "
    "for invoices. Read before you edit, run the narrowest test after each edit and the whole "
    "suite before you say that you are done. Never change a test to make it pass without saying so."
)
TOOLS = (
    tool("list_files", "Names below a folder.", folder="Path"),
    tool("read_file", "Lines of a file.", path="Path", lines="From-to"),
    tool("search", "Lines that match a pattern.", pattern="Regular expression", path="Path"),
    tool("edit_file", "Replaces one piece of text.", path="Path", old="Text", new="Text"),
    tool("run", "Runs a command in the repository.", command="Command line"),
)


def build() -> Sample:
    """More than 300 steps in three turns."""
    script = Script()
    _amounts(script)
    script.wait(4 * MINUTE)
    _tax(script)
    script.wait(3 * MINUTE)
    _types(script)
    return Sample(
        key="demo-coding-agent",
        user="dana",
        title="ledgerline: money without floats",
        system=SYSTEM,
        tools=TOOLS,
        tags=("demo", "agent", "coding"),
        metadata={"repository": "ledgerline", "branch": "exact-amounts", "commit": "8f3c21d"},
        lines=tuple(script.lines),
        ago=25 * MINUTE,
    )


# -- the first request: floats become exact amounts --------------------------------------------


def _amounts(script: Script) -> None:
    script.user(
        "Our totals are off by a cent about once in two hundred invoices. I'm sure it's because "
        "money is a float all over the place. Please move the whole library to Decimal, one "
        "module at a time, tests green after each. Two rules: round half to even only at the "
        "edges, when a document is printed or a payment is booked, never in between. And keep "
        "the public function names, other teams import them."
    )
    _look_around(script)
    for number, module in enumerate(MODULES):
        _convert(script, module, number)
    _whole_suite(script, failed=2)
    _last_two(script)
    _whole_suite(script, failed=0)
    script.answer(
        "All 24 modules now calculate in `Amount`, a thin Decimal type in `ledgerline/amount.py`. "
        "Rounding happens in exactly two places: `render.money()` and `Payment.book()`, half to "
        "even as you asked. No public function was renamed. The suite passes: 412 tests.\n\n"
        "Two things you should know. First, `proration.split` gave the lost cent to nobody; it now "
        "goes to the last share, which is what the old comment promised. Second, I changed one "
        "test on purpose: `test_discount_chain` had the float error written into its expected "
        "value (89.99000000000001)."
    )


def _look_around(script: Script) -> None:
    script.step(
        "list_files",
        {"folder": "ledgerline"},
        "\n".join(f"ledgerline/{module.name}.py" for module in MODULES),
        thought="First an overview: which modules exist and which of them touch money.",
    )
    script.step(
        "search",
        {"pattern": r"float\(", "path": "ledgerline"},
        "\n".join(
            f"ledgerline/{module.name}.py:{module.line}:    {module.old}" for module in MODULES
        ),
        thought="Every place where a float is made on purpose.",
    )
    script.step(
        "run",
        {"command": "pytest -q"},
        "412 passed in 6.21s",
        thought="A baseline, so that whatever fails later is mine.",
    )
    script.step(
        "edit_file",
        {
            "path": "ledgerline/amount.py",
            "old": "",
            "new": "from decimal import Decimal\n\n\nclass Amount(Decimal):\n"
            '    """Money, exact. Round it with `render.money` or not at all."""\n\n\n'
            "ZERO = Amount(0)\n\n\ndef exact(value) -> Amount:\n    return Amount(str(value))\n",
        },
        "created ledgerline/amount.py, 12 lines",
        thought="One named type, so that a later search finds every amount.",
    )


def _convert(script: Script, module: Module, number: int) -> None:
    path = f"ledgerline/{module.name}.py"
    script.step(
        "read_file",
        {"path": path, "lines": f"{module.line - 3}-{module.line + 4}"},
        _source(module),
        thought=f"Next is `{module.name}`: {module.about}.",
    )
    if number % 3 == 0:
        script.step("search", {"pattern": module.function, "path": "."}, _uses(module))
    new = module.old.replace("float(", "exact(")
    script.step("edit_file", _edit(path, module.old, new), f"{path}: 1 replacement")
    command = f"pytest -q tests/test_{module.name}.py"
    if module.failure:
        script.step("run", {"command": command}, _failed(module))
        script.step(
            "read_file",
            {"path": f"tests/test_{module.name}.py", "lines": "12-19"},
            f"12  def test_{module.test}():\n13      found = {module.function}(SAMPLE)\n"
            f"14      assert found == {module.expected}",
            thought=module.reason,
        )
        script.step(
            "edit_file", _edit(path, module.fix[0], module.fix[1]), f"{path}: 1 replacement"
        )
    script.step("run", {"command": command}, f"{module.tests} passed in 0.{31 + number}s")
    script.step("run", {"command": f"git commit -qam 'Exact amounts in {module.name}'"}, "")


def _source(module: Module) -> str:
    first = module.line - 3
    lines = (
        f"def {module.function}({module.takes}):",
        f'    """{module.about[0].upper()}{module.about[1:]}."""',
        f"    found = {module.start}",
        f"    {module.old}",
        "    log.debug('%s', found)",
        "    return found",
    )
    return "\n".join(f"{first + offset:4}  {line}" for offset, line in enumerate(lines))


def _uses(module: Module) -> str:
    return "\n".join(
        (
            f"ledgerline/api.py:{module.line + 61}:  value = {module.name}.{module.function}(item)",
            f"ledgerline/{module.name}.py:{module.line - 3}:def {module.function}({module.takes}):",
            f"tests/test_{module.name}.py:13:    found = {module.function}(SAMPLE)",
        )
    )


def _failed(module: Module) -> str:
    return (
        f"FAILED tests/test_{module.name}.py::test_{module.test}\n"
        f"E   {module.failure}\n"
        f"1 failed, {module.tests - 1} passed in 0.44s"
    )


def _edit(path: str, old: str, new: str) -> Payload:
    return {"path": path, "old": old, "new": new}


def _whole_suite(script: Script, *, failed: int) -> None:
    if not failed:
        script.step("run", {"command": "pytest -q"}, "412 passed in 6.87s")
        return
    script.step(
        "run",
        {"command": "pytest -q"},
        "FAILED tests/test_end_to_end.py::test_discount_chain\n"
        "E   assert Amount('89.99') == 89.99000000000001\n"
        "FAILED tests/test_end_to_end.py::test_year_of_invoices\n"
        "E   assert Amount('11999.99') == Amount('12000.00')\n"
        "2 failed, 410 passed in 6.90s",
        thought="Each module is green alone. Now all of them together.",
    )


def _last_two(script: Script) -> None:
    script.step(
        "read_file",
        {"path": "tests/test_end_to_end.py", "lines": "40-66"},
        "40  def test_discount_chain():\n41      # 10 % and then 1 cent\n"
        "42      assert chain(Invoice.sample()) == 89.99000000000001\n...\n"
        "58  def test_year_of_invoices():\n59      shares = proration.split(YEAR, 12)\n"
        "60      assert sum(shares) == Amount('12000.00')",
        thought="The first expects the float error itself, so the test is wrong. The second looks "
        "like a real bug: a cent is lost over twelve months.",
    )
    script.step(
        "edit_file",
        _edit("tests/test_end_to_end.py", "89.99000000000001", "Amount('89.99')"),
        "tests/test_end_to_end.py: 1 replacement",
    )
    script.step(
        "read_file",
        {"path": "ledgerline/proration.py", "lines": "20-34"},
        "20  def split(total, parts):\n21      # what cannot be divided goes to the last share\n"
        "22      share = (total / parts).quantize(CENT)\n23      return [share] * parts",
    )
    script.step(
        "edit_file",
        _edit(
            "ledgerline/proration.py",
            "return [share] * parts",
            "return [*[share] * (parts - 1), total - share * (parts - 1)]",
        ),
        "ledgerline/proration.py: 1 replacement",
        thought="The comment knew it all along; the code never did it.",
    )
    script.step(
        "run",
        {"command": "pytest -q tests/test_proration.py tests/test_end_to_end.py"},
        "31 passed in 1.02s",
    )


# -- the second request: VAT by country --------------------------------------------------------


def _tax(script: Script) -> None:
    script.user(
        "Great work. Next: accounting sent the list of countries where VAT has to be rounded per "
        "line instead of per document. Please add that to `tax.py` as data, with a test for each "
        "country. Careful: Switzerland rounds the document to 5 rappen, that stays as it is."
    )
    script.step(
        "read_file",
        {"path": "docs/vat-rounding.csv", "lines": "1-20"},
        "country,rate,rounding\n"
        + "\n".join(f"{land.code},{land.rate},{land.rounding}" for land in COUNTRIES),
        thought="The list from accounting is in the repository already.",
    )
    script.step(
        "read_file",
        {"path": "ledgerline/tax.py", "lines": "1-60"},
        "1  RATES = {'DE': '0.19', 'CH': '0.081'}\n2  \n3  def of_document(lines, country):\n"
        "4      return sum(line.net for line in lines) * Amount(RATES[country])",
    )
    for number, land in enumerate(COUNTRIES):
        _country(script, land, number)
    script.step(
        "run",
        {"command": "pytest -q"},
        f"{412 + 2 * len(COUNTRIES)} passed in 7.15s",
        thought="All countries are in. The whole suite once more.",
    )
    per_line = sum(land.rounding == "line" for land in COUNTRIES)
    script.answer(
        f"Done: `tax.py` has {len(COUNTRIES)} countries as data, {per_line} of them rounded per "
        "line, each with two tests: one where both ways agree and one where they differ by a cent. "
        "Switzerland still rounds the document to 5 rappen. One doubt for accounting: the list "
        "says 21 % for Latvia, but our old invoices from Riga were taxed at 20 %. I followed the "
        "list."
    )


def _country(script: Script, land: Country, number: int) -> None:
    row = f"    '{land.code}': Rule('{land.rate}', '{land.rounding}'),"
    test = f"test_{land.name.lower()}_rounds_per_{land.rounding}"
    script.step(
        "edit_file",
        _edit("ledgerline/tax.py", "RULES = {", f"RULES = {{\n{row}"),
        "ledgerline/tax.py: 1 replacement",
        thought=f"{land.name}: {land.rate}, rounded per {land.rounding}.",
    )
    script.step(
        "edit_file",
        _edit(
            "tests/test_tax.py",
            "# countries",
            f"# countries\ndef {test}():\n    assert tax({land.sample}, '{land.code}') == "
            f"Amount('{land.tax}')",
        ),
        "tests/test_tax.py: 1 replacement",
    )
    command = {"command": f"pytest -q tests/test_tax.py -k {land.name.lower()}"}
    if number % 5 == 3:
        off = f"{float(land.tax) + 0.01:.2f}"
        script.step(
            "run",
            command,
            f"FAILED tests/test_tax.py::{test}\nE   assert Amount('{off}') == "
            f"Amount('{land.tax}')\n1 failed, 1 passed in 0.21s",
        )
        _explain(
            script,
            land,
            f"{off} (half up)",
            "Half up instead of half to even: the new rule was built with the default context, "
            "not with ours.",
        )
        script.step(
            "edit_file",
            _edit("ledgerline/tax.py", f"'{land.rounding}'),", f"'{land.rounding}', EVEN),"),
            "ledgerline/tax.py: 1 replacement",
        )
    script.step("run", command, "2 passed in 0.19s")
    _explain(script, land, f"{land.tax} (half to even)", "")


def _explain(script: Script, land: Country, result: str, thought: str) -> None:
    script.step(
        "run",
        {"command": f"python -m ledgerline.tax --explain {land.code} --net '{land.sample}'"},
        f"net {land.sample}, rate {land.rate}, rounded per {land.rounding}: {result}",
        thought=thought,
    )


# -- the third request: types, and the end -----------------------------------------------------


def _types(script: Script) -> None:
    script.user(
        "Last one for today: `mypy --strict` is red since we merged the branch of the API team. "
        "Please get it green without a single `type: ignore`, then write the changelog entry."
    )
    script.step(
        "run",
        {"command": "mypy --strict ledgerline"},
        "\n".join(_printed(error) for error in COMPLAINTS)
        + f"\nFound {len(COMPLAINTS)} errors in {len({e.file for e in COMPLAINTS})} files",
        thought="The whole list first.",
    )
    for number, error in enumerate(COMPLAINTS):
        _cure(script, error, len(COMPLAINTS) - number - 1)
    script.step("run", {"command": "pytest -q"}, f"{412 + 2 * len(COUNTRIES)} passed in 7.08s")
    script.step(
        "edit_file",
        _edit(
            "CHANGELOG.md",
            "## Unreleased",
            "## Unreleased\n- Amounts are exact; rounding only when printed or booked.\n"
            "- VAT is rounded per line where the country asks for it.\n"
            "- `proration.split` gives what cannot be divided to the last share.",
        ),
        "CHANGELOG.md: 1 replacement",
    )
    script.step("run", {"command": "git status --short | wc -l"}, "63")
    script.answer(
        f"`mypy --strict` is green: {len(COMPLAINTS)} errors fixed, no `type: ignore`, no test "
        "changed. Most were `Optional` values used without asking; two were real bugs: a reminder "
        "for a customer without an address would have crashed, and `import_bank` compared an "
        "amount with a string, so no payment over 999.99 was ever matched. The changelog has "
        "three lines under Unreleased. 63 files are changed and nothing is committed yet."
    )


def _printed(error: Complaint) -> str:
    return f"ledgerline/{error.file}.py:{error.line}: error: {error.text}"


def _cure(script: Script, error: Complaint, left: int) -> None:
    path = f"ledgerline/{error.file}.py"
    script.step(
        "read_file",
        {"path": path, "lines": f"{error.line - 1}-{error.line + 1}"},
        f"{error.line - 1:4}  # {error.file}\n{error.line:4}  {error.old}",
        thought=error.thought,
    )
    script.step("edit_file", _edit(path, error.old, error.new), f"{path}: 1 replacement")
    script.step("run", {"command": f"pytest -q tests/test_{error.file}.py"}, "passed in 0.4s")
    found = f"Found {left} errors" if left else "Success: no issues found in 31 source files"
    script.step("run", {"command": f"mypy --strict {path} && mypy --strict ledgerline"}, found)
