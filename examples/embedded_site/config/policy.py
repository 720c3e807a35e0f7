"""The site's Content-Security-Policy, on every answer that does not bring one of its own."""

POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"


def content_security_policy(get_response):
    """Django 6 has such a middleware built in (`SECURE_CSP`); this one works on 5.2 too."""

    def answered(request):
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return answered
