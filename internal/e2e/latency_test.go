package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"f2b-go/internal/testenv"
)

// ruleWatch hears of every change of a namespace's rules, from the kernel.
type ruleWatch struct {
	socket int
	heard  []byte
}

// nftablesGroup is the multicast group of the kernel's rules (NFNLGRP_NFTABLES of
// linux/netfilter/nfnetlink.h).
const nftablesGroup = 7

// watchRules opens a socket in a namespace; it stays there wherever it is read.
func watchRules(t *testing.T, ns string) *ruleWatch {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	must(err)
	defer home.Close()
	there, err := os.Open("/run/netns/" + ns)
	must(err)
	defer there.Close()
	must(unix.Setns(int(there.Fd()), unix.CLONE_NEWNET))
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	must(unix.Setns(int(home.Fd()), unix.CLONE_NEWNET))
	must(err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	must(unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
	must(unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, nftablesGroup))
	must(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 20}))
	return &ruleWatch{socket: fd, heard: make([]byte, 1<<16)}
}

// until waits for a change that has the address in it.
func (w *ruleWatch) until(t *testing.T, address [4]byte) {
	t.Helper()
	for {
		n, _, err := unix.Recvfrom(w.socket, w.heard, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			t.Fatalf("no rule about %v: %v", address, err)
		}
		if bytes.Contains(w.heard[:n], address[:]) {
			return
		}
	}
}

// latencies bans addresses one after the other, at random times, and returns how
// long each took from the line's being written to its rule.
func latencies(t *testing.T, w *ruleWatch, log string, count int) []time.Duration {
	t.Helper()
	took := make([]time.Duration, 0, count)
	wait := time.NewTimer(0)
	for i := range count + 1 {
		<-wait.C
		address := [4]byte{198, 18, byte(i >> 8), byte(i)}
		line := fmt.Sprintf("%s mail sshd[%d]: Failed password for root from 198.18.%d.%d port 4711 ssh2\n",
			time.Now().Format(time.Stamp), 100+i, address[2], address[3])
		began := time.Now()
		appendFile(t, log, line)
		w.until(t, address)
		if i > 0 { // the first one also makes the chain
			took = append(took, time.Since(began))
		}
		wait.Reset(time.Duration(50+rand.IntN(250)) * time.Millisecond)
	}
	slices.Sort(took)
	return took
}

// TestLatencyToTheKernel takes the time from a log's line to the rule in the
// kernel with stock actions. With F2B_SOAK it takes enough bans for a table, and
// Debian's fail2ban beside it.
func TestLatencyToTheKernel(t *testing.T) {
	needRoot(t)
	if _, ok := testenv.Fail2ban(t); !ok {
		return
	}
	programs := [][]string{{ours("fail2ban-server")}}
	count := 5
	if os.Getenv("F2B_SOAK") != "" {
		programs, count = append(programs, debianServer), 100
	}
	for _, action := range []string{"iptables-multiport", "nftables-multiport"} {
		for _, backend := range []string{"pyinotify", "polling"} {
			for i, program := range programs {
				dir := t.TempDir()
				etcOfDebian(t, dir)
				log := filepath.Join(dir, "auth.log")
				writeFile(t, log, "")
				writeFile(t, filepath.Join(dir, "etc", "jail.d", "zz-test.local"), fmt.Sprintf(
					"[DEFAULT]\nbanaction = %s\nignoreself = false\n[sshd]\nenabled = true\nbackend = %s\nlogpath = %s\nmaxretry = 1\n",
					action, backend, log))
				ns := namespace(t)
				s := startServer(t, ns, dir, program, debianClient)
				took := latencies(t, watchRules(t, ns), log, count)
				s.stop()
				middle, worst := took[len(took)/2], took[len(took)*99/100]
				t.Logf("| %s | %s | %s | %.1f ms | %.1f ms |", []string{"f2b-go", "fail2ban"}[i], action, backend,
					middle.Seconds()*1000, worst.Seconds()*1000)
				if i == 0 && middle > time.Second {
					t.Errorf("%s, %s: half of the bans took longer than %v", action, backend, middle)
				}
			}
		}
	}
}
