package action

import (
	"time"

	"f2b-go/jail"
)

// FindPython looks for Python under other names.
func FindPython(names ...string) error {
	_, err := findPython(names)
	return err
}

// SetLimit changes how long a call of a Python action may take.
func SetLimit(a jail.Action, limit time.Duration) { a.(*python).limit = limit }
