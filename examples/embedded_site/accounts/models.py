from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import models


class UserManager(BaseUserManager):
    def create_user(self, email, password=None, **more):
        user = self.model(email=self.normalize_email(email), **more)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email, password=None, **more):
        return self.create_user(email, password, is_staff=True, is_superuser=True, **more)


class User(AbstractUser):
    """People of this site are known by their mail address."""

    username = None
    email = models.EmailField(unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ()

    objects = UserManager()
