package timetext_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"f2b-go/internal/testenv"
	"f2b-go/internal/timetext"
)

// TestExpAndPowersEqualPython compares e to random powers and random powers of
// whole exponents with Python's, which may be off by a bit once in a hundred.
func TestExpAndPowersEqualPython(t *testing.T) {
	if _, ok := testenv.Fail2ban(t); !ok {
		return
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	var texts []string
	for range 2000 {
		texts = append(texts, fmt.Sprintf("math.exp(%v)", rnd.Float64()*60-20), fmt.Sprintf("%v ** %d", rnd.Float64()*50, rnd.IntN(40)-8))
	}
	texts = append(texts, "math.exp(0)", "math.exp(1)", "math.exp(-745.0)", "math.exp(709.0)", "1.5 ** 0", "0.0 ** 3", "2.0 ** 0.5", "1e200 ** 1")
	cmd := exec.Command(testenv.Python, "-c", "import math,sys\nfor line in sys.stdin: print(repr(float(eval(line))))")
	cmd.Stdin = strings.NewReader(strings.Join(texts, "\n") + "\n")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	off := 0
	for i, line := range bytes.Fields(out) {
		want, err := strconv.ParseFloat(string(line), 64)
		if err != nil {
			t.Fatal(err)
		}
		got, err := timetext.Eval(texts[i], nil)
		if err != nil {
			t.Fatalf("%s: %v", texts[i], err)
		}
		if got != want {
			off++
			if math.Abs(got-want) > 1.001*math.Abs(math.Nextafter(want, math.Inf(1))-want) {
				t.Errorf("%s = %v, Python says %v", texts[i], got, want)
			}
		}
	}
	t.Logf("%d of %d differ in the last bit", off, len(texts))
	if off > len(texts)/50 {
		t.Errorf("%d of %d differ", off, len(texts))
	}
}
