"""A support case: a flight is changed, with two corrections and a fare that expires."""

from __future__ import annotations

from typing import Any

from holdfast.demo.sample import HOUR, MINUTE, Sample, Script, tool

SYSTEM = (
    "You are the change desk of Meridian Air. Look things up before you promise them. Quote a "
    "price before you change a booking, and change nothing without a clear yes. Be brief and kind."
)
TOOLS = (
    tool("get_booking", "A booking by its reference.", reference="Six or seven characters"),
    tool("search_flights", "Flights of one day.", route="LIS-CPH", day="Weekday"),
    tool("quote_change", "What a change costs.", reference="Booking", flight="New flight"),
    tool("seat_map", "Free seats of a flight.", flight="Flight", cabin="Cabin"),
    tool("change_flight", "Moves a booking.", reference="Booking", flight="Flight", seat="Seat"),
    tool("add_service", "Adds bags, meals or assistance.", reference="Booking", service="Code"),
    tool("send_receipt", "Mails the receipt.", reference="Booking", email="Address"),
)
REFERENCE = "QX7-55912"


def _flight(number: str, departs: str, arrives: str, *, seats: int, stops: int = 0) -> Any:
    return {
        "flight": number,
        "route": "LIS-CPH",
        "departs": departs,
        "arrives": arrives,
        "stops": stops,
        "seats_left": seats,
    }


BOOKING = {
    "reference": REFERENCE,
    "status": "confirmed",
    "passengers": [
        {"name": "Alice Moreau", "type": "adult", "seat": "14C"},
        {"name": "Noé Moreau", "type": "child", "age": 7, "seat": "14B"},
    ],
    "flight": _flight("ME 418", "Wed 07:55", "Wed 12:40", seats=3),
    "fare": {"family": "Flex Light", "changes": "free until 24 h before departure"},
    "bags": [{"kind": "cabin", "count": 2}],
    "services": ["CHML"],
}
CHANGED = _flight("ME 422", "Fri 13:20", "Fri 18:05", seats=15)


def build() -> Sample:
    """Some fifty messages in half an hour; the session is ended when the case is solved."""
    script = Script()
    _find(script)
    _correct(script)
    _seats(script)
    _change(script)
    _extras(script)
    return Sample(
        key="demo-support",
        user="alice",
        title="Flight change QX7-55912",
        system=SYSTEM,
        tools=TOOLS,
        tags=("demo", "support", "airline"),
        metadata={"channel": "chat", "queue": "changes", "priority": "normal"},
        lines=tuple(script.lines),
        ago=2 * HOUR,
        ended=True,
    )


def _find(script: Script) -> None:
    script.user(
        "Hi, I'm flying to Copenhagen with my son on Wednesday and I need to move it to Friday. "
        "We both sit in row 14, I have the aisle and I'd really like to keep an aisle seat."
    )
    script.answer(
        "Happy to help with that. Could you give me your booking reference? It's on the "
        "confirmation mail, letters and digits with a dash."
    )
    script.user("QX7-55921")
    script.step(
        "get_booking",
        {"reference": "QX7-55921"},
        {"error": "not_found", "message": "No booking with this reference."},
    )
    script.answer(
        "I can't find a booking under QX7-55921. Could two digits have swapped places? The name "
        "of the first passenger would help too."
    )
    script.user("Sorry, reading it off my phone: QX7-55912. Name is Alice Moreau.")
    script.step("get_booking", {"reference": REFERENCE}, BOOKING)
    script.answer(
        "Found it: QX7-55912, Alice and Noé Moreau, ME 418 Lisbon to Copenhagen, Wednesday 07:55, "
        "seats 14C and 14B. Your Flex Light fare allows changes free of charge until 24 hours "
        "before departure, so only a difference in fare could come up. Shall I look at Friday?"
    )


def _correct(script: Script) -> None:
    script.user("Yes please, Friday. Not too early if possible, Noé is grumpy before eight.")
    script.step(
        "search_flights",
        {"route": "LIS-CPH", "day": "Friday"},
        {
            "day": "Friday",
            "flights": [
                _flight("ME 418", "Fri 07:55", "Fri 12:40", seats=9),
                _flight("ME 422", "Fri 13:20", "Fri 18:05", seats=4),
                _flight("ME 2204", "Fri 10:10", "Fri 18:55", seats=11, stops=1),
            ],
        },
    )
    script.answer(
        "On Friday there are two direct flights:\n"
        "- ME 418, 07:55 to 12:40, 9 seats left\n"
        "- ME 422, 13:20 to 18:05, 4 seats left\n"
        "With Noé in mind I'd take the 13:20. Shall I quote that one?"
    )
    script.user(
        "Wait, I said it wrong. It's not this Friday, it's the Friday after, the week of my "
        "sister's wedding. So nine days later than the Wednesday we have now.",
        after=2 * MINUTE,
    )
    script.step(
        "search_flights",
        {"route": "LIS-CPH", "day": "Friday next week"},
        {
            "day": "Friday next week",
            "flights": [
                _flight("ME 418", "Fri 07:55", "Fri 12:40", seats=2),
                _flight("ME 422", "Fri 13:20", "Fri 18:05", seats=17),
                _flight("ME 430", "Fri 19:45", "Sat 00:30", seats=28),
            ],
        },
    )
    script.answer(
        "Thanks for catching that before I changed anything. On Friday of next week ME 422 at "
        "13:20 has 17 seats left and ME 430 leaves at 19:45. I'd still suggest ME 422. Want the "
        "price?"
    )
    script.user("Yes, ME 422.")
    script.step(
        "quote_change",
        {"reference": REFERENCE, "flight": "ME 422"},
        {
            "quote": "Q-80311",
            "change_fee": "0.00",
            "fare_difference": "46.00",
            "currency": "EUR",
            "per": "booking",
            "valid_minutes": 20,
        },
    )
    script.answer(
        "Moving both of you to ME 422 on Friday of next week costs no change fee and 46.00 EUR "
        "fare difference for the two of you together. The quote holds for 20 minutes. Before you "
        "say yes, let me check the seats."
    )


