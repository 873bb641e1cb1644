package e2e

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"f2b-go/internal/netnstest"
	"f2b-go/internal/testenv"
)

// stream is UDP traffic of some senders to the server, counted on arrival.
type stream struct {
	mu   sync.Mutex
	seen map[netip.Addr]int
	sent atomic.Int64
}

// arrived is how many packets of a sender came through.
func (s *stream) arrived(sender string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[netip.MustParseAddr(sender)]
}

// newStream has each sender send a packet a millisecond until the test ends.
func newStream(t *testing.T, n *netnstest.Net, senders ...string) *stream {
	t.Helper()
	const port = 5060
	s := &stream{seen: map[netip.Addr]int{}}
	var in *net.UDPConn
	var out []*net.UDPConn
	err := n.Do(func() (err error) {
		in, err = net.ListenUDP("udp", &net.UDPAddr{Port: port})
		return err
	})
	for _, sender := range senders {
		if err != nil {
			break
		}
		err = n.Client(func() error {
			c, err := net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(sender)}, &net.UDPAddr{IP: net.ParseIP(netnstest.Server4), Port: port})
			out = append(out, c)
			return err
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	stop := make(chan struct{})
	all.Go(func() {
		buf := make([]byte, 100)
		for {
			_, from, err := in.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			s.mu.Lock()
			s.seen[from.Addr().Unmap()]++
			s.mu.Unlock()
		}
	})
	all.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				for _, c := range out {
					// A rejected packet comes back as an error of the next one.
					_, _ = c.Write([]byte("x"))
				}
				s.sent.Add(1)
			}
		}
	})
	t.Cleanup(func() {
		close(stop)
		_ = in.Close()
		all.Wait()
		for _, c := range out {
			_ = c.Close()
		}
	})
	return s
}

// reloadJails is a configuration with one jail, and what a step adds to it.
func reloadJails(banaction, more string) string {
	return fmt.Sprintf("[DEFAULT]\nbanaction = %[1]s\nbanaction_allports = %[1]s\nbackend = polling\nignoreself = false\n"+
		"[sshd]\nenabled = true\nbackend = polling\nlogpath = LOG\nbantime = 1h\nmaxretry = 5\naction = %[1]s[name=sshd, port=5060, protocol=udp]\n%[2]s", banaction, more)
}

// TestReloadWithoutHole: while configurations are read anew, good and bad ones,
// no packet of a banned sender comes through, and none of another is held up.
func TestReloadWithoutHole(t *testing.T) {
	needRoot(t)
	for _, actions := range [][2]string{{"nftables-multiport", "iptables-multiport"}, {"iptables-ipset-proto6", "nftables-multiport"}} {
		t.Run(actions[0], func(t *testing.T) {
			t.Parallel()
			n := netnstest.New(t)
			dir := t.TempDir()
			etcOfDebian(t, dir)
			log := filepath.Join(dir, "auth.log")
			writeFile(t, log, "")
			configure := func(text string) {
				writeFile(t, filepath.Join(dir, "etc", "jail.d", "zz-test.local"), strings.ReplaceAll(text, "LOG", log))
			}
			configure(reloadJails(actions[0], ""))
			ours := []string{ours("fail2ban-client")}
			s := startServer(t, n.Name(), dir, []string{strings.Replace(ours[0], "client", "server", 1)}, ours)
			const banned, free = "192.0.2.1", netnstest.Control4
			packets := newStream(t, n, banned, free)
			testenv.Eventually(t, "packets come through", func() bool { return packets.arrived(banned) > 10 && packets.arrived(free) > 10 })
			appendFile(t, log, failedLogins(banned, 5)+failedLogins("192.0.2.2", 4))
			testenv.Eventually(t, "the ban holds", func() bool {
				before := packets.arrived(banned)
				sent := packets.sent.Load()
				testenv.Eventually(t, "twenty more packets", func() bool { return packets.sent.Load() > sent+20 })
				return packets.arrived(banned) == before
			})
			through, sent, came := packets.arrived(banned), packets.sent.Load(), packets.arrived(free)
			for _, step := range []struct {
				name, text string
				words      []string
				code       int
			}{
				{"nothing changed", reloadJails(actions[0], ""), []string{"reload"}, 0},
				{"the jail alone", reloadJails(actions[0], "findtime = 20m\n"), []string{"reload", "sshd"}, 0},
				{"a bad regex", reloadJails(actions[0], "failregex = ^(x <HOST>\n"), []string{"reload"}, 255},
				{"a file that cannot be read", "[sshd\n", []string{"reload"}, 255},
				{"another action", reloadJails(actions[1], ""), []string{"reload"}, 0},
				{"and back, with another jail", reloadJails(actions[0], "[recidive]\nenabled = true\nlogpath = LOG\n"), []string{"reload"}, 0},
				{"the other jail goes", reloadJails(actions[0], ""), []string{"reload"}, 0},
			} {
				configure(step.text)
				if out, code := s.ask(step.words...); code != step.code {
					t.Errorf("%s: code %d\n%s", step.name, code, out)
				}
				if now := packets.arrived(banned); now != through {
					t.Errorf("%s: %d packets of the banned sender came through\n%s", step.name, now-through, s.rules())
					through = now
				}
				if out, _ := s.ask("get", "sshd", "banip"); out != banned+"\n" {
					t.Errorf("%s: banned are %q", step.name, out)
				}
			}
			sent, came = packets.sent.Load()-sent, packets.arrived(free)-came
			if int64(came) < sent*9/10 {
				t.Errorf("of %d packets of a free sender %d came", sent, came)
			}
			t.Logf("%d packets of each: of the banned sender 0 came, of the other %d", sent, came)
			// The four failures from before the reloads count.
			appendFile(t, log, failedLogins("192.0.2.2", 1))
			testenv.Eventually(t, "the fifth failure bans", func() bool { out, _ := s.ask("get", "sshd", "banned", "192.0.2.2"); return out == "1\n" })
		})
	}
}
