package check

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"

	"f2b-go/config"
	"f2b-go/internal/pytext"
)

// placeholder finds values that wait for somebody to fill them in.
var placeholder = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\bPUT[-_ ]YOUR[-_ A-Z0-9]*HERE\b|\b(?:YOUR|INSERT|ENTER)[-_](?:YOUR[-_])?(?:E?MAIL|ADDRESS|API|TOKEN|KEY|PASSWORD|SECRET|USER|ACCOUNT|DOMAIN|HOST)[A-Z0-9_-]*|\bCHANGE[-_]?ME\b`)
})

// secretName finds names of options whose values are nobody else's business.
var secretName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)pass(?:word|wd|phrase)|mnwpass|secret|token|api[-_]?key|auth[-_]?key|private[-_]?key|ns_auth`)
})

// secretParameter finds such an option among the parameters of an action.
var secretParameter = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)([\w.-]*(?:pass(?:word|wd|phrase)|mnwpass|secret|token|api[-_]?key|auth[-_]?key|private[-_]?key|ns_auth)[\w.-]*)=("[^"]*"|'[^']*'|[^],\s]*)`)
})

// defaultRecipient is what fail2ban's own files mail to.
const defaultRecipient = "root@localhost"

// maxValue is how long a value may be, in bytes, to be looked at.
const maxValue = 64 << 10

// raw looks at the values as they stand in the files.
func (c *checker) raw() {
	enabled := map[string]bool{}
	for _, j := range c.in.Jails {
		enabled[j.Name] = true
	}
	for _, o := range c.in.Raw() {
		if len(o.Value) > maxValue {
			continue
		}
		if o.Holds && (!c.in.IsJailFile(o.File) || o.Section == "DEFAULT" || enabled[o.Section]) {
			if text := placeholder().FindString(o.Value); text != "" {
				c.add(Error, c.in.LineWith(o, text), fmt.Sprintf("%s was never filled in", text), "write the real value")
			}
		}
		c.secret(o)
	}
}

// secret tells of a secret in a file that others may read. The value itself is
// never shown.
func (c *checker) secret(o config.RawOption) {
	if c.embedded != nil {
		return
	}
	name, word := "", ""
	if secretName().MatchString(o.Option) && isSecret(o.Value) {
		name = o.Option
	} else if m := secretParameter().FindStringSubmatch(o.Value); m != nil && c.in.IsJailFile(o.File) && isSecret(strings.Trim(m[2], `"'`)) {
		name, word = m[1], m[1]
	}
	if name == "" {
		return
	}
	info, err := os.Stat(o.File)
	if err != nil || info.Mode().Perm()&0o004 == 0 {
		return
	}
	c.add(Warning, c.in.LineWith(o, word), fmt.Sprintf("%s is a secret in a file that everybody may read (mode %04o)", name, info.Mode().Perm()), "chmod 600 "+o.File)
}

// isSecret tells whether a value may be a secret and is no reference to one.
func isSecret(value string) bool {
	value = strings.TrimSpace(value)
	if len(value) < 4 || placeholder().MatchString(value) || strings.HasPrefix(value, "/") || strings.ContainsAny(value, " \n") {
		return false
	}
	for _, w := range []string{"none", "true", "false", "yes"} {
		if strings.EqualFold(value, w) {
			return false
		}
	}
	return !strings.Contains(value, "%(") && !strings.Contains(value, "<")
}

// recipients warns where notices go to nobody's real mailbox.
func (c *checker) recipients(a *config.InspectedAction) {
	uses := ""
	for _, it := range a.Properties {
		if strings.HasPrefix(pytext.Str(it.Key), "action") {
			uses += pytext.Str(it.Value)
		}
	}
	for _, it := range a.Properties {
		name, value := pytext.Str(it.Key), pytext.Str(it.Value)
		if strings.HasPrefix(name, "action") || strings.HasPrefix(name, "known/") || !strings.Contains(value, defaultRecipient) {
			continue
		}
		if a.Python || strings.Contains(uses, defaultRecipient) || strings.Contains(uses, "<"+name+">") {
			c.add(Warning, a.Where(name, defaultRecipient), "notices go to "+defaultRecipient+", which is only fail2ban's default", "set an address that somebody reads, such as destemail = you@your.domain")
		}
	}
}
