"""The made-up repository that the coding agent works in."""

from __future__ import annotations

from typing import NamedTuple


class Module(NamedTuple):
    """A module with one float in it, and what happened when it went."""

    name: str
    line: int
    function: str
    takes: str
    about: str
    start: str
    old: str
    tests: int
    test: str = ""
    failure: str = ""
    reason: str = ""
    fix: tuple[str, str] = ("", "")
    expected: str = ""


class Country(NamedTuple):
    """How a country rounds its VAT, and an example: net amounts and their tax."""

    code: str
    name: str
    rate: str
    rounding: str
    sample: str
    tax: str


class Complaint(NamedTuple):
    """A complaint of the type checker and its cure."""

    file: str
    line: int
    text: str
    old: str
    new: str
    thought: str = ""


MODULES = (
    Module(
        "line_item", 24, "net", "item", "price times quantity of one line", "item.price",
        "found = float(item.price) * item.quantity", 21,
    ),
    Module(
        "invoice", 88, "total", "invoice", "the sum over all lines", "0",
        "found = sum(float(net(line)) for line in invoice.lines)", 34,
    ),
    Module(
        "discount", 41, "apply", "amount, percent", "a discount in percent", "amount",
        "found = float(amount) * (1 - percent / 100)", 18, "ten_percent",
        "TypeError: unsupported operand type(s) for *: 'Amount' and 'float'",
        "A percentage that is divided as a float infects the amount again.",
        ("percent / 100", "Amount(percent) / 100"), "Amount('90.00')",
    ),
    Module(
        "coupon", 30, "redeem", "coupon, amount", "a coupon of a fixed value", "coupon.value",
        "found = max(0.0, float(amount) - coupon.value)", 12, "coupon_over_the_total",
        "assert 0.0 == Amount('0')",
        "Equal as numbers, but the type is lost: zero has to be an amount too.",
        ("max(0.0,", "max(ZERO,"), "ZERO",
    ),
    Module(
        "tax", 52, "of_document", "lines, country", "tax over a whole document", "RATES[country]",
        "found = float(subtotal) * found", 27, "german_vat",
        "TypeError: unsupported operand type(s) for *: 'Amount' and 'str'",
        "The rates are strings in the table, which is good: they become amounts without a float.",
        ("* found", "* Amount(found)"), "Amount('19.00')",
    ),
    Module(
        "currency", 66, "convert", "amount, rate", "an amount at the rate of a day", "rate",
        "found = float(amount) * rate.value", 19, "euro_to_franc",
        "AssertionError: 93.80000000000001",
        "Rates arrive from the feed as floats. They must be read as text.",
        ("rate.value", "Amount(rate.text)"), "Amount('93.80')",
    ),
    Module(
        "payment", 37, "outstanding", "invoice, payments", "what is still owed", "invoice.total",
        "found = float(found) - sum(p.amount for p in payments)", 23,
    ),
    Module(
        "refund", 29, "largest", "payment", "the most that can be paid back", "payment.amount",
        "found = float(payment.amount) - payment.refunded", 14,
    ),
    Module(
        "ledger", 112, "balance", "account", "the balance of an account", "account.opening",
        "found = float(found) + sum(e.amount for e in account.entries)", 31, "empty_account",
        "assert 0 == Amount('0.00')",
        "`sum` begins with the integer 0; it needs an amount to begin with.",
        ("for e in account.entries)", "for e in account.entries), ZERO)"), "Amount('0.00')",
    ),
    Module(
        "journal", 58, "is_balanced", "entries", "debit equals credit", "0",
        "found = abs(float(debit) - float(credit)) < 0.005", 16, "half_a_cent_off",
        "assert True is False",
        "The tolerance hid floats. Exact amounts can be compared exactly.",
        ("< 0.005", "== 0"), "False",
    ),
    Module(
        "statement", 74, "running", "entries", "a running balance per line", "[]",
        "found = list(accumulate(float(e.amount) for e in entries))", 11,
    ),
    Module(
        "reminder", 45, "fee", "days, amount", "the fee of a late payment", "FEES",
        "found = float(amount) * RATE * days / 365", 13, "thirty_days_late",
        "AssertionError: 4.520547945205479",
        "This one was rounded in between, against the rule. It stays exact until it is printed.",
        ("round(found, 2)", "found"), "Amount('4.520547945205479452')",
    ),
    Module(
        "subscription", 93, "price", "plan, seats", "the price of a plan by seats", "plan.base",
        "found = float(plan.base) + float(plan.seat) * seats", 20,
    ),
    Module(
        "proration", 22, "split", "total, parts", "equal shares of a total", "total",
        "share = round(float(total) / parts, 2)", 17,
    ),
    Module(
        "customer", 39, "credit_left", "customer", "what may still be bought on credit",
        "customer.limit", "found = float(customer.limit) - customer.open", 15,
    ),
    Module(
        "report", 120, "by_month", "invoices", "turnover of each month", "defaultdict(float)",
        "found[month] += float(invoice.total)", 22, "an_empty_month",
        "assert 0.0 == Amount('0')",
        "The default of the dictionary makes floats of its own.",
        ("defaultdict(float)", "defaultdict(Amount)"), "Amount('0')",
    ),
    Module(
        "export_csv", 33, "row", "invoice", "one line of the export", "invoice",
        "found = [invoice.number, '%.2f' % float(invoice.total)]", 9, "two_decimals",
        "assert '1E+3' == '1000.00'",
        "Decimal prints an exponent where a float did not. `render.money` is the one place.",
        ("'%.2f' % ", "render.money("), "['R-1', '1000.00']",
    ),
    Module(
        "export_pdf", 81, "cell", "amount", "an amount as it is printed", "amount",
        "found = f'{float(amount):,.2f}'", 8,
    ),
    Module(
        "import_bank", 47, "parse", "line", "a line of a bank statement", "line.split(';')",
        "found = float(found[3].replace(',', '.'))", 25, "thousands",
        "decimal.InvalidOperation: [<class 'decimal.ConversionSyntax'>]",
        "The bank writes 1.234,50. The float parser failed silently into the except branch.",
        (".replace(',', '.')", ".replace('.', '').replace(',', '.')"), "Amount('1234.50')",
    ),
    Module(
        "match", 63, "closest", "payment, invoices", "the invoice a payment belongs to",
        "invoices", "found = min(found, key=lambda i: abs(float(i.total) - payment.amount))", 18,
    ),
    Module(
        "budget", 28, "used", "project", "hours times rate of a project", "project.rate",
        "found = float(project.rate) * project.hours", 10, "a_quarter_of_an_hour",
        "TypeError: unsupported operand type(s) for *: 'Amount' and 'float'",
        "Hours are floats as well; a quarter of an hour is exact as a Decimal.",
        ("project.hours", "Amount(str(project.hours))"), "Amount('21.25')",
    ),
    Module(
        "api", 140, "dump", "invoice", "an invoice as JSON", "vars(invoice)",
        "found['total'] = float(invoice.total)", 29, "total_is_text",
        "TypeError: Object of type Amount is not JSON serializable",
        "In JSON an amount has to be text, or the reader makes a float of it again.",
        ("= exact(", "= str("), "'1000.00'",
    ),
    Module(
        "cli", 55, "show", "invoice", "an invoice in the terminal", "invoice",
        "print(f'Total: {float(invoice.total):.2f}')", 7,
    ),
    Module(
        "store", 71, "load", "row", "a row of the database", "row",
        "found = replace(row, total=float(row.total))", 24,
    ),
)  # fmt: skip

