package filter

// view tells what stands where in the text that the regexes see, without a
// copy of that text: its parts are parts of the line.
type view struct {
	whole string // the line with its date, and a line feed; or the text itself
	cut   [2]int // what of whole the regexes do not see
	from  int    // where their text begins, with the date left out
	to    int    // where it ends, before the line feed that ends it
}

// plainView is that of a text that has nothing cut out.
func plainView(text string) view { return view{whole: text, to: len(text) - 1} }

// text is what stands from a to b.
func (v *view) text(a, b int) string {
	gap := v.cut[1] - v.cut[0]
	if n := v.to - v.from; b > n && v.to != len(v.whole)-1-gap {
		// The line feed after F-CONTENT is not the line's.
		if a > n {
			return ""
		}
		return v.text(a, n) + "\n"
	}
	a, b = a+v.from, b+v.from
	switch {
	case a >= v.cut[0]:
		return v.whole[a+gap : b+gap]
	case b <= v.cut[0]:
		return v.whole[a:b]
	}
	return v.whole[a:v.cut[0]] + v.whole[v.cut[1]:b+gap]
}

// all is the whole text.
func (v *view) all() string { return v.text(0, v.to-v.from+1) }

// end sets the end of the text where it is that of the line.
func (v *view) end() {
	if v.to == 0 {
		v.to = len(v.whole) - 1 - (v.cut[1] - v.cut[0])
	}
}

// match is the line as a triple: cut at its date or, if all of it is text, with
// what stands for its date.
func (v *view) match(all bool, date string) Match {
	s := v.whole[:len(v.whole)-1]
	if all {
		return Match{Date: date, After: s}
	}
	return Match{s[:v.cut[0]], s[v.cut[0]:v.cut[1]], s[v.cut[1]:]}
}

// rawIsLine says whether the line as it came is the line and a line feed.
func (j *job) rawIsLine() bool {
	n := len(j.line)
	return len(j.raw) == n+1 && j.raw[n] == '\n' && n > 0 && &j.raw[0] == &j.line[0]
}

// lineView is the view of the line that is judged.
func (j *job) lineView() *view {
	if j.ready {
		return &j.view
	}
	j.ready = true
	v := &j.view
	if j.rawIsLine() {
		v.whole = string(j.raw)
	} else {
		v.whole = string(j.line) + "\n"
	}
	if !j.whole {
		v.cut = j.cut
	}
	v.end()
	return v
}

// viewed is the view of what the regexes see.
func (j *job) viewed() *view {
	if j.s.maxLines > 1 {
		return j.joinedView()
	}
	return j.lineView()
}

// match is the line as a triple.
func (j *job) match() Match {
	if j.s.maxLines > 1 {
		v := view{whole: string(j.line) + "\n", cut: j.cut}
		return v.match(j.whole, j.instead)
	}
	return j.lineView().match(j.whole, j.instead)
}
