package firewallcmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"f2b-go/firewall"
)

// guardVerb is the word by which a load calls its guard: this program in a
// session of its own, which no end of the caller's terminal, connection or
// process ends. It puts the former rules back when its parent dies before the
// load is done, or nobody confirms in time.
//
// The parent tells it "done" or "wait SECONDS" through a pipe, whose end means
// that the parent is dead; others tell it "confirm" or "cancel" through a socket.
const guardVerb = "guard"

const (
	// guardStart is how long a guard may take to be ready, guardAnswer to answer.
	guardStart, guardAnswer = 10 * time.Second, 10 * time.Second
	// guardPipe is the number of the pipe's file.
	guardPipe = 3
	// brokeOff is why the former rules return after the parent's death.
	brokeOff = "the load broke off"
	// retry is how often a guard tries to put the former rules back.
	retry = 100 * time.Millisecond
)

func socketPath(d firewall.Dirs) string { return filepath.Join(d.Run, "guard.sock") }

// guarded tells whether a guard waits for a confirmation.
func (p *program) guarded() bool {
	conn, err := net.Dial("unix", socketPath(p.dirs))
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// ask gives the guard a word; answered is false where there is no guard, or it
// ends just now.
func ask(d firewall.Dirs, word string) (answered bool, err error) {
	conn, err := net.Dial("unix", socketPath(d))
	if err != nil {
		return false, nil
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(guardAnswer)); err != nil {
		return false, err
	}
	_, err = fmt.Fprintln(conn, word)
	answer := ""
	if err == nil {
		answer, err = bufio.NewReader(io.LimitReader(conn, 4096)).ReadString('\n')
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("waiting for the guard's answer to %s: %w", word, err)
	}
	if answer = strings.TrimSpace(answer); answer != "ok" {
		return true, errors.New(answer)
	}
	return true, nil
}

// guardian is the parent's end of a guard.
type guardian struct {
	dirs   firewall.Dirs
	pipe   *os.File
	former firewall.Former
}

// startGuard remembers what is in the kernel and starts a guard over it. Where a
// load still waits for confirmation its former rules are those to go back to.
func (l *loading) startGuard(ctx context.Context) (*guardian, error) {
	former, ok, err := l.dirs.ReadFormer()
	if err != nil {
		return nil, err
	}
	took, err := ask(l.dirs, "cancel")
	if err != nil {
		return nil, err
	}
	if !ok || !took {
		if former.Rules, err = l.k.Snapshot(ctx); err != nil {
			return nil, err
		}
		former.State = nil
		if l.loaded {
			former.State = &l.state
		}
	}
	former.Backend, former.IPv6 = l.k.Backend, l.k.HasIPv6()
	if err := l.dirs.WriteFormer(former); err != nil {
		return nil, err
	}
	g := &guardian{dirs: l.dirs, former: former}
	return g, g.spawn()
}

// spawn starts the guard and waits until it is ready.
func (g *guardian) spawn() error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("starting the guard: %w", err)
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("starting the guard: %w", err)
	}
	defer theirs.Close()
	cmd := exec.Command(self, "firewall", guardVerb, g.dirs.Run+string(filepath.ListSeparator)+g.dirs.State)
	cmd.Dir, cmd.ExtraFiles = "/", []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("starting the guard: %w", err), ours.Close())
	}
	ready := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(io.LimitReader(out, 4096)).ReadString('\n')
		ready <- strings.TrimSpace(line)
	}()
	select {
	case line := <-ready:
		if line == "ready" {
			g.pipe = ours
			return cmd.Process.Release()
		}
		err = fmt.Errorf("starting the guard: it said %q", line)
	case <-time.After(guardStart):
		err = errors.New("starting the guard: it is not ready in time")
	}
	return errors.Join(err, cmd.Process.Kill(), ours.Close())
}

// dismiss ends the guard: the load is done.
func (g *guardian) dismiss() error {
	_, err := fmt.Fprintln(g.pipe, "done")
	return errors.Join(err, g.pipe.Close())
}

// wait has the guard wait for a confirmation.
func (g *guardian) wait(d time.Duration) error {
	_, err := fmt.Fprintf(g.pipe, "wait %d\n", int(d.Seconds()))
	return errors.Join(err, g.pipe.Close())
}

