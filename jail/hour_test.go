package jail_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"f2b-go/action"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/logfmt"
	"f2b-go/internal/shell"
	"f2b-go/internal/testenv"
	"f2b-go/jail"
	"f2b-go/source"
	"f2b-go/store"
)

// hour is a script that fail2ban's server and ours live through.
type hour struct {
	Start  float64     `json:"start"`
	Jails  []hourJail  `json:"jails"`
	Events []hourEvent `json:"events"`
}

type hourJail struct {
	Name     string       `json:"name"`
	Settings [][2]string  `json:"settings"`
	Actions  []hourAction `json:"actions"`
}

type hourAction struct {
	Name  string      `json:"name"`
	Props [][2]string `json:"props"`
}

// hourEvent is what happens at a time: lines of the log, a restart of the jail,
// or the words of a command.
type hourEvent struct {
	Time float64  `json:"time"`
	Jail int      `json:"jail"`
	Do   string   `json:"do"`
	Args []string `json:"args"`
}

// said is what an event led to, in order, by who said it: a logger and a jail,
// a jail's commands, the reply to a command.
type said map[string][]string

// tape records what our jails say.
type tape struct {
	mu   sync.Mutex
	said said
}

func (r *tape) note(who, what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said[who] = append(r.said[who], what)
}

func (r *tape) take() said {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.said
	r.said = said{}
	return s
}

// loud are the lines that people parse (COMPAT 7.3); already banned ones count
// at every level.
var loud = regexp.MustCompile(`^\[[^\]]*\] (Found|Ban|Unban|Restore Ban|Repeal Ban|Reban|Increase Ban|IP |Attempt|Ignore|Flush)|is not banned$|^Failed`)

var levelNames = map[slog.Level]string{slog.LevelDebug: "DEBUG", slog.LevelInfo: "INFO", slog.LevelWarn: "WARNING", slog.LevelError: "ERROR",
	logfmt.LevelNotice: "NOTICE", logfmt.LevelMSG: "MSG"}

// tapeLog is a slog.Handler that notes loud lines.
type tapeLog struct {
	*tape
	logger string
}

func (h tapeLog) Enabled(context.Context, slog.Level) bool { return true }
func (h tapeLog) WithGroup(string) slog.Handler            { return h }
func (h tapeLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		if a.Key == logfmt.LoggerKey {
			h.logger = strings.TrimPrefix(a.Value.String(), "fail2ban.")
		}
	}
	return h
}

func (h tapeLog) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	already := strings.HasSuffix(text, " already banned")
	if !already && (r.Level <= slog.LevelDebug || !loud.MatchString(text)) {
		return nil
	}
	jailName := ""
	if rest, ok := strings.CutPrefix(text, "["); ok {
		jailName, _, _ = strings.Cut(rest, "]")
	}
	// 1.1.1 has another word for bans that a stop lifts (COMPAT 9.6).
	text = strings.Replace(text, "] Repeal Ban ", "] Unban ", 1)
	h.note(h.logger+" "+jailName, levelNames[r.Level]+" "+text)
	return nil
}

// hands takes commands down instead of running them.
type hands struct {
	*tape
	jail string
}

func (h hands) Run(_ context.Context, c shell.Command) shell.Result {
	if c.Script != "" {
		h.note("commands "+h.jail, compactJSON(c.Words()))
	}
	return shell.Result{OK: true}
}

func compactJSON(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(b.String())
}

// noNames are the host names of a machine alone.
type noNames struct{}

func (noNames) FQDN() string                                { return "pbx" }
func (noNames) Short() string                               { return "pbx" }
func (noNames) Reverse(context.Context, ipaddr.Addr) string { return "" }

// sinks is a watcher that hands on what the test writes.
type sinks struct {
	jail.Watcher // of which only Add is called
	sink         source.Sink
}

func (s *sinks) Add(_ string, _ source.AddOptions, sink source.Sink) (*source.Subscription, error) {
	s.sink = sink
	return nil, nil
}

// living is a jail of ours at work.
type living struct {
	*jail.Jail
	log  *sinks
	end  context.CancelFunc
	over chan error
}

// liver lives an hour with our jails.
type liver struct {
	*testing.T
	*tape
	hour  hour
	db    *store.DB
	path  string
	jails []*living
}

func (l *liver) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// live returns what our jails say to the hour's events.
func (h hour) live(t *testing.T, dir string) (out []said) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &liver{T: t, tape: &tape{said: said{}}, hour: h, path: filepath.Join(dir, "log")}
		l.must(os.WriteFile(l.path, nil, 0o600))
		l.until(h.Start)
		var err error
		l.db, err = store.Open(context.Background(), filepath.Join(dir, "f2b.sqlite3"), store.Options{MaxMatches: 10})
		l.must(err)
		defer l.db.Close()
		for i := range h.Jails {
			l.jails = append(l.jails, l.begin(i))
		}
		synctest.Wait()
		out = append(out, l.take())
		for _, e := range h.Events {
			l.until(e.Time)
			synctest.Wait()
			reply := l.do(e)
			synctest.Wait()
			switch e.Do {
			case "banip", "unbanip", "unbanall", "list", "attempt":
				l.note("reply", compactJSON(reply))
			}
			out = append(out, l.take())
		}
		for _, j := range l.jails {
			l.stop(j)
		}
	})
	return out
}

func (l *liver) until(at float64) {
	time.Sleep(time.Until(time.UnixMilli(int64(math.Round(at * 1e3)))))
}

