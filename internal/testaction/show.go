package testaction

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"f2b-go/internal/shell"
)

// show prints an action's life, as JSON or for people.
func show(w io.Writer, t *tested, steps []step, asJSON bool) error {
	if asJSON {
		return showJSON(w, t.name, steps)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# action %s\n", t.name)
	for _, s := range steps {
		b.WriteString("\n# " + s.name)
		if s.ticket != nil {
			b.WriteString(" " + s.ticket.ID.String())
		}
		b.WriteString("\n")
		nothing := true
		for _, c := range s.commands {
			if c.Script != "" {
				b.WriteString(pasteable(c) + "\n")
				nothing = false
			}
		}
		if nothing {
			b.WriteString("# nothing to run\n")
		}
	}
	for i, message := range t.mails.list {
		fmt.Fprintf(&b, "\n# mail %d\n%s\n", i+1, bytes.ReplaceAll(message, []byte("\r\n"), []byte("\n")))
	}
	_, err := w.Write(b.Bytes())
	return err
}

// pasteable is a command as one would type it.
func pasteable(c shell.Command) string {
	if len(c.Args) == 0 {
		return c.Script
	}
	words := []string{"sh", "-c"}
	for _, w := range c.Words() {
		words = append(words, "'"+strings.ReplaceAll(w, "'", `'\''`)+"'")
	}
	return strings.Join(words, " ")
}

// showJSON prints {"action":…,"steps":[[name,[command,…]],…]}; a command with
// arguments is a list.
func showJSON(w io.Writer, name string, steps []step) error {
	type pair [2]any
	list := make([]pair, 0, len(steps))
	for _, s := range steps {
		commands := make([]any, 0, len(s.commands))
		for _, c := range s.commands {
			if len(c.Args) > 0 {
				commands = append(commands, c.Words())
			} else {
				commands = append(commands, c.Script)
			}
		}
		list = append(list, pair{s.name, commands})
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(struct {
		Action string `json:"action"`
		Steps  []pair `json:"steps"`
	}{name, list})
}
