"""Spanish."""

PHRASES = {
    "preference": """
        (me|nos) (gusta|gustan|encanta|encantan|gustaría|molesta|conviene)
        (no|) me (gusta|gustan|importa|agrada)
        (prefiero|preferimos|preferiría|odio|detesto|adoro|amo)
        (mi|mis) (favorito|favorita|favoritos|favoritas|preferido|preferida)
        (mi|mis) * (favorito|favorita|favoritos|favoritas|preferido|preferida)
        soy( *|) (vegetariano|vegetariana|vegano|vegana|fan de)
    """,
    "constraint": """
        (debe|deben|debo|debemos|debería|tiene que|tienen que|tengo que|tenemos que|hay que|
            hace falta)
        (como máximo|como mínimo|al menos|por lo menos|no más de|no menos de|a más tardar|máximo|
            mínimo)
        (menos de|más de|antes de|después de|hasta|dentro de) # (euros|dólares|pesos|minutos|
            horas|días|por ciento)
        (mi|nuestro|el) presupuesto
        (soy alérgico|soy alérgica|alergia a|alérgico a|alérgica a|bajo ningún concepto|
            en ningún caso|sin excepción)
        (sólo|solo|solamente) (puedo|podemos|quiero|necesito|tengo)
        no (puedo|podemos|quiero|debe|deben|podré|se puede|uses|use|envíes|envíe|llames|llame|
            cambies|cambie|borres|borre|escribas)
        ^(nunca|siempre|evita|evite|asegúrate|asegúrese|recuerda|recuerde|ten en cuenta|
            tenga en cuenta)
        (fecha límite|plazo)
    """,
    "decision": """
        (me quedo con|nos quedamos con|voy a tomar|vamos con|elijo|elegimos|escojo|opto por|tomo|
            tomaré|me llevo)
        (he|hemos)( *|) (decidido|elegido|escogido|optado|acordado)
        (decidí|decidimos|elegí|elegimos|acordamos|quedamos en)
        (trato hecho|adelante|hazlo|hágalo|así quedamos|quedamos así)
        (suena|parece|está|estaría|sería)( muy|) (bien|genial|perfecto|estupendo)
        (me|nos) (parece|viene|va)( muy|) (bien|perfecto|genial)
        (ese|esa|eso|este|esta|esto) (me sirve|me vale|funciona|está bien|me va bien|sirve)
        (el|la) (primero|primera|segundo|segunda|tercero|tercera|último|última)( opción|
            ) (por favor|)
        (cambié|he cambiado|cambiado) de (opinión|idea)
    """,
    "request": """
        (quiero|queremos|necesito|necesitamos|busco|buscamos|quisiera|quisiéramos|deseo|deseamos)
        (me|nos) gustaría
        (puedes|puede|podrías|podría|podéis|pueden)
        (estoy|estamos) (buscando|planeando|pensando)
        (^|por favor |y |ahora |entonces )(busca|busque|encuentra|encuentre|reserva|reserve|haz|
            haga|muéstrame|muéstreme|escribe|escriba|cambia|cambie|borra|borre|crea|cree|envía|
            envíe|mándame|ayúdame|ayúdeme|llama|llame|pide|compra|compre|cancela|cancele|pon|abre|
            traduce|explica|dame)
        qué tal
        hay (algún|alguna|algunos|algunas)
    """,
    "promise": """
        (prometo|prometemos|te prometo|le prometo|garantizo|me encargo|nos encargamos|me comprometo)
        (voy|vamos) a *
        (enviaré|mandaré|llamaré|haré|haremos|enviaremos|llamaremos|pagaré|terminaré|entregaré|
            traeré|avisaré|te aviso|le aviso|cuenta conmigo|reservaré|buscaré|me ocuparé)
        (tengo|tenemos) (pensado|previsto)
    """,
    "correction": """
        (en realidad|mejor dicho|quise decir|quería decir|me refería|corrección|rectifico|
            olvida eso|olvídalo)
        (me equivoqué|me he equivocado|fue un error|mi error|error mío|perdón quise)
        (eso|esto|así)( *|) (no es|no está|es incorrecto|está mal|es falso)
        no (es|está) (correcto|correcta|así|cierto)
        (pensándolo mejor|cambié de|he cambiado de|ya no|más bien|en lugar de|en vez de)
        ^(no|perdón|espera|espere|disculpa) (que sea|que sean|son|es|quiero|quería|mejor|cambia|
            cambie|digo|prefiero)
        (cámbialo|cámbiala|cámbielo|cambia eso|cambiarlo|cambiarla) (a|por|para)
        no * sino
    """,
    "identifier": """
        (mi|el|nuestro) (número|código|id|teléfono|móvil|correo|email|usuario|nif|dni|iban|
            pasaporte)( de *|) (es|era)
        (número|código) de (pedido|cliente|reserva|factura|cuenta|seguimiento|referencia|teléfono|
            confirmación)
        (me llamo|mi nombre es|vivo en|mi dirección es)
    """,
    "affirm": """
        ^(sí|si|claro|exacto|exactamente|correcto|por supuesto|desde luego|efectivamente|sin duda|
            cierto|así es|sip)
        (es correcto|eso es|así es|está correcto|es cierto)
    """,
    "negate": """
        ^(no|nada|ninguno|ninguna|nunca|tampoco)
        (ahora no|por ahora no|quizás más tarde|tal vez luego|todavía no|no me sirve|no funciona)
    """,
    "negation": """
        (no|nada|nadie|ninguno|ninguna|ningún|nunca|jamás|tampoco|sin|ni)
    """,
    "alternative": """
        (algo|otra|alguna otra|qué|cualquier otra) (más|cosa|diferente|distinto)
        (otro|otra|otros|otras) *
        (hay|tienes|tiene|busca|busque) (más|otros|otras|otro|otra)
    """,
    "asking": """
        ^(qué|quién|quiénes|cuál|cuáles|cuándo|dónde|adónde|cómo|cuánto|cuánta|cuántos|cuántas)
        ^por qué
        ^(es|son|está|están|hay|tiene|tienen|era|fue) (el|la|un|una|esto|eso|de|algún|alguna|ese|
            esa)
        (puedes|puede|podrías|podría) (decirme|explicarme|darme|indicarme|informarme)
        (dime|dígame|dame|deme) (el|la|los|las|cuál|cuándo|dónde|qué|si)
        me gustaría saber
        quiero saber
        (y|pero|bien|vale) (qué|quién|cuál|cuándo|dónde|cómo|cuánto)
    """,
    "offer": """
        (qué tal|qué le parece|qué te parece|hay un|hay una|tengo|tenemos|he encontrado|encontré|
            aquí tiene|aquí está)
        (quiere|quieres|desea|le gustaría|te gustaría|prefiere|prefieres|le interesa|te interesa|
            debo|te reservo|le reservo)( que|)
        (recomiendo|sugiero|cuesta|sale a las|empieza a las)
    """,
    "readback": """
        (por favor confirma|por favor confirme|confirme|confirmo|para confirmar|en resumen|
            resumiendo|según lo acordado|como acordamos)
        (es correcto|es así|está bien así|correcto)
        (usted quiere|usted desea|quieres que|quiere que|voy a reservar|voy a hacer)
    """,
    "outcome": """
        (ha|han|he|hemos|está|están|fue|fueron|queda|quedó)( sido|)( *|) (reservado|reservada|
            confirmado|confirmada|hecho|hecha|comprado|comprada|cancelado|cancelada|enviado|
            enviada|creado|creada|cambiado|borrado|completado|completada|pagado|listo|lista|
            realizado|realizada)
        ^(listo|hecho|confirmado|reservado|completado)
        (reservé|compré|cancelé|envié|se ha podido|con éxito|exitosamente)
        (lo siento|lamentablemente|desafortunadamente|no pude|no se pudo|no ha sido posible|
            no fue posible|ha fallado|falló|no hay disponibilidad)
    """,
    "thanks": """
        (gracias|muchas gracias|mil gracias|muchísimas gracias|te agradezco|le agradezco|
            se agradece)
        (ok|okay|de acuerdo|vale|bien|muy bien|perfecto|genial|estupendo|excelente|entendido|
            entiendo|
            comprendo|bueno|buenísimo|ya veo|fantástico|maravilloso|guay|ah|oh|hm|hmm|jaja|
            qué bien|qué bueno|tiene sentido|súper|listo)
    """,
    "greeting": """
        (hola|buenos días|buenas tardes|buenas noches|buenas|qué tal|saludos|cómo estás|cómo está)
    """,
    "closing": """
        (adiós|hasta luego|hasta pronto|hasta mañana|chao|nos vemos|cuídate|cuídese|buenas noches)
        (que tengas|que tenga|ten|tenga) (un|una|muy) (buen|buena|bonito|lindo|gran|excelente|
            feliz|buenas|buenos) (día|tarde|noche|viaje|fin)
        (de nada|no hay de qué|con gusto|un placer|es un placer|a la orden|cuando quieras|
            cuando quiera|buen viaje|buen provecho|suerte|buena suerte|que disfrutes|que disfrute)
    """,
    "more": """
        (algo más|alguna otra cosa|alguna cosa más|más ayuda|otra pregunta|alguna otra pregunta|
            en qué más|qué más)
        (puedo|podría) ayudarle( en algo| con algo| más|)
        (puedo|podría) ayudarte( en algo| con algo| más|)
    """,
    "done": """
        (eso es todo|es todo|sería todo|nada más|con eso basta|ya está|ya no necesito)
    """,
    "time": """
        (ayer|hoy|mañana|anteayer|anoche|semana|semanas|mes|meses|año|años|día|días|tarde|noche|
            mediodía|hora|horas|recientemente|pasado|pasada|próximo|próxima|desde|pronto|lunes|
            martes|miércoles|jueves|viernes|sábado|domingo|enero|febrero|marzo|abril|mayo|junio|
            julio|agosto|septiembre|octubre|noviembre|diciembre)
    """,
    "past": """
        (fui|fue|fuimos|fueron|era|estaba|estuve|estuvo|tuve|tuvo|hice|hizo|hicimos|compré|fuiste|
            vi|vio|dije|dijo|di|dio|empecé|empezó|gané|perdí|conocí|visité|aprendí|encontré|
            recibí|escribí|jugué|trabajé|viví|comí|leí|llegué|salí|hecho|sido|estado|visto|ido)
    """,
    "self": "(yo|me|mi|mis|mí|mío|mía|nosotros|nosotras|nos|nuestro|nuestra|nuestros|nuestras)",
    "you": "(tú|te|ti|tu|tus|usted|ustedes|vosotros|su|sus|le|les)",
    "number": """
        (uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|docena|cien|mil)
    """,
}

COMMON = """
    el la los las un una unos unas y o pero si entonces de del en a al por para con sin sobre es
    son era ser está están estoy hay ha he han yo tú él ella usted nosotros me te se lo le nos mi
    tu su que qué quién cómo cuándo dónde no sí ya muy más también todo toda todos esto eso este
    esa ese como cuando donde porque por favor hasta desde aquí ahí bien
"""

LIGHT = """
    ayuda día tiempo respuesta información info favor atención amable viaje rápida rápido servicio
    apoyo gran buen buena buenos buenas tu su mucho muchas realmente amabilidad momento igualmente
"""
