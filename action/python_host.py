"""Runs one Python action of fail2ban for f2b-go.

Requests come one a line, a number and a Python literal: 3 [BANTIME, OPERATION, ARGUMENT...].
Answers, log records and questions about the ticket go out as JSON, one a line; a question's
answer is a line of its own: value [KNOWN, VALUE]. What the action prints goes where our
standard output and error go.
"""
import ast, collections, collections.abc, importlib.machinery, importlib.util, json, logging, math, os, queue, signal, sys, threading, time, traceback, types

TEXT_LIMIT = 16384  # characters of a log record
LINE_LIMIT = 1 << 20  # bytes of an answer
EXIT_GRACE = 2  # seconds that a busy action gets once nobody listens any more

requests, values = queue.Queue(), queue.Queue()
sending, asking = threading.Lock(), threading.Lock()
ban_time = 0
action = None


def send(**message):
    data = json.dumps(message, allow_nan=False).encode("ascii") + b"\n"
    if len(data) > LINE_LIMIT:
        message.update(value=None, error=raised(ValueError("the answer has %d bytes, which is too long" % len(data))))
        data = json.dumps(message).encode("ascii") + b"\n"
    with sending:
        outward.write(data)
        outward.flush()


def receive():
    """Sorts what comes in; the end of it is the server's end, which a busy action must not outlive."""
    for line in inward:
        head, _, text = line.decode("utf-8").partition(" ")
        (values if head == "value" else requests).put((head, text))
    requests.put(None)
    time.sleep(EXIT_GRACE)
    os._exit(1)


def ask(number, key):
    with asking:
        send(ask={"n": number, "key": key})
        known, value = ast.literal_eval(values.get()[1])
    if not known:
        raise RuntimeError("the ticket's %r is known during the call only" % key)
    return value


class ActionInfo(collections.abc.MutableMapping):
    """What there is to know of a ticket; costly values are fetched when they are first read."""

    def __init__(self, number, names, known):
        self._number, self._known, self._used = number, known, set()
        self._names = dict.fromkeys(names)

    def __getitem__(self, name):
        if name not in self._names:
            raise KeyError(name)
        if name not in self._known:
            self._known[name] = ask(self._number, name)
        self._used.add(name)
        return self._known[name]

    def __setitem__(self, name, value):
        self._names[name] = None
        self._known[name] = value
        self._used.add(name)

    def __delitem__(self, name):
        del self._names[name]
        self._known.pop(name, None)

    def __contains__(self, name):
        return name in self._names

    def __iter__(self):
        return iter(self._names)

    def __len__(self):
        return len(self._names)

    def __repr__(self):
        return "ActionInfo(%r)" % {k: self._known[k] for k in self._names if k in self._used}

    def copy(self):
        return ActionInfo(self._number, self._names, dict(self._known))


class JailActions:
    def getBanTime(self):
        return ban_time


class Jail:
    def __init__(self, name):
        self.name, self.actions = name, JailActions()


class Records(logging.Handler):
    def emit(self, record):
        try:
            text = self.format(record)[:TEXT_LIMIT].encode("utf-8", "backslashreplace").decode("utf-8")
            send(log={"level": record.levelno, "name": record.name, "text": text})
        except Exception:
            self.handleError(record)


def stand_in():
    """Takes the place of those parts of the package fail2ban that actions import, where it is not installed."""

    def get_logger(name):
        return logging.getLogger("fail2ban." + name.rpartition(".")[2] if "." in name else name)

    class ActionBase:
        _prolongable = False

        def __init__(self, jail, name):
            self._jail, self._name = jail, name
            self._logSys = get_logger("fail2ban." + type(self).__name__)

        def start(self):
            pass

        def stop(self):
            pass

        def ban(self, aInfo):
            pass

        def reban(self, aInfo):
            return self.ban(aInfo)

        def unban(self, aInfo):
            pass

    class CallingMap(collections.UserDict):
        def __getitem__(self, key):
            value = super().__getitem__(key)
            if not callable(value):
                return value
            takes_map = getattr(getattr(value, "__code__", None), "co_argcount", 0) > 0
            return value(self) if takes_map else value()

    for name, level in (("NOTICE", 25), ("MSG", 18), ("TRACEDEBUG", 7), ("HEAVYDEBUG", 5)):
        logging.addLevelName(level, name)
        setattr(logging, name, level)
    logging.Logger.notice = lambda self, text, *args, **options: self.log(25, text, *args, **options)
    for name, content in (("fail2ban", {}), ("fail2ban.server", {}), ("fail2ban.helpers", {"getLogger": get_logger}),
                          ("fail2ban.server.action", {"ActionBase": ActionBase, "CallingMap": CallingMap}),
                          ("fail2ban.server.actions", {"ActionBase": ActionBase, "CallingMap": CallingMap})):
        module = types.ModuleType(name)
        module.__path__ = []
        module.__dict__.update(content)
        sys.modules[name] = module
        parent, _, last = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], last, module)


