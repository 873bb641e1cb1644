package server

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"f2b-go/internal/testenv"
)

// client has each of the two servers told by its own client.
func (b *beside) client(words ...string) {
	b.t.Helper()
	b.note("client %q", words)
	want := b.z.call(ClientName, b.debian.args(words...)...)
	got := b.ours.client(words...)
	if got.out != want.out || got.code != want.code {
		b.fault("%q:\n got %+v\nwant %+v", words, got, want)
	}
}

// drops tells whether the files have an action for a running jail that fail2ban's
// reload would leave out, since it is new.
func (b *beside) drops(jail string) bool {
	j := b.w.jails[jail]
	if j == nil || !j.enabled {
		return false
	}
	reply := b.ask(b.debian, [][]string{{"get", jail, "actions"}})[0]
	if strings.HasPrefix(reply, "Unknown") {
		return false
	}
	have := words(reply)
	return slices.ContainsFunc(j.actions, func(a string) bool {
		a, _, _ = strings.Cut(a, "[")
		return !slices.Contains(have, a)
	})
}

// reload tells both to reload, all or one.
func (b *beside) reload() {
	b.t.Helper()
	r := b.w.r
	running := b.jailsOf(b.debian)
	line, about := []string{"reload"}, slices.Clone(running)
	for name := range b.w.jails {
		if !slices.Contains(about, name) {
			about = append(about, name)
		}
	}
	if len(running) > 0 && r.IntN(3) == 0 {
		about = []string{one(r, running)}
		if j := b.w.jails[about[0]]; j == nil || !j.enabled {
			return
		}
	}
	for _, name := range about {
		if !slices.Contains(running, name) { // it may have run before
			b.forgetful[name] = true
			b.older()
		}
	}
	if slices.ContainsFunc(about, b.drops) || r.IntN(6) == 0 {
		line = append(line, "--restart")
		for _, name := range about {
			b.forgetful[name] = true
		}
		b.older()
	}
	if r.IntN(8) == 0 {
		line = append(line, "--unban")
	}
	if r.IntN(8) == 0 {
		line = append(line, "--if-exists")
	}
	if len(about) == 1 && len(running) > 0 {
		line = append(line, about[0])
	}
	for name, j := range b.w.jails {
		// Another backend restarts a jail.
		back := cmp.Or(j.options["backend"], "polling")
		if slices.Contains(about, name) && b.backends[name] != back {
			b.forgetful[name] = true
			b.older()
			b.backends[name] = back
		}
	}
	b.client(line...)
	for _, name := range about {
		b.current[name] = true
	}
}

// broken gives our server a configuration with a fault, which changes nothing.
func (b *beside) broken() {
	running := b.jailsOf(b.ours)
	var able []string
	for _, name := range running {
		if j := b.w.jails[name]; j != nil && j.enabled {
			able = append(able, name)
		}
	}
	if len(able) == 0 {
		return
	}
	jail := one(b.w.r, able)
	key := one(b.w.r, slices.Sorted(maps.Keys(faults)))
	before := b.state(b.ours)
	b.note("broken %s of %s", key, jail)
	b.ours.write("etc/jail.d/zz.local", "[DEFAULT]\nmaxretry = 77\n["+jail+"]\n"+key+" = "+faults[key]+"\n")
	if got := b.ours.client("reload"); got.code != 255 {
		b.fault("a broken %s: %+v", key, got)
	}
	if diff := difference(b.state(b.ours), before); diff != "" {
		b.fault("a broken %s:\n%s", key, diff)
	}
	if err := os.Remove(b.ours.path("etc/jail.d/zz.local")); err != nil {
		b.t.Fatal(err)
	}
}

// older has later lines be about other addresses, since fail2ban has forgotten
// whom it counted.
func (b *beside) older() {
	b.age++
	b.w.closed = true
}

// again stops both, or kills them, and starts them on what they left.
func (b *beside) again() {
	for _, name := range b.jailsOf(b.ours) {
		b.forgetful[name] = true
	}
	sig := one(b.w.r, []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL})
	b.note("%v and start", sig)
	for i, s := range b.both() {
		b.running[i].stop(sig)
		_, _ = os.Remove(s.path("f2b.sock")), os.Remove(s.path("f2b.pid"))
	}
	if sig == syscall.SIGKILL { // fail2ban may have lost its places
		b.empty()
	}
	b.older()
	b.start()
}

// step does one thing to both.
func (b *beside) step() {
	b.t.Helper()
	switch n := b.w.r.IntN(20); {
	case n < 9:
		for range 1 + b.w.r.IntN(3) {
			edit := b.w.edit()
			b.note("edit: %s", edit)
			if strings.HasSuffix(edit, "enabled or not") {
				b.older()
			}
		}
		b.current = map[string]bool{}
		b.write()
		b.reload()
		b.same()
		b.asFresh()
	case n < 14:
		if jails := b.jailsOf(b.debian); len(jails) > 0 {
			for range 1 + b.w.r.IntN(4) {
				jail := one(b.w.r, jails)
				words := b.w.command(jail, b.age)
				b.note("%q", words)
				b.current[jail] = false
				got, want := b.ask(b.ours, [][]string{words})[0], b.ask(b.debian, [][]string{words})[0]
				if got != want {
					b.fault("%q:\n got %s\nwant %s", words, got, want)
				}
			}
		}
		b.same()
	case n < 16:
		b.broken()
	case n < 17:
		b.again()
		b.same()
	case n < 18:
		if jails := b.jailsOf(b.debian); len(jails) > 1 {
			jail := one(b.w.r, jails)
			b.client(one(b.w.r, []string{"stop", "restart"}), jail)
			b.forgetful[jail] = true
			b.older()
		}
		b.same()
	}
	b.feed()
	b.same()
}

// TestReloadsBeside_3_8 edits a random configuration on which Debian's server and
// ours run, has both reload it, gives both random commands, feeds both the same
// lines, kills and restarts both, and compares what they have in their hands and
// what their actions did. The soak runs F2B_RELOADS rounds of 12 steps, with
// F2B_SEED those of a run before.
func TestReloadsBeside_3_8(t *testing.T) {
	t.Parallel()
	lib, ok := testenv.Fail2ban(t)
	if !ok {
		return
	}
	seed, rounds, steps := uint64(1), 1, 3
	if n, err := strconv.Atoi(os.Getenv("F2B_RELOADS")); err == nil {
		seed, rounds, steps = rand.Uint64(), n, 12
	}
	if n, err := strconv.ParseUint(os.Getenv("F2B_SEED"), 10, 64); err == nil {
		seed = n
	}
	z := newZygote(t, lib)
	peer := testenv.StartPython(t, []string{"TZ=UTC"}, "-c", askScript, lib)
	compared := 0
	for round := range rounds {
		t.Run(fmt.Sprintf("seed %d round %d", seed, round), func(t *testing.T) {
			b := newBeside(t, rand.New(rand.NewPCG(seed, uint64(round))), &zygote{t, z.peer.In(t)}, peer.In(t))
			b.same()
			for range steps {
				if !t.Failed() {
					b.step()
				}
			}
			for _, p := range b.running {
				if code := p.stop(syscall.SIGTERM); code != 0 {
					b.fault("exit code %d", code)
				}
			}
			compared += b.compared
		})
	}
	t.Logf("%d rounds of %d steps, %d values compared, seed %d", rounds, steps, compared, seed)
}
