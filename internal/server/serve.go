package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"f2b-go/action"
	"f2b-go/action/mail"
	"f2b-go/control"
	"f2b-go/filter"
	"f2b-go/filter/date"
	"f2b-go/internal/logfmt"
	"f2b-go/internal/shell"
	"f2b-go/internal/systemd"
	"f2b-go/jail"
	"f2b-go/source"
)

// goodbye is how long the last replies may take at the end.
const goodbye = 5 * time.Second

// serveOptions say how a server runs.
type serveOptions struct {
	socket, pidfile, pname            string
	socketGroup                       string // whose members may read; "" for nobody
	loglevel, logtarget, syslogsocket string
	version                           string
	verbosity                         int // how many -v
	force, daemon                     bool
	async                             bool // the configuration comes over the socket
	streams                           logfmt.Streams
}

// running is a server between start and end.
type running struct {
	opt    serveOptions
	engine *engine
	table  *control.Table
	ln     *net.UnixListener
	done   chan struct{} // closed when all jails have stopped
	once   sync.Once
}

// serve runs a server until it is told to stop. ready is called when it takes
// commands; its error ends the server. The error says what kept it from
// starting.
func serve(opt serveOptions, ready func(*running) error) (err error) {
	syscall.Umask(0o077)
	nameProcess(opt.pname)
	log := logfmt.New(logfmt.Options{PID: os.Getpid(), Streams: opt.streams, SyslogSocket: opt.syslogsocket, Verbosity: opt.verbosity})
	defer func() { _ = log.Close() }()
	r := &running{opt: opt, done: make(chan struct{})}
	r.engine = newEngine(log, opt.version)
	r.engine.quit = r.quit
	if err := r.openLog(); err != nil {
		return err
	}
	say := r.engine.say
	say.Info(strings.Repeat("-", 50))
	say.Info("Starting Fail2ban v" + opt.version)
	if opt.daemon {
		say.Info("Daemon started")
	}
	log.Logger("fail2ban.observer").Info("Observer start...")
	if err := r.openSocket(); err != nil {
		say.Error("Could not start server: " + err.Error())
		return err
	}
	r.engine.notify, err = systemd.NewNotifier()
	if err != nil {
		say.Error(err.Error())
	}
	defer r.engine.notify.Close()
	return r.work(ready)
}

// openSocket takes the socket that systemd opened, or makes one.
func (r *running) openSocket() (err error) {
	r.ln, err = systemd.Listener("fail2ban")
	switch {
	case err != nil:
		return err
	case r.ln != nil:
		r.engine.say.Info("Using the socket " + r.ln.Addr().String() + " of systemd")
		return nil
	}
	r.ln, err = control.Listen(r.opt.socket, r.opt.force, r.engine.log.Logger("fail2ban.asyncserver"))
	return err
}

// admitGroup lets the members of socket_group read. Where that cannot be done
// the socket stays root's.
func (r *running) admitGroup(server *control.Server) {
	if r.opt.socketGroup == "" {
		return
	}
	group, err := groupNumber(r.opt.socketGroup)
	if err == nil {
		server.Admit(group, r.table.HandleReader)
		err = control.Share(r.ln.Addr().String(), group)
	}
	if err != nil {
		r.engine.say.Error("socket_group " + r.opt.socketGroup + " may not ask: " + err.Error())
	}
}

