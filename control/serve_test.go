package control_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"f2b-go/control"
	"f2b-go/control/pickle"
	"f2b-go/internal/pytext"
)

// serve runs a socket server whose handler echoes the request's repr, and gives
// its path. Requests "wait" block until release is closed.
func serve(t *testing.T, limits control.Limits) (path string, release chan struct{}) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "run", "f2b.sock")
	ln, err := control.Listen(path, false, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	release = make(chan struct{})
	handle := func(ctx context.Context, request any) any {
		list, _ := request.([]any)
		switch {
		case len(list) == 1 && list[0] == "wait":
			select {
			case <-release:
			case <-ctx.Done():
			}
		case len(list) == 1 && list[0] == "panic":
			panic("boom")
		}
		return pytext.Tuple{0, pytext.Repr(request)}
	}
	s := control.NewServer(handle, slog.New(slog.DiscardHandler), limits)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		_ = ln.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		s.Shutdown(ctx)
	})
	return path, release
}

func dial(t *testing.T, path string) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// readReply reads one message in a single read, as careless clients do, and
// fails when it did not come in one piece.
func readReply(t *testing.T, conn net.Conn) any {
	t.Helper()
	buf := make([]byte, 1<<20)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	data, whole := bytes.CutSuffix(buf[:n], []byte(pickle.Marker))
	if !whole {
		t.Fatalf("an answer in pieces: %q", buf[:n])
	}
	v, err := pickle.DecodeReply(data)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func request(t *testing.T, words ...any) []byte {
	t.Helper()
	data, err := pickle.Encode(words)
	if err != nil {
		t.Fatal(err)
	}
	return append(data, pickle.Marker...)
}

// TestServe_5_4 talks over raw connections.
func TestServe_5_4(t *testing.T) {
	path, _ := serve(t, control.Limits{})
	for _, c := range []struct {
		name string
		talk func(*testing.T, string)
	}{
		{"bytes one by one", talkByteByByte},
		{"two requests in one write, many on one connection", talkPipelined},
		{"5.4.5 goodbye is not answered", talkGoodbye},
		{"5.4.6 garbage gives a text and the connection lives", talkGarbage},
		{"a fault in a command ends nothing", talkFault},
		{"5.4.9 connect and close", talkNothing},
		{"5.4.4 the marker inside a word", talkMarker},
		{"an endless request", talkEndless},
	} {
		t.Run(c.name, func(t *testing.T) { c.talk(t, path) })
	}
}

func talkByteByByte(t *testing.T, path string) {
	conn := dial(t, path)
	for _, b := range request(t, "ping", "100") {
		if _, err := conn.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	if got := pytext.Repr(readReply(t, conn)); got != `(0, "['ping', '100']")` {
		t.Error(got)
	}
}

func talkPipelined(t *testing.T, path string) {
	conn := dial(t, path)
	if _, err := conn.Write(append(request(t, "a"), request(t, "b")...)); err != nil {
		t.Fatal(err)
	}
	all := readAnswers(t, conn, 2)
	if want := `(0, "['a']") (0, "['b']")`; all != want {
		t.Errorf("got %s, want %s", all, want)
	}
	if _, err := conn.Write(request(t, "c")); err != nil {
		t.Fatal(err)
	}
	if got := pytext.Repr(readReply(t, conn)); got != `(0, "['c']")` {
		t.Error(got)
	}
}

func talkGoodbye(t *testing.T, path string) {
	conn := dial(t, path)
	if _, err := conn.Write([]byte("<F2B_CLOSE_COMMAND>" + pickle.Marker)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 10)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("read %d, %v", n, err)
	}
}

func talkGarbage(t *testing.T, path string) {
	conn := dial(t, path)
	for _, bad := range []string{"garbage", "", "cos\nsystem\n(S'id'\ntR."} {
		if _, err := conn.Write([]byte(bad + pickle.Marker)); err != nil {
			t.Fatal(err)
		}
		if s, ok := readReply(t, conn).(string); !ok || !strings.HasPrefix(s, "ERROR: ") {
			t.Errorf("%q answered by %q", bad, s)
		}
	}
	if _, err := conn.Write(request(t, "x")); err != nil {
		t.Fatal(err)
	}
	readReply(t, conn)
}

func talkFault(t *testing.T, path string) {
	conn := dial(t, path)
	if _, err := conn.Write(request(t, "panic")); err != nil {
		t.Fatal(err)
	}
	if got := readReply(t, conn); got != "ERROR: boom" {
		t.Error(got)
	}
}

func talkNothing(t *testing.T, path string) {
	for range 20 {
		if err := dial(t, path).Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func talkMarker(t *testing.T, path string) {
	conn := dial(t, path)
	if _, err := conn.Write(request(t, "x"+pickle.Marker+"y")); err != nil {
		t.Fatal(err)
	}
	if got := pytext.Repr(readReply(t, conn)); got != `(0, "['x<F2B_END_COMMAND>y']")` {
		t.Error(got)
	}
}

func talkEndless(t *testing.T, path string) {
	conn := dial(t, path)
	chunk := bytes.Repeat([]byte("N"), 1<<20)
	for range pickle.MaxSize>>20 + 1 {
		if _, err := conn.Write(chunk); err != nil {
			return
		}
	}
	if s, ok := readReply(t, conn).(string); !ok || !strings.HasPrefix(s, "ERROR: pickle: over the limit") {
		t.Errorf("answered by %v", s)
	}
}

// readAnswers reads n answers, however they are cut.
func readAnswers(t *testing.T, conn net.Conn, n int) string {
	t.Helper()
	var got []byte
	buf := make([]byte, 4096)
	for bytes.Count(got, []byte(pickle.Marker)) < n {
		k, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, buf[:k]...)
	}
	var list []string
	for _, part := range bytes.Split(got, []byte(pickle.Marker))[:n] {
		v, err := pickle.DecodeReply(part)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, pytext.Repr(v))
	}
	return strings.Join(list, " ")
}

// TestServe_1000_clients: half of them stop in the middle of a request, the
// others are answered meanwhile.
func TestServe_1000_clients(t *testing.T) {
	path, release := serve(t, control.Limits{Partial: 10 * time.Second})
	defer close(release)
	const each = 500
	for range each {
		conn := dial(t, path)
		if _, err := conn.Write([]byte("(U\x04pi")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := dial(t, path).Write(request(t, "wait")); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	var all sync.WaitGroup
	slowest := make([]time.Duration, each)
	for i := range each {
		all.Go(func() {
			from := time.Now()
			c, err := control.Dial(path, 20*time.Second)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			if _, err := c.Send([]any{"ping", i}); err != nil {
				t.Error(err)
			}
			slowest[i] = time.Since(from)
		})
	}
	all.Wait()
	worst := time.Duration(0)
	for _, d := range slowest {
		worst = max(worst, d)
	}
	took := time.Since(begin)
	t.Logf("%d clients answered in %v, the slowest in %v, beside %d that hang", each, took, worst, each)
	if took > time.Second && !raceDetector {
		t.Errorf("the answers took %v", took)
	}
}

// TestServe_limits: a client that stops inside a request is let go, and so is
// one too many.
func TestServe_limits(t *testing.T) {
	path, _ := serve(t, control.Limits{Clients: 2, Partial: 20 * time.Millisecond})
	stuck := dial(t, path)
	if _, err := stuck.Write([]byte("(U")); err != nil {
		t.Fatal(err)
	}
	if n, err := stuck.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("a stuck client read %d, %v", n, err)
	}
	one, two := dial(t, path), dial(t, path)
	for _, conn := range []net.Conn{one, two} {
		if _, err := conn.Write(request(t, "x")); err != nil {
			t.Fatal(err)
		}
		readReply(t, conn)
	}
	if n, err := dial(t, path).Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("a third client read %d, %v", n, err)
	}
}

// TestShutdown lets a command under way finish and answer.
func TestShutdown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f2b.sock")
	ln, err := control.Listen(path, false, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	started, release := make(chan bool), make(chan bool)
	s := control.NewServer(func(context.Context, any) any {
		started <- true
		<-release
		return pytext.Tuple{0, nil}
	}, slog.New(slog.DiscardHandler), control.Limits{})
	served := make(chan error)
	go func() { served <- s.Serve(context.Background(), ln) }()
	idle, busy := dial(t, path), dial(t, path)
	if _, err := busy.Write(request(t, "stop")); err != nil {
		t.Fatal(err)
	}
	<-started
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	down := make(chan bool)
	go func() { s.Shutdown(context.Background()); close(down) }()
	if n, err := idle.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("an idle client read %d, %v", n, err)
	}
	close(release)
	if got := pytext.Repr(readReply(t, busy)); got != "(0, None)" {
		t.Error(got)
	}
	<-down
}

