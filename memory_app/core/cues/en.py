"""English."""

PHRASES = {
    "preference": """
        i( really|) (prefer|like|love|adore|enjoy|hate|dislike|favor|favour)
        i('d| would)( much|) (rather|prefer)
        i (don't|do not|didn't|never)( really|) (like|enjoy|care for|eat|drink|want)
        i can't stand
        i (am|was)( a|) (vegetarian|vegan)
        i'm( a|) (vegetarian|vegan)
        my (favorite|favourite|preferred|preference)
        (rather than|preferably|i'm a fan of|i am a fan of)
        (i don't care|don't mind|i'm fine with|i am fine with|i'm ok with|i am ok with)
        (works|suits|better|best) for me
    """,
    "constraint": """
        (i|we|you|it|he|she|they) (must|mustn't)
        (must be|must not|must have|has to be|have to be|needs to be|need to be|should be)
        (should not|shouldn't) be
        (at most|at least|no more than|no less than|not more than|maximum|minimum)
        (up to|under|below|less than|more than|over|within|before|by|after|around|about) # (euro|
            euros|dollars|pounds|minutes|hours|days|am|pm|percent|people)
        (under|below|within|less than) my budget
        my budget
        (no later than|not later than|not before|not after|deadline)
        (due|ready|done|finished) (by|on|before)
        (i|we) (only|just) (want|need|have)
        (i|we) can (only|just)
        (i|we) (can't|cannot|can not|won't|will not)
        (i'm|i am|he's|she's|he is|she is|we're|we are) (allergic|not allowed|diabetic|intolerant)
        (allergic to|without exception|under no circumstances|instead of)
        ^(always|never|don't|do not|avoid|make sure|be sure|remember|note that|keep in mind)
        (please|) (don't|do not|never|always) (ever|use|do|send|call|delete|change|write|put)
        (please|and|but) (make sure|note|remember|keep in mind)
        (i|we) have (no|zero|to)
        (i've|we've) got to
    """,
    "decision": """
        (let's|let us|lets) (go|do|take|use|stick|stay|keep|get|book|try|make|pick|choose)
        (i'll|i will|we'll|we will|i'd like to) (take|go with|have|choose|pick|stick with|keep)
        (i|we)( have|'ve|) (decided|chosen|chose|picked|settled|agreed|opted|concluded)
        (we're|we are|i'm|i am) going with
        (i choose|i pick|i select|i accept|i agree|i confirm|i approve|you have my approval)
        (go ahead|go for it|do it|please do|please proceed|proceed with)
        (sounds|seems|looks|is|that's|it's|would be|are)( all|) * for me
        (that|this|it|one|which)( all|)( really|) (sounds|seems|looks)
        ^(sounds|seems|looks) *
        (that|this|it|one|which) (works|will work|would work|will do|'ll do|suits|should work)
        (that'll|it'll|this'll) (work|do)
        (the|that|this) (first|second|third|last|former|latter|other) one
        i( really|) (like|love|want|take) (that|this|it|these|those|the)
        (count me in|i'm in|deal|suits me|suit me|that's the one|agreed|works for)
        (the decision is|it was decided|final decision|we're set on)
        (i changed|i've changed|changed) my mind
    """,
    "request": """
        (i|we) (want|need|wish|require|wanna|gotta)
        (i'd|i would|we'd|we would)( really|) (like|love|want|need|prefer)
        (i|we) (would|could) (need|use|like)
        (i am|i'm|we are|we're)( also|)( currently|) (looking|searching|trying|hoping|planning|
            in need)
        (i'm|i am) (interested|bored)
        (i was|i am|i'm|just) wondering
        (i|we) (wanted|have a plan|plan|hope|intend|feel like)
        (in need of|i need help|help me)
        (can|could|will|would) (you|u)
        (can|could|may) i( please|) (get|have|book|make|reserve|buy|order|purchase)
        (^|please |now |and |to |then |just |pls |kindly )(find|search for|look for|look up|book|
            reserve|get me|get|buy|purchase|order|call|schedule|arrange|cancel|add|remove|delete|
            change|write|create|build|fix|send|set|make|show me|check|update|translate|draft|
            pull up|help me|try|plan|organise|organize|use|play|watch|rent|transfer|start|open|
            run|explain|summarise|summarize|refactor|install|give me|put|move|rename)
        (can we|let's|lets) (search|look|find|see|get|book|reserve|plan)
        (is|are) there( any|) *( *|)( *|) (around|near|in|on|at|available|for)
        (how|what) about
    """,
    "promise": """
        (i'll|i will|i shall|we'll|we will|i promise|we promise|i'm going to|i am going to|gonna)
        (i'm on it|consider it done|will do|i swear|you have my word)
        (i'm|i am|we're|we are) (planning|going|committed|supposed|starting|about) to
        (i won't|we won't|i will not|i guarantee)
        (i'm|i am) (happy|glad) to (do|send|call|arrange|book)
    """,
    "correction": """
        (actually|correction|scratch that|scrap that|never mind that|nevermind)
        (i meant|i mean|i misspoke|my mistake|i was wrong|that's wrong|that was wrong|not correct)
        (that's|that is|it's|it is|this is)( not|n't) (right|correct|true|what i)
        (on second thought|on second thoughts|thinking about it|come to think of it)
        ^(no|nope|sorry|wait|oops|nah)( *|) (make|it's|it is|i meant|i said|i want|i need|
            i'd like|please)
        (make|change|switch|move|correct|update) (it|that|this)( *|) (to|instead|one|two|three|
            four|five|six|seven|eight|nine|ten|for|just|only)
        (change|switch|correct|update) (my|the) * to
        (instead|rather than|changed my mind|change my mind|no longer|not anymore|any more)
        (i said|wait|it should be|should have been|it's not|it is not|replace)
        (you got|you have) * wrong
    """,
    "identifier": """
        (order|booking|ticket|invoice|customer|account|confirmation|reservation|tracking|reference|
            case|member|membership|policy|serial|flight|phone|passport|card|user) (
            number|numbers|id|ids|no|code|codes|nr)
        my (email|mail|address|phone|number|id|username|name|account) (is|are)
        (i live at|my name's|i'm called|call me|email me at|reach me at|call me at)
    """,
    "affirm": """
        ^(yes|yeah|yep|yup|ye|yea|sure|absolutely|definitely|certainly|indeed|of course|exactly|
            correct|right|please do|by all means|affirmative|aye)
        (that's|that is|thats|is|sounds)( all|) (right|correct|it|true|accurate|perfect)
        (you're right|you are right|i confirm|confirmed|quite right|please do|that's what i said)
    """,
    "negate": """
        ^(no|nope|nah|not|nothing|none|neither|never)
        (not now|not right now|maybe later|not yet|not at this time|not at the moment)
        (won't work|will not work|doesn't work|does not work|don't do)
    """,
    "negation": """
        (no|not|never|none|nothing|nobody|nowhere|neither|nor|cannot|without|nope|nah)
        (don't|doesn't|didn't|won't|wouldn't|can't|couldn't|shouldn't|isn't|aren't|wasn't|weren't|
            haven't|hasn't|hadn't|mustn't|ain't|dont|cant|wont)
    """,
    "alternative": """
        (something|anything|someone|somewhere|what|who|where|anywhere) (else|different)
        (find|show|see|search|search for|look for|look up|want|like|need|have|there|any|some|what|
            which|me|for|suggest|the|your|choose|are) (another|other|others|different|alternative|
            alternatives|additional)
        (find|show|search|see|look for|have|are) (some|any|me some|me|for|for some|there)( any| *|
            ) more
        (any|some) (others|more|alternatives)
        keep looking
    """,
    "asking": """
        ^(what|what's|whats|which|who|who's|whose|when|when's|where|where's|why|how|how's)
        ^(is|are) there
        (any|a|some) (particular|specific|certain|preferred)
        ^(is|are|was|were|do|does|did|has|have|had|may|might|should|am) (it|that|this|the|they|
            there|their|you|i|we|he|she|these|those|my|your)
        ^(can|could|will|would) (it|that|this|the|they|there|he|she|we|i)
        (and|also|so|ok|okay|then|but|great|good|nice) (what|what's|which|who|when|where|where's|
            why|how)
        (tell|inform|let) me( know|)
        (give|provide|send|get|grab|find|tel)( me|)( with|) (the|their|its|more) (address|phone|
            number|contact|rating|details|information|price|name|venue|menu|location|time|
            departure|arrival)
        (can|could|would|will|do) you( please| also|) (tell|give|provide|know|inform|say|confirm|
            explain|let me)
        i('d| would) like to know
        i want to know
        i wonder
        (share|provide) (the|their|its|more)
        (more|further) (about|information|details)
    """,
    "offer": """
        (how|what) about
        (i|i've|i have|we|we've)( have|) (found|located|got|see)
        (there is|there's|there are|there're|here is|here's|here are|you could|you can try)
        (i have|we have|i see|i got|i've got) (#|a|an|one|two|three|four|several|some|many)
        (costs|priced at|is scheduled|
            takes place|taking place|starts at)
        (would you like|do you want|shall i|should i|interested in|would you be interested|
            do you prefer|does that|is that ok|is that okay|how does|
            do you mind|would you consider|your search)
        ^(want|want me) to
        (any plan|you may like|you might like|i suggest|i recommend|i would suggest)
    """,
    "readback": """
        (please confirm|confirm that|to confirm|just to be clear|let me confirm|
            i'd like to confirm|for confirmation)
        ^(confirming|confirm|verify|verifying|so)
        (is|are) (that|this|it|these|those)( all|) (correct|right|accurate|okay|ok|alright)
        (am i|do i have that|did i get that|have i got that) (right|correct)
        (you want|you wanted|you'd like|you would like|you are looking|you're looking|you wish|
            you need|you are requesting)
        (the following details|following information|double check|to verify|to recap|to summarize|
            to summarise|in summary|we agreed|as agreed|correct)
        (i will|i'll|i am going to|i'm|i am|i shall|i can|shall i|should i|we'll)( now|) (book|
            booking|reserve|reserving|buy|buying|get|order|schedule|purchase|purchasing|make|
            making)
    """,
    "outcome": """
        (has|have|is|are|was|were|been|being)( now| all| been| already|)( *|) (booked|confirmed|
            made|purchased|reserved|bought|scheduled|ordered|completed|complete|cancelled|
            canceled|placed|sent|done|successful|unsuccessful|set|fixed|created|updated|deleted|
            changed|verified|secured|finalized|finalised|approved|processed|started|paused|added|
            transferred|rented|shared|registered|paid)
        (i|i've|i have|we|we've|we have)( now| just| also| successfully|) (booked|confirmed|made|
            purchased|reserved|bought|scheduled|ordered|completed|cancelled|canceled|placed|sent|
            fixed|created|updated|deleted|changed|secured|went ahead|started|added|transferred|
            rented|shared|registered|paid|set)
        ^(booked|confirmed|done|purchased|reserved|success|congrats|congratulations|all set|
            you're all set)
        (all booked|all set|all done|successfully|reservation made|booking made|good to go|
            you've got|you got|on the way|on its way|be here soon|will arrive soon)
        (couldn't|could not|can't|cannot|can not|was not able|wasn't able|am not able|not able|
            unable|didn't manage|failed|no luck|unsuccessful|not possible|not posible|went wrong|
            was not|were not)
        (sorry|apologies|unfortunately|regret|regretfully|i'm afraid|i am afraid)
        (there are|there were|there is|there was) no
        (tickets|seats|table|booking|reservation|cab|ride|purchase|payment|order) (confirmed|
            booked|made|complete|completed|successful|purchased|reserved|failed|declined)
    """,
    "thanks": """
        (thanks|thank you|thank u|thankyou|thx|ty|cheers|much appreciated|appreciate|thankful|
            grateful|thansk)
        (great|big|immense|good) help
        (helpful|made my day)
        (ok|okay|okey|k|alright|all right|got it|i see|understood|noted|cool|great|awesome|
            perfect|nice|good|wonderful|fantastic|excellent|fine|sweet|super|lovely|brilliant|
            amazing|wow|fabulous|ah|oh|oh no|hm|hmm|mm|mmm|uh|um|well|haha|lol|yay|yeah|right|
            sure|exactly|no problem|no worries|makes sense|fair enough|good to know|i understand)
    """,
    "greeting": """
        (hi|hello|hey|hiya|howdy|greetings|good morning|good evening|good afternoon|hi there|
            hello there)
        how are you( doing|)( today|)
        how do you do
        (nice|good|great) to (see|meet|hear from) you
    """,
    "closing": """
        (bye|goodbye|good bye|bye bye|see you|see ya|farewell|good night|take care|cya|ciao)
        (have|enjoy|wish you|hope you have|had) (a|an|your|the|yourself|yourselves|lots of)
        (have|enjoy) (a|your|the|this|) (nice|great|good|lovely|wonderful|pleasant|fantastic|
            ) (day|evening|night|weekend|morning|afternoon|week|one)
        (have|had) (fun|a)
        (enjoy|safe travels|safe trip|happy travels|good luck|all the best|bon voyage|bon appetit)
        (you're|you are|your|ur)( very| most| always|) welcome
        (welcome|my pleasure|anytime|any time|no problem|no worries|don't mention it|
            not a problem|pleasure)
        (glad|happy|pleased|here|great|pleasure) (to|i could|that i could|i can)( be of|
             have been of| be|) (help|helped|assist|assistance|service|assisted|have helped)
        i (hope|wish) you
        looking forward
    """,
    "more": """
        (anything|any thing|something|some thing|what|how|who|any other thing|any other things)( |
            ) else
        (do|need|want|require|like|assist you|help you|be of|help) (with|) (anything|something|
            any) (more|further|other)
        (any|some) (other|more|further) (help|assistance|service|thing|things|questions|question|
            kinds of help|kind of help|information)
        (further|additional|more) (help|assistance|service)
        (can|could|may) i( further| still|) (help|assist|do more)
        (can|could) i (help|assist) you (further|more)
        (will|would) that be all
        is that all
        do you still need me
        (help|assist) you( today| further| more|)
        need any help
    """,
    "done": """
        (that's|that is|that'll be|that will be|thats|that'd be|that would be|this is|it is|it's|
            its|is|and thats)( really|) (all|it|everything|enough|the whole thing|what i want|
            what i wanted|what i needed)
        (all|everything|that|it)( that|) (i|we) (need|needed|want|wanted|require)
        (nothing|no one) (else|more|further)
        (i'm|i am) (done|good|all set|fine)
        (i don't|i do not|don't) (need|want|require) (anything|any) (else|more|other|further)
    """,
    "time": """
        (yesterday|today|tonight|tomorrow|tonite|weekend|week|month|year|years|months|weeks|days|
            ago|morning|evening|afternoon|noon|midnight|recently|lately|last|next|since|soon)
        (monday|tuesday|wednesday|thursday|friday|saturday|sunday)
        (january|february|march|april|june|july|august|september|october|november|december)
    """,
    "past": """
        (was|were|had|did|went|got|made|took|came|saw|said|found|gave|told|felt|left|met|began|
            started|won|lost|bought|joined|moved|finished|visited|tried|used|ran|wrote|grew|built|
            read|ate|spent|became|used to|learned|helped|attended|signed|volunteered|decided|
            received|passed|created|opened|launched|played|watched|studied|worked|lived|been)
    """,
    "self": """
        (i|i'm|i've|i'd|i'll|my|me|mine|myself|we|we're|we've|our|us|ours)
    """,
    "number": """
        (one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred|thousand)
    """,
    "you": """
        (you|you're|you've|you'd|you'll|your|yours|yourself|u)
    """,
}

COMMON = """
    the a an and or but if then so of to in on at by for from with without about as into over
    after before under between is are was were be been being am do does did done have has had
    having i you he she it we they me him her us them my your his its our their this that these
    those there here what which who when where why how not no yes can could will would shall
    should may might must just only very really too also more most some any all each every other
    another such than now please up down out off again i'm you're it's that's don't i'll i've i'd
    let's can't didn't isn't want need like get go going know think make see
"""

LIGHT = """
    help helping assistance assist day time trip flight meal dinner lunch ride journey stay event
    events concert game show movie great good nice wonderful lovely fantastic pleasant safe
    amazing awesome fun much lot lots lots everything information info answer answers suggestion
    suggestions booking reservation support service quick easy easily made extremely sure moment
    today soon hope enjoy wish welcome happy glad back anytime always further kind kindly rest
    yourself well so far appreciated ahead care useful later needed wanted
"""
