"""Drives fail2ban's own fail manager, ban manager and ban time formulas.

Reads one JSON command a line and answers each with one JSON line, so that a
test can put the same history through both programs.
"""
import json
import logging
import sys

logging.disable(logging.CRITICAL)

from fail2ban.server.banmanager import BanManager
from fail2ban.server.failmanager import FailManager, FailManagerEmpty
from fail2ban.server.jail import Jail
from fail2ban.server.mytime import MyTime
from fail2ban.server.observer import ObserverThread
from fail2ban.server.ticket import BanTicket, FailTicket

MyTime.alternateNow = None


class State:
    fails = bans = last = jail = None


def counted(s, ident):
    t = s.fails._FailManager__failList.get(ident)
    if t is None:
        return None
    data = t.getData()
    return [t.getRetry(), t.getAttempt(), t.getTime(), data.get("matches", []),
            {k: v for k, v in data.items() if k not in ("matches", "failures")}]


def fail_new(s, c):
    s.fails = FailManager()
    s.fails.setMaxRetry(c["maxretry"])
    s.fails.setMaxTime(c["findtime"])
    s.fails.maxMatches = c["maxmatches"]


def fail_add(s, c):
    data = dict(c["fields"], matches=[tuple(m) for m in c["matches"]])
    s.last = FailTicket(c["id"], c["time"], data=data)
    n = s.fails.addFailure(s.last, c["count"])
    return [n, counted(s, c["id"])]


def fail_attempt(s, c):
    s.last = FailTicket(c["id"], c["time"], matches=c["texts"])
    n = s.fails.addFailure(s.last, len(c["texts"]) or 1)
    return [n, counted(s, c["id"])]


def fail_observe(s, c):
    s.fails.addFailure(s.last, c["count"], True)
    return counted(s, str(s.last.getID()))


def fail_take(s, c):
    try:
        if c["id"] not in s.fails._FailManager__failList:
            return None
        t = s.fails.toBan(c["id"])
        return [t.getRetry(), t.getAttempt(), t.getTime(), t.getMatches()]
    except FailManagerEmpty:
        return None


def fail_clean(s, c):
    s.fails.cleanup(c["now"])
    return [s.fails.size(), s.fails.getFailTotal()]


def ban_new(s, c):
    s.bans = BanManager()
    s.bans.setBanTime(c["bantime"])


def ban_add(s, c):
    MyTime.setTime(c["now"])
    t = BanTicket(c["id"], c["time"])
    if c["bantime"] is not None:
        t.setBanTime(c["bantime"])
    reason = {}
    new = s.bans.addBanTicket(t, reason)
    if new:
        return ["new", False]
    if reason.get("expired"):
        return ["expired", False]
    return ["known", bool(reason.get("prolong"))]


def ban_settime(s, c):
    s.bans.setBanTime(c["bantime"])


def ban_due(s, c):
    return sorted(str(t.getID()) for t in s.bans.unBanList(c["now"]))


def ban_list(s, c):
    return [s.bans.getBanList(ordered=True, withTime=True), [str(i) for i in s.bans.getBanList()],
            s.bans._nextUnbanTime, s.bans.getBanTotal()]


def inc_new(s, c):
    s.jail = Jail("j", backend=None)


def inc_set(s, c):
    try:
        s.jail.setBanTimeExtra(c["opt"], c["value"])
    except Exception as e:
        return [type(e).__name__, None]
    v = s.jail.getBanTimeExtra(c["opt"])
    return [None, v]


def inc_next(s, c):
    be = s.jail.getBanTimeExtra()
    try:
        v = be["evformula"](ObserverThread.BanTimeIncr(c["time"], c["count"]))
    except Exception as e:
        return [type(e).__name__, None, None]
    return [None, repr(v), str(MyTime.seconds2str(v))]


def main():
    s = State()
    for line in sys.stdin:
        c = json.loads(line)
        print(json.dumps(globals()[c["op"]](s, c)), flush=True)


main()
