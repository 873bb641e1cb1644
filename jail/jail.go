package jail

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"f2b-go/filter"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/logfmt"
	"f2b-go/internal/pytext"
	"f2b-go/source"
)

// longName is the length from which a jail's name makes chain names too long
// (3.1.5).
const longName = 26

// Env is what a jail needs of the world. All of it may be shared by jails; the
// zero value of a field has the meaning given.
type Env struct {
	Clock    func() time.Time // nil: time.Now
	Local    *time.Location   // zone of times in the log; nil: time.Local
	Log      *slog.Logger     // nil: silent
	Watcher  Watcher          // follows log files; nil: none are read
	Journal  JournalReader    // nil: source.Journalctl
	Store    Store            // nil: nothing is remembered
	Resolver filter.Resolver  // nil: no name resolves
	Self     *Self            // nil: ignoreself knows nobody
	Spared   Spared           // nil: nobody is spared
	Expander Expander         // tags in ignorecommand and ignorecache; nil: none are filled
	Runner   Runner           // runs the ignorecommand; nil: it is not run
	// Getenv reads the environment; nil: os.Getenv.
	Getenv func(string) string
	// NewFilter makes the filter of the jail; nil: one with the defaults.
	NewFilter func(jail string) *filter.Filter
	// ParseOptions reads `key=value,…` as in `name[key=value,…]`, for ignorecache.
	ParseOptions func(text string) (map[string]string, error)
	Random       func() float64 // in [0, 1), for bantime.rndtime; nil: math/rand
	// LookupTXT is for the status flavour cymru; nil: the system's resolver.
	LookupTXT func(ctx context.Context, name string) ([]string, error)
	// LookupAddr finds the names of an address, for the ignorecommand of
	// apache-fakegooglebot; nil: the system's resolver.
	LookupAddr func(ctx context.Context, ip string) ([]string, error)
}

// Jail is one [section] of the configuration at work.
type Jail struct {
	name    string
	backend string // as the option says
	reads   string // what it comes to: pyinotify, polling or systemd
	env     Env

	journalArgs map[string]string // options of the backend

	logs struct{ filter, actions, jail, observer, counter *slog.Logger }

	counter *counter
	bans    *banList
	queue   *queue
	later   later
	files   files
	journal journal
	keeper  keeper
	records records

	histories histories

	mu    sync.RWMutex // guards which settings hold
	live  *settings
	draft *settings // the next ones, while a reload is under way

	matching sync.Mutex // one batch of lines at a time; guards the next two
	lastLoss float64    // when a loss was last told
	spare    *Ticket    // memory for the next failure

	acting    sync.Mutex // one action at a time; guards the next two
	lastCheck float64
	started   bool // the actions are
	epoch     atomic.Int64
	idle      idleGate
	recalling idleGate
	running   atomic.Bool
}

// settings are what commands set and a reload swaps as a whole. They are never
// changed once they hold: a setter puts a changed copy in their place.
type settings struct {
	filter     *filter.Filter
	ignore     *ignorer
	increment  *increment
	maxRetry   int
	maxMatches int
	findTime   Seconds
	banTime    Seconds
	journal    [][]string // words of each journalmatch
	actions    []Action   // in order of definition
	logs       []logWish  // in a draft only
	globs      []string   // patterns of logs that may come
}

// New creates a jail with fail2ban's defaults. backend is the text of the
// option: auto, pyinotify, polling, systemd[…]; another one is an *Error.
func New(name, backend string, env Env) (*Jail, error) {
	env.fill()
	j := &Jail{name: name, backend: backend, env: env, counter: newCounter(), bans: newBanList(), queue: newQueue(maxPending)}
	j.logs.filter = env.Log.With(logfmt.LoggerKey, "fail2ban.filter")
	j.logs.actions = env.Log.With(logfmt.LoggerKey, "fail2ban.actions")
	j.logs.jail = env.Log.With(logfmt.LoggerKey, "fail2ban.jail")
	j.logs.observer = env.Log.With(logfmt.LoggerKey, "fail2ban.observer")
	j.logs.counter = env.Log.With(logfmt.LoggerKey, "fail2ban.failmanager")
	j.live = j.newSettings()
	j.files.init(j)
	j.journal.j = j
	j.later.init()
	j.keeper.init(j)
	if len(name) >= longName {
		j.logs.jail.Warn("Jail name " + pytext.Repr(name) + " might be too long and some commands might not function correctly. Please shorten")
	}
	j.logs.jail.Info("Creating new jail '" + name + "'")
	reads, options, err := parseBackend(backend)
	if err != nil {
		j.logs.jail.Error(err.Error())
		return nil, err
	}
	j.reads = reads
	j.tellBackend(options)
	if group, given := j.journalArgs["group"]; given && reads == "nflog" {
		if n, err := strconv.ParseUint(group, 10, 16); err != nil || n == 0 {
			return nil, valueError("nflog[group=" + group + "]: a group is a number from 1 to 65535")
		}
	}
	return j, nil
}

