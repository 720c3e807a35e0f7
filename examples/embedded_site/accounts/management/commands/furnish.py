from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand

from accounts.models import User

PASSWORD = "only for trying"
PEOPLE = {"vera": "Support", "edda": "Leads", "olga": "Owners", "nora": None}
ADMIN = "rita@example.com"


class Command(BaseCommand):
    help = "People to try the site with, one of each role and one of none"

    def handle(self, **_):
        for group in settings.HOLDFAST_ROLES:
            Group.objects.get_or_create(name=group)
        for name, group in PEOPLE.items():
            email = f"{name}@example.com"
            if User.objects.filter(email=email).exists():
                continue
            user = User.objects.create_user(email, PASSWORD)
            if group:
                user.groups.add(Group.objects.get(name=group))
            self.stdout.write(f"{email} ({group or 'no group'}), password: {PASSWORD}")
        if not User.objects.filter(email=ADMIN).exists():
            User.objects.create_superuser(ADMIN, PASSWORD)
            self.stdout.write(f"{ADMIN} (superuser), password: {PASSWORD}")
