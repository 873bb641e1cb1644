package date

// verdict is what a reader says of a line.
type verdict uint8

const (
	unmatched verdict = iota
	matched
	unsure // only the regex can tell
)

// reader finds a template's match in line[pos:end] without its regex, with
// exactly the regex's result, or is unsure.
type reader func(t *template, line []byte, pos, end int) (hit, verdict)

// readers are the readers by pattern.
var readers = map[string]reader{}
