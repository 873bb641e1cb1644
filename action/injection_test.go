package action_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"f2b-go/action"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
	"f2b-go/internal/shell"
	"f2b-go/jail"
)

// shells are the programs that may be /bin/sh.
var shells = []string{"dash", "bash", "busybox"}

// hostile are texts that a log line can put into any dynamic tag. Each would
// make a file called X if a shell read it, or break the command.
var hostile = map[string]string{
	"substitution":  "$(touch X)",
	"backquotes":    "`touch X`",
	"single quotes": "'; touch X; '",
	"double quotes": `"; touch X; "`,
	"both quotes":   `'"$(touch X)"'`,
	"newline":       "a\ntouch X\n",
	"return":        "a\rtouch X\r",
	"backslash":     "\\`touch X\\` \\$(touch X) \\",
	"options":       "-rf -- --help",
	"NUL":           "a\x00$(touch X)",
	"redirection":   "> X",
	"pipe":          "| touch X",
	"background":    "& touch X &",
	"and":           "&& touch X",
	"braces":        "${IFS}{touch,X} ~ * ? [a-z]",
	"tags":          "<matches><F-USER><ip>$(touch X)",
	"comment":       "# touch X",
	"format":        "%s%n%d%%",
	"here document": "<<X\ntouch X\nX",
	"end of file":   "\n.\n~! touch X\nEOF\ntouch X\n",
	"64 KB plain":   strings.Repeat("touch X ", 8<<10),
	"64 KB":         strings.Repeat("`touch X`$(touch X);", 64<<10/20),
	"beyond limit":  strings.Repeat("$(touch X)", 30<<10),
	"not UTF-8":     "\xff\xfe$(touch X)\x80",
	"assignment":    "f2bV_matches=$0 X=1",
}

// hostileView answers with hostile text where the store and DNS would be asked.
type hostileView struct {
	view
	text string
}

func (v *hostileView) Merged(t *jail.Ticket, _ bool) *jail.Ticket {
	m := *t
	m.Matches = []jail.Match{{Before: v.text}}
	return &m
}

type hostileNames struct {
	names
	text string
}

func (n hostileNames) Reverse(context.Context, ipaddr.Addr) string { return n.text }

// hostileTicket fills whatever a log line controls. An address stays one: it
// decides what is banned.
func hostileTicket(id, text string) *jail.Ticket {
	t := &jail.Ticket{ID: ipaddr.Parse(id), Time: 1700000000, TimeInt: true, Failures: 5, BanCount: 1,
		Matches: []jail.Match{{Before: text}, {Before: "", Date: "Nov 14 ", After: text, Split: true}}}
	t.SetBanTime(jail.Int(600))
	for _, name := range []string{"user", "rhost", "content", "port", "mlfid", "alt-x_1"} {
		t.Fields = append(t.Fields, pytext.Item{Key: name, Value: text})
	}
	return t
}

// strictRunner remembers failures with what the command said.
type strictRunner struct {
	*shell.Runner
	failed []string
	ran    int
}

func (r *strictRunner) Run(ctx context.Context, c shell.Command) shell.Result {
	res := r.Runner.Run(ctx, c)
	r.ran++
	if !res.OK {
		r.failed = append(r.failed, fmt.Sprintf("code %d, %v: %.300q\n\tstderr %.300q", res.Code, res.Err, c.Script, res.Stderr))
	}
	return res
}

// newStrict runs commands in one of the shells, as /bin/sh would be.
func newStrict(dir, name string) (*strictRunner, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, err
	}
	sh := filepath.Join(dir, "sh")
	_ = os.Remove(sh)
	if err := os.Symlink(path, sh); err != nil {
		return nil, err
	}
	return &strictRunner{Runner: &shell.Runner{Shell: sh, Log: slog.New(slog.DiscardHandler)}}, nil
}

// notMade fails where a hostile text was read as a command.
func notMade(dir, what string) error {
	for _, d := range []string{dir, "/"} {
		if _, err := os.Stat(filepath.Join(d, "X")); err == nil {
			return fmt.Errorf("%s was run: X exists", what)
		}
	}
	return nil
}

// everyTag uses each dynamic tag bare and in double quotes, and fails unless a
// quoted one arrives as it is.
const everyTag = `: <ip> <fid> <ip-host> <matches> <ipmatches> <ipjailmatches> <raw-ticket> <F-USER> <F-RHOST> <F-CONTENT> <F-PORT> <F-*>
set -- "<ip>" "<fid>" "<ip-host>" "<matches>" "<ipmatches>" "<ipjailmatches>" "<raw-ticket>" "<F-USER>" "<F-RHOST>" "<F-ID>" "<F-MLFID>"
[ $# -eq 11 ] || exit 3
printf '%s' "<F-USER>"`

