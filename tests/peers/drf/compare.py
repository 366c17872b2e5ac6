"""Sends random requests over random rows to `streamgage query` and to Django REST Framework. Status, count, links, order of
ids and error bodies must be equal.

    python compare.py FOLDER STREAMGAGE REQUESTS SEED

Writes the dump and the requests to FOLDER. They depend only on the seed. Aggregates and single objects are not compared,
because the framework does not provide them.
"""

import json
import os
import random
import subprocess
import sys
from urllib.parse import quote, urlencode, urlsplit

import flow
from django.db import connection
from django.test import RequestFactory
from django.urls import resolve

TEXTS = (
    "fix bug|Fix Bug|FIX|é|É|straße|STRASSE|İstanbul|ıx|a%b|100%|under_score|back\\slash|quote'|dq\"|tab\tx|line\nbreak|"
    "naïve, café|日本語|😀 emoji|Release 1.0|add docs|docs: x| lead|trail ||ǅ|ſ|\u212a|ß|ŉ|a,b|(#1)|user00|tok"
).split("|")
FLAGS = [filter for filter in flow.CUSTOM_FILTERS["commits"] if "__" not in filter and filter != "message"]
NUMBERS = ["1e1", " 7 ", "-1", "1_0", "x", "0x10", "", ".5", "5.", "1e400", "99999999999999999999", "NaN"]
PAGES = ["1", "3", "7", "100", "0", "-1", "abc", "", " 2", "+2", "2.0", "1_0", "٣"]
BOOLEANS = ["true", "false", "True", "1", "0", "yes", "", " true", "t"]
DATES = ["2021-02-30", "x", "", "2019", "2024-02-29", "2020-1-1x", "2020-06-01T10:00:00+02:00"]


class Rows:
    """Random rows with few distinct values, so that filters match."""

    def __init__(self, draw):
        self.draw = draw
        ids = range(1, 31)
        self.by_resource = {"tags": [{"id": id, "name": self.text(), "org_id": draw.choice([1, 2, None])} for id in range(1, 6)]}
        self.by_resource["repos"] = [
            {
                "id": id,
                "name": self.text(),
                "url": self.text(),
                "vendor_type": draw.choice(["github", "gitlab", "GitHub", None]),
                "blocked": draw.random() < 0.2,
                **self.dates("created_at", "updated_at", "youngest_commit_date", "oldest_commit_date"),
                "tags": sorted(draw.sample(range(1, 6), draw.choice([0, 1, 2, 3]))),
            }
            for id in range(1, 9)
        ]
        self.by_resource["users"] = [
            {
                "id": id,
                "name": self.text(),
                "email": self.text(),
                "hidden_from_reports": draw.random() < 0.2,
                "alias_count": draw.randint(0, 3),
                "has_login": draw.random() < 0.5,
                **self.dates("created_at", "first_activity_at", "last_activity_at"),
            }
            for id in ids
        ]
        self.by_resource["teams"] = [
            {
                "id": id,
                "name": draw.choice(["Team A", "Team B", "team a", self.text()]),
                "parent": draw.choice([None, *range(100, id)]),
                "team_level": draw.choice([1, 2, 3, None]),
                "all_users": draw.randint(0, 9),
            }
            for id in range(100, 112)
        ]
        pairs = {(draw.choice(ids), draw.randint(100, 111)) for _ in range(60)}
        self.by_resource["team_membership"] = [
            {
                "id": id,
                "membership_type": draw.choice(["contributor", "viewer", "Contributor"]),
                "apex_user_id": user,
                "team_id": team,
            }
            for id, (user, team) in enumerate(sorted(pairs), 1)
        ]
        self.by_resource["user_alias"] = [
            {
                "id": id,
                "name": self.text(),
                "username": self.text(),
                "email": self.text(),
                "apex_user_id": draw.choice(ids),
                **self.dates("created_at", "first_activity_at", "last_activity_at"),
            }
            for id in range(1, 50)
        ]
        self.by_resource["commits"] = [self.commit(id) for id in range(1, 401)]

    def commit(self, id):
        draw = self.draw
        lines = "haloc new_work legacy_refactor help_others churn files hunks insertions deletions".split()
        return {
            "id": id,
            "hexsha": draw.choice(["abc", "ABC", "é"]) if draw.random() < 0.1 else f"{draw.getrandbits(160):040x}",
            "user_alias_id": draw.choice([None, draw.randint(1, 49)]),
            "apex_user_id": draw.randint(1, 30),
            "repo_id": draw.randint(1, 8),
            **self.dates("author_date", "author_local_date", null=0),
            "author_tzoffset": draw.choice([0, 3_600, -25_200]),
            **self.dates("committer_date", "committer_local_date"),
            "is_merge": draw.random() < 0.2,
            "is_pr_orphan": draw.random() < 0.1,
            "is_trivial": draw.random() < 0.3,
            "outlier_reason": draw.choice([None, None, None, 1, 2]),
            "ignore_hash": draw.choice([None, f"h{draw.randint(1, 300)}", f"H{draw.randint(1, 9)}"]),
            **{name: draw.choice([0, 0, 1, 2, 5, 10, 50, 1_000, 2_695, draw.randint(0, 200)]) for name in lines},
            "ins_del_ratio": draw.choice([None, 0.5, 1.25, 3.0]),
            "levenshtein": draw.choice([None, 10.0, 104.5]),
            "impact": draw.choice([0, 4.5, 16.6, 0.1234, 100]),
            "risk": draw.choice([None, 1.0, 0.25]),
            "message": self.text(),
        }

    def text(self):
        draw = self.draw
        return None if draw.random() < 0.1 else draw.choice(TEXTS) + draw.choice(["", "", " " + draw.choice(TEXTS)])

    def dates(self, *names, null=0.1):
        return {name: None if self.draw.random() < null else self.date() for name in names}

    def date(self):
        draw = self.draw
        year, month, day = draw.choice([2018, 2019, 2020, 2023, 2024]), draw.choice([1, 2, 6, 12]), draw.randint(1, 28)
        second = draw.choice(["00", "30", "59.5", "07.123456"])
        return f"{year}-{month:02}-{day:02}T{draw.randint(0, 23):02}:{draw.randint(0, 59):02}:{second}"

    def values(self, resource, base):
        """Returns the values in the rows that a filter refers to."""
        resource, base = {
            "alias_name": ("user_alias", "name"),
            "alias_email": ("user_alias", "email"),
            "apex_user": (resource, "apex_user_id"),
            "repo": (resource, "repo_id"),
            "org": (resource, "org_id"),
            "team": ("teams", "id"),
            "team_member": ("teams", "id"),
            "team__id": ("teams", "id"),
            "team__name": ("teams", "name"),
            "tags": ("tags", "id"),
            "tags__id": ("tags", "id"),
            "tags__name": ("tags", "name"),
            "repo_tags": ("tags", "id"),
        }.get(base, (resource, base))
        return [row.get(base) for row in self.by_resource[resource]]

    def write(self, folder):
        os.makedirs(folder, exist_ok=True)
        for resource, rows in self.by_resource.items():
            with open(os.path.join(folder, f"{resource}.ndjson"), "w", encoding="utf-8") as file:
                file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


