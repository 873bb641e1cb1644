package server

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"f2b-go/internal/testenv"
)

// explicitly are settings that are the same in both at any time.
var explicitly = []string{"logpath", "logencoding", "ignoreself", "ignoreip", "failregex", "ignoreregex", "usedns", "findtime", "maxmatches", "maxretry", "bantime", "actions"}

// settings are all of them.
var allSettings = append([]string{"ignorecommand", "ignorecache", "prefregex", "datepattern", "logtimezone", "maxlines",
	"bantime.increment", "bantime.maxtime", "bantime.factor", "bantime.overalljails"}, explicitly...)

// counted are the numbers of failures, ids the lists of IDs and logs, bannedSet the
// IDs of one jail.
var (
	counted   = regexp.MustCompile(`\('(Currently|Total) failed', \d+\)`)
	ids       = regexp.MustCompile(`\('(Banned IP|File) list', \[[^]]*\]`)
	bannedSet = regexp.MustCompile(`\{[^{}]*\}`)
)

// sorted are the texts of a reply in order: those of a set, and of what came from
// several logs, have none.
func sorted(reply string) string { return fmt.Sprint(slices.Sorted(slices.Values(words(reply)))) }

// state is what a server has in its hands.
func (b *beside) state(s *scratch) map[string]string {
	jails := b.jailsOf(s)
	commands := [][]string{{"status"}, {"banned"}}
	for _, jail := range jails {
		commands = append(commands, []string{"status", jail}, []string{"get", jail, "banip", "--with-time"})
		for _, name := range explicitly {
			commands = append(commands, []string{"get", jail, name})
		}
	}
	out := map[string]string{}
	for i, reply := range b.ask(s, commands) {
		c := commands[i]
		switch {
		case c[0] == "banned":
			reply = bannedSet.ReplaceAllStringFunc(reply, sorted)
		case c[0] == "status" && len(c) == 2:
			if b.forgetful[c[1]] {
				reply = counted.ReplaceAllString(reply, "")
			}
			reply = ids.ReplaceAllStringFunc(reply, sorted)
		case c[0] == "get" && (c[2] == "logpath" || c[2] == "actions" || c[2] == "banip"):
			reply = sorted(reply)
		}
		out[strings.Join(c, " ")] = reply
	}
	acts, err := filepath.Glob(s.path("act.*"))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, path := range acts {
		out[filepath.Base(path)] = unordered(s.read(filepath.Base(path)))
	}
	return out
}

// unordered sorts what an action was told of one kind in a row: whose line in
// which log is read first is chance.
func unordered(text string) string {
	var out, row []string
	for line := range strings.Lines(text) {
		if len(row) > 0 && kind(row[0]) != kind(line) {
			out, row = append(out, settled(row)...), nil
		}
		// fail2ban takes a second flush or reload for done.
		if line != "flush\n" && line != "reload\n" {
			row = append(row, line)
		}
	}
	return strings.Join(append(out, settled(row)...), "")
}

// settled are the lines in order; a family's start counts once, since one ID of
// no family starts all again.
func settled(row []string) []string {
	slices.Sort(row)
	return slices.CompactFunc(row, func(a, b string) bool { return a == b && strings.HasPrefix(a, "start") })
}

// kind is a line's step; a start on demand comes with the first ban.
func kind(line string) string {
	step, _, _ := strings.Cut(line, " ")
	if step == "start" {
		return "ban:"
	}
	return step
}

func difference(got, want map[string]string) string {
	text := ""
	keys := maps.Clone(want)
	maps.Copy(keys, got)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if got[key] != want[key] {
			text += fmt.Sprintf("%s:\n got %q\nwant %q\n", key, got[key], want[key])
		}
	}
	return text
}

// same waits until both have the same in their hands, and keep it for three looks.
func (b *beside) same() {
	b.t.Helper()
	b.read()
	diff, alike, begun := "", 0, time.Now()
	pace := time.NewTicker(150 * time.Millisecond)
	defer pace.Stop()
	testenv.Eventually(b.t, "both are the same", func() bool {
		<-pace.C
		got, want := b.state(b.ours), b.state(b.debian)
		if diff = difference(got, want); diff == "" {
			alike++
		} else {
			alike = 0
		}
		b.compared += len(want)
		return alike == 3 || alike == 0 && time.Since(begun) > 6*time.Second
	})
	if diff != "" {
		b.fault("%s", diff)
	}
}

// asFresh compares the settings of our jails that are as the files have them with
// those of a server of Debian's that has just started on the same files.
func (b *beside) asFresh() {
	var commands [][]string
	for _, jail := range b.jailsOf(b.ours) {
		if !b.current[jail] {
			continue
		}
		for _, name := range allSettings {
			commands = append(commands, []string{"get", jail, name})
		}
		for _, action := range words(b.ask(b.ours, [][]string{{"get", jail, "actions"}})[0]) {
			commands = append(commands, []string{"get", jail, "actionproperties", action})
			for _, name := range []string{"timeout", "actionstart", "actionban", "actionstop", "actionflush", "tag", "which", "norestored"} {
				commands = append(commands, []string{"get", jail, "action", action, name})
			}
		}
	}
	if len(commands) == 0 {
		return
	}
	got := b.ask(b.ours, commands)
	b.fresh++
	s := &scratch{b.t, filepath.Join(b.debian.dir, "fresh"+strconv.Itoa(b.fresh))}
	for name, text := range b.w.files(false) {
		s.write(name, text)
	}
	for _, log := range logNames {
		s.write(log, "")
	}
	p := b.startDebian(s)
	want := b.ask(s, commands)
	p.stop(syscall.SIGTERM)
	for i, c := range commands {
		if c[len(c)-1] == "logpath" || c[len(c)-1] == "actionproperties" {
			got[i], want[i] = sorted(got[i]), sorted(want[i])
		}
		if got[i] != want[i] {
			b.fault("%v, to a fresh server:\n got %s\nwant %s", c, got[i], want[i])
		}
	}
	b.compared += len(commands)
}
