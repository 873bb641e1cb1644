package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// The addresses are of the range for documentation (RFC 5737).
const (
	serverAddress   = "192.0.2.1"
	attackerAddress = "192.0.2.66"
	servicePort     = "22"
	knockLimit      = 500 * time.Millisecond
)

// network is the stage: a service here, and an attacker in a namespace of his own
// who knocks when told to.
type network struct {
	listener net.Listener
	attacker *exec.Cmd
	orders   io.WriteCloser
	answers  *bufio.Reader
}

// buildNetwork must run in a namespace of the demo's own.
func buildNetwork(ctx context.Context) (n *network, err error) {
	n = &network{attacker: self(ctx, true, "demo", attackerWord)}
	if n.orders, err = n.attacker.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := n.attacker.StdoutPipe()
	if err != nil {
		return nil, err
	}
	n.answers = bufio.NewReader(out)
	if err := n.attacker.Start(); err != nil {
		return nil, fmt.Errorf("starting the attacker: %w", err)
	}
	defer func() {
		if err != nil {
			n.close()
		}
	}()
	// The answer tells that the attacker's namespace is there.
	if _, err := n.order("ready"); err != nil {
		return nil, err
	}
	for _, words := range []string{
		"link set lo up",
		"link add f2b0 type veth peer name f2b1 netns " + strconv.Itoa(n.attacker.Process.Pid),
		"addr add " + serverAddress + "/24 dev f2b0",
		"link set f2b0 up",
	} {
		if err := ip(ctx, words); err != nil {
			return nil, err
		}
	}
	if _, err := n.order("arrive"); err != nil {
		return nil, err
	}
	if n.listener, err = net.Listen("tcp", net.JoinHostPort(serverAddress, servicePort)); err != nil {
		return nil, fmt.Errorf("opening the service: %w", err)
	}
	go serve(n.listener)
	return n, nil
}

// serve ends when the listener is closed.
func serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		fmt.Fprint(c, "SSH-2.0-demo\r\n")
		c.Close()
	}
}

// knock lets the attacker try to connect; through is whether he got an answer.
func (n *network) knock() (through bool, err error) {
	answer, err := n.order("knock")
	return answer == "through", err
}

func (n *network) order(word string) (string, error) {
	if _, err := fmt.Fprintln(n.orders, word); err != nil {
		return "", fmt.Errorf("telling the attacker to %s: %w", word, err)
	}
	line, err := n.answers.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("waiting for the attacker to %s: %w", word, err)
	}
	answer := strings.TrimSpace(line)
	if why, bad := strings.CutPrefix(answer, "error: "); bad {
		return "", fmt.Errorf("the attacker's %s: %w", word, errors.New(why))
	}
	return answer, nil
}

func (n *network) close() {
	if n.listener != nil {
		_ = n.listener.Close()
	}
	_ = n.orders.Close()
	_ = n.attacker.Wait()
}

// attack is the attacker's side: it obeys one word a line until its input ends.
func attack(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	for in := bufio.NewScanner(stdin); in.Scan(); {
		answer := "ready"
		switch in.Text() {
		case "arrive":
			for _, words := range []string{"addr add " + attackerAddress + "/24 dev f2b1", "link set f2b1 up"} {
				if err := ip(ctx, words); err != nil {
					answer = "error: " + err.Error()
				}
			}
		case "knock":
			answer = "stopped"
			if knockOnce(ctx) {
				answer = "through"
			}
		}
		if _, err := fmt.Fprintln(stdout, answer); err != nil {
			return err
		}
	}
	return nil
}

func knockOnce(ctx context.Context) bool {
	dialer := net.Dialer{Timeout: knockLimit}
	c, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(serverAddress, servicePort))
	if err != nil {
		return false
	}
	defer c.Close()
	if err := c.SetReadDeadline(time.Now().Add(knockLimit)); err != nil {
		return false
	}
	banner, err := bufio.NewReader(c).ReadString('\n')
	return err == nil && strings.HasPrefix(banner, "SSH-")
}

func ip(ctx context.Context, words string) error {
	out, err := exec.CommandContext(ctx, "ip", strings.Fields(words)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", words, err, strings.TrimSpace(string(out)))
	}
	return nil
}
