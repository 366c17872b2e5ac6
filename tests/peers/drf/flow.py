"""The lists of the v3 API in Django REST Framework, for `npm run bench` and `npm run framework`.

`gunicorn flow:application` serves them. `load` creates the tables from a dump (§4), with the same indexes as streamgage.
FLOW_DATABASE is the folder of the PostgreSQL server's socket, and FLOW_OPENAPI the OpenAPI document with the filters.
"""

import csv
import io
import itertools
import json
import os
import re

import django
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"],
    APPEND_SLASH=True,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": os.environ["FLOW_DATABASE"],
            "NAME": "postgres",
            "USER": "postgres",
            "CONN_MAX_AGE": None,
        }
    },
    DEBUG=False,
    INSTALLED_APPS=["django_filters", "rest_framework", "rest_framework_filters", "flow"],
    MIDDLEWARE=[],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "UNAUTHENTICATED_USER": None,
    },
    ROOT_URLCONF="flow",
    SECRET_KEY="not secret",
    TIME_ZONE="UTC",
    USE_TZ=True,
)
django.setup()

import rest_framework_filters as rf
from django.core.exceptions import FieldDoesNotExist
from django.core.wsgi import get_wsgi_application
from django.db import connection, models
from django.db.models import Exists, OuterRef
from django.urls import path
from django_filters import BaseInFilter
from django_filters.rest_framework import filters
from drf_dynamic_fields import DynamicFieldsMixin
from rest_framework import pagination, serializers, viewsets
from rest_framework.filters import OrderingFilter, SearchFilter
from rest_framework_filters.backends import ComplexFilterBackend


def integer(**options):
    return models.BigIntegerField(null=True, **options)


def count():
    return models.BigIntegerField(default=0)


def number():
    return models.FloatField(null=True)


def boolean():
    return models.BooleanField(default=False)


def text():
    return models.TextField(null=True)


def datetime():
    return models.DateTimeField(null=True)


def foreign_key(to, name):
    return models.ForeignKey(to, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name=name)


class Model(models.Model):
    id = models.BigIntegerField(primary_key=True)

    class Meta:
        abstract = True


class Tag(Model):
    name = text()
    org_id = integer()


class Repo(Model):
    name = text()
    url = text()
    vendor_type = text()
    is_private = boolean()
    blocked = boolean()
    created_at = datetime()
    updated_at = datetime()
    youngest_commit_date = datetime()
    oldest_commit_date = datetime()
    tags = models.ManyToManyField(Tag)


class Team(Model):
    name = text()
    description = text()
    org = integer()
    created_at = datetime()
    parent = integer()
    path = text()
    visibility = text()
    team_level = integer()
    nested_teams = count()
    all_users = count()
    unnested_users = count()


class User(Model):
    name = text()
    email = text()
    hidden_from_reports = boolean()
    org_id = integer()
    created_at = datetime()
    has_login = boolean()
    pending_invitation = boolean()
    alias_count = count()
    last_activity_at = datetime()
    first_activity_at = datetime()
    teams = models.ManyToManyField(Team, through="TeamMembership")


class TeamMembership(Model):
    membership_type = text()
    apex_user = foreign_key(User, "memberships")
    team = foreign_key(Team, "memberships")


class UserAlias(Model):
    name = text()
    username = text()
    email = text()
    apex_user = foreign_key(User, "aliases")
    created_at = datetime()
    first_activity_at = datetime()
    last_activity_at = datetime()


class Commit(Model):
    hexsha = text()
    user_alias_id = integer()
    apex_user = foreign_key(User, "commits")
    repo = foreign_key(Repo, "commits")
    author_date = datetime()
    author_tzoffset = integer()
    author_local_date = datetime()
    committer_date = datetime()
    committer_tzoffset = integer()
    committer_local_date = datetime()
    is_merge = boolean()
    is_pr_orphan = boolean()
    is_trivial = boolean()
    outlier_reason = integer()
    ignore_hash = text()
    haloc = count()
    new_work = count()
    legacy_refactor = count()
    help_others = count()
    churn = count()
    files = count()
    hunks = count()
    insertions = count()
    deletions = count()
    ins_del_ratio = number()
    levenshtein = number()
    impact = models.DecimalField(max_digits=20, decimal_places=4, default=0)
    risk = number()
    message = text()
    extracted_tags = models.JSONField(null=True)
    external_commit_url = text()


MODELS = {
    "tags": Tag,
    "repos": Repo,
    "teams": Team,
    "users": User,
    "team_membership": TeamMembership,
    "user_alias": UserAlias,
    "commits": Commit,
}

