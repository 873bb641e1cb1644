"""Lives a script of an hour through fail2ban's own server, without its threads.

Reads one script a line as JSON, sets the clock to each event's time, does what
the threads would do, and prints what was logged and which commands would have
run, event by event.
"""
import json
import logging
import re
import sys

from fail2ban.server import action, utils
from fail2ban.server.action import CommandAction
from fail2ban.server.database import Fail2BanDb
from fail2ban.server.ipdns import DNSUtils
from fail2ban.server.jail import Jail
from fail2ban.server.mytime import MyTime
from fail2ban.server.observer import ObserverThread, Observers
from fail2ban.server.server import Server

LOUD = re.compile(r"^\[[^\]]*\] (Found|Ban|Unban|Restore Ban|Reban|Increase Ban|IP |Attempt|Ignore|Flush)|is not banned$|^Failed")
said = {}


def note(key, text):
    said.setdefault(key, []).append(text)


class Lines(logging.Handler):
    def emit(self, r):
        text = r.getMessage()
        already = text.endswith(" already banned")
        if not already and (r.levelno <= logging.DEBUG or not LOUD.search(text)):
            return
        jail = text[1:text.index("]")] if text.startswith("[") else ""
        note("%s %s" % (r.name.split(".")[-1], jail), "%s %s" % (r.levelname, text))


class Observer(ObserverThread):
    """Does its work when told to, in the caller's thread."""

    def __init__(self):
        super().__init__()
        self.jobs = []

    def add(self, *event):
        self.jobs.append(event)

    def add_timer(self, *event):
        pass

    def drain(self):
        while self.jobs:
            name, *args = self.jobs.pop(0)
            getattr(self, name)(*args)


def execute(cmd, timeout=60, **kw):
    words = cmd if isinstance(cmd, list) else [cmd]
    if words[0]:
        jail = re.search(r"\bjail=(\S+)", words[0]).group(1)
        note("commands " + jail, json.dumps(words, ensure_ascii=False, separators=(",", ":")))
    return True


def flush(self):
    """Does not remember that it did so before, which is ours (docs/differences.md)."""
    self._CommandAction__substCache.pop(("__eOpCmd", "<actionflush>"), None)
    return once(self)


class Hour:
    def __init__(self, script):
        self.script = script
        MyTime.setTime(script["start"])
        self.server = Server()
        self.db = Fail2BanDb(":memory:")
        self.server._Server__db = self.db
        self.observer = Observers.Main = Observer()
        for j in script["jails"]:
            self.build(j)
            self.begin(j["name"])
        self.settle()

    def jail(self, name):
        return self.server._Server__jails[name]

    def tell(self, *command):
        code, reply = self.server._Server__transm.proceed(list(command))
        if code:
            return "%s: %s" % (type(reply).__name__, reply)
        return reply

    def build(self, j):
        name = j["name"]
        self.tell("add", name, "polling")
        jail = self.jail(name)
        jail.isAlive = lambda: True
        jail.filter.inOperation = False
        for word, value in j["settings"]:
            r = self.tell("set", name, word, value)
            assert not (isinstance(r, str) and "Error" in r), (word, value, r)
        for act in j["actions"]:
            self.tell("set", name, "addaction", act["name"])
            for prop, value in act["props"]:
                self.tell("set", name, "action", act["name"], prop, value)

    def begin(self, name):
        jail = self.jail(name)
        for act in jail.actions._actions.values():
            act.start()
        jail.restoreCurrentBans()

    def settle(self):
        """Bans what waits, in turns with the observer, until nothing is left."""
        busy = True
        while busy:
            self.observer.drain()
            busy = False
            for j in self.script["jails"]:
                jail = self.jail(j["name"])
                while jail.hasFailTickets:
                    jail.actions._Actions__checkBan()
                    busy = True
        self.observer.drain()

    def until(self, when):
        """Lifts bans as they end."""
        while True:
            alarms = [self.jail(j["name"]).actions for j in self.script["jails"]]
            soon = min(a.banManager._nextUnbanTime for a in alarms)
            at = max(MyTime.time(), soon + 0.001)
            if at > when:
                break
            MyTime.setTime(at)
            for a in alarms:
                while a.banManager._nextUnbanTime < at and a._Actions__checkUnBan(20):
                    pass
        MyTime.setTime(when)

    def restart(self, j):
        name = j["name"]
        old = self.jail(name)
        old.actions._Actions__flushBan(stop=True)
        old.actions.stopActions()
        self.db.delJail(old)
        del self.server._Server__jails[name]
        self.build(j)
        # Counters and sessions live on, which is ours (docs/differences.md).
        new = self.jail(name).filter
        new.failManager._FailManager__failList = old.filter.failManager._FailManager__failList
        new._Filter__mlfidCache = old.filter._Filter__mlfidCache
        self.begin(name)
        self.jail(name).filter.inOperation = True

    def do(self, e):
        j = self.script["jails"][e["jail"]]
        jail = self.jail(j["name"])
        jail.filter.performSvc(force=True)
        if e["do"] == "lines":
            for line in e["args"]:
                jail.filter.processLineAndAdd(line)
                self.observer.drain()
            jail.filter.inOperation = True
        elif e["do"] == "restart":
            self.restart(j)
        elif e["do"] == "unbanall":
            return jail.actions.removeBannedIP(None)
        elif e["do"] == "list":
            # 1.1.1 stops with another word, and so on: only what both know.
            return [jail.actions.getBanList(withTime=True), jail.actions.banManager.getBanTotal()]
        else:
            return self.tell("set", j["name"], e["do"], *e["args"])

    def run(self):
        out = [dict(said)]
        for e in self.script["events"]:
            said.clear()
            self.until(e["time"])
            reply = self.do(e)
            self.settle()
            if e["do"] in ("banip", "unbanip", "unbanall", "list", "attempt"):
                note("reply", json.dumps(reply, separators=(",", ":")))
            out.append(dict(said))
        return out


class Clock:
    """The time that caches keep sessions by."""
    time = staticmethod(MyTime.time)


utils.time = Clock
action.allowed_ipv6 = lambda: True
once, CommandAction.flush = CommandAction.flush, flush
CommandAction.executeCmd = staticmethod(execute)
DNSUtils.getHostname = staticmethod(lambda fqdn=True: "pbx")
logger = logging.getLogger("fail2ban")
logger.handlers[:] = [Lines()]
logger.setLevel(logging.DEBUG)
logger.propagate = False
for text in sys.stdin:
    said.clear()
    print(json.dumps(Hour(json.loads(text)).run()), flush=True)
