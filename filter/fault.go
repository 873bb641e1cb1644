package filter

import (
	"fmt"
	"runtime"
	"strings"
)

// Fault is a fault of the program itself that a line brought to light. The line
// counts as one that could not be processed, and the next one is judged.
type Fault struct {
	What  any    // what the panic said
	Where string // file and line of the program, "" if not known
}

// Error says what happened, and where in the program.
func (e *Fault) Error() string {
	if e.Where == "" {
		return fmt.Sprint("fault in f2b-go: ", e.What)
	}
	return fmt.Sprintf("fault in f2b-go at %s: %v", e.Where, e.What)
}

// newFault makes a fault of what a deferred call recovered.
func newFault(what any) *Fault {
	var calls [32]uintptr
	frames := runtime.CallersFrames(calls[:runtime.Callers(1, calls[:])])
	panicked := false
	for {
		frame, more := frames.Next()
		ours := !strings.HasPrefix(frame.Function, "runtime.")
		if ours && panicked {
			return &Fault{what, fmt.Sprintf("%s:%d", frame.File, frame.Line)}
		}
		panicked = panicked || !ours
		if !more {
			return &Fault{What: what}
		}
	}
}

// fault makes what a deferred call recovered the only result of the line at hand,
// and says whether there was anything.
func (j *job) fault(what any) bool {
	if what == nil {
		return false
	}
	j.verd = Verdict{Err: newFault(what)}
	j.found, j.recs, j.kept = j.found[:0], j.recs[:0], 0
	return true
}
