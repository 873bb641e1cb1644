package mail

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"time"
)

// Settings say how notices become mails and how these get to their readers.
type Settings struct {
	Server Server
	From   Address
	To     []Address
	// Host is this machine's name, for subjects and texts.
	Host string
	// Stock asks for mails as fail2ban's smtp.py sends them; nil for our own.
	Stock *Stock
	// Template is what loadTemplates reads; Whois the program to ask, empty for
	// none, and WhoisTime how long it may take for a mail.
	Template  string
	Whois     string
	WhoisTime time.Duration
	// Digest gathers notices for so long into one mail; 0 sends each on its own.
	Digest time.Duration
	// Rate bounds the mails; what is beyond waits and goes together.
	Rate Rate
	// Retry is the wait after a delivery that failed, doubled up to MaxRetry; Keep
	// is how long a notice waits at most.
	Retry, Keep time.Duration
	// Spool is a folder where notices wait; empty keeps them in memory only. Limit
	// bounds how many wait: beyond it the oldest are dropped.
	Spool string
	Limit int
}

// Stock are the settings that fail2ban's smtp.py has besides.
type Stock struct {
	// Dest is the header To; Matches which lines to tell: "matches", "ipmatches"
	// or "ipjailmatches", anything else for none.
	Dest, Matches string
}

// Rate is a number of mails in a time; Count 0 is no limit.
type Rate struct {
	Count int
	Per   time.Duration
}

// What holds where a setting is nought.
const (
	DefaultRetry = 5 * time.Second
	MaxRetry     = 30 * time.Minute
	DefaultKeep  = 2 * 24 * time.Hour
	DefaultLimit = 1000
	maxLimit     = 10_000
)

func (s Settings) withDefaults() Settings {
	if s.Retry <= 0 {
		s.Retry = DefaultRetry
	}
	if s.Keep <= 0 {
		s.Keep = DefaultKeep
	}
	if s.Limit <= 0 {
		s.Limit = DefaultLimit
	}
	s.Limit = min(s.Limit, maxLimit)
	return s
}

// key is the same for settings that are the same.
func (s Settings) key() (string, error) {
	data, err := json.Marshal(s)
	return string(data), err
}

func (s Settings) composer(now func() time.Time, fault func(error)) composer {
	if s.Stock != nil {
		return &stockComposer{from: s.From, to: s.To, dest: s.Stock.Dest, host: s.Host, matches: s.Stock.Matches}
	}
	t, err := loadTemplates(s.Template)
	if err != nil {
		fault(err)
		t, err = parseTemplates("", "")
		if err != nil {
			fault(err)
		}
	}
	return &noticeComposer{
		from: s.From, to: s.To, host: s.Host, templates: t, local: time.Local, now: now, fault: fault,
		whois: &whois{program: s.Whois, limit: s.WhoisTime, now: now},
	}
}

// Options are what an Office needs of the world.
type Options struct {
	// Clock defaults to time.Now; Dial to the system's network.
	Clock func() time.Time
	Dial  DialFunc
	// Log takes lines of logger fail2ban.actions; nil for none.
	Log *slog.Logger
	// InMemory has no notice wait in a spool, whatever the settings say.
	InMemory bool
	// Preview, if not nil, is given the mails in place of a server.
	Preview func(message []byte)
}

// validate refuses settings that cannot work.
func (s Settings) validate() error {
	switch s.Server.Security {
	case Plain, StartTLS, FullTLS:
	default:
		return fmt.Errorf("tls = %s: use none, starttls or tls", s.Server.Security)
	}
	if len(s.To) == 0 {
		return fmt.Errorf("dest holds no mail address")
	}
	if s.From.Mailbox == "" {
		return fmt.Errorf("sender holds no mail address")
	}
	return nil
}
