"""French. Elided words are one word with what follows: "j'aime", "d'accord"."""

PHRASES = {
    "preference": """
        (j'aime|j'adore|j'apprécie|je préfère|nous préférons|je déteste|je n'aime|j'aimerais mieux)
        je (préfère|préférerais|déteste|raffole)
        (ne|) me (plaît|plaisent|convient)( pas|)
        (mon|ma|mes) (préféré|préférée|préférés|favori|favorite)
        (mon|ma|mes) * (préféré|préférée|préférés|préférées|favori|favorite)
        je suis (végétarien|végétarienne|végan|végane|fan)
        (ça|cela) (m'est égal|m'irait mieux)
    """,
    "constraint": """
        (il faut|il ne faut|il faudrait|doit être|doivent être|doit|doivent|je dois|nous devons|
            on doit|devrait)
        (au maximum|au plus|au moins|au minimum|pas plus de|pas moins de|au plus tard|maximum|
            minimum)
        (moins de|plus de|avant|après|jusqu'à|dans) # (euros|minutes|heures|jours|pour)
        (mon|notre|le) budget
        (je suis allergique|allergique à|allergique aux|en aucun cas|sous aucun prétexte|
            sans exception|impérativement)
        (je peux|nous pouvons|je veux|j'ai)( *|) (seulement|uniquement|que)
        je ne (peux|veux|dois|pourrai)
        ^(jamais|toujours|n'utilise|n'utilisez|n'envoie|n'envoyez|ne change|ne changez|
            ne supprime|ne supprimez|évite|évitez|assure-toi|assurez-vous|rappelle-toi|n'oublie|
            n'oubliez|veillez)
        (ne|n'appelle|n'appelez|n'utilisez|n'utilise) (jamais|pas)
        ne * (jamais|pas)
        (date limite|échéance|délai)
    """,
    "decision": """
        (je prends|nous prenons|je choisis|nous choisissons|j'opte|je retiens|je garde|on prend|
            on garde|on part sur|partons sur)
        (j'ai|nous avons|on a)( *|) (décidé|choisi|opté|convenu|tranché)
        (c'est d'accord|marché conclu|allez-y|vas-y|faites-le|fais-le|
            c'est décidé|c'est convenu)
        (ça|cela) (me va|me convient|marche|ira|convient|fera l'affaire|me semble bien)
        (ça|cela) (a l'air|semble|paraît) (bien|parfait|super|bon)
        (c'est|ce sera|ce serait) (parfait|bon|très bien|super)( pour moi|)
        (le|la) (premier|première|deuxième|second|seconde|troisième|dernier|dernière)( option|
            ) (s'il vous plaît|s'il te plaît|)
        (changé d'avis|je confirme|je suis d'accord)
    """,
    "request": """
        (je veux|je voudrais|j'aimerais|nous voulons|nous voudrions|je souhaite|nous souhaitons|
            je cherche|nous cherchons|j'ai besoin|nous avons besoin|il me faut|il nous faut)
        (peux-tu|pouvez-vous|pourrais-tu|pourriez-vous|tu peux|vous pouvez|est-ce que tu peux|
            est-ce que vous pouvez)
        (peux|pouvez|pourrais|pourriez) (tu|vous)
        (^|et |puis |maintenant )(cherche|cherchez|trouve|trouvez|réserve|réservez|montre|montrez|
            écris|écrivez|change|changez|supprime|supprimez|crée|créez|envoie|envoyez|aide|aidez|
            appelle|appelez|achète|achetez|annule|annulez|mets|mettez|ouvre|ouvrez|traduis|
            traduisez|explique|expliquez|fais|faites|donne|donnez)
        (et si on|que diriez-vous|y a-t-il|y a t il)
    """,
    "promise": """
        (je promets|nous promettons|je te promets|je vous promets|je garantis|je m'engage|
            je m'en occupe|nous nous engageons|promis|comptez sur moi|compte sur moi)
        (je vais|nous allons|on va) *
        (j'enverrai|je ferai|j'appellerai|je rappellerai|je vous enverrai|je t'enverrai|
            je vous appellerai|je t'appellerai|je paierai|je finirai|je livrerai|je m'occuperai|
            nous enverrons|nous ferons|je le ferai)
        (j'ai|nous avons) (prévu|l'intention)
    """,
    "correction": """
        (en fait|en réalité|plutôt|je voulais dire|je veux dire|correction|rectification|
            oublie ça|oubliez ça)
        (je me suis trompé|je me suis trompée|c'était une erreur|mon erreur|erreur de ma part|
            au temps pour moi|autant pour moi)
        (ce n'est pas|c'est pas|c'est|n'est pas) (correct|exact|juste|ça|faux|incorrect|vrai)
        (réflexion faite|à la réflexion|tout compte fait|finalement|changé d'avis|ne * plus|
            au lieu de|au lieu du)
        ^(non|attends|attendez|pardon|désolé|désolée) (c'est|ce sont|je veux|je voulais|
            je voudrais|plutôt|mets|mettez|prends|prenez|il faut|disons)
        (change|changez|modifie|modifiez|corrige|corrigez)( le| la| ça| cela|) (en|pour|à)
        (mais plutôt|pas * mais)
    """,
    "identifier": """
        (mon|ma|le|notre) (numéro|code|identifiant|téléphone|portable|adresse|courriel|email|mail|
            iban|passeport)( de *|) (est|était|c'est)
        (numéro|code) de (commande|client|réservation|facture|compte|suivi|dossier|référence|
            téléphone|confirmation)
        (je m'appelle|mon nom est|j'habite)
    """,
    "affirm": """
        ^(oui|ouais|exactement|exact|tout à fait|bien sûr|absolument|effectivement|certainement|
            c'est ça|volontiers|si)
        (c'est exact|c'est correct|c'est juste|c'est bien ça)
    """,
    "negate": """
        ^(non|rien|aucun|aucune|jamais|pas)
        (pas maintenant|pas pour l'instant|pas pour le moment|peut-être plus tard|pas encore|
            ne convient pas|ne va pas)
    """,
    "negation": """
        (non|pas|ne|rien|aucun|aucune|jamais|personne|sans|ni|plus de|n'ai|n'est|n'a|n'aime|n'y|
            n'en)
    """,
    "alternative": """
        (autre chose|quelque chose d'autre|quoi d'autre|d'autres|quelqu'un d'autre)
        (un|une|l'|les|d'|aucun|quel|quelle) (autre|autres)( *|)
    """,
    "asking": """
        ^(quoi|qui|quand|où|comment|pourquoi|combien|quel|quelle|quels|quelles|lequel|laquelle|
            que|qu'est-ce|est-ce)
        ^à quelle
        (peux-tu|pouvez-vous|pourrais-tu|pourriez-vous) (me|nous) (dire|donner|expliquer|indiquer)
        (peux|pouvez|pourrais|pourriez) (tu|vous) (me|nous) (dire|donner|expliquer|indiquer)
        (dis-moi|dites-moi|donne-moi|donnez-moi)
        (dis|dites|donne|donnez) moi
        (je voudrais|j'aimerais|je veux) savoir
        (et|mais|alors|bon) (quoi|qui|quand|où|comment|pourquoi|combien|quel|quelle)
    """,
    "offer": """
        (que diriez-vous|que dirais-tu|que pensez-vous|il y a|j'ai trouvé|nous avons|j'ai|voici|
            voilà)
        (voulez-vous|veux-tu|souhaitez-vous|souhaites-tu|préférez-vous|préfères-tu|dois-je|
            puis-je|aimeriez-vous|aimerais-tu)
        (voulez|veux|souhaitez|préférez|dois|puis|aimeriez) (vous|tu|je)
        (je recommande|je suggère|je propose|coûte|part à|commence à)
    """,
    "readback": """
        (veuillez confirmer|merci de confirmer|confirmez|pour confirmer|je récapitule|
            pour récapituler|en résumé|en résumant|comme convenu)
        (est-ce correct|est-ce exact|c'est bien ça|c'est correct|est ce correct)
        (vous voulez|vous souhaitez|vous voudriez|vous désirez|tu veux|tu souhaites|je réserve|
            je vais réserver|je commande)
    """,
    "outcome": """
        (est|sont|a été|ont été|ai|avons|a|ont|était)( bien|)( *|) (réservé|réservée|confirmé|
            confirmée|effectué|effectuée|acheté|achetée|annulé|annulée|envoyé|envoyée|créé|créée|
            modifié|modifiée|supprimé|supprimée|terminé|terminée|payé|payée|fait|faite|prêt|prête)
        (j'ai|c'est) (bien |)(réservé|confirmé|effectué|acheté|annulé|envoyé|créé|modifié|
            supprimé|terminé|payé|fait)
        ^(fait|réservé|confirmé|terminé|c'est fait)
        (désolé|désolée|malheureusement|je n'ai pas pu|n'a pas pu|impossible|n'a pas fonctionné|
            a échoué|avec succès|regrette)
    """,
    "thanks": """
        (merci|merci beaucoup|merci bien|mille mercis|grand merci|je vous remercie|je te remercie|
            remercie)
        (ok|okay|d'accord|bien|très bien|parfait|super|génial|excellent|compris|entendu|je vois|
            je comprends|bon|cool|formidable|magnifique|merveilleux|ah|oh|hm|hmm|haha|
            bonne nouvelle|ça marche|c'est noté|noté|top|chouette|bravo)
    """,
    "greeting": """
        (bonjour|bonsoir|salut|coucou|bonjour à tous|comment ça va|comment allez-vous|
            comment vas-tu|ça va)
    """,
    "closing": """
        (au revoir|à bientôt|à plus|à demain|à tout à l'heure|bonne nuit|adieu|ciao|prends soin|
            prenez soin)
        (bonne|bon|excellente|belle) (journée|soirée|nuit|semaine|weekend|week|après-midi|voyage|
            appétit|continuation|chance|route)
        (de rien|je vous en prie|je t'en prie|il n'y a pas de quoi|pas de quoi|pas de problème|
            pas de souci|avec plaisir|à votre service|à ton service|amusez-vous bien|
            profitez bien)
    """,
    "more": """
        (autre chose|quelque chose d'autre|d'autres questions|une autre question|puis-je encore)
        (puis-je|puis je) (vous|t') (aider|être utile)( davantage| encore|)
        besoin d'autre chose
    """,
    "done": """
        (c'est tout|ce sera tout|rien d'autre|rien de plus|ça suffit|c'est bon pour moi)
    """,
    "time": """
        (hier|aujourd'hui|demain|avant-hier|semaine|semaines|mois|année|années|an|ans|jour|jours|
            matin|soir|nuit|midi|heure|heures|récemment|dernier|dernière|prochain|prochaine|
            depuis|bientôt|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|janvier|février|
            mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre)
    """,
    "past": """
        (étais|était|étaient|avais|avait|avaient|suis|fut|eu|été|allé|allée|fait|pris|vu|trouvé|
            donné|commencé|gagné|perdu|rencontré|visité|appris|acheté|reçu|écrit|joué|travaillé|
            vécu|mangé|lu|arrivé|arrivée|parti|partie|venu|venue)
    """,
    "self": "(je|j'ai|j'étais|j'avais|me|moi|mon|ma|mes|nous|notre|nos|j'aime|j'adore)",
    "you": "(tu|te|toi|ton|ta|tes|vous|votre|vos)",
    "number": """
        (deux|trois|quatre|cinq|six|sept|huit|neuf|dix|onze|douze|douzaine|cent|mille)
    """,
}

COMMON = """
    le la les un une des du de d' et ou mais si alors donc à au aux en dans par pour avec sans sur
    est sont était être ai as a ont avez avons je tu il elle on nous vous ils elles me te se lui
    leur mon ma mes ton ta tes son sa ses votre vos notre nos que qui quoi ce cet cette ces c'est
    ça cela ne pas oui non très plus aussi tout tous toute bien là ici y j'ai qu'il qu'on comme
    quand où s'il plaît n'est d'un d'une l'on
"""

LIGHT = """
    aide l'aide réponse information informations info infos journée soirée beaucoup encore fois
    temps gentil gentille service rapide vraiment infiniment instant moment bonne bon beau voyage
    également tellement explication explications
"""