COUNTRIES = (
    Country("AT", "Austria", "0.20", "document", "10.01 + 10.02", "4.01"),
    Country("BE", "Belgium", "0.21", "line", "3.33 + 3.33", "1.40"),
    Country("CZ", "Czechia", "0.21", "document", "99.99 + 0.05", "21.01"),
    Country("DK", "Denmark", "0.25", "line", "7.77 + 7.79", "3.89"),
    Country("EE", "Estonia", "0.22", "line", "5.55 + 5.56", "2.44"),
    Country("FI", "Finland", "0.255", "document", "8.40 + 1.60", "2.55"),
    Country("FR", "France", "0.20", "line", "2.22 + 2.23", "0.89"),
    Country("IE", "Ireland", "0.23", "document", "12.50 + 2.50", "3.45"),
    Country("IT", "Italy", "0.22", "line", "6.66 + 6.68", "2.94"),
    Country("LV", "Latvia", "0.21", "line", "4.10 + 4.20", "1.74"),
    Country("NL", "Netherlands", "0.21", "document", "19.95 + 5.05", "5.25"),
    Country("NO", "Norway", "0.25", "line", "9.99 + 9.97", "4.99"),
    Country("PL", "Poland", "0.23", "line", "1.01 + 1.04", "0.47"),
    Country("PT", "Portugal", "0.23", "document", "45.00 + 5.00", "11.50"),
    Country("SE", "Sweden", "0.25", "line", "3.30 + 3.34", "1.66"),
    Country("ES", "Spain", "0.21", "document", "70.00 + 30.00", "21.00"),
)

