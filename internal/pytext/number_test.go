package pytext_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"testing"

	"f2b-go/internal/pytext"
	"f2b-go/internal/testenv"
)

// TestNumbers compares with Python where it is there.
func TestNumbers(t *testing.T) {
	texts := []string{"0", "7", "007", " 4 ", "+5", "-5", "--5", "1_0", "1__0", "_1", "1_", "1.5", "x", "", "1e3", "٣", "१२", "1٣", "0x10", "𝟕", "- 1",
		"\u00a05", ".5", "5.", "1_0.2_5", "1_.5", "1e-3", "1E+2", "1e", "0b1", "１２"}
	type both struct {
		Int   *int64
		Float *float64
	}
	if _, ok := testenv.Fail2ban(t); !ok {
		return
	}
	in, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(testenv.Python, "-c", `import sys, json
def number(kind, text):
    try: return kind(text)
    except ValueError: return None
json.dump([{"Int": number(int, s), "Float": number(float, s)} for s in json.load(sys.stdin)], sys.stdout)`)
	cmd.Stdin = bytes.NewReader(in)
	raw, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var want []both
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		n, ok := pytext.ParseInt(text)
		if ok != (want[i].Int != nil) || ok && n != *want[i].Int {
			t.Errorf("int(%q): %d %v", text, n, ok)
		}
		f, ok := pytext.ParseFloat(text)
		if ok != (want[i].Float != nil) || ok && f != *want[i].Float {
			t.Errorf("float(%q): %g %v", text, f, ok)
		}
	}
}
