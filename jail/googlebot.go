package jail

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"f2b-go/filter"
	"f2b-go/internal/ipaddr"
)

// The stock ignorecommand of the jail apache-fakegooglebot is a script in
// Python that needs fail2ban's own modules. It takes an address and asks the
// DNS whether it is Google's: the address must have a name in google.com or
// googlebot.com, and that name the address.
const (
	googlebotScript = "apache-fakegooglebot"
	// googlebotSum is the SHA-256 of the script, the same in 1.0.1 to 1.1.1.
	googlebotSum = "0069a4f1828849673a23841e5b796bfd88e2fcdf1f4f5854f9723e7f3989f9da"
	// googlebotLimit is the script's own time limit where it is given none.
	googlebotLimit = 55 * time.Second
	// Answers are kept as long, and as many, as fail2ban keeps names.
	googlebotKept    = 1000
	googlebotSeconds = 300
	maxScript        = 64 << 10
)

var googleName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^.*\.google(bot)?\.com\n?$`)
})

// googlebot answers in the place of the stock script.
type googlebot struct {
	lookup   func(ctx context.Context, ip string) ([]string, error) // an address's names
	resolver filter.Resolver
	clock    func() time.Time
	answers  *ttlCache
}

// googlebotLimitOf says whether a command is the stock script with its
// argument, and in what time it must be done. A script of that name that
// somebody has changed is run as it is where fail2ban's Python is there to run
// it.
func googlebotLimitOf(command string) (limit time.Duration, ok bool) {
	words := strings.Fields(command)
	if len(words) < 2 || len(words) > 3 || filepath.Base(words[0]) != googlebotScript || words[1] != "<ip>" {
		return 0, false
	}
	limit = googlebotLimit
	if len(words) == 3 {
		seconds, err := strconv.ParseFloat(words[2], 64)
		if err != nil {
			return 0, false
		}
		if seconds > 0 {
			limit = time.Duration(min(seconds, ignoreCommandLimit.Seconds()) * float64(time.Second))
		}
	}
	return limit, stockScript(words[0])
}

// AnswersIgnoreCommand tells whether an ignorecommand is answered without running
// it, so that it need not be there.
func AnswersIgnoreCommand(command string) bool {
	_, ok := googlebotLimitOf(command)
	return ok
}

func stockScript(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return os.IsNotExist(err)
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return false
	}
	text, err := io.ReadAll(io.LimitReader(file, maxScript))
	if err != nil {
		return false
	}
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) == googlebotSum {
		return true
	}
	first, _, _ := bytes.Cut(text, []byte{'\n'})
	if !bytes.Contains(first, []byte("fail2ban-python")) {
		return false
	}
	_, err = exec.LookPath("fail2ban-python")
	return err != nil
}

// is says whether the DNS shows an address to be Google's. What could not be
// asked in time is none, and is asked again the next time.
func (g *googlebot) is(ctx context.Context, id ipaddr.Addr, limit time.Duration) (bool, error) {
	if !id.IsIP() {
		return false, fmt.Errorf("asking whether %s is Google's: it is no address", id)
	}
	now := unix(g.clock())
	if known, ok := g.answers.get(id.String(), now); ok {
		return known, nil
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	names, err := g.lookup(ctx, id.String())
	if err != nil && ctx.Err() != nil {
		return false, fmt.Errorf("asking whether %s is Google's: %w", id, err)
	}
	answer := false
	for _, name := range names { // without a name it is not: an error says the same
		name = strings.TrimSuffix(name, ".")
		if googleName().MatchString(name) && resolvesTo(g.resolver, name, id) {
			answer = true
			break
		}
	}
	g.answers.set(id.String(), answer, now)
	return answer, nil
}
