package control_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"f2b-go/control"
	"f2b-go/control/pickle"
	"f2b-go/internal/pytext"
)

// FuzzServe sends any bytes, in pieces of any size, to the socket of a server:
// each end marker gets one answer that can be read, until the goodbye.
func FuzzServe(f *testing.F) {
	for _, seed := range []string{"(U\x04ping" + "e.", "", "]q\x00U\x04pinga.", "\x80\x05\x95\x09\x00\x00\x00\x00\x00\x00\x00]\x94\x8c\x04ping\x94a.", "cos\nsystem\n(S'id'\ntR."} {
		f.Add([]byte(seed+pickle.Marker), byte(3))
		f.Add([]byte(seed+pickle.Marker+seed+pickle.Marker+"<F2B_CLOSE_COMMAND>"+pickle.Marker+seed), byte(200))
	}
	path := filepath.Join(f.TempDir(), "f2b.sock")
	ln, err := control.Listen(path, false, slog.New(slog.DiscardHandler))
	if err != nil {
		f.Fatal(err)
	}
	table := control.NewTable(newSpare(f), slog.New(slog.DiscardHandler), time.Now)
	handle := func(ctx context.Context, request any) any {
		if bytes.Contains([]byte(pytext.Repr(request)), []byte("sleep")) || bytes.Contains([]byte(pytext.Repr(request)), []byte("stop")) {
			return pytext.Tuple{0, nil}
		}
		return table.Handle(ctx, request)
	}
	s := control.NewServer(handle, slog.New(slog.DiscardHandler), control.Limits{})
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), ln) }()
	f.Cleanup(func() {
		_ = ln.Close()
		if err := <-served; err != nil {
			f.Error(err)
		}
		s.Shutdown(context.Background())
	})
	f.Fuzz(func(t *testing.T, data []byte, piece byte) {
		conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		go func() {
			rest := data
			for len(rest) > 0 {
				n := min(len(rest), int(piece)+1)
				if _, err := conn.Write(rest[:n]); err != nil {
					return
				}
				rest = rest[n:]
			}
			_ = conn.CloseWrite()
		}()
		got, err := io.ReadAll(conn)
		if err != nil {
			t.Fatalf("%q: %v after %q", data, err, got)
		}
		want := 0
		for rest := data; ; want++ {
			before, after, found := bytes.Cut(rest, []byte(pickle.Marker))
			if !found || string(before) == "<F2B_CLOSE_COMMAND>" {
				break
			}
			rest = after
		}
		answers := bytes.Split(got, []byte(pickle.Marker))
		if len(answers) != want+1 || len(answers[want]) > 0 {
			t.Fatalf("%q: %d answers, not %d: %q", data, len(answers)-1, want, got)
		}
		for _, answer := range answers[:want] {
			if _, err := pickle.DecodeReply(answer); err != nil {
				t.Errorf("%q: the answer %q: %v", data, answer, err)
			}
		}
	})
}
