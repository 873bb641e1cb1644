package jail

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"f2b-go/filter"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/logfmt"
	"f2b-go/internal/pytext"
	"f2b-go/internal/shell"
)

// ignoreCommandLimit is how long an ignorecommand may run (2.10.6).
const ignoreCommandLimit = 60 * time.Second

// Expander fills the dynamic tags of a text from a ticket, as an action's
// command is filled: values with special characters become shell variables in
// args (4.2.1).
type Expander interface {
	Expand(text string, t *Ticket) (script string, args []string)
}

// Runner runs a command to its end.
type Runner interface {
	Run(ctx context.Context, c shell.Command) shell.Result
}

// ignoreEnv is what the ignore rules ask.
type ignoreEnv struct {
	jail     string
	clock    func() time.Time
	resolver filter.Resolver
	self     *Self
	spared   Spared
	expander Expander
	runner   Runner
	lookup   func(ctx context.Context, ip string) ([]string, error) // an address's names
	log      *slog.Logger                                           // fail2ban.filter
}

// ignorer decides which failures do not count (2.10).
type ignorer struct {
	env ignoreEnv

	mu      sync.RWMutex
	self    bool
	command any // as `get J ignorecommand` replies; False when unset
	single  []ipaddr.Addr
	exact   map[ipaddr.Addr]bool
	list    []ignoreEntry // networks, names and files in order; only appended to in place
	cache   *ignoreCache
	google  googlebot
}

type ignoreEntry struct {
	text string // as listed
	addr ipaddr.Addr
	file *ignoreFile
}

// ignoreCache remembers decisions by a key with tags (2.10.7).
type ignoreCache struct {
	key  string
	max  int
	time Seconds
	hits *ttlCache
}

func newIgnorer(env ignoreEnv) *ignorer {
	return &ignorer{
		env: env, self: true, command: false, exact: map[ipaddr.Addr]bool{},
		google: googlebot{lookup: env.lookup, resolver: env.resolver, clock: env.clock, answers: newTTLCache(googlebotKept, googlebotSeconds)},
	}
}

// add takes over an entry of ignoreip. An empty one is nothing.
func (ig *ignorer) add(text string) {
	if text == "" {
		return
	}
	entry := ignoreEntry{text: text}
	if path, ok := filePath(text); ok {
		entry.file = &ignoreFile{path: path}
	} else {
		entry.addr = ipaddr.Parse(text)
		entry.text = entry.addr.String()
	}
	ig.mu.Lock()
	defer ig.mu.Unlock()
	if ig.exact[entry.addr] && entry.file == nil || slices.ContainsFunc(ig.list, entry.same) {
		ig.env.log.Log(context.Background(), logfmt.LevelMSG, "  Ignore duplicate "+
			pytext.Repr(entry.text)+" ("+pytext.Repr(text)+"), already in ignore list")
		return
	}
	if entry.file == nil && entry.addr.IsIP() {
		ig.exact[entry.addr] = true
		ig.single = append(ig.single, entry.addr)
		return
	}
	ig.list = append(ig.list, entry)
}

func (e ignoreEntry) same(o ignoreEntry) bool {
	return e.text == o.text && (e.file == nil) == (o.file == nil)
}

// del removes an entry.
func (ig *ignorer) del(text string) error {
	entry := ignoreEntry{text: text}
	if path, ok := filePath(text); ok {
		entry.file = &ignoreFile{path: path}
	} else {
		entry.addr = ipaddr.Parse(text)
		entry.text = entry.addr.String()
	}
	ig.mu.Lock()
	defer ig.mu.Unlock()
	// A single address is known by its text alone.
	if entry.file == nil && entry.text == text && ig.exact[entry.addr] {
		delete(ig.exact, entry.addr)
		ig.single = slices.DeleteFunc(ig.single, func(a ipaddr.Addr) bool { return a == entry.addr })
		return nil
	}
	i := slices.IndexFunc(ig.list, entry.same)
	if i < 0 {
		return valueError("list.remove(x): x not in list")
	}
	ig.list = slices.Delete(slices.Clone(ig.list), i, i+1)
	return nil
}

// entries lists networks and names in order, then the single addresses (R15).
func (ig *ignorer) entries() []any {
	ig.mu.RLock()
	defer ig.mu.RUnlock()
	out := []any{}
	for _, e := range ig.list {
		out = append(out, e.text)
	}
	for _, a := range ig.single {
		out = append(out, a.String())
	}
	return out
}

// ignored says whether a failure does not count now, and logs why not.
func (ig *ignorer) ignored(ctx context.Context, t *Ticket, at time.Time) bool {
	ig.mu.RLock()
	cache := ig.cache
	ig.mu.RUnlock()
	if cache == nil {
		source, _ := ig.source(ctx, t, at)
		return ig.tell(t, source)
	}
	script, args := ig.env.expand(cache.key, t)
	key := strings.Join(append([]string{script}, args...), "\x00")
	now := unix(at)
	if hit, ok := cache.hits.get(key, now); ok {
		return hit
	}
	source, cacheable := ig.source(ctx, t, at)
	if cacheable {
		cache.hits.set(key, source != "", now)
	}
	return ig.tell(t, source)
}

