package check

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"f2b-go/config"
	"f2b-go/jail"
)

// logs looks at the log files of a jail.
func (c *checker) logs(j *config.InspectedJail) {
	for _, l := range j.Logs {
		wrong := c.logOption(l)
		for _, d := range l.Dangling {
			c.add(Warning, l.Place, d+" is a link that leads nowhere", "remove the link or create its target")
		}
		if len(l.Files) == 0 && (j.NoLogs || len(l.Dangling) == 0 && !wrong) {
			c.noLog(j, l)
		}
		for _, f := range l.Files {
			c.log(l.Place, f)
		}
	}
	if len(j.Logs) == 0 && !j.Journal && !c.in.Lost(j.Name, "logpath") && !c.in.Lost("DEFAULT", "logpath") {
		c.add(Warning, j.Where("logpath", ""), "the jail has no logpath: it reads nothing", "set logpath, or backend = systemd for the journal")
	}
}

// logOption tells of a path with blanks: what stands behind the last one is an
// option.
func (c *checker) logOption(l config.InspectedLog) (wrong bool) {
	opt := strings.TrimSpace(strings.TrimPrefix(l.Line, l.Pattern))
	switch strings.ToLower(opt) {
	case "", "head", "tail":
		return false
	}
	c.add(Error, l.Place, fmt.Sprintf("%q behind the last blank is neither head nor tail", opt), "a path holds no blanks: write ? in the place of each")
	return true
}

// noLog tells of a pattern that gives no file.
func (c *checker) noLog(j *config.InspectedJail, l config.InspectedLog) {
	text, remedy := l.Pattern+" matches no file", "correct the path"
	switch {
	case l.Pattern == "":
		text = "the path is empty"
	case strings.ContainsAny(l.Pattern, `"'`):
		remedy = "write the path without quotes"
	}
	switch {
	case j.NoLogs:
		c.add(Error, l.Place, text+": the jail has no log and is left out, and -t and a reload fail", remedy+", or set skip_if_nologs = true")
	case j.Skipped:
		c.add(Warning, l.Place, text+": the jail has no log and is left out", remedy)
	default:
		c.add(Warning, l.Place, text, remedy+" or remove it")
	}
}

// log looks at one log file.
func (c *checker) log(at config.Place, name string) {
	info, err := os.Stat(name)
	if err != nil {
		c.add(Error, at, fmt.Sprintf("%s cannot be read: %v", name, err), "correct the path")
		return
	}
	switch mode := info.Mode(); {
	case jail.IsNull(info): // for a jail that bans whom a client names
		return
	case mode.IsDir():
		c.add(Error, at, name+" is a directory and no log", "name the files in it, such as "+filepath.Join(name, "*.log"))
		return
	case mode&fs.ModeNamedPipe != 0:
		c.add(Error, at, name+" is a pipe (FIFO) and no file: lines in it are gone once read", "let the program write to a file")
		return
	case mode&(fs.ModeSocket|fs.ModeDevice) != 0:
		c.add(Error, at, name+" is no regular file", "name a log file")
		return
	}
	const forged = ": who may write there can forge whole lines and have anybody banned"
	if info.Mode().Perm()&0o002 != 0 {
		c.add(Warning, at, name+" may be written by everybody"+forged, "chmod o-w "+name)
		return
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		if who := writer(s, info.Mode()); who != "" {
			c.add(Warning, at, name+" may be written by "+who+forged, "let a daemon of the system write it")
			return
		}
	}
	dir := filepath.Dir(name)
	if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
		c.add(Warning, at, "everybody may put another file in the place of "+name+forged, "chmod o-w "+dir)
	}
}

// webUsers are the accounts that programs of a web site run as, in the
// distributions: any hole in one of them writes what these own.
var webUsers = map[string]bool{"www-data": true, "apache": true, "httpd": true, "nginx": true, "http": true, "wwwrun": true, "www": true}

// writer tells who may write a file besides the system's daemons; "" for nobody.
func writer(s *syscall.Stat_t, mode fs.FileMode) string {
	if owner := userName(s.Uid); s.Uid >= firstUser && s.Uid != nobody {
		return "the user " + owner
	} else if webUsers[owner] {
		return owner + ", as which web sites run"
	}
	if group := groupName(s.Gid); mode.Perm()&0o020 != 0 && (s.Gid >= firstUser && s.Gid != nobody || webUsers[group]) {
		return "the group " + group
	}
	return ""
}
