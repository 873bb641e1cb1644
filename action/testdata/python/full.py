# An action with all that an action may have, which writes down what it is told.
import os, subprocess, sys, threading, time
from fail2ban.helpers import getLogger
from fail2ban.server.actions import ActionBase, CallingMap


class Full(ActionBase):
    norestored = 1
    _prolongable = True

    def __init__(self, jail, name, path, **more):
        super().__init__(jail, name)
        self.path, self.more, self.late = path, more, None
        self.values = CallingMap(bantime=lambda: self._jail.actions.getBanTime(), name=lambda values: name)
        self._write("init", repr(more))

    @property
    def pid(self):
        return os.getpid()

    @property
    def package(self):
        return getattr(sys.modules["fail2ban"], "__file__", None)

    def _write(self, *words):
        with open(self.path, "a", encoding="utf-8", errors="backslashreplace") as f:
            f.write(" ".join(words) + "\n")

    def start(self):
        self._write("start", str(self.values["bantime"]), self.values["name"], str(self.more))

    def stop(self):
        self._write("stop")

    def ban(self, aInfo):
        self._write("ban", *("%s=%r" % (k, str(v) if k in ("ip", "fid") else v) for k, v in aInfo.items()))

    def unban(self, aInfo):
        self._write("unban", str(aInfo["ip"]))
        del aInfo["ip"]
        aInfo["new"] = 1
        raise KeyError(aInfo.get("ip", "none"))

    def prolong(self, aInfo):
        self._write("prolong", str(aInfo["bantime"]))

    def flush(self):
        self._write("flush")
        return True

    def consistencyCheck(self, beforeRepair=None):
        self._write("check", str(beforeRepair and beforeRepair()))

    def say(self):
        self._logSys.notice("noticed %s", "\udcff")
        getLogger("some.module").error("wrong")
        try:
            1 / 0
        except ZeroDivisionError:
            self._logSys.exception("raised")
        print("printed")
        print("p" * 5000 + "\nx\x1b[2J", file=sys.stderr)

    def descriptors(self):
        seen = "ls /proc/self/fd"
        listed = subprocess.run(seen, shell=True, capture_output=True, close_fds=False, text=True).stdout
        return [" ".join(listed.split()), sys.stdin.read()]

    def big(self, size):
        return "x" * size

    def die(self):
        os._exit(3)

    def hang(self):
        time.sleep(1000)

    def rubbish(self):
        os.write(4, b"rubbish\n")
        time.sleep(1000)

    def close(self):
        os.closerange(3, 5)
        time.sleep(1000)

    def leave(self):
        raise SystemExit("left")

    def ask_later(self):
        """Reads a ticket's values in a thread once its ban is over."""
        def ban(aInfo):
            def read():
                over.wait()
                try:
                    self.late = [aInfo["ip"], aInfo["ipmatches"]]
                except Exception as e:
                    self.late = repr(e)
                done.set()
            threading.Thread(target=read).start()
        over, done = threading.Event(), threading.Event()
        self.ban = ban
        self._over, self._done = over, done

    def answer(self):
        self._over.set()
        self._done.wait()
        return self.late


Action = Full