func (ig *ignorer) tell(t *Ticket, source string) bool {
	if source == "" {
		return false
	}
	ig.env.log.Info("[" + ig.env.jail + "] Ignore " + t.ID.String() + " by " + source)
	return true
}

// source names the rule that ignores a failure, "" for none, in the order of
// 2.10.1. Hits of single addresses are cheaper than the cache and stay out of
// it.
func (ig *ignorer) source(ctx context.Context, t *Ticket, at time.Time) (source string, cacheable bool) {
	ig.mu.RLock()
	self, exact, list, command := ig.self, ig.exact[t.ID], ig.list, ig.command
	ig.mu.RUnlock()
	if self && ig.env.self != nil && ig.env.self.Has(t.ID, at) {
		return "ignoreself rule", true
	}
	if exact {
		return "ip", false
	}
	for _, e := range list {
		if by := ig.covers(e, t.ID, at); by != "" {
			return by, true
		}
	}
	if ig.env.spared != nil && ig.env.spared.Allowed(t.ID, at) {
		return "allowSites", false
	}
	if pytext.Truth(command) && ig.run(ctx, pytext.Str(command), t) {
		return "command", true
	}
	return "", true
}

func (ig *ignorer) covers(e ignoreEntry, id ipaddr.Addr, at time.Time) string {
	switch {
	case e.file != nil:
		set, err := e.file.get(at)
		if err != nil {
			ig.env.log.Warn("[" + ig.env.jail + "] " + err.Error())
		}
		if set.has(id, ig.env.resolver) {
			return "file:" + e.file.path
		}
	case e.addr.Family() == ipaddr.Raw:
		if resolvesTo(ig.env.resolver, e.text, id) {
			return "dns"
		}
	case e.addr.Contains(id):
		return "ip"
	}
	return ""
}

// run asks the ignorecommand: exit code 0 means ignore, 1 means no (2.10.6).
func (ig *ignorer) run(ctx context.Context, command string, t *Ticket) bool {
	if limit, ok := googlebotLimitOf(command); ok && ig.env.lookup != nil {
		yes, err := ig.google.is(ctx, t.IP(), limit)
		if err != nil {
			ig.env.log.Error("[" + ig.env.jail + "] " + err.Error())
		}
		return yes
	}
	if ig.env.runner == nil {
		return false
	}
	script, args := ig.env.expand(command, t)
	ig.env.log.Debug("ignore command: " + script)
	res := ig.env.runner.Run(ctx, shell.Command{Script: script, Args: args, Timeout: ignoreCommandLimit, Success: []int{0, 1}})
	return res.OK && res.Code == 0
}

func (e ignoreEnv) expand(text string, t *Ticket) (string, []string) {
	if e.expander == nil {
		return text, nil
	}
	t.fill()
	return e.expander.Expand(text, t)
}

// setCache sets ignorecache from its options; none switches it off.
func (ig *ignorer) setCache(opts map[string]string) error {
	var c *ignoreCache
	if len(opts) > 0 {
		key, ok := opts["key"]
		if !ok {
			return keyError("key")
		}
		c = &ignoreCache{key: key, max: 100, time: Int(300)}
		if v, ok := opts["max-count"]; ok {
			n, err := pyInt(v)
			if err != nil {
				return err
			}
			c.max = n
		}
		if v, ok := opts["max-time"]; ok {
			s, err := toSeconds(v)
			if err != nil {
				return err
			}
			c.time = s
		}
		c.hits = newTTLCache(c.max, c.time.Value)
	}
	ig.mu.Lock()
	defer ig.mu.Unlock()
	ig.cache = c
	return nil
}

// cacheSettings is the reply to `get J ignorecache`.
func (ig *ignorer) cacheSettings() any {
	ig.mu.RLock()
	defer ig.mu.RUnlock()
	if ig.cache == nil {
		return nil
	}
	return []any{ig.cache.key, ig.cache.max, ig.cache.time.Py()}
}

func (ig *ignorer) setSelf(on bool) {
	ig.mu.Lock()
	defer ig.mu.Unlock()
	ig.self = on
}

func (ig *ignorer) ignoresSelf() bool {
	ig.mu.RLock()
	defer ig.mu.RUnlock()
	return ig.self
}

func (ig *ignorer) setCommand(v any) {
	ig.mu.Lock()
	defer ig.mu.Unlock()
	ig.command = v
}

func (ig *ignorer) ignoreCommand() any {
	ig.mu.RLock()
	defer ig.mu.RUnlock()
	return ig.command
}
