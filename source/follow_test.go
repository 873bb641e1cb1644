package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"f2b-go/internal/testenv"
)

func numbered(from, to int) (text string, lines []string) {
	var b strings.Builder
	for n := from; n < to; n++ {
		fmt.Fprintf(&b, "line %d\n", n)
		lines = append(lines, fmt.Sprintf("line %d", n))
	}
	return b.String(), lines
}

func TestLinesArriveWholeAndUnchanged(t *testing.T) {
	for _, tc := range []struct {
		name   string
		pieces []string
		want   []string
	}{
		{"2.8.3 an unfinished line is kept until it ends", []string{"a\nb", "c", "\n"}, []string{"a", "bc"}},
		{"2.8.3 CRLF and inner CR stay", []string{"a\r\nb\rc\r\n"}, []string{"a\r", "b\rc\r"}},
		{"NUL bytes stay", []string{"first\n", "a\x00b\n\x00\n"}, []string{"first", "a\x00b", "\x00"}},
		{"2.8.2 invalid UTF-8 stays", []string{"\xff\xfe\xc3\n"}, []string{"\xff\xfe\xc3"}},
		{"empty lines", []string{"\n\na\n"}, []string{"", "", "a"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			backends(t, func(t *testing.T, opt Options) {
				path := filepath.Join(t.TempDir(), "app.log")
				write(t, path, "")
				w := running(t, opt)
				c, sub := add(t, w, path, AddOptions{})
				for _, piece := range tc.pieces {
					write(t, path, piece)
					w.poke(sub.s)
				}
				c.want(t, tc.want...)
			})
		})
	}
}

func TestUTF16LinesEndAtTheirOwnNewline(t *testing.T) {
	var text []byte
	// U+0A0A holds the byte 0x0A twice and ends no line.
	for _, unit := range utf16.Encode([]rune("a\u0a0ab\nc\n")) {
		text = append(text, byte(unit), byte(unit>>8))
	}
	path := filepath.Join(t.TempDir(), "app.log")
	write(t, path, string(text[:7]))
	w := running(t, Options{})
	c, _ := add(t, w, path, AddOptions{LineEnd: "\n\x00"})
	write(t, path, string(text[7:]))
	c.until(t, "all bytes", func([]string) bool {
		got := ""
		for _, b := range c.all() {
			if len(b.Data)%2 != 0 || !strings.HasSuffix(string(b.Data), "\n\x00") {
				t.Fatalf("a batch ends within a character: %q", b.Data)
			}
			got += string(b.Data)
		}
		return got == string(text)
	})
}

func TestSubscribersReadOneFileFromTheirOwnPlaces(t *testing.T) {
	backends(t, func(t *testing.T, opt Options) {
		path := filepath.Join(t.TempDir(), "app.log")
		text, lines := numbered(0, 50_000)
		write(t, path, text)
		w := running(t, opt)
		first, sub := add(t, w, path, AddOptions{})
		first.want(t, lines...)
		_, hash := sub.Position()
		middle := int64(strings.Index(text, "line 20000\n"))
		second, _ := add(t, w, path, AddOptions{Position: middle, Hash: hash})
		third, _ := add(t, w, path, AddOptions{Tail: true})
		more, moreLines := numbered(50_000, 50_100)
		write(t, path, more)
		first.want(t, append(append([]string{}, lines...), moreLines...)...)
		second.want(t, append(append([]string{}, lines[20_000:]...), moreLines...)...)
		third.want(t, moreLines...)
	})
}

func TestFilesThatAppearLater(t *testing.T) {
	backends(t, func(t *testing.T, opt Options) {
		dir := filepath.Join(t.TempDir(), "made", "later")
		path := filepath.Join(dir, "app.log")
		w := running(t, opt)
		if _, err := w.Add(path, AddOptions{}, newCollector()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("adding a missing file says %v", err)
		}
		c, _ := add(t, w, path, AddOptions{Wait: true, Tail: true})
		do(t, os.MkdirAll(dir, 0o755))
		write(t, path, "one\n")
		c.want(t, "one")
		do(t, os.Rename(dir, dir+".away"))
		do(t, os.Mkdir(dir, 0o755))
		write(t, path, "two\n")
		c.want(t, "one", "two")
	})
}

func TestAFileThatComesBackIsNotReadAgain(t *testing.T) {
	backends(t, func(t *testing.T, opt Options) {
		dir := filepath.Join(t.TempDir(), "mount")
		path := filepath.Join(dir, "app.log")
		do(t, os.Mkdir(dir, 0o755))
		write(t, path, "one\n")
		w := running(t, opt)
		c, sub := add(t, w, path, AddOptions{})
		c.want(t, "one")
		do(t, os.Rename(dir, dir+".away"))
		testenv.Eventually(t, "the file to be let go", func() bool {
			sub.s.mu.Lock()
			defer sub.s.mu.Unlock()
			return len(sub.s.files) == 0
		})
		do(t, os.Rename(dir+".away", dir))
		write(t, path, "two\n")
		c.want(t, "one", "two")
	})
}

// blocking is a sink that holds its first batch until it is let go.
type blocking struct {
	*collector
	entered, release chan struct{}
}

func (b *blocking) Lines(ctx context.Context, batch Batch) error {
	select {
	case b.entered <- struct{}{}:
	default:
	}
	select {
	case <-b.release:
	case <-ctx.Done():
		return ctx.Err()
	}
	return b.collector.Lines(ctx, batch)
}

func TestASlowSinkHoldsUpNobody(t *testing.T) {
	backends(t, func(t *testing.T, opt Options) {
		path := filepath.Join(t.TempDir(), "app.log")
		write(t, path, "start\n")
		w := running(t, opt)
		slow := &blocking{newCollector(), make(chan struct{}, 1), make(chan struct{})}
		_, err := w.Add(path, AddOptions{}, slow)
		do(t, err)
		fast, _ := add(t, w, path, AddOptions{})
		<-slow.entered
		want := []string{"start"}
		for turn := range 3 { // far more than the window, over rotations
			text, lines := numbered(turn*100_000, (turn+1)*100_000)
			write(t, path, text)
			want = append(want, lines...)
			fast.want(t, want...)
			do(t, os.Rename(path, fmt.Sprintf("%s.%d", path, turn)))
		}
		close(slow.release)
		slow.want(t, want...)
	})
}

// failing is a sink that refuses everything.
type failing struct{ err error }

func (f failing) Lines(context.Context, Batch) error { return f.err }

func TestAnErrorEndsTheSubscriptionBeforeTheBatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	write(t, path, "one\n")
	w := running(t, Options{})
	cause := errors.New("no room")
	sub, err := w.Add(path, AddOptions{}, failing{cause})
	do(t, err)
	testenv.Eventually(t, "the error", func() bool { return errors.Is(sub.Err(), cause) })
	if off, _ := sub.Position(); off != 0 {
		t.Errorf("place is %d", off)
	}
	if lag := sub.Lag(); lag.Bytes != 4 || string(lag.Next) != "one\n" {
		t.Errorf("lag is %d, %q", lag.Bytes, lag.Next)
	}
	c, _ := add(t, w, path, AddOptions{})
	c.want(t, "one")
}

func TestBatchesSayWhenTheEndIsReached_2_6_2(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	text, lines := numbered(0, 40_000)
	write(t, path, text)
	w := running(t, Options{})
	c, _ := add(t, w, path, AddOptions{})
	c.want(t, lines...)
	all := c.all()
	for i, b := range all {
		if last := i == len(all)-1; b.AtEnd != last {
			t.Errorf("batch %d of %d: at end %v", i, len(all), b.AtEnd)
		}
	}
}
