"""The words of the household: what its people say, ask, cook, buy and forget."""

from __future__ import annotations

from typing import NamedTuple


class Fact(NamedTuple):
    """Something said once, how it was noted, and how it is asked for weeks later."""

    said: str
    noted: str
    asked: str
    answer: str


FACTS = (
    Fact(
        "Important: Mira is allergic to hazelnuts. We have known since the birthday at Paula's.",
        "I've noted it and will leave hazelnuts out of every suggestion, spreads included.",
        "The school asks about allergies. What do I write for Mira?",
        "Hazelnuts. You found out at Paula's birthday party.",
    ),
    Fact(
        "The spare key is with Mrs. Okafor at number 14 now, not with the Lindners any more.",
        "Noted: the spare key is with Mrs. Okafor, number 14.",
        "Tom locked himself out. Who has our key?",
        "Mrs. Okafor at number 14 has the spare key.",
    ),
    Fact(
        "The heating engineer was here. He left a service number, 4471-08, if the boiler fails.",
        "I'll keep it: boiler, service number 4471-08.",
        "The boiler is blinking. There was a number for the service?",
        "4471-08. The engineer left it for just that.",
    ),
    Fact(
        "Tom doesn't drink cow's milk any more, please always buy oat milk for him.",
        "Oat milk for Tom from now on.",
        "Which milk for Tom again?",
        "Oat milk. He gave up cow's milk some weeks ago.",
    ),
    Fact(
        "Jonas takes shoe size 31 now. Thirty-one! He was 29 in spring.",
        "Size 31 for Jonas. I'll forget the 29.",
        "I'm in the shoe shop. What is Jonas's size?",
        "31. It was 29 in spring, so don't take the old one.",
    ),
    Fact(
        "My mother visits us in the sixth week, from Friday to Sunday. She gets Mira's room.",
        "Sixth week, Friday to Sunday, your mother in Mira's room. Mira moves in with Jonas?",
        "Where does my mother sleep when she comes?",
        "In Mira's room, from Friday to Sunday.",
    ),
    Fact(
        "Mira moves to Jonas's room for those nights, she agreed, but she wants the upper bed.",
        "Then Mira has the upper bed and Jonas the lower one while your mother is here.",
        "What did we promise Mira for giving up her room?",
        "The upper bed in Jonas's room.",
    ),
    Fact(
        "Biscuit weighs 6.2 kilos, says the vet, and is on diet food, 50 grams twice a day.",
        "50 grams of diet food twice a day for Biscuit, who will not agree.",
        "How much does the cat get? She says she is starving.",
        "50 grams twice a day, by order of the vet.",
    ),
    Fact(
        "We paint the hallway in the colour Chalk 12. The rest of the tin is in the cellar.",
        "Hallway: Chalk 12, what is left of it stands in the cellar.",
        "There's a scratch in the hallway. What was that colour?",
        "Chalk 12. There is some left in the cellar.",
    ),
    Fact(
        "Swimming for Jonas is on Wednesdays at four, the blue pool, not the big one.",
        "Wednesdays at four in the blue pool.",
        "Which pool was it for Jonas, and when?",
        "The blue one, on Wednesdays, and at half past four since they changed it.",
    ),
    Fact(
        "I was wrong about swimming: from next week it is half past four.",
        "Changed: Wednesdays at half past four, still the blue pool.",
        "When does swimming begin now?",
        "At half past four. It was four o'clock before.",
    ),
    Fact(
        "We decided: no new sofa this year. We save for the trip to Norway instead.",
        "Decided: no sofa, saving for Norway.",
        "There is a sale for sofas. Didn't we decide something?",
        "You did: no sofa this year, because you save for Norway.",
    ),
    Fact(
        "I work at the town library again, from Tuesday to Thursday.",
        "The town library, Tuesday to Thursday. Welcome back to it!",
        "I need to tell the school where I work.",
        "At the town library, from Tuesday to Thursday.",
    ),
    Fact(
        "The window cleaner comes every second Tuesday and gets 35 euros in cash.",
        "Every second Tuesday, 35 euros in cash.",
        "How much does the window cleaner get?",
        "35 euros, in cash.",
    ),
    Fact(
        "Paula's mother is called Henrike, I keep forgetting it. Please keep it for me.",
        "Henrike is Paula's mother. Your secret is safe.",
        "Quick: what is the name of Paula's mother?",
        "Henrike.",
    ),
    Fact(
        "Jonas has lost his first tooth! It's in the little box on the shelf.",
        "Congratulations to Jonas. The tooth is in the little box on the shelf.",
        "Where did we put the tooth?",
        "In the little box on the shelf.",
    ),
    Fact(
        "My favourite tea is chamomile. Tom never gets it right, so keep it, please.",
        "Chamomile. I'll tell Tom as often as he asks.",
        "Tom here. Which tea do I bring Lea?",
        "Chamomile. She asked me to keep it for you.",
    ),
    Fact(
        "I lent the drill to Sami next door. He said two weeks.",
        "The drill is with Sami next door, for two weeks.",
        "I can't find the drill.",
        "You lent it to Sami next door. The two weeks are nearly over, by the way.",
    ),
    Fact(
        "The library books have to be back on the 24th. There are seven.",
        "Seven books, back on the 24th.",
        "How many library books were there?",
        "Seven, to be returned on the 24th.",
    ),
    Fact(
        "Mira wants a telescope for her birthday. The small one by Arden, not the toy.",
        "A telescope for Mira: the small Arden, not a toy.",
        "What was it that Mira wished for?",
        "The small telescope by Arden.",
    ),
    Fact(
        "Tom's back is bad again. No lifting for three weeks, says the doctor.",
        "No lifting for Tom for three weeks. I won't ask him about crates.",
        "Can Tom carry the water crates?",
        "Better not: the doctor said no lifting for three weeks.",
    ),
    Fact(
        "Grandmother's plum cake: a kilo of plums, 350 flour, 2 eggs, no cinnamon!",
        "A kilo of plums, 350 grams of flour, two eggs, and no cinnamon, ever.",
        "Was there cinnamon in grandmother's plum cake?",
        "No. A kilo of plums, 350 grams of flour, two eggs.",
    ),
    Fact(
        "We changed the electricity provider, it's Lumen now, 31 cents a kilowatt hour.",
        "Lumen, 31 cents per kilowatt hour.",
        "What do we pay for electricity now?",
        "31 cents per kilowatt hour, to Lumen.",
    ),
    Fact(
        "I work at the Halden school library from next week. No more buses!",
        "The Halden school library from next week, and no more buses.",
        "What do I write under employer?",
        "The Halden school library. Before it was the town library.",
    ),
    Fact(
        "Mira's violin lesson was moved from Monday to Thursday, same time, five.",
        "Violin: Thursdays at five, no longer Mondays.",
        "Is violin today?",
        "Violin is on Thursdays at five now; it was on Mondays before.",
    ),
    Fact(
        "The washing machine howls at 1,400, so only up to 1,000 until it's repaired.",
        "Only up to 1,000 turns until it is repaired.",
        "How fast may the washing machine spin?",
        "At most 1,000, until it is repaired.",
    ),
    Fact(
        "Our seats in the night train to Norway: coach 23, 41 to 44.",
        "Coach 23, seats 41 to 44.",
        "Which coach was it, in the night train?",
        "Coach 23, seats 41 to 44.",
    ),
    Fact(
        "Sami brought the drill back. With a cake!",
        "The drill is home. What kind of cake?",
        "Is the drill back?",
        "Yes, Sami brought it back, together with a cake.",
    ),
    Fact(
        "The dentist found nothing in all four of us. Next time in half a year.",
        "All four without a hole. Next visit in half a year.",
        "When do we have to go to the dentist again?",
        "Half a year after the last visit, where nothing was found.",
    ),
    Fact(
        "The cat sitter for Norway is Nele, 12 euros a day, she has done it before.",
        "Nele looks after Biscuit, 12 euros a day.",
        "Who takes care of Biscuit when we are away?",
        "Nele, for 12 euros a day.",
    ),
    Fact(
        "The hallway light is a G9 bulb. I stood in the shop twice not knowing.",
        "G9 for the hallway. There won't be a third time.",
        "What bulb does the hallway take?",
        "G9.",
    ),
    Fact(
        "We booked the cabin: Fjellstova, arrival on the Saturday after five.",
        "Fjellstova, Saturday, after five in the afternoon.",
        "From when can we get into the cabin?",
        "On the Saturday after five. It is called Fjellstova.",
    ),
)

