package action

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"f2b-go/internal/logfmt"
	"f2b-go/internal/pytext"
)

const (
	// maxAnswer is the longest line in bytes that is read from a Python action.
	maxAnswer = 1 << 20
	// maxRequest is the longest line in bytes that is sent to one.
	maxRequest = 16 << 20
	// maxPrinted is how much of a printed line reaches the log, in bytes.
	maxPrinted = 1 << 10
	// endGrace is how long an action that was stopped gets to end: longer than
	// its host waits for a thread that is busy.
	endGrace = 3 * time.Second
)

//go:embed python_host.py
var pythonHost string

// bootstrap reads the host's program from the pipe of requests. Python's path has
// an empty entry for the working directory, from which no module shall come.
const bootstrap = `import sys; sys.path[:] = filter(None, sys.path); inward = open(3, "rb"); exec(inward.read(int(sys.argv[1])))`

// pythons are the names of the interpreter, the first that there is counts.
var pythons = []string{"/usr/bin/python3", "python3"}

// interpreter is Python's command line.
func interpreter(env *Env) ([]string, error) {
	if len(env.Python) > 0 {
		return env.Python, nil
	}
	return findPython(pythons)
}

func findPython(names []string) ([]string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return []string{path}, nil
		}
	}
	return nil, errNoPython
}

var errNoPython = raise("RuntimeError", "there is no python3 to run a Python action with")

// child is a process that runs one Python action. It ends when its pipe of
// requests is closed, be it by our own end.
type child struct {
	name  string
	cmd   *exec.Cmd
	in    *os.File
	log   *slog.Logger
	head  string        // of lines about the action
	heard chan answer   // closed when the process says no more
	ended chan struct{} // closed when the process is gone

	writing sync.Mutex

	mu     sync.Mutex // guards the call under way
	number int
	info   *info // of its ticket, nil for none
}

// startChild starts a process that waits for its action.
func startChild(env *Env, name string) (*child, error) {
	argv, err := interpreter(env)
	if err != nil {
		return nil, err
	}
	argv = append(argv[:len(argv):len(argv)], "-c", bootstrap, strconv.Itoa(len(pythonHost)), "f2b-go", env.Jail.Name(), name)
	var ours, theirs [4]*os.File // requests, answers, output, errors
	defer func() {
		for _, f := range append(ours[:], theirs[:]...) {
			_ = f.Close() // nil, or of no use any more
		}
	}()
	for i := range ours {
		if ours[i], theirs[i], err = os.Pipe(); err != nil {
			return nil, fmt.Errorf("making a pipe for the Python action %s: %w", name, err)
		}
	}
	ours[0], theirs[0] = theirs[0], ours[0] // we write requests and read the others
	cmd := &exec.Cmd{
		Path: argv[0], Args: argv, Stdout: theirs[2], Stderr: theirs[3], ExtraFiles: theirs[:2],
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s for the action %s: %w", argv[0], name, err)
	}
	c := &child{
		name: name, cmd: cmd, in: ours[0], log: env.Log.With("logger", "fail2ban.actions"),
		head: "[" + env.Jail.Name() + "] action " + pytext.Repr(name) + ": ", heard: make(chan answer, 1), ended: make(chan struct{}),
	}
	c.attend(ours[1], ours[2], ours[3])
	ours = [4]*os.File{}
	if err := c.write([]byte(pythonHost)); err != nil {
		return nil, c.lost(err)
	}
	return c, nil
}

// attend reads what the process says and prints, and waits for its end.
func (c *child) attend(answers, output, errs *os.File) {
	go c.listen(answers)
	go relay(output, func(text string) { c.log.Debug(c.head + text) })
	go relay(errs, func(text string) { c.log.Warn(c.head + text) })
	go func() {
		_ = c.cmd.Wait() // the exit state says more than Wait's error does
		close(c.ended)
	}()
}

// relay hands on what an action prints, line by line.
func relay(from *os.File, say func(string)) {
	defer func() { _ = from.Close() }()
	lines := bufio.NewReaderSize(from, maxPrinted)
	for {
		line, cut, err := lines.ReadLine()
		if len(line) > 0 {
			say(string(line))
		}
		for cut && err == nil {
			_, cut, err = lines.ReadLine()
		}
		if err != nil {
			return
		}
	}
}

