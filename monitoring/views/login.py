"""The login and logout of the product; a host site has its own."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.views.decorators.csrf import csrf_protect

from .. import access

login = access.secure_page(
    LoginView.as_view(template_name="holdfast/login.html", next_page="holdfast_pages:sessions")
)
logout = access.secure_page(csrf_protect(LogoutView.as_view(next_page="holdfast_pages:login")))
