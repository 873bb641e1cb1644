"""Answers what fail2ban's own date detector makes of lines, as JSON.

Reads a list of runs from standard input: {"tz", "now", "fresh", "runs":
[{"pattern", "zone", "lines"}]}. Each run has a detector of its own; all runs
share what the detectors of one process share, unless they are to be fresh.
"""
import json
import logging
import os
import sys
import time

job = json.load(sys.stdin)
os.environ["TZ"] = job["tz"]
time.tzset()

from fail2ban.server.mytime import MyTime
from fail2ban.server import datedetector, datetemplate
from fail2ban.server.datedetector import DateDetector, DateDetectorCache

logging.getLogger("fail2ban").setLevel(100)
MyTime.setTime(job["now"])
# The compact format takes more separators since 1.1.
DateDetectorCache.DEFAULT_TEMPLATES[13] = (
    r"%ExY%Exm%Exd(?:-|T|  ?)%ExH:?%ExM:?%ExS(?:[.,]%f)?(?:\s*%z)?"
)
# fail2ban names these by the order of a set, which differs from run to run.
datetemplate.DatePatternRegex._patternName.update({"Exk": "Ex%k", "Exl": "Ex%l"})


def epoch_with_own_group(init):
    """Since 1.1 a pattern's own group is what {EPOCH} cuts out."""

    def wrapped(self, lineBeginOnly=False, pattern=None, longFrm=False):
        init(self, lineBeginOnly, pattern, longFrm)
        if pattern and datetemplate.RE_GROUPED.search(pattern):
            number = r"\d{10,11}\b(?:\.\d{3,6})?"
            if longFrm:
                number = r"\d{10,11}(?:\d{3}(?:\.\d{1,6}|\d{3})?)?"
            self.setRegex(datetemplate.RE_EPOCH_PATTERN.sub(lambda _: "(%s)" % number, pattern))

    return wrapped


datetemplate.DateEpoch.__init__ = epoch_with_own_group(datetemplate.DateEpoch.__init__)


def describe(error):
    return "%s: %s" % (type(error).__name__, error)


def detector(run):
    found = DateDetector()
    found.default_tz = run.get("zone") or None
    for pattern in (run.get("pattern") or "").split("\n"):
        if pattern.strip().upper() == "{DEFAULT}":
            # By the manual; fail2ban's own keyword adds nothing.
            found.addDefaultTemplate()
        elif pattern.strip():
            found.appendTemplate(pattern.strip())
    return found


def one(found, line):
    try:
        match, template = found.matchTime(line)
        if not match:
            return None
        start, end = match.start(1), match.end(1)
        cut = line[start:end]
        answer = {"before": line[:start], "cut": cut, "name": template.name}
        if cut:
            stamp = found.getTime(cut, (match, template))
            if stamp is None:
                answer["error"] = "invalid"
            else:
                answer["time"] = float(stamp[0])
                answer["int"] = isinstance(stamp[0], int)
        return answer
    except Exception as error:
        return {"error": describe(error)}


answers = []
for run in job["runs"]:
    if job.get("fresh"):
        datedetector.DD_patternCache.clear()
    try:
        found = detector(run)
    except Exception as error:
        answers.append({"error": describe(error)})
        continue
    lines = [one(found, line) for line in run["lines"] or []]
    answers.append({
        "lines": lines,
        "templates": [
            {"name": t.name, "pattern": getattr(t.template, "pattern", None) or "",
             "regex": t.template.regex, "hits": t.hits, "weight": t.weight,
             "base": t.template.weight, "flags": t.template.flags}
            for t in found.templates
        ],
    })
json.dump(answers, sys.stdout)