class Requests:
    def __init__(self, draw, rows):
        self.draw, self.rows = draw, rows
        self.filters = {resource: list(flow.filters_of(resource)) for resource in rows.by_resource}

    def request(self):
        draw = self.draw
        resource = draw.choice(["commits", "commits", "users", *self.rows.by_resource])
        pairs = self.conditions(resource, draw.choice([0, 1, 1, 2, 2, 3]))
        fields = ["bogus", " id ", "impact", "email", *flow.orderings(resource)]
        field_list = lambda: ",".join(draw.choice(["", "-"]) + draw.choice(fields) for _ in range(draw.choice([1, 2, 3])))
        for name, chance, value in [
            ("ordering", 0.3, field_list),
            ("limit", 0.3, lambda: draw.choice([*PAGES, "5000"])),
            ("offset", 0.3, lambda: draw.choice([*PAGES, "1000"])),
            # Short values, because the error bodies of an invalid `search` differ.
            ("search", 0.15, lambda: draw.choice([draw.choice(TEXTS), "fix", "bug docs", "a,b", " ", "é É"])[:12]),
            ("fields", 0.1, field_list),
            ("omit", 0.1, field_list),
            ("bogus", 0.1, lambda: "1"),
            ("filters", 0.2, lambda: self.combined(resource)),
        ]:
            if draw.random() < chance:
                pairs.append((name, value()))
        if pairs and draw.random() < 0.05:
            pairs.append(draw.choice(pairs))
        draw.shuffle(pairs)
        return f"/v3/customer/core/{resource}/" + ("?" + urlencode(pairs) if pairs else "")

    def combined(self, resource):
        draw = self.draw
        if draw.random() < 0.1:
            return draw.choice(["bad", "(bad)"])
        text = draw.choice(["", "", "~"])
        for place in range(draw.choice([1, 1, 2, 2, 3])):
            text += draw.choice([" & ", " | ", " & ~"]) if place else ""
            text += f"({quote(urlencode(self.conditions(resource, draw.choice([1, 1, 2]))), safe='')})"
        return text

    def conditions(self, resource, count):
        names = self.filters[resource]
        special = [name for name in names if name.rstrip("!").startswith(("message", "repo_tags", *FLAGS))]
        drawn = [self.draw.choice(special if special and self.draw.random() < 0.3 else names) for _ in range(count)]
        return [(name, self.value(resource, name.rstrip("!"))) for name in drawn]

    def value(self, resource, name):
        draw = self.draw
        base, _, lookup = name.rpartition("__")
        if lookup not in flow.LOOKUPS:
            base, lookup = name, "exact"
        values = self.rows.values(resource, base)
        value = draw.choice(values)
        if name in FLAGS or lookup == "isnull" or any(isinstance(each, bool) for each in values):
            return draw.choice(BOOLEANS)
        if base.endswith(("_at", "_date")):
            value = value or self.rows.date()
            forms = [value, value[:10], value.replace("T", " "), value + "Z", value[:16], f" {value} ", value[:19] + "+0200"]
            return draw.choice(forms + forms + DATES)
        if any(isinstance(each, str) for each in values):
            if lookup == "in":
                return ",".join(draw.choice(values) or "" for _ in range(draw.choice([1, 2, 3])))
            value = value or "x"
            if lookup == "startswith":
                return value[: draw.randint(0, 4)]
            if lookup == "icontains" or base == "message":
                begin = draw.randint(0, len(value) - 1)
                value = draw.choice([str, str.upper, str.lower])(value[begin : begin + draw.randint(1, 4)])
            return draw.choice([value, value, value, f" {value}", " ", ""])
        number = lambda: str(draw.choice(values) or 1)
        if lookup == "in":
            some = ",".join(number() for _ in range(draw.choice([1, 2, 3, 5])))
            return draw.choice([some, some, "1,2,3,", "1,,2", " 1 , 2 ", "1,x", "", ",", "1.5,2"])
        return draw.choice([number(), number(), number() + ".0", draw.choice(NUMBERS)])