def _seats(script: Script) -> None:
    script.step(
        "seat_map",
        {"flight": "ME 422 Fri", "cabin": "economy"},
        {
            "rows": {
                "12": {"free": ["12B", "12C"], "fee": "0.00"},
                "14": {"free": ["14A"], "fee": "0.00"},
                "18": {"free": ["18A", "18B", "18C"], "fee": "0.00"},
                "exit_16": {"free": ["16C"], "fee": "18.00", "children": False},
            }
        },
        thought="The passenger wants an aisle seat and the child beside her.",
    )
    script.answer(
        "Row 14 has only a window seat left, but 12B and 12C are free beside each other: you on "
        "the aisle in 12C and Noé in 12B, no extra charge. Or row 18, where Noé could have the "
        "window and the seat between you stays free for now."
    )
    script.user("Row 12 sounds lovely. He likes to see the wing though, can he from there?")
    script.answer(
        "From 12B he would look past you to the aisle, or past a neighbour in 12A to the window; "
        "the wing begins at row 13 on this aircraft. In row 18 he would have his own window, a "
        "little behind the wing. Your call, both keep your aisle seat."
    )
    script.user(
        "Sorry, I had to fetch him from judo and ask. Row 18! Me 18C, Noé 18A. He's over the moon.",
        after=21 * MINUTE,
    )
    script.answer(
        "Good choice. So: ME 422, Friday of next week, 13:20 to 18:05, Alice 18C (aisle), Noé 18A "
        "(window), 46.00 EUR from the card you booked with. Shall I make the change?"
    )


def _change(script: Script) -> None:
    script.user("Yes, go ahead.", after=30)
    script.step(
        "change_flight",
        {"reference": REFERENCE, "flight": "ME 422 Fri", "seat": "18C,18A"},
        {"error": "quote_expired", "message": "Quote Q-80311 has expired. Ask for a new one."},
    )
    script.step(
        "quote_change",
        {"reference": REFERENCE, "flight": "ME 422"},
        {
            "quote": "Q-80347",
            "change_fee": "0.00",
            "fare_difference": "46.00",
            "currency": "EUR",
            "per": "booking",
            "valid_minutes": 20,
        },
        thought="The quote ran out while we looked at seats. If the price is the same, her yes "
        "still stands.",
    )
    script.step(
        "change_flight",
        {"reference": REFERENCE, "flight": "ME 422 Fri", "seat": "18C,18A"},
        {
            "reference": REFERENCE,
            "status": "confirmed",
            "flight": CHANGED,
            "seats": {"Alice Moreau": "18C", "Noé Moreau": "18A"},
            "charged": {"amount": "46.00", "currency": "EUR", "card": "ending 4410"},
        },
    )
    script.answer(
        "Done. Your quote had run out while we chose seats, but the new one was the same 46.00 "
        "EUR, so I went ahead with your yes. QX7-55912 is now ME 422 on Friday of next week, "
        "13:20, seats 18C and 18A, charged to the card ending 4410."
    )


def _extras(script: Script) -> None:
    script.user("Perfect. Is Noé's meal still on it? He can't have sesame.")
    script.step(
        "get_booking",
        {"reference": REFERENCE},
        {**BOOKING, "flight": CHANGED, "services": []},
    )
    script.step(
        "add_service",
        {"reference": REFERENCE, "service": "CHML; note: no sesame"},
        {"service": "CHML", "note": "no sesame", "status": "confirmed", "passenger": "Noé Moreau"},
        thought="The child meal did not move with the flight. It has to be ordered again.",
    )
    script.answer(
        "Good that you asked: the child meal had not moved with the flight. I've ordered it again "
        "for Noé, now with the note that he can't have sesame, and it is confirmed."
    )
    script.user(
        "You're a star. Can you send the receipt to alice.moreau@harbour.example? The old address "
        "in the booking is from my last job."
    )
    script.steps(
        [
            (
                "send_receipt",
                {"reference": REFERENCE, "email": "alice.moreau@harbour.example"},
                {"sent": True, "document": "R-2291840", "to": "alice.moreau@harbour.example"},
            ),
            (
                "add_service",
                {"reference": REFERENCE, "service": "CONTACT alice.moreau@harbour.example"},
                {"service": "CONTACT", "status": "updated"},
            ),
        ]
    )
    script.answer(
        "Receipt R-2291840 is on its way to alice.moreau@harbour.example, and I've put that "
        "address into the booking so that gate changes reach you too. Enjoy the wedding, and a "
        "good window seat to Noé."
    )
    script.user("Thank you!", after=20)
    script.answer("My pleasure. Safe travels to you both.")
