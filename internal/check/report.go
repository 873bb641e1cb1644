package check

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// paint colours the word of a severity.
type paint func(s Severity) string

func plain(s Severity) string { return string(s) }

func coloured(s Severity) string {
	if s == Error {
		return "\x1b[1;31m" + string(s) + "\x1b[0m"
	}
	return "\x1b[33m" + string(s) + "\x1b[0m"
}

// colours gives colours where w is a terminal and nobody refused them.
func colours(w io.Writer, getenv func(string) string) paint {
	f, ok := w.(*os.File)
	if !ok || getenv("NO_COLOR") != "" || getenv("TERM") == "dumb" {
		return plain
	}
	if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err != nil {
		return plain
	}
	return coloured
}

// write prints the faults one a line, what was left out, and a summary.
func (r *Result) write(w io.Writer, p paint) error {
	var b bytes.Buffer
	for _, f := range r.Faults {
		fmt.Fprintf(&b, "%s:%d: ", f.File, f.Line)
		if f.Section != "" {
			fmt.Fprintf(&b, "[%s] ", f.Section)
		}
		if f.Option != "" {
			fmt.Fprintf(&b, "%s: ", f.Option)
		}
		fmt.Fprintf(&b, "%s: %s", p(f.Severity), f.Text)
		if f.Remedy != "" {
			b.WriteString("; " + f.Remedy)
		}
		b.WriteByte('\n')
	}
	for _, what := range r.Unchecked {
		b.WriteString("not checked: " + what + "\n")
	}
	b.WriteString(r.summary() + "\n")
	_, err := w.Write(b.Bytes())
	return err
}

// summary is one line for people.
func (r *Result) summary() string {
	read := fmt.Sprintf("%s read, %s enabled", number(r.Files, "file"), number(len(r.Jails), "jail"))
	if len(r.Faults) == 0 {
		return fmt.Sprintf("%s: nothing wrong (%s)", r.Dir, read)
	}
	var found []string
	for _, n := range []struct {
		count int
		what  string
	}{{r.Errors(), "error"}, {r.Warnings(), "warning"}} {
		if n.count > 0 {
			found = append(found, number(n.count, n.what))
		}
	}
	return fmt.Sprintf("%s: %s (%s)", r.Dir, strings.Join(found, ", "), read)
}

func number(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// summaryJSON is the last object of --json.
type summaryJSON struct {
	Dir        string   `json:"dir"`
	Errors     int      `json:"errors"`
	Warnings   int      `json:"warnings"`
	Files      int      `json:"files"`
	Jails      []string `json:"jails"`
	NotChecked []string `json:"not_checked"`
}

// writeJSON prints one object for each fault and {"summary":…}.
func (r *Result) writeJSON(w io.Writer) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, f := range r.Faults {
		if err := enc.Encode(f); err != nil {
			return err
		}
	}
	s := summaryJSON{r.Dir, r.Errors(), r.Warnings(), r.Files, r.Jails, append([]string{}, r.Unchecked...)}
	if err := enc.Encode(map[string]summaryJSON{"summary": s}); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}
