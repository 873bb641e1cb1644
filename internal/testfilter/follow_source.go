package testfilter

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// follow makes a source of the lines that are written to a log from now on. It
// ends with an interrupt.
func (t *tester) follow(path string) (*source, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, &failure{"ERROR: following " + path + ": it is no file"}
	}
	enc := t.encoding()
	if err := t.flt.SetEncoding(enc); err != nil {
		return nil, err
	}
	if _, _, ok := t.flt.CutLine([]byte("a\n")); !ok {
		return nil, &failure{"ERROR: following " + path + ": the lines of a log in " + enc + " cannot be told apart while it grows; judge it without --follow"}
	}
	t.say("Use         log file : %s", path)
	t.say("Use         encoding : %s", enc)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	told := false
	f := &follower{ctx: ctx, path: path}
	f.flush = func() {
		if f.tail == nil && !told {
			fmt.Fprintf(t.errOut, "Waiting for %s to appear\n", path)
		} else if !told {
			fmt.Fprintf(t.errOut, "Following %s; an interrupt (Ctrl-C) ends it\n", path)
		}
		told = true
		_ = t.out.Flush() // the last Flush tells
	}
	return &source{name: path, next: f.next, number: func() int { return f.number }, stop: stop}, nil
}

// printVerdict prints a line with what came of it.
func (t *tester) printVerdict(l *judged) {
	word := result(l)
	var ids []string
	for i := range l.found {
		if l.found[i].HasID {
			ids = append(ids, visible(l.found[i].ID.String()))
		}
	}
	text := t.screen.outStyle.paint(resultColour(word), fmt.Sprintf("%-7s", word))
	if len(ids) > 0 {
		text += " " + strings.Join(ids, " ")
	}
	t.say("%s | %s", text, visible(l.text))
}