GOODS = (
    "oat milk", "bread", "tomatoes", "lemons", "dishwasher tabs", "eggs", "spinach", "yoghurt",
    "red onions", "apples", "rice", "a birthday card", "butter", "cat food", "carrots", "pears",
    "toilet paper", "feta", "basil", "coffee", "batteries, the small ones", "cucumbers", "plums",
    "sparkling water", "flour", "plasters", "leeks", "chickpeas", "honey", "washing powder",
    "potatoes", "raspberries", "light bulbs", "mozzarella", "ginger", "crayons", "olive oil",
)  # fmt: skip
LIST_WORDS = (
    "Please put {0} and {1} on the list.",
    "We're out of {0}, and nearly out of {1}.",
    "List: {0}, {1}. Thanks!",
    "Jonas finished the last of it: {0}, please, and while you're at it {1}.",
    "Add {0}. Tom says {1} as well.",
)
SHOP_WORDS = (
    "I'm in the shop. What do we need?",
    "At the supermarket, read me the list please.",
    "Tom here, I'm shopping. What's on it?",
    "Quick, the shop closes in ten minutes. The list?",
)
REMINDERS = (
    ("call the chimney sweep", "on Thursday at ten"),
    ("sign Mira's permission for the museum", "tonight at eight"),
    ("take the parcel to the post office", "tomorrow before noon"),
    ("descale the kettle", "on Saturday morning"),
    ("wish my brother a happy birthday", "on Sunday at nine"),
    ("pay the deposit for the cabin", "on Friday at noon"),
    ("cancel the newspaper for the holidays", "next Monday"),
    ("bring egg cartons for Jonas's class", "tomorrow at half past seven"),
    ("ask Nele about her summer plans", "on Wednesday evening"),
    ("book the bicycle inspection", "tomorrow at nine"),
    ("clean the filter of the extractor hood", "on Saturday"),
    ("send the photos to my mother", "tonight"),
    ("return the cake tin to Henrike", "on Tuesday afternoon"),
    ("check the smoke detectors", "on the first of the month"),
    ("order the violin strings", "tomorrow at lunch"),
    ("bleed the radiator upstairs", "on Sunday afternoon"),
    ("pick up the glasses at the optician", "on Friday after four"),
    ("write down the meter before we travel", "on the evening before"),
    ("vaccinate Biscuit", "in three weeks, on Monday"),
)
REMINDER_WORDS = (
    "Remind me to {0} {1}.",
    "Don't let me forget to {0}, {1} is good.",
    "{1}, please: {0}.",
    "Could you make sure that I {0} {1}?",
)
SHOPS = ("the market", "the supermarket", "the bakery", "the chemist's", "the farm shop")
MONEY_WORDS = (
    "Spent {0}, {1}.",
    "{0} for the household book, {1}.",
    "Please book {0}: {1}.",
    "Oh dear, {0} in one go. That was {1}.",
)
PLANT_WORDS = (
    "I just watered the plants. When was the last time?",
    "Did anybody water the fig? I've done it now.",
    "The orchid looks offended. I gave it some water.",
)
DINNER_WORDS = (
    "What could we eat tonight?",
    "No idea for dinner. You?",
    "Something quick for tonight, please, violin runs late.",
    "It's cold outside. Something warm?",
    "Jonas wants noodles. Anything else that he might accept?",
    "Dinner? And not soup again.",
)
MEALS = (
    ("lentil curry with spinach", ("coconut milk", "lime"), "Half an hour, one pot."),
    ("potato gratin and a green salad", ("cream", "nutmeg"), "The oven does most of it."),
    ("noodles with tomato and basil", ("parmesan", "garlic"), "Jonas will be on your side."),
    ("leek quiche", ("eggs", "cream"), "It is as good cold tomorrow, for lunch boxes."),
    ("fried rice with what is left of the vegetables", ("soy sauce", "peas"), "Ten minutes."),
    ("pancakes, savoury first and then sweet", ("flour", "mushrooms"), "Mira can turn them."),
    ("chickpea stew with feta", ("cumin", "parsley"), "Mild, so the children eat along."),
    ("baked fish with lemon and fennel", ("fennel", "fish"), "Twenty minutes at 180 degrees."),
    ("minestrone with beans", ("celery", "beans"), "Enough for two evenings, if you like."),
    ("pizza with everybody's own corner", ("yeast", "olives"), "The dough needs an hour of rest."),
    ("carrot and ginger soup", ("cream", "oranges"), "Warm, and ready in 25 minutes."),
    ("a big omelette with potatoes", ("chives", "potatoes"), "Everything from one pan."),
    ("gnocchi with sage butter", ("sage", "gnocchi"), "Fast, and nobody ever complained."),
    ("couscous salad with roasted vegetables", ("mint", "peppers"), "Good for a late evening."),
    ("cauliflower in the oven with tahini", ("tahini", "cauliflower"), "Crisp at the edges."),
    ("vegetable dumplings with a dip", ("dumpling sheets", "sesame oil"), "Folding them is fun."),
    ("risotto with peas", ("stock", "peas"), "Somebody has to stir, somebody may read aloud."),
)
TIPS = (
    (
        "There's candle wax on the wooden table.",
        "Let it get hard, lift most of it off with a plastic card, then warm the rest with a hair "
        "dryer and take it up with kitchen paper.",
    ),
    (
        "How long do boiled eggs keep?",
        "Two weeks in the fridge if the shell is whole, two days once it is cracked.",
    ),
    (
        "Mira asks why the moon is up in the daytime.",
        "Because it takes a month around us and does not care about our nights: about half of the "
        "time it is up while the sun is too. It is only harder to see.",
    ),
    (
        "The drain in the bathroom is slow.",
        "Try hot water, a cup of soda and a cup of vinegar, and wait half an hour. If it stays "
        "slow, the trap below the basin unscrews by hand; put a bucket under it.",
    ),
    (
        "Can I freeze feta?",
        "Yes, in its brine or in oil. It gets crumbly, so use it for baking afterwards.",
    ),
    (
        "Jonas can't sleep because of the thunderstorm.",
        "Count the seconds between light and thunder with him and divide by three: that is how "
        "many kilometres it is away. Watching it leave helps more than hearing that it will.",
    ),
    (
        "Red wine on the light carpet, help.",
        "Dab, don't rub. Then sparkling water, dab again, and a paste of soda for the night.",
    ),
    (
        "How much is a cup in grams of flour?",
        "About 125 grams, if you spoon it in. Scooped and pressed it can be 150.",
    ),
    (
        "The bicycle chain squeaks.",
        "Wipe it dry, one drop of oil on each link, turn the pedals for a minute, and wipe again. "
        "What shines on the outside only collects dust.",
    ),
    (
        "Does the laundry have to be sorted by colour at 30 degrees?",
        "Only new dark or red things. Everything that was washed ten times can go together.",
    ),
    (
        "What can we play with two children and rain?",
        "The floor is a river and the cushions are stones. Or let Mira draw a map of the flat and "
        "hide something that Jonas has to find with it.",
    ),
    (
        "The bread is as hard as a stone.",
        "Hold it under the tap for a second and bake it for eight minutes at 160 degrees. It has "
        "to be eaten the same day.",
    ),
    (
        "How do I write a friendly note about the noise upstairs?",
        'Perhaps: "Dear neighbours, our children go to bed at eight and the floor is thin. Could '
        "you move the drums to the afternoon? We'd bring a cake.\"",
    ),
    (
        "Why do my basil plants always die?",
        "There are twenty in one pot, and they starve each other. Divide them into four pots and "
        "water them from below.",
    ),
    (
        "How warm should the fridge be?",
        "Seven degrees in the middle, at most. Four keeps milk longer and costs a little more.",
    ),
    (
        "The zip of Jonas's jacket is stuck.",
        "Rub a pencil along both sides: graphite is slippery. Soap works as well.",
    ),
    (
        "Is it cheaper to heat less at night?",
        "Two or three degrees less, yes, a few percent. Off altogether no: the walls cool down "
        "and have to be warmed again.",
    ),
    (
        "There are small flies around the fruit.",
        "A glass with vinegar, a drop of soap, and the fruit in the fridge for three days.",
    ),
    (
        "The door of the cupboard hangs down on one side.",
        "Turn the front screw of the upper hinge a quarter to the left, look, and go on like that.",
    ),
    (
        "How do I get chewing gum out of Mira's hair?",
        "Oil or peanut butter, no: just oil, with nuts in this house. Comb it out from below.",
    ),
    (
        "Can the cat eat tuna from the tin?",
        "A spoon of it, in water and not in oil, as a treat. Her 50 grams stay 50 grams.",
    ),
    (
        "What was that rule for tipping abroad, in Norway?",
        "It isn't expected. People round up, or give up to ten percent for a good dinner.",
    ),
)
SCHOOL = (
    (
        "Mira has a spelling test. Give me five difficult words?",
        "Rhythm, neighbour, separate, necessary and yacht. Ask for yacht last, she'll laugh.",
    ),
    (
        "When is the class trip to the museum?",
        "In two weeks. They need a packed lunch and the permission you wanted to sign.",
    ),
    (
        "Jonas has to bring something that begins with K.",
        "The kite from the cellar, or a kiwi, if it may be eaten afterwards.",
    ),
    (
        "How do I explain long division to a nine-year-old?",
        "As sharing sweets: how many bags of seven can we fill from 84? Ten bags take 70, two more "
        "take 14, so twelve. The written way only keeps the books.",
    ),
    (
        "Parents' evening or choir on Tuesday, both at seven. Which did we say?",
        "You hadn't decided. Tom is free on Tuesday, so he could go to school and you could sing.",
    ),
    (
        "Mira's project is the solar system. What can we build it from?",
        "If the sun is a balloon of 25 centimetres, the earth is a peppercorn 27 metres away. A "
        "walk down the street with seeds and peas shows it better than any box.",
    ),
    (
        "Jonas doesn't want to read aloud.",
        "Let him read to Biscuit. Cats don't correct, and she needs the exercise of listening.",
    ),
    (
        "Is there school on the Friday after the holiday?",
        "No, it is a bridge day. The after-school club is open if you tell them a week before.",
    ),
    (
        "Give me ten minutes of maths for Mira.",
        "6 x 8, 7 x 9, 96 : 8, 450 - 187, a quarter of 360, half of 75, 19 x 3, 1000 - 333, 12 x "
        "12, and for the proud: 25 x 36.",
    ),
    (
        "The teacher asks who can help at the summer party.",
        "Tom can't lift tables at the moment, but your lemonade was missed last year.",
    ),
    (
        "Mira is to interview somebody about the past. Whom?",
        "Mrs. Okafor came to this street before there was a bus. I'd begin with her first winter.",
    ),
    (
        "How many days until the holidays?",
        "Count the Fridays with Jonas: each time there are pancakes, one is gone.",
    ),
    (
        "Jonas lost his sports bag. Where do we look first?",
        "The bus has an office for lost things, open until six. The blue pool has a box as well.",
    ),
    (
        "Can you test Mira on capitals?",
        "Norway, Portugal, Estonia, Slovenia. Oslo she'll know, give a hint for Ljubljana.",
    ),
    (
        "Jonas asks what a fraction is.",
        "A pizza for four when only he is hungry. Cut it, eat a quarter, and ask what is left.",
    ),
    (
        "The choir rehearses in the gym this week, they say. Does that change the pick-up?",
        "Yes: the gym's door is in Mill Street, and they end ten minutes later.",
    ),
    (
        "Three lines of thanks to the teacher, please, from all of us.",
        '"You saw that Mira needed harder sums and that Jonas needed more time. Both came home '
        'taller. Thank you from all four of us, and from the cat."',
    ),
    (
        "Mira wrote a poem and wants to know whether it is good.",
        "Ask her to read it aloud twice. Where she slows down by herself it is good already.",
    ),
    (
        "What rhymes with orange? Homework.",
        'Nothing, and that is probably the point. "Door hinge" comes close if she says it fast.',
    ),
)
