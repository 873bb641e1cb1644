"""Prints each line of a log as fail2ban's own filter reads it: LIBRARY BACKEND PATH."""
import sys

library, backend, path = sys.argv[1:]
sys.path.insert(0, library)

from fail2ban.server.jail import Jail

jail = Jail("peer", backend=backend)
out = sys.stdout


def take(line, date=None):
    out.write(line if line.endswith("\n") else line + "\n")
    out.flush()


jail.filter.processLineAndAdd = take
jail.filter.addLogPath(path, autoSeek=False)
jail.filter.start()
sys.stderr.write("ready\n")
sys.stderr.flush()
sys.stdin.read()
jail.filter.stop()