COMPLAINTS = (
    Complaint(
        "api", 31, 'Function is missing a return type annotation  [no-untyped-def]',
        "def dump(invoice):", "def dump(invoice: Invoice) -> dict[str, str]:",
        "The API team left its functions without types. Outermost first.",
    ),
    Complaint(
        "api", 58, 'Missing type parameters for generic type "dict"  [type-arg]',
        "def load(data: dict) -> Invoice:", "def load(data: dict[str, str]) -> Invoice:",
    ),
    Complaint(
        "api", 77, 'Item "None" of "Customer | None" has no attribute "key"  [union-attr]',
        "return invoice.customer.key", "return invoice.customer.key if invoice.customer else ''",
        "An invoice may be a draft without a customer.",
    ),
    Complaint(
        "reminder", 62, 'Item "None" of "Address | None" has no attribute "city"  [union-attr]',
        "city = customer.address.city", "city = customer.address.city if customer.address else ''",
        "A real bug: a customer without an address would crash the reminder run.",
    ),
    Complaint(
        "import_bank", 90, 'Unsupported operand types for < ("Amount" and "str")  [operator]',
        "if amount < limit:", "if amount < Amount(limit):",
        "`limit` comes from the settings as text. So this comparison was never true.",
    ),
    Complaint(
        "ledger", 133, 'Returning Any from function declared to return "Amount"  [no-any-return]',
        "return cache.get(account)", "return cached if (cached := cache.get(account)) else ZERO",
    ),
    Complaint(
        "statement", 81, 'Need type annotation for "lines"  [var-annotated]',
        "lines = []", "lines: list[Line] = []",
    ),
    Complaint(
        "report", 44, 'Incompatible types in assignment ("int", "Amount")  [assignment]',
        "total = 0", "total = ZERO",
    ),
    Complaint(
        "report", 97, 'Argument 1 to "month" has incompatible type "date | None"  [arg-type]',
        "found[month(invoice.paid)]", "if invoice.paid:\n    found[month(invoice.paid)]",
        "Unpaid invoices have no date and belong to no month.",
    ),
    Complaint(
        "export_csv", 20, 'Function is missing a type annotation  [no-untyped-def]',
        "def header(names):", "def header(names: Sequence[str]) -> list[str]:",
    ),
    Complaint(
        "export_pdf", 66, 'Call to untyped function "frame" in typed context  [no-untyped-call]',
        "def frame(page):", "def frame(page: Page) -> Frame:",
    ),
    Complaint(
        "match", 38, 'Incompatible return value type (got "Invoice | None")  [return-value]',
        "def closest(payment: Payment) -> Invoice:",
        "def closest(payment: Payment) -> Invoice | None:",
        "There may be no invoice that fits. Callers have to hear that.",
    ),
    Complaint(
        "match", 52, 'Item "None" of "Invoice | None" has no attribute "total"  [union-attr]',
        "gap = closest(payment).total",
        "gap = found.total if (found := closest(payment)) else None",
        "The caller of the line before, as expected.",
    ),
    Complaint(
        "subscription", 101, 'Missing return statement  [return]',
        "if plan.paused: return ZERO", "return ZERO if plan.paused else plan.base",
    ),
    Complaint(
        "budget", 40, 'Argument "hours" has incompatible type "float"  [arg-type]',
        "used(hours=1.5)", "used(hours=Amount('1.5'))",
    ),
    Complaint(
        "currency", 84, 'Name "Rate" is not defined  [name-defined]',
        "def newest() -> Rate:", "def newest() -> feed.Rate:",
    ),
    Complaint(
        "customer", 27, 'Class cannot subclass "Base" (has type "Any")  [misc]',
        "class Customer(Base):", "class Customer(orm.Model):",
    ),
    Complaint(
        "store", 118, '"object" has no attribute "commit"  [attr-defined]',
        "connection: object", "connection: Connection",
    ),
    Complaint(
        "store", 125, 'Statement is unreachable  [unreachable]',
        "return None", "",
        "Left over from the time before transactions.",
    ),
    Complaint(
        "cli", 19, 'Untyped decorator makes function "show" untyped  [misc]',
        "def command(run):", "def command(run: Callable[P, int]) -> Callable[P, int]:",
    ),
    Complaint(
        "refund", 48, 'Non-overlapping equality check  [comparison-overlap]',
        "if payment.state == 3:", "if payment.state is State.REFUNDED:",
        "A number from before the enum. It never matched either.",
    ),
    Complaint(
        "journal", 71, 'Incompatible default for argument "entries"  [assignment]',
        "entries: list[Entry] = None", "entries: Sequence[Entry] = ()",
    ),
    Complaint(
        "tax", 96, 'Dict entry has incompatible type "str": "tuple"  [dict-item]',
        "'CH': ('0.081', 'five')", "'CH': Rule('0.081', 'five')",
        "Switzerland was the last row in the old shape. The 5 rappen stay.",
    ),
    Complaint(
        "invoice", 140, 'Redundant cast to "Amount"  [redundant-cast]',
        "cast(Amount, total(self))", "total(self)",
    ),
)  # fmt: skip
