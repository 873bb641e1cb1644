package check

import (
	"fmt"
	"path"
	"sort"
	"strings"

	"github.com/coreos/go-iptables/iptables"

	"f2b-go/config"
	"f2b-go/internal/pytext"
)

// maxChain is how many letters a chain's name may have (the kernel's
// XT_EXTENSION_MAXNAMELEN with its end).
const maxChain = 28

// chainUse is a chain that an action puts rules into.
type chainUse struct {
	table, chain string
	v6           bool
}

// chains looks for chains that an action uses and nobody made.
func (c *checker) chains(j *config.InspectedJail, a *config.InspectedAction, list []script) {
	made, used := map[string]bool{}, map[chainUse]bool{}
	for _, s := range list {
		for _, cmd := range s.commands {
			c.iptables(a, cmd, made, used)
		}
	}
	uses := make([]chainUse, 0, len(used))
	for u := range used {
		if !made[u.chain] && !builtIn(u.chain) {
			uses = append(uses, u)
		}
	}
	sort.Slice(uses, func(i, k int) bool { return fmt.Sprint(uses[i]) < fmt.Sprint(uses[k]) })
	for _, u := range uses {
		c.chain(a, u)
	}
}

// iptables notes the chains that one command makes and uses.
func (c *checker) iptables(a *config.InspectedAction, cmd command, made map[string]bool, used map[chainUse]bool) {
	name := path.Base(cmd.program())
	if name != "iptables" && name != "ip6tables" {
		return
	}
	table := "filter"
	for i := 1; i+1 < len(cmd.words); i++ {
		next := cmd.words[i+1]
		switch cmd.words[i].text {
		case "-t", "--table":
			table = next.text
		case "-N", "--new-chain":
			if next.known {
				made[next.text] = true
				if len(next.text) > maxChain {
					c.add(Error, a.Place, fmt.Sprintf("the chain %s has %d letters, and iptables takes %d", next.text, len(next.text), maxChain), "give the jail or the action a shorter name")
				}
			}
		case "-I", "--insert", "-A", "--append", "-C", "--check":
			names := []string{next.text}
			if !next.known {
				names = chainNames(a.Properties)
			}
			for _, n := range names {
				used[chainUse{table, n, name == "ip6tables"}] = true
			}
		}
	}
}

// chainNames are the chains of the parameter chain, which may be several.
func chainNames(properties pytext.Dict) []string {
	for _, it := range properties {
		if it.Key == "chain" {
			return strings.FieldsFunc(pytext.Str(it.Value), func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })
		}
	}
	return nil
}

func builtIn(chain string) bool {
	switch chain {
	case "INPUT", "OUTPUT", "FORWARD", "PREROUTING", "POSTROUTING":
		return true
	}
	return chain == "" || strings.HasPrefix(chain, "<")
}

// chain asks the kernel for a chain.
func (c *checker) chain(a *config.InspectedAction, u chainUse) {
	if !c.root {
		c.skipped(fmt.Sprintf("whether the chain %s exists: only root may ask the firewall", u.chain))
		return
	}
	proto, name := iptables.ProtocolIPv4, "iptables"
	if u.v6 {
		proto, name = iptables.ProtocolIPv6, "ip6tables"
	}
	ipt, err := iptables.NewWithProtocol(proto)
	exists := false
	if err == nil {
		exists, err = ipt.ChainExists(u.table, u.chain)
	}
	if err != nil {
		c.skipped(fmt.Sprintf("whether the chain %s exists: asking %s: %s", u.chain, name, clean(err.Error())))
		return
	}
	if exists {
		return
	}
	severity := Error
	if u.v6 {
		severity = Warning
	}
	c.add(severity, a.Where("actionstart", u.chain), fmt.Sprintf("%s knows no chain %s: bans there fail", name, u.chain), "create the chain first, or name another, such as chain = INPUT")
}