INDEXES = """
CREATE INDEX ON flow_team (parent);
CREATE INDEX ON flow_team (name);
CREATE INDEX ON flow_user (name);
CREATE INDEX ON flow_repo (vendor_type);
CREATE INDEX ON flow_teammembership (team_id, membership_type, apex_user_id);
CREATE INDEX ON flow_teammembership (apex_user_id, team_id);
CREATE INDEX ON flow_useralias (apex_user_id);
CREATE INDEX ON flow_commit (ignore_hash);
CREATE INDEX ON flow_commit (author_date);
CREATE INDEX ON flow_commit (author_local_date);
CREATE INDEX ON flow_commit (hexsha);
CREATE INDEX ON flow_commit (apex_user_id);
CREATE INDEX ON flow_commit (repo_id);
CREATE INDEX ON flow_commit (new_work);
"""


class NumberIn(BaseInFilter, filters.NumberFilter):
    pass


LOOKUPS = {"gt", "gte", "lt", "lte", "in", "icontains", "startswith", "isnull"}


class TextIn(BaseInFilter, filters.CharFilter):
    pass


KINDS = {
    models.DateTimeField: filters.IsoDateTimeFilter,
    models.BooleanField: filters.BooleanFilter,
    models.TextField: filters.CharFilter,
}


def flag(keep):
    return filters.BooleanFilter(method=lambda queryset, name, value: keep(queryset) if value else queryset)


def without_duplicates(commits):
    earlier = Commit.objects.filter(ignore_hash=OuterRef("ignore_hash"), id__lt=OuterRef("id"))
    return commits.filter(~Exists(earlier))


def without_hidden(commits):
    return commits.exclude(apex_user__in=User.objects.filter(hidden_from_reports=True))


def without_blocked(commits):
    return commits.filter(repo__in=Repo.objects.filter(blocked=False, oldest_commit_date__isnull=False))


def with_default_filters(commits):
    kept = commits.filter(outlier_reason__isnull=True, is_pr_orphan=False, is_merge=False)
    return without_blocked(without_duplicates(kept))


CUSTOM_FILTERS = {
    "users": {
        "alias_name": filters.CharFilter(field_name="aliases__name"),
        "team_member": filters.NumberFilter(field_name="teams"),
        "team__name": filters.CharFilter(field_name="teams__name"),
        "team__isnull": filters.BooleanFilter(field_name="teams", lookup_expr="isnull"),
    },
    "commits": {
        "message": filters.CharFilter(lookup_expr="icontains"),
        "message__icontains": filters.CharFilter(field_name="message", lookup_expr="icontains"),
        "repo_tags__in": NumberIn(field_name="repo__tags", lookup_expr="in"),
        "remove_excluded": flag(without_hidden),
        "smart_dedupe": flag(without_duplicates),
        "exclude_weekends": flag(lambda commits: commits.filter(author_local_date__iso_week_day__lte=5)),
        "exclude_outliers": flag(lambda commits: commits.filter(outlier_reason__isnull=True)),
        "exclude_pr_orphans": flag(lambda commits: commits.filter(is_pr_orphan=False)),
        "exclude_merge": flag(lambda commits: commits.filter(is_merge=False)),
        "exclude_blocked": flag(without_blocked),
        "apply_default_filters": flag(with_default_filters),
    },
}
SEARCHED = {"commits": ["message", "hexsha"], "users": ["name", "email"], "teams": ["name"], "repos": ["name"]}

with open(os.environ["FLOW_OPENAPI"], encoding="utf-8") as file:
    DOCUMENT = json.load(file)

# Filter names that differ from the path of the field.
PATHS = {
    "alias_name": "aliases__name",
    "alias_email": "aliases__email",
    "team__id": "teams",
    "team__name": "teams__name",
    "team": "teams",
    "team_visibility": "teams__visibility",
    "org": "org_id",
    "repo_tags": "repo__tags",
}
# Filters of streamgage that read fields of these models in another way.
UNSUPPORTED = {"ancestor_id", "is_visible", "normalize_authors", "extracted_tags"}


COMMON_PARAMETERS = {"filters", "search", "ordering", "fields", "omit", "limit", "offset"}


def parameters(name):
    for parameter in DOCUMENT["paths"][f"/v3/customer/core/{name}/"]["get"]["parameters"]:
        place = parameter.get("$ref", "").rpartition("/")[2]
        yield DOCUMENT["components"]["parameters"][place] if place else parameter


def filters_of(name):
    """Returns the documented filters of a list that these models have, including lookups and negations (`!`)."""
    names = [parameter["name"] for parameter in parameters(name) if "x-ignored" not in parameter]
    return [each for each in names if each not in COMMON_PARAMETERS and is_supported(name, each.rstrip("!"))]


def is_supported(name, parameter):
    base, _ = split_lookup(parameter)
    custom = parameter in CUSTOM_FILTERS.get(name, {})
    return custom or base not in UNSUPPORTED and has_field(MODELS[name], PATHS.get(base, base))


def split_lookup(parameter):
    base, _, lookup = parameter.rpartition("__")
    return (base, lookup) if lookup in LOOKUPS else (parameter, "exact")


