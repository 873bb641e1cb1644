package action

import (
	"encoding/json"
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

// Unpack reads a value as a Python action's process writes it.
func Unpack(data []byte) (any, error) { return unpack(json.RawMessage(data)) }
