# An action that writes down what it is told.
import json, os
from fail2ban.server.action import ActionBase


class Recorder(ActionBase):
    norestored = True

    def __init__(self, jail, name, path, extra=None):
        super().__init__(jail, name)
        self.path, self.extra = path, extra
        self.number, self.ratio, self.flag = 7, 0.5, True
        self.both, self.some, self.named = (1, "two"), [1, [None]], {"k": "v", 3: (4,)}
        self._hidden = "ü\n"

    def _write(self, what, **values):
        with open(self.path, "a", encoding="utf-8", errors="backslashreplace") as f:
            f.write(json.dumps([what, {k: repr(v) for k, v in values.items()}], sort_keys=True) + "\n")

    @property
    def _pid(self):
        return os.getpid()

    def start(self):
        self._write("start", jail=self._jail.name, name=self._name, bantime=self._jail.actions.getBanTime())

    def stop(self):
        self._write("stop")

    def ban(self, aInfo):
        self._logSys.warning("told of %s", aInfo["ip"])
        print("a text that nobody expects")
        other = aInfo.copy()
        self._write("ban", **{k: str(aInfo[k]) if k in ("ip", "fid") else aInfo[k] for k in aInfo})
        self._write("mapping", has="ip" in other, none=other.get("nothing"), missing="nothing" in aInfo, len=len(dict(other)) == len(aInfo))

    def unban(self, aInfo):
        self._write("unban", ip=str(aInfo["ip"]))
        if str(aInfo["ip"]).endswith(".2"):
            raise OSError(5, "no more of them", "device")

    def echo(self, *args, **values):
        return dict(values, args=args)

    def fail(self, kind):
        raise {"value": ValueError("bad", 2), "key": KeyError("k"), "os": OSError(2, "gone", "/x")}.get(kind, Exception(kind))


Action = Recorder