// groupNumber finds a group by its name or number.
func groupNumber(name string) (int, error) {
	if n, err := strconv.Atoi(name); err == nil && n >= 0 {
		return n, nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(g.Gid)
}

// handle answers requests; once the configuration has come over the socket,
// systemd hears that the server is ready.
func (r *running) handle(ctx context.Context, request any) any {
	reply := r.table.Handle(ctx, request)
	if words, ok := request.([]any); ok && len(words) > 1 && words[0] == "server-stream" {
		r.engine.tellReady()
	}
	return reply
}

// showLife tells systemd's watchdog from time to time that the server lives,
// which it does where its jails can be asked.
func (r *running) showLife(ctx context.Context) {
	pace := r.engine.notify.Watchdog()
	if pace == 0 {
		return
	}
	every(ctx, pace, func() {
		for _, j := range r.engine.Jails() {
			j.Idle()
		}
		r.engine.notify.Alive()
	})
}

// openLog sets the log up before the first line; a target that cannot be
// written is told on standard error, where the log then goes.
func (r *running) openLog() error {
	log := r.engine.log
	if err := log.SetLevel(r.opt.loglevel); err != nil {
		return err
	}
	if _, err := log.SetTarget(r.opt.logtarget); err != nil {
		if _, err2 := log.SetTarget("STDERR"); err2 != nil {
			return err2
		}
		r.engine.say.Error(fmt.Sprintf("Unable to log to '%s': %v", r.opt.logtarget, err))
	}
	return nil
}

// work serves commands from the start of the jails to their end.
func (r *running) work(ready func(*running) error) error {
	log := r.engine.log
	r.writePIDFile()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r.table = control.NewTable(r.engine, log.Logger("fail2ban.transmitter"), r.engine.clock)
	server := control.NewServer(r.handle, log.Logger("fail2ban.asyncserver"), control.Limits{})
	r.admitGroup(server)

	var all sync.WaitGroup
	defer all.Wait()
	stopSignals := r.listenToSignals(ctx, &all)
	defer stopSignals()
	watch, stopWatch := context.WithCancel(ctx)
	defer stopWatch()
	all.Go(func() {
		if err := r.engine.watcher.Run(watch); err != nil && watch.Err() == nil {
			r.engine.say.Error("Following logs ended: " + err.Error())
		}
	})
	all.Go(func() { r.showLife(watch) })
	all.Go(func() { r.engine.trimLoop(watch) })
	all.Go(func() { r.engine.spared.keep(watch) })
	served := make(chan error, 1)
	all.Go(func() { served <- server.Serve(ctx, r.ln) })

	startErr := ready(r)
	switch {
	case startErr != nil:
		r.table.Quit(ctx)
	case !r.opt.async:
		r.engine.tellReady()
	}
	select {
	case <-r.done:
	case err := <-served:
		// The socket was lost: nobody could stop this server any more.
		r.table.Quit(ctx)
		if startErr == nil {
			startErr = err
		}
	}
	end, endCancel := context.WithTimeout(ctx, goodbye)
	defer endCancel()
	server.Shutdown(end)
	return startErr
}

// quit is called once all jails have stopped: from here on the socket is gone,
// and the next server may start.
func (r *running) quit() {
	r.once.Do(func() {
		r.engine.say.Info("Exiting Fail2ban")
		r.removePIDFile()
		_ = r.ln.Close()
		close(r.done)
	})
}

// listenToSignals acts on signals (5.6.3) until the returned function is called.
func (r *running) listenToSignals(ctx context.Context, all *sync.WaitGroup) (stop func()) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1)
	if r.opt.daemon {
		signal.Notify(signals, syscall.SIGHUP)
	}
	ctx, cancel := context.WithCancel(ctx)
	all.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case s := <-signals:
				r.onSignal(ctx, s, all)
			}
		}
	})
	return func() {
		signal.Stop(signals)
		cancel()
	}
}

func (r *running) onSignal(ctx context.Context, s os.Signal, all *sync.WaitGroup) {
	switch s {
	case syscall.SIGUSR1:
		r.engine.say.Debug("Caught signal 10. Flushing logs")
		r.engine.FlushLogs()
	case syscall.SIGTERM, syscall.SIGINT:
		r.engine.say.Debug(fmt.Sprintf("Caught signal %d. Exiting", s))
		all.Go(func() { r.table.Quit(context.WithoutCancel(ctx)) })
	}
}

func (r *running) writePIDFile() {
	err := control.MakeFolder(r.opt.pidfile)
	if err == nil {
		err = os.WriteFile(r.opt.pidfile, fmt.Appendf(nil, "%d\n", os.Getpid()), 0o644)
	}
	if err != nil {
		r.engine.say.Error("Unable to create PID file: " + err.Error())
	}
}

// removePIDFile removes the file while it is ours: a server that came after us
// may have written it anew.
func (r *running) removePIDFile() {
	data, err := os.ReadFile(r.opt.pidfile)
	if err == nil {
		if string(data) != fmt.Sprintf("%d\n", os.Getpid()) {
			return
		}
		err = os.Remove(r.opt.pidfile)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		r.engine.say.Error("Unable to remove PID file: " + err.Error())
	}
}

// nameProcess is the name in ps and top; a kernel without it loses nothing.
func nameProcess(name string) {
	if name == "" {
		name = "fail2ban-server"
	}
	_ = os.WriteFile("/proc/self/comm", []byte(name), 0)
}

func newEngine(log *logfmt.Log, version string) *engine {
	root := slog.New(log.Handler())
	e := &engine{
		clock: time.Now, log: log, say: log.Logger("fail2ban.server"), version: version,
		names: action.NewHost(time.Now), ipv6: &ipv6Policy{}, dates: date.NewShared(), told: filter.NewTold(),
		changed: make(chan struct{}, 1),
	}
	e.mail = mail.NewOffice(mail.Options{Clock: e.clock, Log: root})
	e.runner = &shell.Runner{Log: log.Logger("fail2ban.utils")}
	e.watcher = source.NewWatcher(source.Options{Log: log.Logger("fail2ban.filter")})
	e.resolver = filter.NewNameCache(filter.NameOptions{IPv6: e.ipv6.allowed, Log: root})
	e.self = jail.NewSelf(e.resolver)
	e.spared = newSpared(e.clock, log.Logger("fail2ban.filter"))
	return e
}