def has_package():
    try:
        return importlib.util.find_spec("fail2ban.server.action") is not None
    except ImportError:
        return False


def module_of(file):
    name = os.path.splitext(os.path.basename(file))[0]
    spec = importlib.util.spec_from_loader(name, importlib.machinery.SourceFileLoader(name, file))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load(file, jail, name, options):
    global action
    options = json.loads(options)
    module = module_of(file)
    if not hasattr(module, "Action"):
        raise RuntimeError("%s module does not have 'Action' class" % file)
    made = module.Action
    if not isinstance(made, type):
        raise TypeError("issubclass() arg 1 must be a class")
    if not all(callable(getattr(made, m, None)) for m in ("start", "stop", "ban", "reban", "unban")):
        raise RuntimeError("%s module %s does not implement required methods" % (file, made.__name__))
    action = made(Jail(jail), name, **options)


def do(name, args):
    """Calls a method with arguments in JSON, or sets an attribute and tells so."""
    target = getattr(action, name, None)
    if callable(target):
        return target(**(json.loads(args[0]) if args else {})), False
    setattr(action, name, args[0])
    return None, True


def step(number, method, names, known):
    """A step with a ticket; where it fails the server learns which of its values were used."""
    address = getattr(sys.modules.get("fail2ban.server.ipdns"), "IPAddr", None)
    if address:
        known.update((k, address(known[k])) for k in ("ip", "fid") if isinstance(known[k], str))
    info = ActionInfo(number, names, known)
    try:
        getattr(action, method)(info)
    except BaseException as e:
        e.used = sorted(info._used.intersection(names))
        raise


def check(flushing):
    """A repair is no use while all is lifted, unless the action says so."""
    if hasattr(action, "consistencyCheck"):
        action.consistencyCheck(*[lambda: bool(getattr(action, "actionrepair_on_unban", None))][:flushing])


def listed(wanted):
    return [name for name in dir(action) if not name.startswith("_") and callable(getattr(action, name)) == wanted]


def perform(number, operation, args):
    """Returns an operation's value, and whether it set an attribute."""
    if operation == "do":
        return do(*args)
    return {
        "load": load, "check": check, "listed": listed, "step": lambda *a: step(number, *a),
        "get": lambda name: getattr(action, name), "call": lambda name: getattr(action, name)(),
    }[operation](*args), False


def plain(value):
    """A value as JSON: Python's plain ones exactly, others as their text."""
    kind = type(value)
    if value is None or kind is bool or kind is int and abs(value) < 1 << 63 or kind is float and math.isfinite(value):
        return value
    if kind is str:
        try:
            value.encode("utf-8")
            return value
        except UnicodeEncodeError:
            return {"bytes": value.encode("utf-8", "surrogateescape").hex()}
    if kind is list:
        return [plain(v) for v in value]
    if kind is tuple:
        return {"tuple": [plain(v) for v in value]}
    if kind is dict:
        return {"dict": [[plain(k), plain(v)] for k, v in value.items()]}
    return plain(str(value))


def raised(error):
    """An exception as a class that every client knows, its arguments and its text."""
    if isinstance(error, json.JSONDecodeError):
        kind, args = json.JSONDecodeError, error.__reduce__()[1]
    else:
        kind = next((c for c in type(error).__mro__ if c.__module__ == "builtins" and issubclass(c, Exception)), RuntimeError)
        args = error.__reduce__()[1] if kind is type(error) else (str(error),)
    return {"module": kind.__module__, "class": kind.__name__, "args": plain(args), "text": plain(str(error)), "used": getattr(error, "used", [])}


def truth(name, default=False):
    try:
        return bool(getattr(action, name, default))
    except Exception:
        return False


def serve():
    global ban_time
    while True:
        request = requests.get()
        if request is None:
            return
        number = int(request[0])
        try:
            ban_time, operation, *args = ast.literal_eval(request[1])
            value, assigned = perform(number, operation, args)
            answer = {"value": plain(value), "set": assigned}
        except BaseException as e:
            logging.getLogger("fail2ban.actions").debug(traceback.format_exc())
            answer = {"error": raised(e)}
        send(n=number, flush=truth("flush") and truth("actionflush", True), check=truth("consistencyCheck"),
             prolong=truth("_prolongable"), norestored=truth("norestored"), **answer)


os.set_inheritable(inward.fileno(), False)
outward = open(4, "wb")
os.set_inheritable(4, False)
sys.dont_write_bytecode = True
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: None)  # we end with the server, which may have been sent them, too
sys.stdout.reconfigure(line_buffering=True)
if not has_package():
    stand_in()
logging.getLogger().handlers[:] = [Records()]
logging.getLogger("fail2ban").setLevel(1)
threading.Thread(target=receive, daemon=True).start()
serve()