// runs tells whether there is a process; nil has none.
func (c *child) runs() bool {
	if c == nil {
		return false
	}
	select {
	case <-c.ended:
		return false
	default:
		return true
	}
}

// ask has the process do an operation and waits for its answer until ctx ends;
// then, and when the answer is none, the process is killed.
func (c *child) ask(ctx context.Context, banTime any, in *info, op []any) (answer, error) {
	c.mu.Lock()
	c.number++
	number := c.number
	c.info = in
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.info = nil
		c.mu.Unlock()
	}()
	stop := context.AfterFunc(ctx, c.kill)
	defer stop()
	line := strconv.Itoa(number) + " " + pytext.Repr(append([]any{banTime}, op...)) + "\n"
	if len(line) > maxRequest {
		return answer{}, fmt.Errorf("a call of the Python action %s with more than %d bytes", c.name, maxRequest)
	}
	err := c.write([]byte(line))
	for err == nil {
		got, open := <-c.heard
		switch {
		case !open:
			err = io.ErrUnexpectedEOF
		case got.N != number: // of nobody's request
		case got.Error != nil:
			c.use(in, got.Error.Used)
			return got, got.Error.raised()
		default:
			got.value, err = unpack(got.Value)
			return got, err
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		c.kill()
		return answer{}, cause
	}
	return answer{}, c.lost(err)
}

// use notes which of a ticket's values a failed step has used.
func (c *child) use(in *info, names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range names {
		in.value(name)
	}
}

// lost says how the process was lost; it ends if it has not yet.
func (c *child) lost(err error) error {
	why := err.Error()
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.EPIPE) {
		c.end()
		why = "it has ended, " + c.cmd.ProcessState.String()
	}
	c.kill()
	return raise("RuntimeError", "the Python process of action "+c.name+": "+why)
}

// write sends bytes to the process.
func (c *child) write(data []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	_, err := c.in.Write(data)
	return err
}

// listen reads what the process says until its end; what is no message ends it.
func (c *child) listen(from *os.File) {
	defer func() { _ = from.Close() }()
	defer close(c.heard)
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxAnswer)
	var err error
	for err == nil && lines.Scan() {
		var m message
		if err = json.Unmarshal(lines.Bytes(), &m); err == nil {
			c.take(&m)
		}
	}
	if err = errors.Join(err, lines.Err()); err != nil {
		c.log.Error(c.head + "its Python process says what is no message: " + err.Error())
		c.signal()
	}
	c.hangUp()
}

// take does what a message asks for.
func (c *child) take(m *message) {
	switch {
	case m.Log != nil:
		c.log.With("logger", m.Log.Name).Log(context.Background(), logfmt.FromNumber(m.Log.Level), m.Log.Text)
	case m.Ask != nil:
		c.tell(m.Ask.N, m.Ask.Key)
	default:
		select {
		case c.heard <- m.answer:
		default: // nobody has asked
		}
	}
}

// tell sends a value of the ticket that the call under way is about.
func (c *child) tell(number int, name string) {
	reply := []any{false, nil}
	c.mu.Lock()
	if c.number == number && c.info != nil {
		value, known := c.info.value(name)
		reply = []any{known, value}
	}
	c.mu.Unlock()
	_ = c.write([]byte("value " + pytext.Repr(reply) + "\n")) // it fails where the process has ended
}

// hangUp lets the process end by itself.
func (c *child) hangUp() { _ = c.in.Close() }

// end hangs up and waits; a process that stays is killed. nil has none.
func (c *child) end() {
	if c == nil {
		return
	}
	c.hangUp()
	late := time.AfterFunc(endGrace, c.signal)
	defer late.Stop()
	<-c.ended
}

// kill ends the process and all of its group, and waits for it.
func (c *child) kill() {
	c.signal()
	c.hangUp()
	<-c.ended
}

// signal kills the group unless the process is gone, and its number with it.
func (c *child) signal() {
	if c.runs() {
		_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
	}
}
