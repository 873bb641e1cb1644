package pyre

// Trace tells how far a search came.
type Trace struct {
	Text    int // the furthest place in the text that was reached, in bytes
	Pattern int // what could not match there: where it begins in the pattern, in bytes
	place   int // the same in characters
}

// note takes down that in did not match at pos.
func (t *Trace) note(in *inst, text []byte, pos int, place int32) {
	if in.op == opString {
		for i := 0; i < len(in.lit) && pos < len(text) && text[pos] == in.lit[i]; i++ {
			pos++
		}
	}
	if pos > t.Text {
		t.Text, t.place = pos, int(place)
	}
}
