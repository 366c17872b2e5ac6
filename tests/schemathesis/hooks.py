"""Tells schemathesis about rules that OpenAPI cannot express. They are read from extensions in the document, so no endpoint
or parameter is named here.

x-lenient        of a parameter: a regular expression for values that are accepted although they do not match the type.
x-unread-beside  of a parameter: the name of another parameter. If that has a value, this parameter is ignored.
x-not-before     of a date: the earliest accepted date. Valid dates before it are moved.

The first two exempt only from the check that invalid data is rejected, and only if no other parameter is invalid.
"""

import datetime
import json
import os
import re
from urllib.parse import parse_qs, urlsplit

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData

TODAY = datetime.date.fromisoformat(os.environ["TODAY"])


def extensions(operation, name):
    """Returns the values of an extension by parameter."""
    return {
        parameter.name: parameter.definition[name]
        for parameter in operation.query
        if name in parameter.definition
    }


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Drops a failure if all invalid parameters are read leniently."""
    if not isinstance(failure, AcceptedNegativeData) or case.meta is None:
        return True
    data = case.meta.phase.data
    invalid = {parameter_of(mutation) for mutation in data.mutations} or {data.parameter}
    lenient = extensions(case.operation, "x-lenient")
    unread_beside = extensions(case.operation, "x-unread-beside")
    sent = parse_qs(urlsplit(response.request.url).query, keep_blank_values=True)

    def is_lenient(name):
        if sent.get(unread_beside.get(name), [""])[-1]:
            return True
        # The last value of a repeated parameter counts. An absent parameter is not lenient. Members of an object are sent as
        # `name[member]`.
        values = [texts[-1] for key, texts in sent.items() if key == name or key.startswith(f"{name}[")]
        return name in lenient and values and all(re.search(lenient[name], value, re.DOTALL) for value in values)

    return not all(is_lenient(name) for name in invalid)


def parameter_of(mutation):
    """Returns the parameter that was made invalid, even if the mutation affected one of its members."""
    _, *steps = mutation.schema_pointer.split("/")
    return steps[1] if steps[:1] == ["properties"] and len(steps) > 1 else mutation.parameter


def parse_date(value):
    try:
        return datetime.date.fromisoformat(value) if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value) else None
    except (TypeError, ValueError):
        return None


@schemathesis.hook
def before_call(context, case, kwargs):
    """Moves valid dates into the accepted range."""
    query = case.query
    if not isinstance(query, dict):
        return
    for name, earliest in extensions(case.operation, "x-not-before").items():
        day = parse_date(query.get(name))
        if earliest == "today - P3Y":
            # Three years have 1,095 or 1,096 days.
            first = TODAY - datetime.timedelta(days=1095)
            last = TODAY
        else:
            first = parse_date(query.get(earliest))
            last = datetime.date.max
        if day is not None and first is not None and not first <= day <= last:
            query[name] = (first + datetime.timedelta(days=day.toordinal() % ((last - first).days + 1))).isoformat()


@schemathesis.serializer("application/x-ndjson")
def ndjson(context, value):
    """Writes one line per item of a list, or one line for any other value."""
    items = value if isinstance(value, list) else [value]
    return "\n".join(json.dumps(item) for item in items).encode()
