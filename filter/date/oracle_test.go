package date

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"f2b-go/internal/testenv"
)

// now is the server's clock in most tests: 2026-11-22 12:00:00 UTC.
const now = 1795348800

// job is what one process of the oracle answers.
type job struct {
	TZ   string `json:"tz"`
	Now  int64  `json:"now"`
	Runs []run  `json:"runs"`
	// Fresh runs share no templates: fail2ban mixes up patterns that differ in
	// case only.
	Fresh bool `json:"fresh"`
}

// run is a detector and the lines that it sees.
type run struct {
	Pattern string   `json:"pattern"`
	Zone    string   `json:"zone"`
	Lines   []string `json:"lines"`
}

type answer struct {
	Error     string        `json:"error"`
	Lines     []*lineAnswer `json:"lines"`
	Templates []templateAnswer
}

type lineAnswer struct {
	Before string  `json:"before"`
	Cut    string  `json:"cut"`
	Name   string  `json:"name"`
	Time   float64 `json:"time"`
	Int    bool    `json:"int"`
	Error  string  `json:"error"`
}

type templateAnswer struct {
	Name, Pattern, Regex string
	Hits                 int
	Weight, Base         float64
	Flags                uint8
}

// oracle asks fail2ban itself; ok is false where it is not installed.
func oracle(t *testing.T, j job) (answers []answer, ok bool) {
	t.Helper()
	if _, ok := testenv.Fail2ban(t); !ok {
		return nil, false
	}
	in, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(testenv.Python, filepath.Join("testdata", "oracle.py"))
	cmd.Stdin = bytes.NewReader(in)
	cmd.Env = append(cmd.Environ(), "LC_ALL=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("asking fail2ban: %v\n%s", err, stderr.String())
	}
	if err := json.Unmarshal(out, &answers); err != nil {
		t.Fatal(err)
	}
	return answers, true
}

// ours gives our answers to a job, in the oracle's form.
func ours(t *testing.T, j job) []answer {
	t.Helper()
	loc, err := time.LoadLocation(j.TZ)
	if err != nil {
		t.Fatal(err)
	}
	options := Options{
		Clock:  func() time.Time { return time.Unix(j.Now, 0) },
		Local:  loc,
		Shared: NewShared(),
	}
	var all []answer
	for _, r := range j.Runs {
		if j.Fresh {
			options.Shared = NewShared()
		}
		d := NewDetector(options)
		if r.Zone != "" {
			z, err := ParseZone(r.Zone)
			if err != nil {
				var bad *ZoneError
				errors.As(err, &bad)
				all = append(all, answer{Error: bad.Class + ": " + err.Error()})
				continue
			}
			d.SetZone(z)
		}
		if err := d.SetPattern(r.Pattern); err != nil {
			var bad *PatternError
			errors.As(err, &bad)
			all = append(all, answer{Error: bad.Class + ": " + err.Error()})
			continue
		}
		var a answer
		for _, line := range r.Lines {
			a.Lines = append(a.Lines, ourLine(d, line))
		}
		for i, info := range d.Templates() {
			a.Templates = append(a.Templates, templateAnswer{info.Name, info.Pattern, info.Regex,
				info.Hits, info.Weight, info.Base, d.slots[i].flags})
		}
		all = append(all, a)
	}
	return all
}

func ourLine(d *Detector, line string) *lineAnswer {
	m, ok := d.Find([]byte(line))
	if !ok {
		return nil
	}
	if err := m.Err(); err != nil {
		return &lineAnswer{Error: pythonError(err)}
	}
	a := &lineAnswer{Before: line[:m.Start], Cut: line[m.Start:m.End], Name: m.Name}
	if m.Empty() {
		return a
	}
	stamp, err := d.Time(m, []byte(line))
	switch {
	case errors.Is(err, ErrInvalid):
		a.Error = "invalid"
	case err != nil:
		return &lineAnswer{Error: pythonError(err)}
	default:
		a.Time, a.Int = stamp.Unix, stamp.Int
	}
	return a
}

// pythonError tells an error as the oracle does: class and str(error), where
// the str of a KeyError is the repr of its key.
func pythonError(err error) string {
	var le *LineError
	if !errors.As(err, &le) {
		return err.Error()
	}
	if le.Class == "KeyError" {
		return fmt.Sprintf("KeyError: '%s'", le.Text)
	}
	return le.Class + ": " + le.Text
}

// compare runs a job on both sides and reports each difference.
func compare(t *testing.T, j job) {
	t.Helper()
	theirs, ok := oracle(t, j)
	if !ok {
		return
	}
	wrong := 0
	for i, got := range ours(t, j) {
		want, r := theirs[i], j.Runs[i]
		if got.Error != want.Error {
			t.Errorf("pattern %q zone %q: error %q, fail2ban %q", r.Pattern, r.Zone, got.Error, want.Error)
			continue
		}
		for k := range got.Lines {
			if !sameLine(got.Lines[k], want.Lines[k]) {
				if wrong++; wrong <= 20 {
					t.Errorf("zone %s%s, pattern %q, line %d %q:\n   ours %s\n theirs %s", j.TZ, r.Zone, r.Pattern, k,
						r.Lines[k], show(got.Lines[k]), show(want.Lines[k]))
				}
			}
		}
		if wrong == 0 {
			compareTemplates(t, r, j.Fresh, got, want)
		}
	}
	if wrong > 20 {
		t.Errorf("%d lines differ in all", wrong)
	}
}

func compareTemplates(t *testing.T, r run, fresh bool, got, want answer) {
	t.Helper()
	if len(got.Templates) != len(want.Templates) {
		t.Errorf("pattern %q: %d templates, fail2ban %d", r.Pattern, len(got.Templates), len(want.Templates))
		return
	}
	for k, g := range got.Templates {
		w := want.Templates[k]
		if fresh {
			// fail2ban keeps the weights of templates that it made for others.
			g.Weight, g.Base, w.Weight, w.Base = 0, 0, 0, 0
		}
		if g != w {
			t.Errorf("pattern %q, template %d:\n   ours %+v\n theirs %+v", r.Pattern, k, g, w)
		}
	}
}

func sameLine(a, b *lineAnswer) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func show(a *lineAnswer) string {
	if a == nil {
		return "no date"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "before %q cut %q time %.6f int %v by %s %s", a.Before, a.Cut, a.Time, a.Int, a.Name, a.Error)
	return b.String()
}