// TestListen_5_6_4: a socket in the way, in use or left behind.
func TestListen_5_6_4(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	dir := t.TempDir()
	path := filepath.Join(dir, "sub", "f2b.sock")
	ln, err := control.Listen(path, false, log)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket's mode: %v, %v", info.Mode(), err)
	}
	for _, force := range []bool{false, true} {
		if _, err := control.Listen(path, force, log); !errors.Is(err, control.ErrRunning) {
			t.Errorf("beside a live server, force %v: %v", force, err)
		}
	}
	ln.SetUnlinkOnClose(false)
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := control.Listen(path, false, log); !errors.Is(err, control.ErrRunning) {
		t.Errorf("a stale socket without force: %v", err)
	}
	out.Reset()
	ln, err = control.Listen(path, true, log)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Fail2ban seems to be already running", "Forcing execution of the server"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in the log:\n%s", want, &out)
		}
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := control.Listen(file, true, log); !errors.Is(err, control.ErrSocket) {
		t.Errorf("a file in the way: %v", err)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "mine" {
		t.Errorf("the file is gone: %v", err)
	}
	if _, err := control.Listen(filepath.Join(dir, "a", "b", "c"), false, log); !errors.Is(err, control.ErrSocket) {
		t.Errorf("two folders missing: %v", err)
	}
}

// TestSocketError_5_2 gives the client's words for what may be wrong.
func TestSocketError_5_2(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "none")
	_, err := control.Dial(missing, time.Second)
	if got, want := control.SocketError(missing, err, false), "Failed to access socket path: "+missing+". Is fail2ban running?"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	ln, err := net.Listen("unix", filepath.Join(dir, "stale"))
	if err != nil {
		t.Fatal(err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = control.Dial(filepath.Join(dir, "stale"), time.Second)
	for ping, want := range map[bool]string{
		false: "[[Errno 111] Connection refused] Unable to contact server. Is it running?",
		true:  "[Errno 111] Connection refused",
	} {
		if got := control.SocketError(filepath.Join(dir, "stale"), err, ping); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := control.PythonError(fmt.Errorf("x: %w", os.ErrDeadlineExceeded)); got != "timed out" {
		t.Error(got)
	}
}
