package mail

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"syscall"

	"f2b-go/internal/pytext"
)

// pythonText is an error as fail2ban's log would show what Python raised for it.
func pythonText(err error) string {
	var all *refusedAll
	var number syscall.Errno
	var reply *textproto.Error
	var name *net.DNSError
	var file *fs.PathError
	switch {
	case errors.As(err, &file):
		return oneLine(err.Error(), maxHeader)
	case errors.As(err, &all):
		return refusals(all.list)
	case errors.As(err, &number):
		text := number.Error()
		return "[Errno " + strconv.Itoa(int(number)) + "] " + strings.ToUpper(text[:1]) + text[1:]
	case errors.As(err, &reply):
		return replyText(reply)
	case errors.As(err, &name) && name.IsNotFound:
		return "[Errno -2] Name or service not known"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "timed out"
	}
	return oneLine(err.Error(), maxHeader)
}

// replyText is a server's reply as Python shows it.
func replyText(reply *textproto.Error) string {
	return "(" + strconv.Itoa(reply.Code) + ", b" + pytext.Repr(oneLine(reply.Msg, maxHeader)) + ")"
}

// refusals are refused recipients as Python shows them.
func refusals(list []Refusal) string {
	words := make([]string, len(list))
	for i, r := range list {
		words[i] = pytext.Repr(r.To.Mailbox) + ": " + pythonText(r.Err)
	}
	return "{" + strings.Join(words, ", ") + "}"
}
