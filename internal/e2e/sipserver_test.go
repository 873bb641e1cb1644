package e2e

import (
	"bufio"
	"crypto/md5"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// sipServer is a small SIP server over UDP: it asks for a password with a nonce,
// knows one phone, and logs refusals as Asterisk does.
type sipServer struct {
	t    *testing.T
	conn net.PacketConn
	log  *os.File

	mu     sync.Mutex
	tries  map[string]int // passwords that a host tried
	nonces int
}

const (
	sipRealm, sipUser, sipPassword = "asterisk", "100", "correct horse battery staple"
)

// newSIPServer serves a socket until it is closed, and writes to a log.
func newSIPServer(t *testing.T, conn net.PacketConn, logPath string) *sipServer {
	t.Helper()
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	s := &sipServer{t: t, conn: conn, log: log, tries: map[string]int{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.serve()
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
		_ = log.Close()
	})
	return s
}

func (s *sipServer) serve() {
	buf := make([]byte, 65536)
	for {
		n, from, err := s.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		if answer := s.answer(string(buf[:n]), from.(*net.UDPAddr)); answer != "" {
			_, _ = s.conn.WriteTo([]byte(answer), from)
		}
	}
}

// answer reads a request and gives the reply.
func (s *sipServer) answer(request string, from *net.UDPAddr) string {
	r := textproto.NewReader(bufio.NewReader(strings.NewReader(request)))
	first, err := r.ReadLine()
	if err != nil {
		return ""
	}
	method, _, _ := strings.Cut(first, " ")
	head, err := r.ReadMIMEHeader()
	if err != nil && len(head) == 0 {
		return ""
	}
	switch method {
	case "ACK":
		return ""
	case "OPTIONS":
		return reply(head, "200 OK", "")
	}
	given := head.Get("Authorization")
	if given == "" {
		return reply(head, "401 Unauthorized", s.challenge())
	}
	host := from.IP.String()
	s.mu.Lock()
	defer s.mu.Unlock()
	if digestFits(method, given) {
		fmt.Fprintf(s.log, "[%s] SECURITY[7] res_security_log.c: SecurityEvent=\"SuccessfulAuth\",EventTV=\"x\",Severity=\"Informational\",Service=\"PJSIP\",EventVersion=\"1\","+
			"AccountID=\"%s\",SessionID=\"%s\",LocalAddress=\"IPV4/UDP/192.0.2.100/5060\",RemoteAddress=\"IPV4/UDP/%s/%d\",UsingPassword=\"1\"\n",
			stamp(), sipUser, head.Get("Call-Id"), host, from.Port)
		return reply(head, "200 OK", "")
	}
	s.tries[host]++
	fmt.Fprintf(s.log, "[%s] NOTICE[7] res_pjsip/pjsip_distributor.c: Request '%s' from '%s' failed for '%s' (callid: %s) - Failed to authenticate\n",
		stamp(), method, head.Get("From"), from, head.Get("Call-Id"))
	s.nonces++
	return reply(head, "401 Unauthorized", fmt.Sprintf("Digest realm=%q, nonce=\"n%d\", algorithm=MD5", sipRealm, s.nonces))
}

func (s *sipServer) challenge() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nonces++
	return fmt.Sprintf("Digest realm=%q, nonce=\"n%d\", algorithm=MD5", sipRealm, s.nonces)
}

func (s *sipServer) triedBy(host string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tries[host]
}

func stamp() string { return time.Now().Format("2006-01-02 15:04:05") }

// reply answers a request with its own heads, and a challenge if there is one.
func reply(head textproto.MIMEHeader, status, challenge string) string {
	var b strings.Builder
	b.WriteString("SIP/2.0 " + status + "\r\n")
	for _, name := range []string{"Via", "From", "To", "Call-Id", "Cseq", "Contact"} {
		for _, v := range head[name] {
			b.WriteString(name + ": " + v + "\r\n")
		}
	}
	if challenge != "" {
		b.WriteString("WWW-Authenticate: " + challenge + "\r\n")
	}
	b.WriteString("User-Agent: test\r\nContent-Length: 0\r\n\r\n")
	return b.String()
}

var digestField = regexp.MustCompile(`(\w+)="([^"]*)"`)

// digestFits says whether credentials are the phone's (RFC 2617, without qop).
func digestFits(method, credentials string) bool {
	fields := map[string]string{}
	for _, m := range digestField.FindAllStringSubmatch(credentials, -1) {
		fields[m[1]] = m[2]
	}
	return fields["username"] == sipUser && fields["response"] == digest(method, fields["uri"], fields["nonce"])
}

func digest(method, uri, nonce string) string {
	sum := func(text string) string { return fmt.Sprintf("%x", md5.Sum([]byte(text))) }
	return sum(sum(sipUser+":"+sipRealm+":"+sipPassword) + ":" + nonce + ":" + sum(method+":"+uri))
}

var nonceOf = regexp.MustCompile(`nonce="([^"]*)"`)

// phone registers once over a connected socket, and says whether it was let in.
func phoneRegisters(conn net.Conn, number int) bool {
	uri := "sip:192.0.2.100"
	ask := func(extra string) string {
		message := fmt.Sprintf("REGISTER %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%d\r\nFrom: <sip:100@192.0.2.100>;tag=%d\r\nTo: <sip:100@192.0.2.100>\r\n"+
			"Call-Id: phone%d\r\nCseq: 1 REGISTER\r\n%sContent-Length: 0\r\n\r\n", uri, conn.LocalAddr(), number, number, number, extra)
		if _, err := conn.Write([]byte(message)); err != nil {
			return ""
		}
		_ = conn.SetReadDeadline(time.Now().Add(2 * time.Second))
		buf := make([]byte, 4096)
		n, err := conn.Read(buf)
		if err != nil {
			return ""
		}
		return string(buf[:n])
	}
	m := nonceOf.FindStringSubmatch(ask(""))
	if m == nil {
		return false
	}
	answer := ask(fmt.Sprintf("Authorization: Digest username=%q, realm=%q, nonce=%q, uri=%q, response=%q\r\n", sipUser, sipRealm, m[1], uri, digest("REGISTER", uri, m[1])))
	return strings.HasPrefix(answer, "SIP/2.0 200")
}