func (e *Env) fill() {
	if e.Clock == nil {
		e.Clock = time.Now
	}
	if e.Local == nil {
		e.Local = time.Local
	}
	if e.Log == nil {
		e.Log = slog.New(slog.DiscardHandler)
	}
	if e.Random == nil {
		e.Random = rand.Float64
	}
	if e.Journal == nil {
		e.Journal = source.Journalctl{}
	}
	if e.Getenv == nil {
		e.Getenv = os.Getenv
	}
	if e.LookupTXT == nil {
		e.LookupTXT = net.DefaultResolver.LookupTXT
	}
	if e.LookupAddr == nil {
		e.LookupAddr = net.DefaultResolver.LookupAddr
	}
	if e.NewFilter == nil {
		clock, local, log := e.Clock, e.Local, e.Log
		e.NewFilter = func(jail string) *filter.Filter {
			return filter.New(jail, filter.Env{Clock: clock, Local: local, Log: log})
		}
	}
}

func (j *Jail) newSettings() *settings {
	return &settings{
		filter: j.env.NewFilter(j.name),
		ignore: newIgnorer(ignoreEnv{
			jail: j.name, clock: j.env.Clock, resolver: j.env.Resolver, self: j.env.Self,
			spared: j.env.Spared, expander: j.env.Expander, runner: j.env.Runner, lookup: j.env.LookupAddr, log: j.logs.filter,
		}),
		increment: newIncrement(), maxRetry: defaultMaxRetry, maxMatches: defaultMaxMatches,
		findTime: Int(defaultFindTime), banTime: Int(defaultBanTime),
	}
}

// Name is the jail's name.
func (j *Jail) Name() string { return j.name }

// Backend is the backend's text as the jail was created with.
func (j *Jail) Backend() string { return j.backend }

// Running says whether Run is at work.
func (j *Jail) Running() bool { return j.running.Load() }

// Counts returns the numbers that `status` prints.
func (j *Jail) Counts() Counts {
	j.counter.clean(j.now())
	var c Counts
	c.Failed, c.TotalFailed = j.counter.counts()
	c.Banned, c.TotalBanned = j.bans.counts()
	return c
}

// NextEpoch raises the jail's ban epoch: bans of before may be missing (3.5.5).
func (j *Jail) NextEpoch() int { return int(j.epoch.Add(1)) }

// Merged is for View.
func (j *Jail) Merged(t *Ticket, allJails bool) *Ticket {
	if j.env.Store == nil {
		return t
	}
	jail := j.name
	if allJails {
		jail = ""
	}
	m, err := j.env.Store.Merged(context.Background(), jail, t.IP())
	if err != nil {
		scope := map[bool]string{true: "all", false: "jail"}[allJails]
		j.logs.actions.Error("Failed to get " + pytext.Repr(scope) + " bans merged, jail " + pytext.Repr(j.name) + ": " + err.Error())
	}
	if err != nil || m == nil {
		return t
	}
	return m
}

func (j *Jail) now() float64 { return unix(j.env.Clock()) }

func (j *Jail) timeText(sec float64) string { return timeText(sec, j.env.Local) }

// say begins a message with the jail's name.
func (j *Jail) say(text string) string { return "[" + j.name + "] " + text }

// effective returns the settings in force.
func (j *Jail) effective() *settings {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.live
}

// shown returns the settings that commands see: the draft during a reload.
func (j *Jail) shown() *settings {
	j.mu.RLock()
	defer j.mu.RUnlock()
	if j.draft != nil {
		return j.draft
	}
	return j.live
}

// edit replaces the settings that commands see by a changed copy; live ones
// take effect at once.
func (j *Jail) edit(change func(*settings)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.draft != nil {
		next := *j.draft
		change(&next)
		j.draft = &next
		return
	}
	next := *j.live
	change(&next)
	j.live = &next
	j.enforce()
}

// enforce hands the live limits to those who reckon with them.
func (j *Jail) enforce() {
	s := j.live
	j.counter.setLimits(s.maxRetry, s.maxMatches, s.findTime)
	j.bans.setJailBanTime(s.banTime)
}

// idleGate holds up what comes while a jail is idle, or not ready yet.
type idleGate struct {
	mu   sync.Mutex
	open chan struct{} // nil while not idle; closed to let all through
}

func (g *idleGate) set(idle bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case idle && g.open == nil:
		g.open = make(chan struct{})
	case !idle && g.open != nil:
		close(g.open)
		g.open = nil
	}
}

func (g *idleGate) idle() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open != nil
}

// wait returns when the jail is not idle, or with the context's error.
func (g *idleGate) wait(ctx context.Context) error {
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	if open == nil {
		return ctx.Err()
	}
	select {
	case <-open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// SetIdle stops or resumes reading, banning and unbanning; what is written to
// the logs meanwhile is read afterwards.
func (j *Jail) SetIdle(idle bool) {
	j.idle.set(idle)
	j.queue.poke()
}

// Idle says whether the jail is idle.
func (j *Jail) Idle() bool { return j.idle.idle() }

// ids reads a command's IDs.
func ids(texts []string) []ipaddr.Addr {
	list := make([]ipaddr.Addr, len(texts))
	for i, t := range texts {
		list[i] = ipaddr.Parse(t)
	}
	return list
}

func itoa(n int) string { return strconv.Itoa(n) }