def orderings(name):
    ordering = next(parameter for parameter in parameters(name) if parameter["name"] == "ordering")
    fields = [field for field in ordering["schema"]["items"]["enum"] if not field.startswith("-")]
    return [field for field in fields if has_field(MODELS[name], field)]


def has_field(model, path):
    """Reports whether a model has a field. Fields that only some rows have are not in these models."""
    try:
        field_of(model, path)
    except FieldDoesNotExist:
        return False
    return True


def field_of(model, path):
    for part in path.split("__"):
        if model is None:
            raise FieldDoesNotExist(path)
        field = model._meta.get_field(part)
        model = field.related_model
    return field


def filter_set(name, model):
    """Creates the documented filters. The framework adds the negations (`!`)."""
    custom = CUSTOM_FILTERS.get(name, {})
    found = {}
    for parameter in filters_of(name):
        if parameter.endswith("!") or parameter in custom:
            continue
        base, lookup = split_lookup(parameter)
        path = PATHS.get(base, base)
        kind = KINDS.get(type(field_of(model, path)), filters.NumberFilter)
        if lookup == "in":
            kind = NumberIn if kind is filters.NumberFilter else TextIn
        if lookup == "isnull":
            kind = filters.BooleanFilter
        found[parameter] = kind(field_name=path, lookup_expr=lookup)
    found["Meta"] = type("Meta", (), {"model": model, "fields": []})
    return type(f"{name}_filters", (rf.FilterSet,), {**found, **custom})


def serializer(name, model, nested={}, shown=None):
    """Creates a serializer of some or all fields. References are serialized as ids."""
    columns = model._meta.concrete_fields
    shown = shown or [column.attname for column in columns] + list(nested)
    ids = {column.attname: serializers.IntegerField(read_only=True) for column in columns if column.is_relation}
    meta = type("Meta", (), {"model": model, "fields": shown})
    bases = (DynamicFieldsMixin, serializers.ModelSerializer)
    return type(f"{name}_serializer", bases, {**ids, **nested, "Meta": meta})


class Pages(pagination.LimitOffsetPagination):
    default_limit = 100
    max_limit = 1_000


class Ordering(OrderingFilter):
    """Orders ties by id."""

    def get_ordering(self, request, queryset, view):
        return [*(super().get_ordering(request, queryset, view) or []), "id"]


TEAM = serializer("team", Team)
TAG = serializer("tag", Tag)
NESTED = {
    "users": {"teams": TEAM(many=True)},
    "repos": {"tags": TAG(many=True)},
    "team_membership": {"team": TEAM(), "apex_user": serializer("member", User, shown=["id", "name", "email"])()},
}


def view(name, model):
    queryset = model.objects.all()
    if name == "team_membership":
        queryset = queryset.select_related("team", "apex_user")
    elif name in NESTED:
        queryset = queryset.prefetch_related(*NESTED[name])
    body = {
        "queryset": queryset,
        "serializer_class": serializer(name, model, NESTED.get(name, {})),
        "pagination_class": Pages,
        "filter_backends": [ComplexFilterBackend, SearchFilter, Ordering],
        "filterset_class": filter_set(name, model),
        "ordering_fields": orderings(name),
        "search_fields": SEARCHED.get(name),
    }
    return type(f"{name}_view", (viewsets.ReadOnlyModelViewSet,), body)


urlpatterns = [
    path(f"v3/customer/core/{name}/", view(name, model).as_view({"get": "list"})) for name, model in MODELS.items()
]


def load(dump):
    """Creates and fills the tables, then creates the indexes."""
    with connection.schema_editor() as editor:
        for model in MODELS.values():
            editor.create_model(model)
    with connection.cursor() as cursor:
        for name, model in MODELS.items():
            file = os.path.join(dump, f"{name}.ndjson")
            if os.path.exists(file):
                with open(file, encoding="utf-8") as lines:
                    copy(cursor, model, (json.loads(line) for line in lines))
        cursor.execute(INDEXES)
        cursor.execute("VACUUM ANALYZE")


# Null in CSV, which must differ from an empty text.
NULL = "\\N"


def copy(cursor, model, rows):
    columns = model._meta.concrete_fields
    to = f"COPY {model._meta.db_table} ({', '.join(column.column for column in columns)}) FROM STDIN WITH (FORMAT csv, NULL '{NULL}')"
    tags = []
    while some := list(itertools.islice(rows, 10_000)):
        text = io.StringIO()
        csv.writer(text).writerows([cell(column, row.get(column.attname)) for column in columns] for row in some)
        text.seek(0)
        cursor.copy_expert(to, text)
        if model is Repo:
            tags += [Repo.tags.through(repo_id=row["id"], tag_id=tag) for row in some for tag in row["tags"]]
    Repo.tags.through.objects.bulk_create(tags)


def cell(column, value):
    """Returns the CSV cell of a value. A missing value becomes the default of the column."""
    if value is None:
        return column.default if column.has_default() else NULL
    return json.dumps(value) if isinstance(column, models.JSONField) else value


application = get_wsgi_application()
