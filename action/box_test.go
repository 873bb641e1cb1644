package action_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"f2b-go/internal/netnstest"
)

// box is a network in which programs have an environment and files of their own.
type box struct {
	*netnstest.Net
	t *testing.T
	// mounts are shell commands before each program, in mounts of its own.
	mounts string
	env    []string
}

// newBox makes the box that an action lives in.
func (v vector) newBox(t *testing.T, version string) *box {
	t.Helper()
	b := &box{Net: netnstest.New(t), t: t}
	switch {
	case v.asksFirewalld():
		b.startFirewalld()
	case v.asksShorewall():
		b.startShorewall()
	case version+"/"+v.Action == oldSyntax:
		b.takeOldSyntax()
	}
	return b
}

func (b *box) command(words ...string) *exec.Cmd {
	cmd := exec.Command("ip", append([]string{"netns", "exec", b.Name(), "sh", "-c", b.mounts + `exec "$@"`, "sh"}, words...)...)
	cmd.Env = append(os.Environ(), b.env...)
	return cmd
}

// run returns what a program prints; it must end well.
func (b *box) run(words ...string) string {
	b.t.Helper()
	out, err := b.command(words...).CombinedOutput()
	if err != nil {
		b.t.Fatalf("%s: %v\n%s", strings.Join(words, " "), err, out)
	}
	return string(out)
}

// installed fails the test where a program is missing, since everybody who may
// make network namespaces may install it.
func (b *box) installed(program, pkg string) string {
	b.t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		b.t.Fatalf("%s is not installed: apt-get install %s", program, pkg)
	}
	return path
}

// scratch is a folder with a short name, for sockets.
func (b *box) scratch() string {
	b.t.Helper()
	dir, err := os.MkdirTemp("", "f2b-box")
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// background starts a program that runs until the test ends.
func (b *box) background(cmd *exec.Cmd) {
	b.t.Helper()
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		// A killed program's Wait tells that it was.
		_ = cmd.Wait()
	})
}

// ownState keeps pid files, locks and logs off the machine's.
const ownState = "mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/log && "

// anyoneMay is the configuration of a bus on which root may do everything.
const anyoneMay = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><listen>unix:path=/nowhere</listen><policy user="root">
<allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>
`

// startFirewalld runs a firewalld of the box's own, with Debian's configuration,
// on a bus of its own.
func (b *box) startFirewalld() {
	b.t.Helper()
	b.installed("firewalld", "firewalld")
	b.installed("dbus-daemon", "dbus")
	b.mounts = ownState
	dir := b.scratch()
	b.write(filepath.Join(dir, "bus.conf"), anyoneMay)
	bus := b.command("dbus-daemon", "--config-file", filepath.Join(dir, "bus.conf"), "--nofork", "--print-address",
		"--address", "unix:path="+filepath.Join(dir, "bus"))
	out, err := bus.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	b.background(bus)
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.t.Fatalf("the bus's address: %v", err)
	}
	b.env = append(b.env, "DBUS_SYSTEM_BUS_ADDRESS="+strings.TrimSpace(address))
	etc, log := filepath.Join(dir, "etc"), filepath.Join(dir, "log")
	if err := os.CopyFS(etc, os.DirFS("/etc/firewalld")); err != nil {
		b.t.Fatal(err)
	}
	b.background(b.command("firewalld", "--nofork", "--nopid", "--system-config", etc, "--log-target", "file", "--log-file", log))
	for began := time.Now(); ; {
		state, _ := b.command("firewall-cmd", "--state").CombinedOutput()
		if strings.TrimSpace(string(state)) == "running" {
			return
		}
		if time.Since(began) > time.Minute {
			text, _ := os.ReadFile(log)
			b.t.Fatalf("firewalld: %s\n%s", state, text)
		}
	}
}

// startShorewall starts Shorewall for both families with a small configuration
// and, as shorewall-ipset-proto6 asks for, a set and a rule that uses it.
func (b *box) startShorewall() {
	b.t.Helper()
	b.installed("shorewall", "shorewall")
	b.installed("shorewall6", "shorewall6")
	dir := b.scratch()
	for name, kind := range map[string]string{"shorewall": "ipv4", "shorewall6": "ipv6"} {
		etc, state := filepath.Join(dir, name), filepath.Join(dir, name+"-state")
		if err := os.Mkdir(state, 0o700); err != nil {
			b.t.Fatal(err)
		}
		if err := os.CopyFS(etc, os.DirFS("/etc/"+name)); err != nil {
			b.t.Fatal(err)
		}
		for file, text := range map[string]string{
			"zones": "fw firewall\nnet " + kind + "\n", "interfaces": "?FORMAT 2\nnet wire\n",
			"policy": "$FW net ACCEPT\nnet all ACCEPT\nall all REJECT\n",
		} {
			b.write(filepath.Join(etc, file), text)
		}
		b.mounts += "mount --bind " + etc + " /etc/" + name + " && mount --bind " + state + " /var/lib/" + name + " && "
	}
	b.mounts += ownState
	b.write(filepath.Join(dir, "shorewall", "blrules"), "DROP net:+f2b-net all\n")
	b.write(filepath.Join(dir, "shorewall", "initdone"), "system(\"ipset -quiet -exist create f2b-net hash:ip timeout 600\");\n1;\n")
	b.run("shorewall", "start")
	b.run("shorewall6", "start")
}

// takeOldSyntax puts a program before ipset that gives it a new set's options
// behind the set's type, where it has looked for them since its version 5.
func (b *box) takeOldSyntax() {
	b.t.Helper()
	ipset := b.installed("ipset", "ipset")
	refusal, err := b.command(ipset, "--create", "f2b-net", "maxelem", "65536", "iphash").CombinedOutput()
	if err == nil {
		b.t.Fatalf("%s takes a set's options before its type: it needs no help", ipset)
	}
	b.t.Logf("ipset refuses the file's actionstart, here under both: %s", refusal)
	dir := b.scratch()
	path := filepath.Join(dir, "ipset")
	b.write(path, "#!/bin/sh\n[ \"$1 $3\" != '--create maxelem' ] || set -- --create \"$2\" \"$5\" maxelem \"$4\"\nexec "+ipset+" \"$@\"\n")
	if err := os.Chmod(path, 0o700); err != nil {
		b.t.Fatal(err)
	}
	b.env = append(b.env, "PATH="+dir+":"+os.Getenv("PATH"))
}

func (b *box) write(path, text string) {
	b.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}
