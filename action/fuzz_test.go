package action_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"f2b-go/action"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
	"f2b-go/internal/shell"
	"f2b-go/jail"
)

// FuzzValues puts any bytes into a ticket: the script that a shell reads is the
// template with plain words and variables only, and the kernel can take it.
func FuzzValues(f *testing.F) {
	for _, text := range hostile {
		f.Add(text[:min(len(text), 4096)], 1)
	}
	f.Add("plain words", 20000)
	f.Fuzz(func(t *testing.T, text string, times int) {
		text = strings.Repeat(text, 1+times&0x3fff)
		text = text[:min(len(text), 256<<10)]
		rec := &action.Recorder{}
		c := action.NewCommand("act", action.Env{Jail: &view{name: "j"}, Runner: rec, Names: hostileNames{text: text}})
		if err := c.Set("actionban", `x <fid> "<matches>" <F-USER> <F-*> <ip-host> <raw-ticket> <nosuch>`); err != nil {
			t.Fatal(err)
		}
		ticket := &jail.Ticket{ID: ipaddr.Parse(text), Matches: []jail.Match{{Before: text}}, Fields: pytext.Dict{{Key: "user", Value: text}}}
		if err := c.Ban(context.Background(), ticket); err != nil {
			t.Fatal(err)
		}
		cmd := rec.Take()[0]
		total := len(cmd.Script)
		for _, arg := range cmd.Args {
			total += len(arg)
			if len(arg) > shell.MaxArg || strings.Contains(arg, "\x00") {
				t.Errorf("an argument of %d bytes that no program can be given", len(arg))
			}
		}
		if total > shell.MaxArgs || len(cmd.Script) > shell.MaxArg {
			t.Errorf("script of %d bytes, all of %d", len(cmd.Script), total)
		}
		_, body, _ := strings.Cut(cmd.Script, "\n")
		if len(cmd.Args) == 0 {
			body = cmd.Script
		}
		body = strings.NewReplacer(`"`, "", "<nosuch>", "", "$f2bV_", "").Replace(body)
		if strings.ContainsAny(body, "\\#&;`|*?~<>^()[]{}$'\n\r\x00") {
			t.Errorf("a shell reads %q", body)
		}
	})
}

// FuzzUnpack reads what a Python action's process may say for a value: it is one
// that a client can be told, or an error.
func FuzzUnpack(f *testing.F) {
	for _, text := range []string{
		"", "null", "-1", "1e400", "9223372036854775808", `"x"`, `[1,[true]]`, `{"tuple":[1,"a"]}`, `{"dict":[["k",{"bytes":"ff"}]]}`, `{"dict":[[]]}`, `{"bytes":"f"}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) && len(data) > 0 {
			return // a message is JSON as a whole
		}
		value, err := action.Unpack(data)
		if err == nil && pytext.Repr(value) == "" {
			t.Errorf("%q is a value without a text", data)
		}
	})
}
