package action_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"f2b-go/action"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
	"f2b-go/internal/shell"
	"f2b-go/internal/testenv"
	"f2b-go/jail"
)

// view is a jail as an action sees it.
type view struct {
	name   string
	epoch  int
	counts jail.Counts
	merged map[bool]*jail.Ticket
}

func (v *view) Name() string          { return v.name }
func (v *view) BanTime() jail.Seconds { return jail.Int(600) }
func (v *view) Counts() jail.Counts   { return v.counts }
func (v *view) NextEpoch() int        { v.epoch++; return v.epoch }
func (v *view) Merged(t *jail.Ticket, all bool) *jail.Ticket {
	if m := v.merged[all]; m != nil {
		return m
	}
	return t
}

// names are the host names of the vectors.
type names struct{}

func (names) FQDN() string                                { return "pbx.example.test" }
func (names) Short() string                               { return "pbx" }
func (names) Reverse(context.Context, ipaddr.Addr) string { return "" }

func fixedClock() time.Time { return time.Unix(1700000000, 0) }

// vector is one action of actions-1.1.1.json.
type vector struct {
	Action string
	Line   string
	Steps  [][2]json.RawMessage
	Stream [][]json.RawMessage
}

type step struct {
	name     string
	commands [][]string
}

func readVectors(t *testing.T) []vector {
	t.Helper()
	shared, ok := testenv.Shared(t)
	if !ok {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(shared, "vectors", "actions-1.1.1.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []vector
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func decode[T any](t testing.TB, raw json.RawMessage) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return v
}

func (v vector) steps(t testing.TB) []step {
	t.Helper()
	var list []step
	for _, s := range v.Steps {
		st := step{name: decode[string](t, s[0])}
		for _, raw := range decode[[]json.RawMessage](t, s[1]) {
			if strings.HasPrefix(string(raw), "[") {
				st.commands = append(st.commands, decode[[]string](t, raw))
			} else {
				st.commands = append(st.commands, []string{decode[string](t, raw)})
			}
		}
		list = append(list, st)
	}
	return list
}

// command sets an action up from the vector's stream.
func (v vector) command(t testing.TB, env action.Env) *action.Command {
	t.Helper()
	c := action.NewCommand(v.Action, env)
	for _, pair := range v.properties(t) {
		if err := c.Set(pair[0].(string), pair[1]); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// nameOf is the name that the stream gives the action.
func (v vector) nameOf(t testing.TB) string {
	t.Helper()
	return decode[string](t, v.Stream[0][3])
}

// properties are the names and values that the stream sets.
func (v vector) properties(t testing.TB) (pairs [][2]any) {
	t.Helper()
	for _, cmd := range v.Stream {
		switch {
		case decode[string](t, cmd[0]) == "multi-set":
			pairs = append(pairs, decode[[][2]any](t, cmd[4])...)
		case decode[string](t, cmd[2]) == "action":
			pairs = append(pairs, [2]any{decode[string](t, cmd[4]), decode[any](t, cmd[5])})
		}
	}
	return pairs
}

// vectorTicket is the ticket that the vectors' README describes.
func vectorTicket(ip string) *jail.Ticket {
	line := func(n string) jail.Match {
		return jail.Match{Before: "Nov 14 22:13:1" + n + " pbx sshd[1]: Failed password for `id` $(id) 'x' \"y\" \\ from " + ip + " port 4711 ssh2"}
	}
	return &jail.Ticket{
		ID: ipaddr.Parse(ip), Time: 1699999990, TimeInt: true, BanTime: jail.Int(600), HasBanTime: true, BanCount: 2, Failures: 5,
		Matches: []jail.Match{line("1"), line("2")},
		Fields:  pytext.Dict{{Key: "user", Value: "root`id`"}},
	}
}

// TestVectors_4 holds every step of every action of 1.1.1 against what the real
// one runs, to the letter.
func TestVectors_4(t *testing.T) {
	for _, v := range readVectors(t) {
		t.Run(v.Action, func(t *testing.T) {
			v.compare(t)
		})
	}
}

func words(list []shell.Command) [][]string {
	var out [][]string
	for _, c := range list {
		out = append(out, c.Words())
	}
	return out
}

func runStep(ctx context.Context, c *action.Command, name string) error {
	switch t4, t6 := vectorTicket("192.0.2.1"), vectorTicket("2001:db8::1"); name {
	case "start":
		return c.Start(ctx)
	case "ban4", "ban4again":
		return c.Ban(ctx, t4)
	case "ban6":
		return c.Ban(ctx, t6)
	case "prolong4":
		return c.Prolong(ctx, t4)
	case "unban4":
		return c.Unban(ctx, t4)
	case "unban6":
		return c.Unban(ctx, t6)
	case "flush":
		_, err := c.Flush(ctx)
		return err
	}
	return c.Stop(ctx)
}
