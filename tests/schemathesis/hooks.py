"""What schemathesis has to know of the document that OpenAPI has no word for. It is read from the document's own marks:
nothing here names an endpoint or a parameter.

x-lenient        of a parameter: a regular expression of what it takes without an error, although its type does not
                 have it.
x-unread-beside  of a parameter: another one. Beside a value of that, it is not read, whatever its own is.
x-not-before     of a date: the earliest that is taken, which no schema can say. Good dates that lie before are moved.

The first two are the only exemption there is: of all checks, only that bad data is refused, and only where all that is
bad is the value of such a parameter.
"""

import datetime
import json
import os
import re
from urllib.parse import parse_qs, urlsplit

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData

TODAY = datetime.date.fromisoformat(os.environ["TODAY"])


def marks(operation, name):
    """The values of a mark, by parameter."""
    return {
        parameter.name: parameter.definition[name]
        for parameter in operation.query
        if name in parameter.definition
    }


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """The exemption: a failure is kept unless all that was bad is read leniently."""
    if not isinstance(failure, AcceptedNegativeData) or case.meta is None:
        return True
    data = case.meta.phase.data
    bad = {parameter_of(mutation) for mutation in data.mutations} or {data.parameter}
    lenient = marks(case.operation, "x-lenient")
    unread_beside = marks(case.operation, "x-unread-beside")
    sent = parse_qs(urlsplit(response.request.url).query, keep_blank_values=True)

    def is_lenient(name):
        if sent.get(unread_beside.get(name), [""])[-1]:
            return True
        # Of a parameter that is sent several times the last counts; one that is not sent is absent, and no bad value.
        # The members of an object are sent as `name[member]`.
        values = [texts[-1] for key, texts in sent.items() if key == name or key.startswith(f"{name}[")]
        return name in lenient and values and all(re.search(lenient[name], value, re.DOTALL) for value in values)

    return not all(is_lenient(name) for name in bad)


def parameter_of(mutation):
    """The parameter that was spoilt, even where it was but a member of it."""
    _, *steps = mutation.schema_pointer.split("/")
    return steps[1] if steps[:1] == ["properties"] and len(steps) > 1 else mutation.parameter


def parsed(value):
    try:
        return datetime.date.fromisoformat(value) if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value) else None
    except (TypeError, ValueError):
        return None


@schemathesis.hook
def before_call(context, case, kwargs):
    """Moves good dates to where they are taken."""
    query = case.query
    if not isinstance(query, dict):
        return
    for name, earliest in marks(case.operation, "x-not-before").items():
        day = parsed(query.get(name))
        if earliest == "today - P3Y":
            # Three years are 1,095 days or one more.
            first = TODAY - datetime.timedelta(days=1095)
            last = TODAY
        else:
            first = parsed(query.get(earliest))
            last = datetime.date.max
        if day is not None and first is not None and not first <= day <= last:
            query[name] = (first + datetime.timedelta(days=day.toordinal() % ((last - first).days + 1))).isoformat()


@schemathesis.serializer("application/x-ndjson")
def ndjson(context, value):
    """A list is a line an item. What is none is a line."""
    items = value if isinstance(value, list) else [value]
    return "\n".join(json.dumps(item) for item in items).encode()
