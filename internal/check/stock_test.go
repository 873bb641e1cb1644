package check_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"f2b-go/config"
	"f2b-go/internal/check"
	"f2b-go/internal/testenv"
)

// stockTrees are configurations that many machines run as they are.
func stockTrees(t *testing.T) map[string]string {
	t.Helper()
	trees := map[string]string{"ours": filepath.Join(testenv.Root(t), "etc_fail2ban")}
	if shared, ok := testenv.Shared(t); ok {
		trees["1.1.1"] = filepath.Join(shared, "fail2ban-1.1.1", "config")
		trees["1.1.0"] = filepath.Join(shared, "fail2ban-1.1.0", "config")
	}
	if _, err := os.Stat("/etc/fail2ban/jail.conf"); err == nil {
		trees["Debian's"] = "/etc/fail2ban"
	} else {
		t.Log("no /etc/fail2ban here: Debian's configuration is not checked")
	}
	return trees
}

// aboutLogs tells of faults that are true of this machine and not of the tree.
func aboutLogs(f check.Fault) bool { return strings.Contains(f.Text, "matches no file") }

// TestStock checks stock configurations with their defaults: they have no errors,
// and ours has nothing at all.
func TestStock(t *testing.T) {
	for name, dir := range stockTrees(t) {
		r := check.Run(config.Options{Dir: dir})
		if r.Files < 2 {
			t.Errorf("%s: %d files read", name, r.Files)
		}
		for _, f := range r.Faults {
			if aboutLogs(f) {
				continue
			}
			if f.Severity == check.Error || name == "ours" {
				t.Errorf("%s: %+v", name, f)
			}
		}
	}
}

// TestStockJails enables every jail of the stock configurations. What is then told
// is true: of logs that are not here, of one script that 1.1's sources keep
// elsewhere, of regexes that are open to a stranger or take exponential time, and
// of options without use.
func TestStockJails(t *testing.T) {
	known := []string{"can be fooled: who writes the end of a line", "ignorecommands/apache-fakegooglebot, which is not installed", "the regex can take exponential time", "stands before the host",
		"the regex is not anchored", "the regex begins with", "unknown option, and nothing refers to it: it has no effect"}
	for name, dir := range stockTrees(t) {
		tree := filepath.Join(t.TempDir(), "etc")
		copyTree(t, dir, tree)
		writeFile(t, filepath.Join(tree, "jail.local"), "[DEFAULT]\nenabled = true\n")
		r := check.Run(config.Options{Dir: tree})
		if least := map[string]int{"ours": 7, "1.1.1": 98, "1.1.0": 94, "Debian's": 91}[name]; len(r.Jails) < least {
			t.Errorf("%s: %d jails enabled, want %d", name, len(r.Jails), least)
		}
		warnings := 0
		for _, f := range r.Faults {
			if aboutLogs(f) {
				continue
			}
			warnings++
			isKnown := false
			for _, k := range known {
				isKnown = isKnown || strings.Contains(f.Text, k)
			}
			embedded := strings.Contains(f.Text, "jail asterisk can be fooled") // whose lines leave no other way
			if !isKnown || name == "ours" && !embedded {
				t.Errorf("%s: %+v", name, f)
			}
		}
		if warnings > 30 {
			t.Errorf("%s: %d faults, more than were reviewed", name, warnings)
		}
	}
}

// TestStockActions gives each stock action a jail. Programs that are reported
// missing are programs; all scripts are understood.
func TestStockActions(t *testing.T) {
	for name, dir := range stockTrees(t) {
		tree := filepath.Join(t.TempDir(), "etc")
		copyTree(t, dir, tree)
		log := filepath.Join(t.TempDir(), "a.log")
		writeFile(t, log, "")
		files, err := filepath.Glob(filepath.Join(tree, "action.d", "*.conf"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no actions (%v)", name, err)
		}
		writeFile(t, filepath.Join(tree, "filter.d", "short.conf"), "[Definition]\nfailregex = ^<HOST>$\n")
		local := ""
		for i, f := range files {
			action := strings.TrimSuffix(filepath.Base(f), ".conf")
			if strings.Contains(action, "common") {
				continue
			}
			local += "[j" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + "]\nenabled = true\nfilter = short\nlogpath = " + log + "\naction = " + action + "\n"
		}
		writeFile(t, filepath.Join(tree, "jail.local"), local)
		for _, f := range check.Run(config.Options{Dir: tree}).Faults {
			_, program, ok := strings.Cut(strings.TrimSuffix(f.Text, ", which is not installed"), " call")
			program = strings.TrimPrefix(program, "s")
			if ok && !programs[filepath.Base(strings.TrimSpace(program))] {
				t.Errorf("%s: %s: %q is no program", name, filepath.Base(f.File), program)
			}
		}
	}
}

// programs are those that fail2ban's actions call.
var programs = words("iptables ip6tables ipset nft whois mail sendmail dig curl jq sed grep awk perl apf apprise ipfw csf firewall-cmd ipf npfctl nsupdate " +
	"afctl pfctl geoiplookup shorewall shorewall6 ufw ss conntrack ip host wget ssh nginx service systemctl cat date uname hostname printf f2b-go")

func words(text string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(text) {
		set[w] = true
	}
	return set
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(to, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.Type()&os.ModeSymlink != 0 {
			return err
		}
		if d.IsDir() {
			return os.Chmod(path, 0o755)
		}
		return os.Chmod(path, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}
