package action

import (
	"context"
	"strings"
	"sync"
	"time"

	"f2b-go/action/mail"
	"f2b-go/internal/pytext"
	"f2b-go/jail"
)

// placeholder stands in samples where the address of whom to notify belongs.
const placeholder = "PUT-YOUR-EMAIL-HERE"

// placeholderLeft says what to do about it.
const placeholderLeft = "its mail address is still " + placeholder + ", put yours in its place"

func hasPlaceholder(text string) bool { return strings.Contains(strings.ToUpper(text), placeholder) }

// notifier hands a jail's notices to the mail office. Without a post it drops
// them: its start has failed, and said so.
type notifier struct {
	name string
	env  Env

	mu   sync.Mutex // a client may tell an action to start while its jail works
	post *mail.Post
}

// open begins to send with these settings, or goes on with them.
func (n *notifier) open(s mail.Settings) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	post, err := n.post, error(nil)
	if post != nil {
		post, err = post.Move(s)
	} else {
		post, err = n.env.Mail.Open(n.env.Jail.Name(), n.name, s)
	}
	if err == nil {
		n.post = post
	}
	return err
}

// close waits a few seconds for what is on its way.
func (n *notifier) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.post != nil {
		n.post.Close()
		n.post = nil
	}
}

// put hands in a notice.
func (n *notifier) put(notice mail.Notice) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.post != nil {
		n.post.Put(notice)
	}
}

// isOpen tells whether there is a post.
func (n *notifier) isOpen() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.post != nil
}

// event tells of the jail's start or stop.
func (n *notifier) event(kind mail.Kind) {
	doing := map[mail.Kind]string{mail.Started: "start", mail.Stopped: "stop"}[kind]
	n.put(mail.Notice{
		Kind: kind, Time: n.env.Clock(),
		About: "Failed to " + doing + " jail '" + n.env.Jail.Name() + "' action '" + n.name + "'",
	})
}

// ban tells of a ban, with the lines that matches names: "matches" for the
// ban's own, "ipmatches" or "ipjailmatches" for those of all its bans.
func (n *notifier) ban(ctx context.Context, t *jail.Ticket, matches string) {
	in := newInfo(ctx, &n.env, t)
	for _, tag := range []string{"ip", "family", "failures", "time", "bantime", "bancount"} {
		in.value(tag)
	}
	banTime := t.EffectiveBanTime(n.env.Jail.BanTime())
	notice := mail.Notice{
		Kind: mail.Banned, IP: t.IP().String(), ID: t.ID.String(), Single: t.IP().IsIP(),
		Time: time.UnixMicro(int64(t.Time * 1e6)), BanTime: banTime.Value, Failures: t.Failures, BanCount: t.BanCount,
		Fields: fieldTexts(t.Fields),
		About:  "Failed to execute ban jail '" + n.env.Jail.Name() + "' action '" + n.name + "' info '" + in.String() + "'",
	}
	switch matches {
	case "matches":
		notice.Lines = t.Lines()
	case "ipmatches":
		notice.Lines = in.all(true).Lines()
	case "ipjailmatches":
		notice.Lines = in.all(false).Lines()
	}
	n.put(notice)
}

// fieldTexts are the filter's values that are texts.
func fieldTexts(d pytext.Dict) map[string]string {
	texts := map[string]string{}
	for _, it := range d {
		name, isName := it.Key.(string)
		if text, ok := it.Value.(string); ok && isName {
			texts[name] = text
		}
	}
	return texts
}
