from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.urls import include, path

from desk import views

urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", LoginView.as_view(template_name="accounts/sign_in.html"), name="sign-in"),
    path("admin/", admin.site.urls),
    path("api/v1/stock", views.stock),
    path("tickets/", views.open_ticket, name="tickets"),
    path("tickets/<int:number>/answer/", views.answer, name="answer"),
    path("monitoring/", include("monitoring.urls")),
    path("memory/", include("holdfast.urls")),  # Holdfast
]
