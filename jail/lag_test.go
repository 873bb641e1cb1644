package jail

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"f2b-go/internal/testenv"
)

// TestLag: a jail tells for each log how many bytes it has not judged and when
// the next line was written; a log without dates has no age.
func TestLag(t *testing.T) {
	b := newLive(t)
	dir := t.TempDir()
	dated, undated, empty := filepath.Join(dir, "dated"), filepath.Join(dir, "undated"), filepath.Join(dir, "empty")
	line := time.Now().UTC().Add(-time.Minute).Format(time.DateTime) + " fail 192.0.2.1\n"
	for _, path := range []string{dated, undated, empty} {
		appendTo(t, path, "")
	}
	j, a := b.jail("j", nil, func(j *Jail) {
		for _, path := range []string{dated, undated, empty} {
			b.add(j, path, false)
		}
	})
	j.SetIdle(true)
	appendTo(t, dated, line+line)
	appendTo(t, undated, "no date\n")
	testenv.Eventually(t, "the lag", func() bool { l := j.Lag(); return l[0].Bytes > 0 && l[1].Bytes > 0 })
	l := j.Lag()
	if want := int64(2 * len(line)); l[0].Source != dated || l[0].Bytes != want || !l[0].Dated || l[0].Age < time.Minute || l[0].Age > 2*time.Minute {
		t.Errorf("the lag of two lines, a minute old: %+v", l[0])
	}
	if l[1].Bytes != 8 || l[1].Dated {
		t.Errorf("the lag of a line without a date: %+v", l[1])
	}
	if l[2].Bytes != 0 || !l[2].Dated || l[2].Age != 0 {
		t.Errorf("the lag of a log that is read: %+v", l[2])
	}
	if text, want := fmt.Sprint(j.Status(FlavourLag)), fmt.Sprintf("%s: %d bytes, 6", dated, 2*len(line)); !strings.Contains(text, want) {
		t.Errorf("the status %s does not say %s", text, want)
	}
	j.SetIdle(false)
	b.banned(a)
	testenv.Eventually(t, "no lag", func() bool { l := j.Lag(); return l[0].Bytes+l[1].Bytes+l[2].Bytes == 0 })
}

// backlogSize is how much one jail is behind while the other one's lines are
// fresh: 1 GB with F2B_SOAK.
func backlogSize() int {
	if os.Getenv("F2B_SOAK") != "" {
		return 1 << 30
	}
	return 48 << 20
}

// TestABacklogDelaysNoOtherJail: while one jail works off a backlog, on one core,
// another one bans on fresh lines without a delay, and memory stays bounded.
func TestABacklogDelaysNoOtherJail(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	b := newLive(t)
	dir := t.TempDir()
	old, fresh := filepath.Join(dir, "old.log"), filepath.Join(dir, "fresh.log")
	now := time.Now().UTC().Format(time.DateTime)
	var block bytes.Buffer
	for i := range 16 << 10 {
		fmt.Fprintf(&block, "%s sshd[1234]: attempt of somebody to fail 192.0.2.%d\n", now, i%256)
	}
	file, err := os.Create(old)
	if err != nil {
		t.Fatal(err)
	}
	for size := 0; size < backlogSize(); size += block.Len() {
		if _, err := file.Write(block.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	appendTo(t, fresh, "")
	behind, _ := b.jail("behind", nil, func(j *Jail) { b.add(j, old, false); j.SetMaxRetry(1 << 30) })
	_, a := b.jail("quick", nil, func(j *Jail) { b.add(j, fresh, false) })
	testenv.Eventually(t, "work on the backlog", func() bool {
		l := behind.Lag()[0]
		return l.Bytes > 0 && l.Bytes < int64(backlogSize())
	})
	var took []time.Duration
	for i := range 20 {
		began := time.Now()
		appendTo(t, fresh, fmt.Sprintf("%s fail 198.51.100.%d\n", time.Now().UTC().Format(time.DateTime), i))
		b.banned(a)
		took = append(took, time.Since(began))
	}
	left := behind.Lag()[0]
	if left.Bytes == 0 {
		t.Error("the backlog was worked off before the end, so it shows nothing")
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	slices.Sort(took)
	t.Logf("with %d of %d MB still to be judged: line to ban %v in the middle, %v at most; heap %d MB",
		left.Bytes>>20, backlogSize()>>20, took[len(took)/2], took[len(took)-1], m.HeapInuse>>20)
	if took[len(took)/2] > 250*time.Millisecond {
		t.Errorf("a fresh line took %v to its ban", took[len(took)/2])
	}
	if m.HeapInuse > 128<<20 {
		t.Errorf("%d MB are in use", m.HeapInuse>>20)
	}
}