// begin builds a jail and starts it.
func (l *liver) begin(i int) *living {
	l.Helper()
	spec, log := l.hour.Jails[i], &sinks{}
	j, err := jail.New(spec.Name, "polling", jail.Env{Local: time.UTC, Log: slog.New(tapeLog{tape: l.tape}), Watcher: log, Store: l.db})
	l.must(err)
	for _, s := range spec.Settings {
		_, err := j.Set(context.Background(), s[0], []any{s[1]})
		l.must(err)
	}
	l.must(j.AddLogPath(l.path, false))
	for _, a := range spec.Actions {
		c := action.NewCommand(a.Name, action.Env{Jail: j, Runner: hands{l.tape, spec.Name}, Names: noNames{}})
		for _, p := range a.Props {
			l.must(c.Set(p[0], p[1]))
		}
		l.must(j.AddAction(c))
	}
	ctx, cancel := context.WithCancel(context.Background())
	live := &living{Jail: j, log: log, end: cancel, over: make(chan error, 1)}
	go func() { live.over <- j.Run(ctx) }()
	return live
}

func (l *liver) stop(j *living) {
	l.Helper()
	j.end()
	l.must(<-j.over)
}

// do does an event and returns the reply to a command.
func (l *liver) do(e hourEvent) any {
	l.Helper()
	j := l.jails[e.Jail]
	switch e.Do {
	case "lines":
		l.must(j.log.sink.Lines(l.Context(), source.Batch{Path: l.path, Data: []byte(strings.Join(e.Args, "\n") + "\n"), AtEnd: true}))
		return nil
	case "restart":
		l.stop(j)
		l.jails[e.Jail] = l.begin(e.Jail)
		synctest.Wait()
		l.must(l.jails[e.Jail].log.sink.Lines(l.Context(), source.Batch{Path: l.path, AtEnd: true}))
		return nil
	case "unbanall":
		return j.UnbanAll(l.Context())
	case "list":
		return []any{j.BanList(true), j.Counts().TotalBanned}
	}
	args := make([]any, len(e.Args))
	for i, a := range e.Args {
		args[i] = a
	}
	reply, err := j.Set(l.Context(), e.Do, args)
	var failed *jail.Error
	if errors.As(err, &failed) {
		return failed.Class + ": " + failed.Text
	}
	l.must(err)
	return reply
}

// TestHourBesideFail2ban_3 lives scripted hours of failures, bans and commands
// through fail2ban's own classes and through our jails with the real store: who
// says what at each event, and the commands of the actions, must be the same.
// F2B_HOURS is how many (default 6), F2B_HOUR the first one's number.
func TestHourBesideFail2ban_3(t *testing.T) {
	lib, ok := testenv.Fail2ban(t)
	if !ok {
		return
	}
	hours, first := envNumber(t, "F2B_HOURS", 6), envNumber(t, "F2B_HOUR", 1)
	var input bytes.Buffer
	var scripts []hour
	for seed := first; seed < first+hours; seed++ {
		scripts = append(scripts, newHour(uint64(seed)))
		input.WriteString(compactJSON(scripts[len(scripts)-1]) + "\n")
	}
	cmd := exec.Command(testenv.Python, "testdata/hour.py")
	cmd.Env = append(os.Environ(), "PYTHONPATH="+lib, "PYTHONDONTWRITEBYTECODE=1", "TZ=UTC", "LC_ALL=C.UTF-8")
	cmd.Stdin, cmd.Stderr = &input, os.Stderr
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	events, lines := 0, 0
	for i, answer := range bytes.Split(bytes.TrimSpace(text), []byte("\n")) {
		var want []said
		if err := json.Unmarshal(answer, &want); err != nil {
			t.Fatal(err)
		}
		n := scripts[i].compare(t, first+i, want)
		events, lines = events+len(scripts[i].Events), lines+n
		if t.Failed() {
			return
		}
	}
	t.Logf("%d hours, %d events, %d lines and commands: no difference", len(scripts), events, lines)
}

func envNumber(t *testing.T, name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s=%s: %v", name, text, err)
	}
	return n
}

// compare holds our hour against fail2ban's up to the first difference, and
// says how many lines were the same.
func (h hour) compare(t *testing.T, number int, want []said) (lines int) {
	t.Helper()
	for i, got := range h.live(t, t.TempDir()) {
		expected := want[i]
		if i > 0 && len(h.Events[i-1].Args) > 1 {
			apart(expected)
			apart(got)
		}
		if diff := cmp.Diff(expected, got); diff != "" {
			e := hourEvent{Time: h.Start}
			if i > 0 {
				e = h.Events[i-1]
			}
			t.Errorf("hour %d, event %d %+v (-fail2ban +ours):\n%s\nsettings of the jail: %q", number, i, e, diff, h.Jails[e.Jail].Settings)
			return lines
		}
		for _, l := range got {
			lines += len(l)
		}
	}
	return lines
}

// apart takes the lines of tickets that are no new bans out of their order and
// leaves one for an ID: they do not wait behind the bans of others, and of an ID
// that waits for its ban only the newest ticket is kept (docs/differences.md).
func apart(s said) {
	var list []string
	for who, lines := range s {
		s[who] = slices.DeleteFunc(lines, func(line string) bool {
			_, text, _ := strings.Cut(line, " ")
			noBan := strings.HasSuffix(text, " already banned") || strings.HasSuffix(text, ", expired bantime")
			if noBan {
				list = append(list, text)
			}
			return noBan
		})
		if len(s[who]) == 0 {
			delete(s, who)
		}
	}
	if len(list) > 0 {
		slices.Sort(list)
		s["no new bans"] = slices.Compact(list)
	}
}
