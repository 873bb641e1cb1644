package jail

import (
	"maps"
	"slices"
	"strings"

	"f2b-go/internal/pytext"
)

// backendNames are what a jail may ask for besides auto. gamin is taken as
// pyinotify, whose events it once gave (3.10.3).
// nflog and kmsg are beyond fail2ban: packets as the kernel tells of them.
var backendNames = []string{"pyinotify", "polling", "systemd", "gamin", "nflog", "kmsg"}

// backendUse is how fail2ban's log names what a backend reads with.
var backendUse = map[string]string{"pyinotify": "pyinotify", "polling": "poller", "systemd": "systemd", "nflog": "nflog", "kmsg": "kmsg"}

// parseBackend splits the option's text, `name[key=value,…]`, and says what it
// comes to: pyinotify, polling, systemd, nflog or kmsg.
func parseBackend(text string) (name, options string, err error) {
	asked, options, _ := strings.Cut(strings.TrimSpace(text), "[")
	if asked == "" {
		return "", "", valueError("unexpected option syntax")
	}
	options = strings.TrimSuffix(options, "]")
	asked = strings.ToLower(strings.TrimSpace(asked))
	switch {
	case asked == "auto" || asked == "gamin":
		return "pyinotify", options, nil
	case slices.Contains(backendNames, asked):
		return asked, options, nil
	}
	return "", "", valueError("Unknown backend " + asked + ". Must be among " + pytext.Repr(backendNames[:3]) + " or 'auto'")
}

// tellBackend logs what the jail reads with.
func (j *Jail) tellBackend(options string) {
	args := pytext.Dict{}
	if j.env.ParseOptions != nil && options != "" {
		if opts, err := j.env.ParseOptions(options); err == nil {
			j.journalArgs = opts
			for _, k := range slices.Sorted(maps.Keys(opts)) {
				args = append(args, pytext.Item{Key: k, Value: opts[k]})
			}
		}
	}
	j.logs.jail.Info("Jail '" + j.name + "' uses " + backendUse[j.reads] + " " + pytext.Repr(args))
	j.logs.jail.Info("Initiated '" + j.reads + "' backend")
}
