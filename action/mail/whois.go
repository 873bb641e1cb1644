package mail

import (
	"bytes"
	"context"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// maxWhois bounds what is kept of an answer, in bytes.
	maxWhois = 16 << 10
	// whoisAge is how long an answer is kept, maxKnown how many of them.
	whoisAge = 24 * time.Hour
	maxKnown = 500
	// whoisAtOnce are asked side by side, for at most maxAsked addresses a mail.
	whoisAtOnce = 4
	maxAsked    = 20
)

// whois asks who an address belongs to, with the program of that name.
type whois struct {
	program string // empty: nobody is asked
	limit   time.Duration
	now     func() time.Time

	mu    sync.Mutex
	known map[string]whoisAnswer
}

type whoisAnswer struct {
	text string
	till time.Time
}

// all asks for addresses side by side and returns the answers that came in time.
func (w *whois) all(ctx context.Context, addresses []string) map[string]string {
	answers := map[string]string{}
	if w.program == "" {
		return answers
	}
	ctx, cancel := context.WithTimeout(ctx, w.limit)
	defer cancel()
	var mu sync.Mutex
	var wait sync.WaitGroup
	turns := make(chan struct{}, whoisAtOnce)
	slices.Sort(addresses)
	addresses = slices.Compact(addresses)
	for _, ip := range addresses[:min(len(addresses), maxAsked)] {
		wait.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			if text := w.ask(ctx, ip); text != "" {
				mu.Lock()
				defer mu.Unlock()
				answers[ip] = text
			}
		})
	}
	wait.Wait()
	return answers
}

// ask returns what whois says of an address, "" where it says nothing in time.
func (w *whois) ask(ctx context.Context, ip string) string {
	w.mu.Lock()
	known, ok := w.known[ip]
	w.mu.Unlock()
	if ok && w.now().Before(known.till) {
		return known.text
	}
	out := &head{room: maxWhois}
	cmd := exec.CommandContext(ctx, w.program, ip)
	cmd.Stdout = out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	// whois ends with an error for many an answer that is worth reading.
	if err := cmd.Run(); err != nil && (ctx.Err() != nil || out.b.Len() == 0) {
		return ""
	}
	text := strings.TrimSpace(plain(out.b.String(), maxWhois))
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.known == nil || len(w.known) >= maxKnown {
		w.known = map[string]whoisAnswer{}
	}
	w.known[ip] = whoisAnswer{text, w.now().Add(whoisAge)}
	return text
}

// head keeps the beginning of what is written to it.
type head struct {
	b    bytes.Buffer
	room int
}

func (h *head) Write(p []byte) (int, error) {
	h.b.Write(p[:min(len(p), h.room-h.b.Len())])
	return len(p), nil
}

// networkKeys are the fields of whois answers that tell whose network an address
// is in, by what they tell.
var networkKeys = []struct {
	what string
	keys []string
}{
	{"range", []string{"inetnum", "inet6num", "netrange", "cidr", "route", "route6"}},
	{"name", []string{"netname", "network-name"}},
	{"owner", []string{"org-name", "orgname", "organization", "organisation", "owner", "descr"}},
	{"country", []string{"country"}},
}

var abuseKeys = []string{"abuse-mailbox", "orgabuseemail", "abuse-contact", "e-mail"}

// network is a line about whose network it is, out of a whois answer.
func network(answer string) string {
	var words []string
	for _, k := range networkKeys {
		if v := field(answer, k.keys); v != "" && !slices.Contains(words, v) {
			words = append(words, v)
		}
	}
	return strings.Join(words, ", ")
}

// field returns the first value of the first key that the answer has.
func field(answer string, keys []string) string {
	for _, key := range keys {
		for line := range strings.SplitSeq(answer, "\n") {
			name, value, ok := strings.Cut(line, ":")
			if value = oneLine(value, 200); ok && value != "" && strings.EqualFold(strings.TrimSpace(name), key) {
				return value
			}
		}
	}
	return ""
}