def path(link):
    return link and urlsplit(link)._replace(scheme="", netloc="").geturl()


def framework_response(request):
    """Returns the framework's status and error body, or count, links and ids."""
    place, _, query = request.partition("?")
    view = resolve(place).func
    shown = []

    def record_ids(self, *arguments, **options):
        page = flow.Pages.paginate_queryset(self, *arguments, **options)
        shown.extend(row.id for row in page)
        return page

    paginator = type("RecordingPages", (flow.Pages,), {"paginate_queryset": record_ids})
    cls = type("RecordingView", (view.cls,), {"pagination_class": paginator})
    answer = cls.as_view({"get": "list"})(RequestFactory().get(place, QUERY_STRING=query)).render()
    body = json.loads(answer.content)
    if answer.status_code != 200:
        return answer.status_code, body
    return 200, body["count"], path(body["next"]), path(body["previous"]), shown


def streamgage_responses(program, dump, requests):
    """Returns the responses of `streamgage query`."""
    answers = subprocess.run([program, "query", dump], input="\n".join(requests), capture_output=True, text=True, check=True)
    return [json.loads(line) for line in answers.stdout.splitlines()]


def summarize(answer, whole):
    """Returns what `framework_response` returns. `whole` has all fields, including ids."""
    body = answer["body"]
    if answer["status"] != 200:
        return answer["status"], body
    ids = [row["id"] for row in whole["body"]["results"]]
    return 200, body["count"], path(body["next"]), path(body["previous"]), ids


def without_fields(request):
    place, _, query = request.partition("?")
    pairs = [pair for pair in query.split("&") if pair.partition("=")[0] not in ("fields", "omit")]
    return f"{place}?{'&'.join(pairs)}"


def main(folder, program, count, seed):
    draw = random.Random(int(seed))
    rows = Rows(draw)
    rows.write(folder)
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    flow.load(folder)
    generator = Requests(draw, rows)
    requests = [generator.request() for _ in range(int(count))]
    with open(os.path.join(folder, "requests.txt"), "w", encoding="utf-8") as file:
        file.writelines(request + "\n" for request in requests)
    different = 0
    answers = zip(requests, streamgage_responses(program, folder, requests), streamgage_responses(program, folder, map(without_fields, requests)))
    for request, answer, whole in answers:
        expected = framework_response(request)
        found = summarize(answer, whole)
        if found != expected:
            different += 1
            print(f"{request}\n  the framework: {expected}\n  streamgage:    {found}")
    print(f"{len(requests)} requests, seed {seed}: {different} responses differ")
    return different


if __name__ == "__main__":
    sys.exit(1 if main(*sys.argv[1:]) else 0)