// TestHostileValues_4_2 puts each hostile text into each dynamic tag under three
// shells: nothing in it is run, and the value arrives unchanged.
func TestHostileValues_4_2(t *testing.T) {
	for _, sh := range shells {
		for name, text := range hostile {
			t.Run(sh+"/"+name, func(t *testing.T) {
				t.Chdir(t.TempDir())
				runner, err := newStrict(t.TempDir(), sh)
				if err != nil {
					t.Fatal(err)
				}
				out := &capture{Runner: runner}
				c := action.NewCommand("act", action.Env{
					Jail: &hostileView{view{name: "j"}, text}, Runner: out, Names: hostileNames{text: text}, Clock: fixedClock})
				if err := c.Set("actionban", everyTag); err != nil {
					t.Fatal(err)
				}
				for _, id := range []string{"192.0.2.1", "2001:db8::1", text[:min(len(text), 2000)]} {
					if err := c.Ban(t.Context(), hostileTicket(id, text)); err != nil {
						t.Fatalf("%v\n%s", err, strings.Join(runner.failed, "\n"))
					}
				}
				want := strings.ReplaceAll(text, "\x00", "\uFFFD")
				if got := string(out.stdout); !strings.HasPrefix(want, got) || len(got) < min(len(want), 16<<10) {
					t.Errorf("the value arrived as %.80q, want %.80q", got, want)
				}
				if err := notMade(".", name); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// capture keeps the last command's output.
type capture struct {
	action.Runner
	stdout []byte
}

func (c *capture) Run(ctx context.Context, cmd shell.Command) shell.Result {
	res := c.Runner.Run(ctx, cmd)
	c.stdout = res.Stdout
	return res
}

// TestStockActionsUnderAttack_4_2 bans and unbans with every stock action and
// each hostile text, under three shells, in a sandbox: nothing in the text is
// run, and the ban succeeds.
func TestStockActionsUnderAttack_4_2(t *testing.T) {
	vectors := append(readVectors(t), debianVectors(t, debianDir, []map[string]string{{}})...)
	if len(vectors) == 0 {
		return
	}
	texts := make([]string, 0, len(hostile))
	for name := range hostile {
		texts = append(texts, name)
	}
	sort.Strings(texts)
	t.Setenv("PATH", "/usr/bin:/usr/sbin")
	inSandbox(t, func() error {
		for _, sh := range shells {
			runner, err := newStrict("/run", sh)
			if err != nil {
				return err
			}
			for i, v := range vectors {
				if strings.HasSuffix(v.Action, "-common") {
					continue // included by others, no action of its own
				}
				for j, name := range texts {
					// All texts in all actions under all shells take minutes, which F2B_SOAK
					// allows; else each shell gives an action another share of them.
					if (i+j+len(sh))%24 != 0 && os.Getenv("F2B_SOAK") == "" {
						continue
					}
					if err := attack(t, v, runner, hostile[name]); err != nil {
						t.Errorf("%s under %s with %s: %v", v.Action, sh, name, err)
					}
					if err := notMade("/work", v.Action+" under "+sh+": "+name); err != nil {
						return err
					}
				}
			}
			t.Logf("%s: %d commands", sh, runner.ran)
		}
		return nil
	})
}

// attack bans and unbans in one stock action.
func attack(t *testing.T, v vector, runner *strictRunner, text string) error {
	c := v.command(t, action.Env{
		Jail: &hostileView{view{name: "j"}, text}, Runner: runner, Names: hostileNames{text: text}, Clock: fixedClock})
	runner.failed = nil
	ctx := t.Context()
	if err := c.Start(ctx); err != nil {
		return fmt.Errorf("%w\n%s", err, strings.Join(runner.failed, "\n"))
	}
	ticket := hostileTicket("192.0.2.1", text)
	if err := c.Ban(ctx, ticket); err != nil {
		return fmt.Errorf("%w\n%s", err, strings.Join(runner.failed, "\n"))
	}
	_ = c.Ban(ctx, hostileTicket(text[:min(len(text), 2000)], text))
	if err := c.Unban(ctx, ticket); err != nil {
		return fmt.Errorf("%w\n%s", err, strings.Join(runner.failed, "\n"))
	}
	_ = c.Stop(ctx)
	return nil
}
