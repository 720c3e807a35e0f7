"""German."""

PHRASES = {
    "preference": """
        ich (mag|liebe|bevorzuge|hasse|esse gern|trinke gern|mag lieber)
        ich (mag|esse|trinke) (kein|keine|keinen|nicht)
        (mir wäre|mir ist|wäre mir|ist mir) * lieber
        (ich würde|würde ich|ich hätte|ich möchte|ich will|ich nehme|ich esse|ich fahre|am|
            doch) * lieber
        ich (würde|hätte|möchte|will) lieber
        (am liebsten|lieber nicht)
        ich bin (vegetarier|vegetarierin|veganer|veganerin)
        (mein|meine|meinen) (liebster|liebste|liebstes|lieblings)
        (gefällt|gefallen|schmeckt|passt) mir( nicht|)( gut| besser|)
        mir (gefällt|gefallen|schmeckt|egal)
    """,
    "constraint": """
        (muss|müssen|darf|dürfen|soll|sollen|sollte)( *|) (sein|haben|bleiben|nicht|kein|keine|
            keinen|nur|bis|vor|auf)
        (ich|wir|es|er|sie|das|man) (muss|müssen|darf|dürfen|soll|sollte)
        (höchstens|mindestens|maximal|nicht mehr als|nicht weniger als|spätestens|frühestens)
        (unter|bis|über|vor|nach|innerhalb von) # (euro|uhr|minuten|stunden|tagen|prozent)
        (mein|unser) budget
        (allergisch gegen|allergie gegen|unter keinen umständen|auf keinen fall|auf jeden fall)
        (keinesfalls|niemals|ausnahmslos)
        ich (kann|will|darf) (nur|nicht|kein|keine|keinen)
        (ich brauche|wir brauchen|ich habe|ich will) (nur|unbedingt|kein|keine|keinen)
        (bitte|) (nie|niemals|immer|nicht|kein|keine|keinen) * (verwenden|benutzen|schreiben|
            senden|löschen|ändern|anrufen)
        ^(immer|nie|niemals|achte darauf|achten sie|denk daran|denken sie|beachte|beachten sie|
            vermeide)
        (frist|abgabetermin|stichtag)
    """,
    "decision": """
        (ich|wir) (nehme|nehmen|wähle|wählen|entscheide|entscheiden|beschließen|bleiben bei|
            bleibe bei)
        (ich habe|wir haben|ich hab)( mich| uns|)( *|)( *|) (entschieden|beschlossen|gewählt|
            ausgesucht|geeinigt)
        (entschieden|beschlossen|abgemacht|einverstanden|so machen wir|machen wir so|machen wir das)
        (lass uns|lasst uns|lassen sie uns)
        (klingt|hört sich|sieht|passt|ist)( *|) (gut|super|perfekt|prima|toll) (an|aus|)
        (das|es) (passt|geht|klappt|genügt|reicht)( mir| so| für mich|)
        ich bin (dafür|dabei|einverstanden)
        (den|die|das) (erste|ersten|zweite|zweiten|dritte|dritten|letzte|letzten) bitte
        (ich stimme zu|ich bestätige|dabei bleibt es|nur zu|dann das)
        (meine meinung|es mir)( *|) (geändert|anders überlegt)
    """,
    "request": """
        (ich|wir) (möchte|möchten|will|wollen|brauche|brauchen|suche|suchen|hätte gern|
            hätten gern|wünsche|plane|planen)
        ich (würde|hätte|möchte)( *|) (gern|gerne)
        (kannst|könntest|können|könnten|würdest|würden) (du|sie|ihr|wir)
        (^|bitte |und |dann |jetzt )(such|suche|suchen sie|finde|finden sie|buche|buchen sie|
            reserviere|reservieren sie|zeig|zeige|zeigen sie|schreib|schreibe|schreiben sie|
            ändere|ändern sie|lösche|mach|mache|machen sie|erstelle|erstellen sie|schick|schicke|
            schicken sie|hilf|helfen sie|ruf|bestell|bestelle|kauf|storniere|stornieren sie|spiel|
            öffne|starte|übersetze|erkläre)
        (gibt es|wie wäre es mit|wie wär's mit)
    """,
    "promise": """
        (ich|wir) (werde|werden|verspreche|versprechen|garantiere|sorge dafür|kümmere mich|
            melde mich|sorgen dafür|kümmern uns)
        (werde ich|werden wir|wird erledigt|mache ich|versprochen|du hast mein wort)
        ich (schicke|sende|rufe|bringe|erledige|liefere|bezahle|zahle|mache) (es|dir|ihnen|das|
            dich|sie|den|die|morgen|heute|bis)
        (ich|wir) (habe|haben) vor
    """,
    "correction": """
        (eigentlich|stattdessen|doch nicht|ich meinte|ich meine|korrektur|berichtigung|quatsch|
            vergiss das)
        (ich habe mich|ich hab mich|da habe ich mich) (geirrt|vertan|versprochen|vertippt)
        (das ist|das war|das stimmt|es ist) (falsch|nicht richtig|nicht korrekt|nicht|so nicht)
        (mein fehler|anders überlegt|meinung geändert|nicht mehr|doch lieber|besser doch)
        ^(nein|nee|halt|moment|sorry|entschuldigung|doch) (ich|es|mach|machen|nimm|lieber|bitte|
            doch|nicht)
        (ändere|ändern sie|korrigiere) (das|es|den|die) * (auf|in|zu)
        (sondern|nicht * sondern|statt|anstatt)
    """,
    "identifier": """
        (meine|die|unsere) (bestellnummer|kundennummer|buchungsnummer|rechnungsnummer|
            auftragsnummer|vorgangsnummer|telefonnummer|handynummer|iban|kontonummer|adresse|
            anschrift|e mail|email|mail|mailadresse|referenz|kennung) (ist|lautet|war)
        (bestellnummer|kundennummer|buchungsnummer|rechnungsnummer|auftragsnummer|vorgangsnummer|
            telefonnummer)
        (ich heiße|mein name ist|ich wohne in|ich wohne am)
    """,
    "affirm": """
        ^(ja|jawohl|jep|genau|richtig|stimmt|korrekt|natürlich|selbstverständlich|klar|sicher|
            gerne|gern|unbedingt|auf jeden fall|bitte ja)
        (das stimmt|das ist richtig|das ist korrekt|ganz genau|so ist es)
    """,
    "negate": """
        ^(nein|nee|nö|nicht|nichts|keine|keiner|keins|niemals)
        (jetzt nicht|im moment nicht|vielleicht später|noch nicht|geht nicht|passt nicht)
    """,
    "negation": """
        (nein|nee|nicht|nichts|kein|keine|keinen|keinem|keiner|nie|niemals|niemand|nirgends|weder|
            ohne|keinesfalls|nö)
    """,
    "alternative": """
        (etwas|was|jemand|irgendetwas|wer|wo) (anderes|andres|anders|sonst|noch)
        (andere|anderen|anderes|anderer|weitere|weiteren) *
        (noch|eine|einen|ein) (andere|anderen|anderes|weitere|weiteren|weiteres)
    """,
    "asking": """
        ^(was|wer|wen|wem|wo|wohin|woher|wann|warum|wieso|weshalb|wie|welche|welcher|welches|
            welchen|wieviel)
        ^(ist|sind|war|hat|haben|gibt|kann|wird|darf|soll) (es|das|der|die|er|sie|man|ich|dort|
            ihr|ihre|da)
        (kannst|könntest|können|könnten|würden|würdest) (du|sie) (mir|) (sagen|erklären|verraten|
            mitteilen|die|den|das)
        (sag|sagen sie|gib|geben sie|nenn|nennen sie) mir
        ich (wüsste|würde) gern( wissen|)
        (und|also|ok|gut) (was|wer|wo|wann|wie|welche|welcher|warum)
    """,
    "offer": """
        (wie wäre es|wie wär's|wie wäre|es gibt|ich habe|hier ist|hier sind|da ist|da gibt es)
        (möchten sie|möchtest du|wollen sie|willst du|soll ich|sollen wir|darf ich|passt ihnen|
            passt dir)
        (ich empfehle|ich schlage vor|ich habe * gefunden|gefunden|kostet|startet um|beginnt um)
    """,
    "readback": """
        (bitte bestätigen|bitte bestätige|zur bestätigung|nur zur sicherheit|ich fasse zusammen|
            zusammengefasst|zusammenfassend|wie vereinbart|vereinbart)
        (ist das|stimmt das|ist das so|ist dies) (richtig|korrekt|so|in ordnung)
        (sie möchten|du möchtest|sie wollen|du willst|sie wünschen|sie hätten gern|ich buche|
            ich reserviere|ich bestelle)
    """,
    "outcome": """
        (ist|sind|wurde|wurden|habe|haben|hat|war|waren)( *|)( *|)( *|) (gebucht|bestätigt|
            reserviert|gekauft|bestellt|storniert|erledigt|erstellt|geändert|gelöscht|gesendet|
            versendet|abgeschickt|bezahlt|fertig|erfolgreich|fehlgeschlagen|gescheitert|abgelehnt)
        ^(erledigt|gebucht|bestätigt|fertig|geschafft)
        (leider|tut mir leid|konnte nicht|konnten nicht|konnte ich|nicht möglich|fehlgeschlagen|
            nicht geklappt|bedaure|bedauere)
        (hat|haben) * geklappt
    """,
    "thanks": """
        (danke|dankeschön|vielen dank|herzlichen dank|besten dank|tausend dank|dank|danke dir|
            danke ihnen|danke schön|danke sehr|merci)
        (ok|okay|alles klar|in ordnung|verstanden|verstehe|gut|super|toll|prima|perfekt|klasse|
            schön|wunderbar|großartig|fein|sehr gut|ach so|aha|ah|oh|hm|hmm|cool|geil|spitze|
            na gut|gut zu wissen|macht sinn|passt schon|jo|haha|wow)
    """,
    "greeting": """
        (hallo|hi|hey|guten morgen|guten tag|guten abend|moin|servus|grüß gott|grüezi)
        (wie geht es|wie geht's)( dir| ihnen|)
    """,
    "closing": """
        (tschüss|tschüs|auf wiedersehen|bis dann|bis bald|bis später|ciao|gute nacht|mach's gut|
            schönen tag|schönen abend)
        (einen|ein|eine|noch einen|noch ein|noch eine)( *|) (schönen|schönes|schöne|guten|gutes|
            gute|angenehmen) (tag|abend|morgen|nacht|woche|wochenende|reise|zeit|nachmittag)
        (bitte sehr|bitte schön|gern geschehen|gerne geschehen|keine ursache|kein problem|
            nichts zu danken|jederzeit|viel spaß|viel erfolg|alles gute|guten appetit)
        (freut mich|war mir ein vergnügen|ich helfe gern|helfe gerne)
    """,
    "more": """
        (sonst noch|noch etwas|noch was|kann ich sonst|brauchen sie noch|brauchst du noch|
            weitere hilfe|weitere fragen|noch fragen)
        (kann|darf) ich (ihnen|dir)( *|)( *|) (helfen|behilflich sein)
    """,
    "done": """
        (das ist|das war|das wäre|das wär's|das war's) (alles|)
        (nichts weiter|mehr brauche ich nicht|ich bin fertig|das reicht)
    """,
    "time": """
        (gestern|heute|morgen|vorgestern|übermorgen|woche|wochen|monat|monate|jahr|jahre|jahren|
            tage|tagen|abend|mittag|nacht|uhr|neulich|kürzlich|letzte|letzten|letztes|nächste|
            nächsten|nächstes|seit|bald|wochenende|montag|dienstag|mittwoch|donnerstag|freitag|
            samstag|sonntag|januar|februar|märz|april|mai|juni|juli|august|september|oktober|
            november|dezember)
    """,
    "past": """
        (war|waren|hatte|hatten|ging|gingen|kam|kamen|wurde|wurden|sah|fand|gab|bekam|begann|
            machte|kaufte|gewann|verlor|traf|besuchte|lernte|gegangen|gemacht|gekauft|gefunden|
            bekommen|gesehen|getroffen|angefangen|gelernt|gewonnen|verloren|besucht|gezogen|
            geschrieben|gegessen|gespielt|gearbeitet|gelebt|gewesen)
    """,
    "self": "(ich|mich|mir|mein|meine|meinen|meinem|meiner|wir|uns|unser|unsere|unseren)",
    "you": "(du|dich|dir|dein|deine|deinen|sie|ihnen|ihr|ihre|ihren|euch|euer)",
    "number": """
        (eins|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|dutzend|hundert|tausend)
    """,
}

COMMON = """
    der die das den dem des ein eine einen einem einer und oder aber wenn dann also so zu in im an
    am auf für von mit ohne bei nach vor über unter ist sind war bin bist wird werden habe hat
    haben ich du er sie es wir ihr mich mir dich dir uns euch mein dein sein nicht ja nein auch
    noch nur sehr schon hier da dort was wer wie wo wann warum kann können muss will soll dass als
    wie zum zur vom beim bitte mal doch ihnen ihre ihren ihrem man dich alles
"""

LIGHT = """
    hilfe tag abend zeit antwort info infos information informationen auskunft unterstützung
    schnelle schnell gute guten gutes schöne schönen nette netten freundliche nochmals vielmals
    sehr wirklich ganz geholfen gerne gern moment reise essen mühe tipp tipps
"""
