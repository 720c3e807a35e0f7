"""Django's command line for this checkout; an installed Holdfast has `holdfast` instead."""

import os
import sys

from django.core.management import execute_from_command_line

from holdfast.environ import BadEnvironment

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "holdfast.settings")
    try:
        execute_from_command_line(sys.argv)
    except BadEnvironment as error:
        sys.exit(f"manage.py: {error}")
