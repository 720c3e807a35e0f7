"""Puts the pages of the site inside `monitoring/` in the wheel; the rest is in pyproject.toml."""

from setuptools import find_packages, setup

APPS = ["holdfast", "monitoring", "memory_app", "sessions_app"]
PAGES = {"monitoring.templates": "templates", "monitoring.static": "static"}

setup(
    packages=[*find_packages(include=[*APPS, *(f"{app}.*" for app in APPS)]), *PAGES],
    package_dir=PAGES,
    package_data={package: ["**/*"] for package in [*APPS, *PAGES]},
    exclude_package_data={"": ["*.pyc"]},
)