// goBack puts the former rules back, and says how that went. If it fails, the
// guard goes on trying.
func (g *guardian) goBack(ctx context.Context, k *firewall.Kernel, why string) string {
	if err := g.dirs.GoBack(ctx, k, g.former, firewall.Rollback{Time: time.Now(), Why: why}); err != nil {
		return errors.Join(fmt.Errorf("the former rules could not be put back, the guard tries again: %w", err), g.pipe.Close()).Error()
	}
	if err := g.dismiss(); err != nil {
		return "the former rules are back; " + err.Error()
	}
	return "the former rules are back"
}

// watch is what a guard knows.
type watch struct {
	dirs   firewall.Dirs
	former firewall.Former
	k      *firewall.Kernel
	asked  chan question
	told   chan string
}

// question is a word from the socket; the answer closes it.
type question struct {
	word string
	conn net.Conn
}

func (q question) answer(text string) {
	fmt.Fprintln(q.conn, strings.ReplaceAll(text, "\n", "; "))
	_ = q.conn.Close()
}

// guard is the guard's own main function.
func (p *program) guard(ctx context.Context) int {
	run, state, _ := strings.Cut(p.opt.config, string(filepath.ListSeparator))
	w := &watch{dirs: firewall.Dirs{Run: run, State: state}, asked: make(chan question), told: make(chan string)}
	pipe := os.NewFile(guardPipe, "pipe")
	if pipe == nil {
		return exitBadUse
	}
	unix.CloseOnExec(guardPipe)
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGPIPE)
	var err error
	if w.former, _, err = w.dirs.ReadFormer(); err == nil {
		w.k, err = firewall.Open(firewall.Programs{}, w.former.Backend, w.former.IPv6)
	}
	var socket net.Listener
	if err == nil {
		socket, err = w.listen()
	}
	if err != nil {
		fmt.Fprintln(p.out, err)
		return exitFaults
	}
	defer func() { _ = socket.Close() }()
	fmt.Fprintln(p.out, "ready")
	go w.accept(socket)
	go w.read(pipe)
	w.run(ctx)
	return exitDone
}

func (w *watch) listen() (net.Listener, error) {
	if err := os.Remove(socketPath(w.dirs)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return net.Listen("unix", socketPath(w.dirs))
}

// accept hands on what others ask; it ends with the socket.
func (w *watch) accept(socket net.Listener) {
	for {
		conn, err := socket.Accept()
		if err != nil {
			return
		}
		_ = conn.SetDeadline(time.Now().Add(guardAnswer))
		line, err := bufio.NewReader(io.LimitReader(conn, 64)).ReadString('\n')
		if err != nil {
			_ = conn.Close()
			continue
		}
		w.asked <- question{strings.TrimSpace(line), conn}
	}
}

// read hands on what the parent tells; "" is its death.
func (w *watch) read(pipe *os.File) {
	in := bufio.NewReader(pipe)
	line, _ := in.ReadString('\n')
	w.told <- strings.TrimSpace(line)
}

// run waits for what comes first, and goes back if it must.
func (w *watch) run(ctx context.Context) {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	var late <-chan time.Time
	why := ""
	asked := (<-chan question)(nil) // nobody is heard before the load is done
	for {
		select {
		case line := <-w.told:
			seconds := 0
			if line == "done" {
				return
			}
			if _, err := fmt.Sscanf(line, "wait %d", &seconds); err == nil {
				late, why = time.After(time.Duration(seconds)*time.Second), "nobody confirmed in time"
				asked = w.asked
				continue
			}
			// What the dead parent has begun may take a moment to end.
			late, why = time.After(retry/2), brokeOff
			asked = w.asked
		case <-stop:
			late, why = time.After(0), "the guard was told to end"
		case <-late:
			if w.back(ctx, why) {
				return
			}
			late = time.After(retry)
		case q := <-asked:
			if w.decide(q, why) {
				return
			}
		}
	}
}

// back puts the former rules back, unless another call is at work now.
func (w *watch) back(ctx context.Context, why string) bool {
	unlock, err := tryLock(w.dirs)
	if err != nil {
		return false
	}
	defer unlock()
	return w.dirs.GoBack(ctx, w.k, w.former, firewall.Rollback{Time: time.Now(), Why: why}) == nil
}

// decide answers a question; it reports whether the guard is done.
func (w *watch) decide(q question, why string) bool {
	switch q.word {
	case "cancel":
		q.answer("ok")
		return true
	case "confirm":
		if why == brokeOff {
			q.answer("the load broke off, and the former rules return")
			return false
		}
		err := w.dirs.Confirm()
		if err != nil {
			q.answer(err.Error())
			return false
		}
		q.answer("ok")
		return true
	}
	q.answer("not understood")
	return false
}
